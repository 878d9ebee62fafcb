//! The address of an SMTP server, and how connections to it are encrypted.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Host, Url};

use crate::Error;
use crate::mail::smtp::failure::{Failure, Step};

/// Longest time until the server has greeted and accepted the login.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The ports of RFC 5321, 6409 and 8314.
const SMTP_PORT: u16 = 25;
const SUBMISSION_PORT: u16 = 587;
const SUBMISSIONS_PORT: u16 = 465;

/// An SMTP server.
#[derive(Clone)]
pub(super) struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<Credentials>,
    ca_certificate: Option<Certificate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    None,
    /// From the first byte.
    Tls,
    /// After a greeting.
    StartTls,
}

impl Server {
    /// Parses `smtp://[user:password@]host[:port][?tls=none]` or `smtps://…`.
    ///
    /// # Errors
    ///
    /// `is_invalid`. The error has neither the URL nor its parts, since it may contain a password.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let invalid = |problem| Error::invalid("smtp", problem);
        let url = Url::parse(url).map_err(|_| invalid("is not a URL"))?;
        let host = match url.host().ok_or_else(|| invalid("has no host"))? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            // Without the brackets of a URL.
            Host::Ipv6(address) => address.to_string(),
        };
        let tls = url.query_pairs().find(|(name, _)| name == "tls");
        let encryption = match (url.scheme(), tls.as_ref().map(|(_, value)| &**value)) {
            ("smtps", None | Some("required")) => Encryption::Tls,
            ("smtp", None) if is_loopback(&host) => Encryption::None,
            ("smtp", None | Some("required")) => Encryption::StartTls,
            ("smtp", Some("none")) => Encryption::None,
            ("smtp" | "smtps", _) => return Err(invalid("has an unknown value of `tls`")),
            _ => return Err(invalid("is neither an smtp nor an smtps URL")),
        };
        let port = url.port().unwrap_or(match encryption {
            Encryption::None => SMTP_PORT,
            Encryption::Tls => SUBMISSIONS_PORT,
            Encryption::StartTls => SUBMISSION_PORT,
        });
        let decode = |part: &str| {
            let decoded = percent_decode_str(part).decode_utf8();
            let decoded = decoded.map(|part| part.into_owned());
            decoded.map_err(|_| invalid("has a user or a password that is not UTF-8"))
        };
        let credentials = match url.password() {
            Some(password) => {
                let (user, password) = (decode(url.username())?, decode(password)?);
                Some(Credentials::new(user, password))
            }
            None => None,
        };
        Ok(Self {
            host,
            port,
            encryption,
            credentials,
            ca_certificate: None,
        })
    }

    /// Sets the CA certificates of the server, in PEM.
    pub(super) fn set_ca_certificate(&mut self, pem: &[u8]) -> Result<(), Error> {
        let problem = || Error::invalid("ca_certificate", "is not a certificate in PEM");
        // The parser skips text that it does not know.
        let begin = b"-----BEGIN CERTIFICATE-----";
        if !pem.windows(begin.len()).any(|part| part == begin) {
            return Err(problem());
        }
        let certificate = Certificate::from_pem(pem);
        self.ca_certificate = Some(certificate.map_err(|cause| problem().with_source(cause))?);
        Ok(())
    }

    /// Opens a connection over which mails can be sent.
    pub(super) async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        // A server that accepts connections and does not greet is down: no mail is to blame.
        let connected = timeout(CONNECT_TIMEOUT, self.log_in()).await;
        connected.unwrap_or_else(|_| {
            let reason = format!("SMTP {}: the server does not reply", Step::Connect);
            Err(Failure::Unavailable(reason))
        })
    }

    async fn log_in(&self) -> Result<AsyncSmtpConnection, Failure> {
        let failed = |error| Failure::new(Step::Connect, &error);
        let hello = ClientId::default();
        let mut connection = match self.encryption {
            Encryption::Tls => {
                let address = (self.host.as_str(), self.port);
                let tls = Some(self.tls().map_err(failed)?);
                AsyncSmtpConnection::connect_tokio1(address, None, &hello, tls, None).await
            }
            Encryption::None | Encryption::StartTls => {
                let stream = Box::new(self.stream().await?);
                AsyncSmtpConnection::connect_with_transport(stream, &hello).await
            }
        }
        .map_err(failed)?;
        if self.encryption == Encryption::StartTls {
            let tls = self.tls().map_err(failed)?;
            connection.starttls(tls, &hello).await.map_err(failed)?;
        }
        if let Some(credentials) = &self.credentials {
            let authenticated = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            authenticated.map_err(|error| Failure::new(Step::Auth, &error))?;
        }
        Ok(connection)
    }

    /// Opens a connection without encryption.
    async fn stream(&self) -> Result<TcpStream, Failure> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        // The end of a mail is a packet of its own, which would wait until the server has acknowledged the content.
        let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        stream.map_err(|error| Failure::Unavailable(format!("SMTP {}: {error}", Step::Connect)))
    }

    fn tls(&self) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(certificate) = &self.ca_certificate {
            builder = builder.add_root_certificate(certificate.clone());
        }
        builder.build_rustls()
    }
}

/// Returns whether a host is this machine, so that mails need no encryption on the way.
fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}
