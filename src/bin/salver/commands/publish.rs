//! `publish`: publishes an event.

use salver::events::Event;
use serde_json::{Value, json};

use crate::Outcome;
use crate::cli::Publish;
use crate::error::CliError;
use crate::message::read_argument;
use crate::output::Output;
use crate::server::Server;

pub(crate) async fn run(server: &Server, app: &str, args: Publish, output: &Output) -> Outcome {
    let salver = server.salver(app)?;
    let event = event(args)?;
    let id = event.get_id().to_owned();
    server
        .with_diagnosis(&salver, salver.publish(event))
        .await
        // It may have been published, and the id is not printed.
        .map_err(|error| error.with_advice(&format!("to repeat it, add --id {id}")))?;
    output.print(|| id.clone(), json!({ "id": id }))?;
    Ok(true)
}

fn event(args: Publish) -> Result<Event, CliError> {
    let mut event = args.event().except(args.except);
    if let Some(id) = args.id {
        event = event.id(id);
    }
    if let Some(source) = args.source {
        event = event.source(source);
    }
    if let Some(data) = args.data {
        event = event.data(json(data)?);
    }
    if let Some(text) = args.text {
        event = event.message(args.message.build(text)?);
    }
    Ok(event)
}

fn json(argument: String) -> Result<Value, CliError> {
    let text = read_argument(argument)?;
    serde_json::from_str(&text)
        .map_err(|error| CliError::invalid_input(format!("data is not JSON: {error}")))
}
