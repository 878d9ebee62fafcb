//! `due`: prints when digests are sent, and sends them at once with `--now`.

use std::time::{Duration, UNIX_EPOCH};

use salver::jobs::{Deliveries, Delivery, DeliveryState};
use salver::{Error, Recipient};
use serde_json::{Value, json};

use crate::Outcome;
use crate::cli::DueArgs;
use crate::output::Output;
use crate::server::Server;

/// A digest that waits for its time.
struct Digest {
    delivery: String,
    /// Unix milliseconds.
    time: u64,
    recipient: String,
    cadence: String,
}

pub(crate) async fn run(server: &Server, app: &str, args: DueArgs, output: &Output) -> Outcome {
    let recipient = args
        .to
        .as_deref()
        .map(str::parse::<Recipient>)
        .transpose()?;
    let recipient = recipient.map(|recipient| recipient.to_string());
    let salver = server.salver(app)?;
    let deliveries = salver.deliveries();
    let digests = server.with_diagnosis(&salver, waiting(&deliveries)).await?;
    let is_of = |digest: &&Digest| recipient.as_ref().is_none_or(|of| *of == digest.recipient);
    for digest in digests.iter().filter(is_of) {
        if args.now {
            let retried = deliveries.retry(&digest.delivery);
            let is_due = server.with_diagnosis(&salver, retried).await?;
            // It may have been sent meanwhile.
            if !is_due {
                continue;
            }
        }
        print(digest, args.now, output)?;
    }
    Ok(true)
}

/// Returns all digests that wait. Complete before the first is sent, which changes the list.
async fn waiting(deliveries: &Deliveries) -> Result<Vec<Digest>, Error> {
    let (mut digests, mut last) = (Vec::new(), None);
    loop {
        let page = deliveries
            .list(DeliveryState::Waiting, last.as_ref())
            .await?;
        digests.extend(page.iter().filter_map(digest));
        last = page.last().cloned();
        if last.is_none() {
            return Ok(digests);
        }
    }
}

fn digest(delivery: &Delivery) -> Option<Digest> {
    let text = |field: &str| delivery.task.get(field).and_then(Value::as_str);
    (text("mail")? == "digest").then_some(())?;
    Some(Digest {
        delivery: delivery.id.clone(),
        time: delivery.time,
        recipient: text("recipient")?.to_owned(),
        cadence: text("cadence")?.to_owned(),
    })
}

fn print(digest: &Digest, is_due_now: bool, output: &Output) -> Result<(), crate::CliError> {
    let Digest {
        time,
        recipient,
        cadence,
        ..
    } = digest;
    let line = || {
        let time = UNIX_EPOCH + Duration::from_millis(*time);
        let time = match is_due_now {
            true => "now".to_owned(),
            false => humantime::format_rfc3339_seconds(time).to_string(),
        };
        format!("{time} {recipient} {cadence}")
    };
    let time = (!is_due_now).then_some(time);
    let value = json!({ "recipient": recipient, "cadence": cadence, "time": time });
    output.print(line, value)
}
