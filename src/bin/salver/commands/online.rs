//! `online`: prints who has a page open.

use serde_json::json;

use crate::Outcome;
use crate::output::Output;
use crate::server::Server;

pub(crate) async fn run(server: &Server, app: &str, output: &Output) -> Outcome {
    let salver = server.salver(app)?;
    let online = server.with_diagnosis(&salver, salver.online()).await?;
    for recipient in &online {
        output.print(|| recipient.to_string(), json!({ "recipient": recipient }))?;
    }
    if online.is_empty() && !output.is_json() {
        output.print(|| "no one is online".to_owned(), ())?;
    }
    Ok(true)
}
