//! `add`: adds a message.

use serde_json::json;

use crate::Outcome;
use crate::cli::Add;
use crate::output::Output;
use crate::server::Server;

pub(crate) async fn run(server: &Server, args: Add, output: &Output) -> Outcome {
    let target = args.target.context()?;
    let salver = server.salver(target.app())?;
    let mut message = args.message.build()?;
    if let Some(after) = args.after {
        message = message.after(*after);
    }
    let id = message.id();
    let added = server
        .with_diagnosis(&salver, salver.add(target, message))
        .await?;
    let value = json!({ "id": id, "displaced": added.displaced });
    output.print(|| id.to_string(), value)?;
    Ok(true)
}
