//! The arguments of `tokens`.

use clap::{Args, Subcommand};
use salver::broker::{Right, Token};

#[derive(Subcommand)]
pub(crate) enum TokensCommand {
    /// Create a token and print it. It is not printed again: a hash of it is stored.
    Create(NewToken),
    /// Print the tokens, oldest first, without their secrets.
    List,
    /// Revoke a token. All brokers refuse it within 10 seconds.
    Revoke {
        /// The id of the token: its part before the dot.
        // Ids are random, so one in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct NewToken {
    /// What it may do: publish, endpoints, deliveries or notify; repeat the option for several.
    #[arg(long, value_name = "RIGHT", required = true)]
    right: Vec<Right>,
    /// The source of the events that it may publish, with those below it: `/shop` [default: any source].
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
}

impl NewToken {
    pub(crate) fn token(self) -> Token {
        let token = Token::new(self.right);
        match self.source {
            Some(source) => token.source(source),
            None => token,
        }
    }
}
