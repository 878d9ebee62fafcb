//! `tokens`: creates, lists and revokes the tokens of the HTTP API.

use salver::broker::ListedToken;
use serde_json::json;

use crate::Outcome;
use crate::cli::TokensCommand;
use crate::output::{Output, ago};
use crate::server::Server;

pub(crate) async fn run(
    server: &Server,
    app: &str,
    command: TokensCommand,
    output: &Output,
) -> Outcome {
    let salver = server.salver(app)?;
    let tokens = salver.tokens();
    match command {
        TokensCommand::Create(new) => {
            let token = tokens.create(new.token());
            let token = server.with_diagnosis(&salver, token).await?;
            output.print(|| token.clone(), json!({ "token": token }))?;
        }
        TokensCommand::List => {
            let listed = server.with_diagnosis(&salver, tokens.list()).await?;
            for token in listed {
                output.print(|| line(&token), &token)?;
            }
        }
        TokensCommand::Revoke { id } => {
            let revoked = tokens.revoke(&id);
            let revoked = server.with_diagnosis(&salver, revoked).await?;
            let line = match revoked {
                true => {
                    format!("revoked {id}; brokers that know it accept it for at most 10 seconds")
                }
                false => format!("there is no token {id}"),
            };
            output.print(|| line, json!({ "revoked": revoked }))?;
        }
    }
    Ok(true)
}

fn line(token: &ListedToken) -> String {
    let rights: Vec<_> = token.rights.iter().map(ToString::to_string).collect();
    let source = token.source.as_deref().unwrap_or("any source");
    let created = ago(token.created);
    format!(
        "{} {} {source} created {created}",
        token.id,
        rights.join(",")
    )
}
