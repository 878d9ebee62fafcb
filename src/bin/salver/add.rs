//! Leaves a message.

use std::io::Read;

use salver::Message;
use serde_json::json;

use crate::Outcome;
use crate::cli::Add;
use crate::error::CliError;
use crate::output::Output;
use crate::server::Server;

pub(crate) async fn run(server: &Server, wanted: Add, output: &Output) -> Outcome {
    let address = wanted.address.context()?.clone();
    let salver = server.salver(address.app())?;
    let message = message(wanted)?;
    let id = message.id();
    let added = server
        .with_diagnosis(&salver, salver.add(&address, message))
        .await?;
    let value = json!({ "id": id, "displaced": added.displaced });
    output.print(|| id.to_string(), value)?;
    Ok(true)
}

fn message(wanted: Add) -> Result<Message, CliError> {
    let text = match wanted.text.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(CliError::from)?;
            text.trim_end().to_owned()
        }
        _ => wanted.text,
    };
    let mut message = Message::new(wanted.level.into(), text);
    if let Some(title) = wanted.title {
        message = message.title(title);
    }
    if let Some(tag) = wanted.tag {
        message = message.tag(tag);
    }
    if wanted.markdown {
        message = message.markdown();
    }
    if let Some(after) = wanted.after {
        message = message.after(*after);
    }
    if let Some([label, url]) = wanted.action.as_deref() {
        message = message.action(label, url);
    }
    Ok(message)
}
