//! The HTTP client of webhooks. It follows no redirect, uses no proxy, and decompresses nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use crate::events::ATTRIBUTE_PREFIX;
use crate::webhooks::limits::{MAX_IN_FLIGHT, MAX_RESPONSE_BYTES, REQUEST_TIMEOUT};
use crate::webhooks::transport::guard::{Guard, Refused};
use crate::webhooks::transport::retry_after::retry_after;
use crate::{Error, Salver};

const AGENT: &str = concat!("salver/", env!("CARGO_PKG_VERSION"));
/// How long a connection is kept for the next delivery: less than servers keep theirs.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Without a charset: JSON is always UTF-8, and the package `cloudevents` of npm refuses most spellings of that parameter.
pub(in crate::webhooks) const MEDIA_TYPE: &str = "application/cloudevents+json";
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// A signed event.
pub(in crate::webhooks) struct Webhook {
    pub(in crate::webhooks) id: String,
    /// In Unix seconds.
    pub(in crate::webhooks) timestamp: u64,
    pub(in crate::webhooks) signature: String,
    pub(in crate::webhooks) body: Bytes,
}

/// The response to a webhook.
pub(in crate::webhooks) struct Answer {
    pub(in crate::webhooks) status: u16,
    /// How long the endpoint asks to wait.
    pub(in crate::webhooks) retry_after: Option<Duration>,
    pub(in crate::webhooks) content_type: Option<String>,
    pub(in crate::webhooks) body: AnswerBody,
    /// The attributes of an event in the binary mode of CloudEvents.
    pub(in crate::webhooks) attributes: Vec<(String, Vec<u8>)>,
}

/// The body of a response.
pub(in crate::webhooks) enum AnswerBody {
    /// It cannot be a result.
    Unread,
    Read(Bytes),
    /// It is over the limit.
    TooLong,
}

impl Answer {
    /// Returns whether the content type is this one, with whatever parameters.
    pub(in crate::webhooks) fn has_media_type(&self, name: &str) -> bool {
        let content_type = self.content_type.as_deref().unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case(name)
    }
}

/// The response to a handshake.
pub(in crate::webhooks) struct Consent {
    pub(in crate::webhooks) is_success: bool,
    pub(in crate::webhooks) allowed_origin: Option<String>,
    pub(in crate::webhooks) allowed_rate: Option<String>,
}

/// Why there is no response.
#[derive(Debug)]
pub(in crate::webhooks) enum SendError {
    /// The host may not be called. Nothing was sent.
    Refused,
    /// For an operator. It has nothing of the response.
    Failed(String),
}

/// Sends requests to endpoints. Cheap to clone; clones share connections.
#[derive(Clone)]
pub(in crate::webhooks) struct Client {
    guard: Guard,
    http: HttpClient<HttpsConnector<HttpConnector<Guard>>, Full<Bytes>>,
}

