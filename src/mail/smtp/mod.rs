//! Sending mails over SMTP, on connections that are kept for the next ones.

mod failure;
mod server;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::Error;
pub(crate) use crate::mail::smtp::failure::Failure;
use crate::mail::smtp::failure::Step;
use crate::mail::smtp::server::Server;

/// Connections to the server at the same time. Many servers refuse more than ten from one client.
const MAX_CONNECTIONS: usize = 4;
/// How long a mail waits for a connection. Shorter than an attempt, which would fail.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection is kept without mails. Servers close idle ones after a minute or more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The connections to an SMTP server.
pub(super) struct Smtp {
    server: Server,
    permits: Semaphore,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    /// # Errors
    ///
    /// `is_invalid` for a URL that [`Server::parse`] does not know.
    pub(super) fn new(url: &str) -> Result<Self, Error> {
        Ok(Self::to(Server::parse(url)?))
    }

    fn to(server: Server) -> Self {
        Self {
            server,
            permits: Semaphore::new(MAX_CONNECTIONS),
            idle: Mutex::default(),
        }
    }

    /// Returns connections to the same server, whose certificate one of these signs.
    pub(super) fn with_ca_certificate(&self, pem: &[u8]) -> Result<Self, Error> {
        let mut server = self.server.clone();
        server.set_ca_certificate(pem)?;
        Ok(Self::to(server))
    }

    /// Sends a mail to one recipient. If the future is dropped, the connection is closed, and the server may
    /// or may not have accepted the mail.
    pub(super) async fn send(&self, envelope: &Envelope, message: &[u8]) -> Result<(), Failure> {
        let permit = timeout(PERMIT_TIMEOUT, self.permits.acquire()).await;
        // No mail is to blame. The semaphore is never closed.
        let busy = |_| Failure::Unavailable("SMTP: all connections are in use".to_owned());
        let _permit = permit.map_err(busy)?;
        let (mut connection, is_new) = match self.idle_connection() {
            Some(connection) => (connection, false),
            None => (self.server.connect().await?, true),
        };
        let mut sender = mail(&mut connection, envelope, message).await;
        // The server may have closed an idle connection. It has received nothing of this mail.
        if !is_new && sender.is_err() {
            connection = self.server.connect().await?;
            sender = mail(&mut connection, envelope, message).await;
        }
        sender?;
        // A connection whose mail failed is closed: it is in an unknown state.
        deliver(&mut connection, envelope, message).await?;
        self.lock().push((connection, Instant::now()));
        Ok(())
    }

    fn idle_connection(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.lock();
        idle.retain(|(_, since)| since.elapsed() < IDLE_TIMEOUT);
        idle.pop().map(|(connection, _)| connection)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        // A panic cannot leave the list half changed, so a poisoned lock is safe to use.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.server, f)
    }
}

/// Begins a mail.
async fn mail(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    message: &[u8],
) -> Result<(), Failure> {
    let mut parameters = Vec::new();
    let info = connection.server_info();
    let mut addresses = envelope.to().iter().chain(envelope.from());
    if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
        if !info.supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::Rejected {
                reason: "the SMTP server accepts only addresses in ASCII".to_owned(),
                is_unknown_mailbox: false,
            });
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() && info.supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let command = Mail::new(envelope.from().cloned(), parameters);
    let reply = connection.command(command).await;
    reply.map_err(|error| Failure::new(Step::Mail, &error))?;
    Ok(())
}

/// Names the recipient, and sends the content.
async fn deliver(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    message: &[u8],
) -> Result<(), Failure> {
    for address in envelope.to() {
        let reply = connection.command(Rcpt::new(address.clone(), Vec::new()));
        let reply = reply.await;
        reply.map_err(|error| Failure::new(Step::Rcpt, &error))?;
    }
    let failed = |error| Failure::new(Step::Data, &error);
    connection.command(Data).await.map_err(failed)?;
    connection.message(message).await.map_err(failed)?;
    Ok(())
}
