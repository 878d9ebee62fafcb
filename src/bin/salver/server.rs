//! The server of a command, and the diagnosis of a failed call.

use std::time::Duration;

use clap::Args;
use salver::limits::MAX_MESSAGES;
use salver::store::{IssueKind, RedisStore};
use salver::{Error, Salver, SalverBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::error::CliError;

/// The server that commands use without `--redis`.
const DEFAULT_URL: &str = "redis://127.0.0.1";
/// The default port of Redis.
const DEFAULT_PORT: u16 = 6379;
/// Detail of the issue when another program listens at the address.
pub(crate) const OTHER_PROTOCOL: &str = "the server does not speak the Redis protocol; check the port, and whether it needs TLS (rediss://)";
/// Longest wait for the reply to a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The server and the site's settings.
#[derive(Args)]
pub(crate) struct Server {
    /// Redis server: redis[s]://[user@]host[:port][/db] [default: redis://127.0.0.1]; with a password in REDIS_URL alone.
    #[arg(
        long,
        global = true,
        env = "REDIS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    redis: Option<String>,
    /// The site's `max_age`: older messages are not shown.
    #[arg(long, global = true, default_value = "1d", value_name = "AGE")]
    max_age: humantime::Duration,
}

impl Server {
    fn url(&self) -> &str {
        self.redis.as_deref().unwrap_or(DEFAULT_URL)
    }

    /// Returns whether a server was named.
    #[cfg(feature = "server")]
    pub(crate) fn is_named(&self) -> bool {
        self.redis.is_some()
    }

    /// Returns host and port, without credentials.
    pub(crate) fn name(&self) -> String {
        let url = Url::parse(self.url()).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or("127.0.0.1");
        let port = url.as_ref().and_then(Url::port).unwrap_or(DEFAULT_PORT);
        format!("{host}:{port}")
    }

    /// Returns whether a server replies at the address in another protocol than Redis.
    pub(crate) async fn speaks_other_protocol(&self) -> bool {
        let reply = async {
            let mut stream = TcpStream::connect(self.name()).await.ok()?;
            stream.write_all(b"PING\r\n").await.ok()?;
            stream.read_u8().await.ok()
        };
        // Every Redis reply begins with one of these type bytes.
        let first = timeout(PROBE_TIMEOUT, reply).await.ok().flatten();
        first.is_some_and(|first| !b"+-:$*_#,(!=%~>|".contains(&first))
    }

    pub(crate) fn store(&self) -> Result<RedisStore, CliError> {
        Ok(RedisStore::new(self.url())?)
    }

    /// Returns a handle that displaces no messages below the hard limit: the site's own
    /// `max_messages` is unknown here.
    pub(crate) fn salver(&self, app: &str) -> Result<Salver, CliError> {
        Ok(self.builder(app)?.build()?)
    }

    pub(crate) fn builder(&self, app: &str) -> Result<SalverBuilder, CliError> {
        Ok(self.configured(Salver::builder(app).store(self.store()?)))
    }

    /// Returns a builder for an application whose data are in the memory of this process.
    #[cfg(feature = "server")]
    pub(crate) fn memory_builder(&self, app: &str) -> SalverBuilder {
        self.configured(Salver::builder(app))
    }

    fn configured(&self, builder: SalverBuilder) -> SalverBuilder {
        builder.max_messages(MAX_MESSAGES).max_age(*self.max_age)
    }

    /// Returns the result of a call. If the call fails, the error names the issue of the server.
    pub(crate) async fn with_diagnosis<T>(
        &self,
        salver: &Salver,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, CliError> {
        match call.await {
            Ok(value) => Ok(value),
            Err(error) => Err(self.diagnose(salver, error).await),
        }
    }

    /// Replaces an error with the first issue that `health` finds, unless the input was invalid.
    async fn diagnose(&self, salver: &Salver, error: Error) -> CliError {
        let is_in_doubt = error.is_in_doubt();
        let failure = CliError::from(error);
        if failure.is_about_input() {
            return failure;
        }
        // The write may have been applied: this outweighs any issue of the server.
        if is_in_doubt {
            return failure.at(&self.name());
        }
        let health = salver.health().await;
        match health.issues().first() {
            Some(first)
                if first.kind() == IssueKind::Unreachable && self.speaks_other_protocol().await =>
            {
                failure.with_message(format!("{}: unreachable: {OTHER_PROTOCOL}", self.name()))
            }
            Some(first) => failure.with_message(format!("{}: {first}", self.name())),
            None => failure.at(&self.name()),
        }
    }
}
