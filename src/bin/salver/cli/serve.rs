//! The arguments of `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

pub(crate) const HELP: &str = "\
Secrets are read from files or from the environment: SALVER_TOKEN is a token with all rights, SALVER_SECRET the secret \
of the site, from which those of endpoints are derived. Without --redis and REDIS_URL everything is in the memory of this process, and is lost when it ends; then \
a token is needed. (The default above is that of the other commands.) With Redis, `salver tokens create` creates tokens with fewer rights, and any number of brokers share the work.

The API is below /v1, and /v1/openapi.json describes it. / is the page of the operator: log in with SALVER_TOKEN, or with \
a token that has the rights endpoints and deliveries. /healthz replies 200 while the store replies, else 503. \
/metrics is for Prometheus; like /healthz it needs no token, so a proxy before a public broker forwards /v1 alone. At \
SIGTERM the broker accepts no more connections, finishes its requests, then the attempts that have begun; a second \
signal ends it at once.

To change the secret of the site, start all brokers with the new one, and with the old one as SALVER_OLD_SECRET: both sign. \
Rotate each endpoint, let its owner take the new secret over, then start the brokers without the old one.

Example:
  export SALVER_TOKEN=$(openssl rand -hex 32)
  salver serve --app shop &
  curl -fsS localhost:8090/v1/events -H \"authorization: Bearer $SALVER_TOKEN\" -H 'ce-specversion: 1.0' \\
    -H 'ce-id: 1' -H 'ce-source: /shop' -H 'ce-type: order.created' --json '{\"total\": 7}'";

#[derive(Args)]
pub(crate) struct ServeArgs {
    /// The address and the port on which it listens.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SALVER_LISTEN",
        default_value = "127.0.0.1:8090"
    )]
    pub(crate) listen: SocketAddr,
    /// A file with a token that has all rights, instead of SALVER_TOKEN: at least 16 bytes.
    #[arg(long, value_name = "FILE", env = "SALVER_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file with the secret of the site, instead of SALVER_SECRET: at least 32 bytes.
    #[arg(long, value_name = "FILE", env = "SALVER_SECRET_FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// A file with the secret that the site had before, instead of SALVER_OLD_SECRET: it signs deliveries too.
    #[arg(long, value_name = "FILE", env = "SALVER_OLD_SECRET_FILE")]
    pub(crate) old_secret_file: Option<PathBuf>,
    /// The address of the site, for links: `https://shop.example`.
    #[arg(long, value_name = "URL", env = "SALVER_SITE")]
    pub(crate) site: Option<String>,
    /// Accept endpoints without TLS.
    #[arg(long)]
    pub(crate) allow_http: bool,
    /// A network that is not public, whose hosts may be endpoints: `127.0.0.0/8`; repeat the option for several.
    #[arg(long, value_name = "NETWORK")]
    pub(crate) allow_network: Vec<String>,
    /// How many jobs of each kind are performed at the same time.
    #[arg(long, value_name = "JOBS", default_value_t = 16)]
    pub(crate) concurrency: usize,
}
