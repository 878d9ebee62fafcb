//! Protects the network of the site: deliveries go to public addresses only.
//!
//! The URL of an endpoint is the choice of a stranger. Without this check it could be an address that only the site
//! reaches: a database, a router, the metadata of a cloud (server-side request forgery).
//!
//! Two checks share one list, since HTTP clients ask no resolver for the address of a literal host:
//! - [`Guard::check`] for the URL and a literal host, when it is stored and before each attempt;
//! - `Guard` as the resolver of the HTTP client for a name. The client connects to the addresses that were checked, so
//!   that a name whose address changes between a check and the connection (DNS rebinding) changes nothing.
//!
//! Names need no list: `localhost`, `metadata.google.internal` and `printer.local` are decided by their addresses.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use ipnet::IpNet;
use tower_service::Service;
use url::{Host, Url};

use crate::Error;
use crate::validate::too_long;
#[cfg(feature = "conformance")]
use crate::webhook_settings::Lookup;
use crate::webhooks::limits::MAX_URL_BYTES;
use crate::webhooks::transport::networks::{embedded, is_public};

/// Which hosts may be called.
#[derive(Clone)]
pub(super) struct Guard {
    /// Networks that may be called although they are not public.
    allowed: Arc<[IpNet]>,
    allows_http: bool,
    #[cfg(feature = "conformance")]
    lookup: Option<Lookup>,
}

/// A name was refused: it has an address that is neither public nor allowed.
///
/// Does not contain the address, which is of the network of the site and reaches the owner of the endpoint.
#[derive(Debug)]
pub(super) struct Refused;

impl Guard {
    /// `allowed`: networks that may be called although they are not public. `allows_http`: whether URLs may begin with
    /// `http://`.
    pub(super) fn new(allowed: Arc<[IpNet]>, allows_http: bool) -> Self {
        Self {
            allowed,
            allows_http,
            #[cfg(feature = "conformance")]
            lookup: None,
        }
    }

    /// Replaces the lookup of names.
    #[cfg(feature = "conformance")]
    pub(super) fn with_lookup(self, lookup: Lookup) -> Self {
        let lookup = Some(lookup);
        Self { lookup, ..self }
    }

    /// Checks a URL and returns it in its normal form. To be called before it is stored and before each attempt, since
    /// what is allowed may have changed.
    ///
    /// # Errors
    ///
    /// `is_invalid` with the field `url`: over [`MAX_URL_BYTES`], with whitespace, control characters or backslashes,
    /// of another scheme than https (or http where allowed), with a user, a password or a fragment, without a host,
    /// with port 0, or of a literal host that is neither public nor allowed.
    pub(super) fn check(&self, url: &str) -> Result<Url, Error> {
        let invalid = |problem: &str| Error::invalid("url", problem);
        if url.len() > MAX_URL_BYTES {
            return Err(too_long("url", MAX_URL_BYTES));
        }
        // Parsers disagree about these: some drop them, some take a backslash for a slash.
        if url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(invalid(
                "has whitespace, a control character or a backslash",
            ));
        }
        let parsed = Url::parse(url).map_err(|_| invalid("is not a valid URL"))?;
        let required = match parsed.scheme() {
            "https" => None,
            "http" if self.allows_http => None,
            _ if self.allows_http => Some("does not begin with https:// or http://"),
            _ => Some("does not begin with https://"),
        };
        if let Some(problem) = required {
            return Err(invalid(problem));
        }
        // The parser takes any number of slashes before the host, and drops an empty user.
        let after_scheme = url.get(parsed.scheme().len()..).unwrap_or_default();
        let authority = after_scheme.strip_prefix("://").unwrap_or_default();
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(invalid("has a user or a password"));
        }
        if authority.is_empty() {
            return Err(invalid("has no host"));
        }
        if parsed.fragment().is_some() {
            return Err(invalid("has a fragment"));
        }
        if parsed.port() == Some(0) {
            return Err(invalid("has port 0"));
        }
        let is_refused = match parsed.host() {
            Some(Host::Ipv4(address)) => !self.allows(address.into()),
            Some(Host::Ipv6(address)) => !self.allows(address.into()),
            Some(Host::Domain(name)) => name.split('.').all(str::is_empty),
            None => true,
        };
        if is_refused {
            return Err(invalid("has a host that is not public"));
        }
        // Characters that the parser encoded have become longer.
        if parsed.as_str().len() > MAX_URL_BYTES {
            return Err(too_long("url", MAX_URL_BYTES));
        }
        Ok(parsed)
    }

    /// Returns whether an address may be called. One that embeds an IPv4 address is decided by that.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let target = embedded(address);
        let mut allowed = self.allowed.iter();
        is_public(target)
            || allowed.any(|network| network.contains(&address) || network.contains(&target))
    }

    /// Returns the addresses of a name.
    ///
    /// # Errors
    ///
    /// [`Refused`] if one of them may not be called: no honest name has public and private addresses.
    async fn resolve(
        &self,
        name: &str,
    ) -> Result<Vec<SocketAddr>, Box<dyn StdError + Send + Sync>> {
        let addresses = self.look_up(name).await?;
        if !addresses.iter().all(|address| self.allows(address.ip())) {
            return Err(Refused.into());
        }
        Ok(addresses)
    }

    async fn look_up(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        #[cfg(feature = "conformance")]
        if let Some(Lookup(lookup)) = &self.lookup {
            let addresses = lookup(name).into_iter();
            return Ok(addresses
                .map(|address| SocketAddr::new(address, 0))
                .collect());
        }
        // The client replaces port 0 with that of the URL.
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

impl Service<Name> for Guard {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.clone();
        Box::pin(async move { Ok(guard.resolve(name.as_str()).await?.into_iter()) })
    }
}