impl Client {
    /// # Errors
    ///
    /// `is_invalid` for a CA certificate that is not one.
    pub(in crate::webhooks) fn new(salver: &Salver) -> Result<Self, Error> {
        let settings = &salver.config().webhooks;
        let guard = Guard::new(settings.networks()?, settings.allows_http);
        #[cfg(feature = "conformance")]
        let guard = match settings.lookup.clone() {
            Some(lookup) => guard.with_lookup(lookup),
            None => guard,
        };
        let mut connector = HttpConnector::new_with_resolver(guard.clone());
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let tls = tls(settings.ca_certificate.as_deref())?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let mut http = HttpClient::builder(TokioExecutor::new());
        http.pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IN_FLIGHT);
        Ok(Self {
            guard,
            http: http.build(connector),
        })
    }

    /// Checks a URL.
    ///
    /// # Errors
    ///
    /// `is_invalid` for one that may not be called.
    pub(in crate::webhooks) fn check(&self, url: &str) -> Result<(), Error> {
        self.guard.check(url).map(drop)
    }

    /// Sends a webhook. `has_results`: whether the body of a response with status 200 or 201 is read.
    pub(in crate::webhooks) async fn post(
        &self,
        url: &str,
        webhook: Webhook,
        has_results: bool,
    ) -> Result<Answer, SendError> {
        let request = Request::post(self.uri(url)?)
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .header(WEBHOOK_ID, webhook.id)
            .header(WEBHOOK_TIMESTAMP, webhook.timestamp)
            .header(WEBHOOK_SIGNATURE, webhook.signature)
            .body(Full::new(webhook.body));
        let exchange = async {
            let response = self.send(request).await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            // Without results the status is the whole answer: a slow or broken body must not make a delivery fail.
            let body = match has_results && matches!(status, 200 | 201) {
                true => read(response).await?,
                false => AnswerBody::Unread,
            };
            Ok(Answer {
                content_type: text(&headers, &CONTENT_TYPE).map(str::to_owned),
                attributes: attributes(&headers),
                body,
                status,
                retry_after: retry_after(text(&headers, &RETRY_AFTER)),
            })
        };
        within_timeout(exchange).await
    }

    /// Asks for the consent of a URL. `rate`: how many webhooks a minute it would get.
    pub(in crate::webhooks) async fn options(
        &self,
        url: &str,
        origin: &str,
        rate: u32,
    ) -> Result<Consent, SendError> {
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri(self.uri(url)?)
            .header(USER_AGENT, AGENT)
            .header("webhook-request-origin", origin)
            .header("webhook-request-rate", rate)
            .body(Full::default());
        let exchange = async {
            let response = self.send(request).await?;
            let headers = response.headers();
            let header = |name| text(headers, &HeaderName::from_static(name)).map(str::to_owned);
            Ok(Consent {
                is_success: response.status().is_success(),
                allowed_origin: header("webhook-allowed-origin"),
                allowed_rate: header("webhook-allowed-rate"),
            })
        };
        within_timeout(exchange).await
    }

    /// Returns the URL of a request. It is checked each time: what is allowed may have changed.
    fn uri(&self, url: &str) -> Result<String, SendError> {
        let checked = self.guard.check(url);
        checked.map(Into::into).map_err(|_| SendError::Refused)
    }

    async fn send(
        &self,
        request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    ) -> Result<Response<Incoming>, SendError> {
        let request =
            request.map_err(|_| SendError::Failed("no request can be made".to_owned()))?;
        self.http.request(request).await.map_err(|error| {
            if Refused::has_caused(&error) {
                return SendError::Refused;
            }
            let reason = match error.is_connect() {
                true => "cannot connect",
                false => "the connection ended without a response",
            };
            SendError::Failed(reason.to_owned())
        })
    }
}

/// Reads the body of a response up to the limit. The rest of a longer one is not read.
async fn read(response: Response<Incoming>) -> Result<AnswerBody, SendError> {
    let broken = |_| SendError::Failed("the connection ended within the response".to_owned());
    let (mut body, mut read) = (response.into_body(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            read.extend_from_slice(&data);
        }
        if read.len() > MAX_RESPONSE_BYTES {
            return Ok(AnswerBody::TooLong);
        }
    }
    Ok(AnswerBody::Read(read.freeze()))
}

/// Returns the attributes of an event that are headers, as they are encoded.
fn attributes(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let attribute = |(name, value): (&HeaderName, &HeaderValue)| {
        let name = name.as_str().strip_prefix(ATTRIBUTE_PREFIX)?;
        Some((name.to_owned(), value.as_bytes().to_owned()))
    };
    headers.iter().filter_map(attribute).collect()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

async fn within_timeout<T>(
    exchange: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    let timed_out = |_| {
        let seconds = REQUEST_TIMEOUT.as_secs();
        SendError::Failed(format!("no complete response within {seconds} s"))
    };
    timeout(REQUEST_TIMEOUT, exchange)
        .await
        .map_err(timed_out)?
}

fn tls(ca_certificate: Option<&[u8]>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| {
            Error::misconfigured("TLS has no protocol version in common").with_source(cause)
        })?;
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let invalid = || Error::invalid("endpoint_ca_certificate", "is not a certificate in PEM");
    if let Some(pem) = ca_certificate {
        let known = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| invalid())?;
            roots.add(certificate).map_err(|_| invalid())?;
        }
        if roots.len() == known {
            return Err(invalid());
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
