//! The server that a command talks to, and what is wrong with it.

use std::time::Duration;

use clap::Args;
use salver::limits::MAX_MESSAGES;
use salver::store::{IssueKind, RedisStore};
use salver::{Error, Salver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::error::CliError;

/// The port of Redis.
const DEFAULT_PORT: u16 = 6379;
/// Detail of the issue when another program listens at the address.
pub(crate) const OTHER_PROTOCOL: &str = "the server does not speak the Redis protocol; check the port, and whether it needs TLS (rediss://)";
/// Longest wait for the reply to a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The server and the site's settings.
#[derive(Args)]
pub(crate) struct Server {
    /// Redis server: redis[s]://[user:password@]host[:port][/db].
    #[arg(
        long,
        global = true,
        env = "REDIS_URL",
        hide_env_values = true,
        default_value = "redis://127.0.0.1",
        value_name = "URL"
    )]
    redis: String,
    /// The site's `max_age`: older messages are not shown.
    #[arg(long, global = true, default_value = "1d", value_name = "AGE")]
    max_age: humantime::Duration,
}

impl Server {
    /// Returns host and port, without credentials.
    pub(crate) fn name(&self) -> String {
        let url = Url::parse(&self.redis).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or("127.0.0.1");
        let port = url.as_ref().and_then(Url::port).unwrap_or(DEFAULT_PORT);
        format!("{host}:{port}")
    }

    /// Tells whether somebody answers there who does not speak as Redis does.
    pub(crate) async fn speaks_other_protocol(&self) -> bool {
        let answer = async {
            let mut stream = TcpStream::connect(self.name()).await.ok()?;
            stream.write_all(b"PING\r\n").await.ok()?;
            stream.read_u8().await.ok()
        };
        // The first letters of all that Redis answers.
        let first = timeout(PROBE_TIMEOUT, answer).await.ok().flatten();
        first.is_some_and(|first| !b"+-:$*_#,(!=%~>|".contains(&first))
    }

    pub(crate) fn store(&self) -> Result<RedisStore, CliError> {
        Ok(RedisStore::new(&self.redis)?)
    }

    /// Gives a handle that makes no room: what the site keeps is the site's to say.
    pub(crate) fn salver(&self, app: &str) -> Result<Salver, CliError> {
        let salver = Salver::builder(app).store(self.store()?);
        let salver = salver.max_messages(MAX_MESSAGES).max_age(*self.max_age);
        Ok(salver.build()?)
    }

    /// Returns the result of a call; of a failed one, what is wrong with the server.
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

    /// Asks the server what is wrong, unless the input is.
    async fn diagnose(&self, salver: &Salver, error: Error) -> CliError {
        let is_in_doubt = error.is_in_doubt();
        let failure = CliError::from(error);
        if failure.is_about_input() {
            return failure;
        }
        // The write may have happened: what else is wrong is for `doctor`.
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