impl Refused {
    /// Returns whether an error of the HTTP client is, or was caused by, a refused name.
    pub(super) fn has_caused(error: &(dyn StdError + 'static)) -> bool {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host has an address that is not public")
    }
}

impl StdError for Refused {}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("allowed", &self.allowed)
            .field("allows_http", &self.allows_http)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::expect_used,
        clippy::panic,
        clippy::unwrap_used,
        reason = "a test fails by panicking"
    )]

    use std::sync::Mutex;

    use http_body_util::Empty;
    use hyper::body::Bytes;
    use hyper_util::client::legacy::Client;
    use hyper_util::client::legacy::connect::HttpConnector;
    use hyper_util::rt::TokioExecutor;
    use serde::Deserialize;
    use tokio::net::TcpListener;

    use super::*;

    #[derive(Deserialize)]
    struct HostileUrl {
        name: String,
        url: String,
        refused_by: String,
        /// The addresses of the host, where they are why it is refused.
        #[serde(default)]
        addresses: Vec<IpAddr>,
    }

    fn hostile_urls() -> Vec<HostileUrl> {
        let urls = include_str!("../../../tests/fixtures/hostile_urls.json");
        serde_json::from_str(urls).unwrap()
    }

    fn guard(allowed: &[&str], allows_http: bool) -> Guard {
        let allowed = allowed.iter().map(|network| network.parse().unwrap());
        Guard::new(allowed.collect(), allows_http)
    }

    fn problem(guard: &Guard, url: &str) -> String {
        let error = guard.check(url).unwrap_err();
        assert_eq!(error.field(), Some("url"), "{url}");
        error.to_string()
    }

    #[tokio::test]
    async fn hostile_urls_are_refused() {
        let urls = hostile_urls();
        assert_eq!(urls.len(), 60);
        for hostile in urls {
            let HostileUrl { name, url, .. } = &hostile;
            let checked = guard(&[], false).check(url);
            match &*hostile.refused_by {
                "check" => {
                    let error = checked.expect_err(name);
                    assert_eq!(error.field(), Some("url"), "{name}");
                }
                "address" => {
                    let addresses = hostile.addresses.clone();
                    let guard =
                        guard(&[], false).with_lookup(Lookup(Arc::new(move |_| addresses.clone())));
                    let checked = checked.expect(name);
                    let error = guard.resolve(checked.host_str().unwrap()).await;
                    assert!(error.expect_err(name).is::<Refused>(), "{name}");
                }
                other => panic!("{name}: {other}"),
            }
        }
    }

    #[test]
    fn public_urls_are_accepted_in_normal_form() {
        let guard = guard(&[], false);
        for (url, normal) in [
            ("https://example.com", "https://example.com/"),
            ("HTTPS://EXAMPLE.com:443/a?b=@", "https://example.com/a?b=@"),
            ("https://example.com./", "https://example.com./"),
            ("https://1.1.1.1:8443/", "https://1.1.1.1:8443/"),
            ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
            (
                "https://b\u{fc}cher.example/",
                "https://xn--bcher-kva.example/",
            ),
        ] {
            assert_eq!(guard.check(url).unwrap().as_str(), normal);
        }
    }

    #[test]
    fn problems_of_urls_are_named() {
        let strict = guard(&[], false);
        for (url, text) in [
            ("http://example.com/", "url does not begin with https://"),
            ("example.com", "url is not a valid URL"),
            ("https://example.com/#a", "url has a fragment"),
            ("https://example.com/#", "url has a fragment"),
            ("https://a@example.com/", "url has a user or a password"),
            ("https://@example.com/", "url has a user or a password"),
            ("https:///example.com", "url has no host"),
            ("https:example.com", "url has no host"),
            ("https://./", "url has a host that is not public"),
            ("https://10.0.0.1/", "url has a host that is not public"),
        ] {
            assert_eq!(problem(&strict, url), text, "{url}");
        }
        let with_http = guard(&[], true);
        assert!(with_http.check("http://example.com/").is_ok());
        let text = "url does not begin with https:// or http://";
        assert_eq!(problem(&with_http, "ftp://example.com/"), text);
    }

    #[test]
    fn length_of_url_is_bounded_before_and_after_encoding() {
        let guard = guard(&[], false);
        let with_path = |path: String| format!("https://example.com/{path}");
        let rest = MAX_URL_BYTES - with_path(String::new()).len();
        assert!(guard.check(&with_path("a".repeat(rest))).is_ok());
        for path in ["a".repeat(rest + 1), "\u{e9}".repeat(rest / 2)] {
            let text = problem(&guard, &with_path(path));
            assert_eq!(text, "url is over the limit of 2048 bytes");
        }
    }

    #[test]
    fn allowed_networks_are_called() {
        let guard = guard(&["10.1.0.0/16", "fd00::/8"], false);
        for (host, is_allowed) in [
            ("10.1.2.3", true),
            ("10.2.0.0", false),
            ("[::ffff:10.1.2.3]", true),
            ("[::ffff:10.2.0.0]", false),
            ("[64:ff9b::10.1.2.3]", true),
            ("[fd12::1]", true),
            ("[fc00::1]", false),
        ] {
            let url = format!("https://{host}/");
            assert_eq!(guard.check(&url).is_ok(), is_allowed, "{host}");
        }
    }

    /// Requests a name of loopback, and returns the outcome with the names that were looked up.
    async fn request(guard: Guard, addresses: &[&str]) -> (bool, bool, Vec<String>) {
        let addresses: Vec<IpAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
        let names = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&names);
        let lookup = move |name: &str| {
            log.lock().unwrap().push(name.to_owned());
            addresses.clone()
        };
        let connector =
            HttpConnector::new_with_resolver(guard.with_lookup(Lookup(Arc::new(lookup))));
        let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let uri = format!("http://site.example:{port}/").parse().unwrap();
        let (is_connected, is_refused) = tokio::select! {
            biased;
            accepted = listener.accept() => { accepted.unwrap(); (true, false) }
            response = client.get(uri) => (false, Refused::has_caused(&response.unwrap_err())),
        };
        (is_connected, is_refused, names.lock().unwrap().clone())
    }

    #[tokio::test]
    async fn client_connects_to_no_name_with_a_refused_address() {
        let name = vec!["site.example".to_owned()];
        let refused = (false, true, name.clone());
        let strict = guard(&[], true);
        assert_eq!(request(strict.clone(), &["127.0.0.1"]).await, refused);
        // A mixed answer, in both orders.
        let with_loopback = guard(&["127.0.0.0/8"], true);
        let mixed = request(with_loopback.clone(), &["127.0.0.1", "10.0.0.1"]);
        assert_eq!(mixed.await, refused);
        let mixed = request(with_loopback.clone(), &["10.0.0.1", "127.0.0.1"]);
        assert_eq!(mixed.await, refused);
        let allowed = request(with_loopback, &["127.0.0.1"]);
        assert_eq!(allowed.await, (true, false, name));
    }

    #[tokio::test]
    async fn lookup_of_system_refuses_localhost() {
        let error = guard(&[], false).resolve("localhost").await.unwrap_err();
        assert!(error.is::<Refused>());
        let allowed = guard(&["127.0.0.0/8", "::1/128"], false);
        assert!(!allowed.resolve("localhost").await.unwrap().is_empty());
        // A name without addresses is another error, after which a delivery is tried again.
        let error = allowed.resolve("no-such-name.invalid").await.unwrap_err();
        assert!(!error.is::<Refused>());
    }
}
