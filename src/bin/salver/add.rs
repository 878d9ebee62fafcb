//! `add`: adds a message.

use std::io::Read;

use salver::Message;
use serde_json::json;

use crate::Outcome;
use crate::cli::Add;
use crate::error::CliError;
use crate::output::Output;
use crate::server::Server;

pub(crate) async fn run(server: &Server, args: Add, output: &Output) -> Outcome {
    let target = args.target.context()?.clone();
    let salver = server.salver(target.app())?;
    let message = message(args)?;
    let id = message.id();
    let added = server
        .with_diagnosis(&salver, salver.add(&target, message))
        .await?;
    let value = json!({ "id": id, "displaced": added.displaced });
    output.print(|| id.to_string(), value)?;
    Ok(true)
}

fn message(args: Add) -> Result<Message, CliError> {
    let text = match args.text.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(CliError::from)?;
            text.trim_end().to_owned()
        }
        _ => args.text,
    };
    let mut message = Message::new(args.level.into(), text);
    if let Some(title) = args.title {
        message = message.title(title);
    }
    if let Some(tag) = args.tag {
        message = message.tag(tag);
    }
    if args.markdown {
        message = message.markdown();
    }
    if let Some(after) = args.after {
        message = message.after(*after);
    }
    if let Some([label, url]) = args.action.as_deref() {
        message = message.action(label, url);
    }
    Ok(message)
}
