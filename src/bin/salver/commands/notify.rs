//! `notify`: adds a notification to inboxes.

use salver::Notification;
use serde_json::json;

use crate::Outcome;
use crate::cli::Notify;
use crate::error::CliError;
use crate::output::Output;
use crate::server::Server;

pub(crate) async fn run(server: &Server, app: &str, mut args: Notify, output: &Output) -> Outcome {
    let salver = server.salver(app)?;
    let recipients = std::mem::take(&mut args.to);
    let notification = notification(args)?;
    let id = notification.id();
    server
        .with_diagnosis(&salver, salver.notify(recipients, notification))
        .await
        // Some recipients may have got it, and the id is not printed.
        .map_err(|error| error.with_advice(&format!("to repeat it, add --id {id}")))?;
    output.print(|| id.to_string(), json!({ "id": id }))?;
    Ok(true)
}

fn notification(args: Notify) -> Result<Notification, CliError> {
    let mut message = args.message.build()?;
    if let Some(id) = args.id {
        message = message.with_id(id);
    }
    let mut notification = Notification::new(args.kind, message);
    if let Some(subject) = args.subject {
        notification = notification.subject(subject);
    }
    if let Some(group) = args.group {
        notification = notification.group(group);
    }
    if let Some([recipient, name]) = args.actor.as_deref() {
        notification = notification.actor(&recipient.parse()?, name);
    }
    if args.read {
        notification = notification.already_read();
    }
    Ok(notification)
}
