//! `jobs`: counts, lists, retries and cancels the jobs of workers.

use salver::jobs::{Deliveries, Delivery};
use salver::{Error, Salver};
use serde_json::json;

use crate::Outcome;
use crate::cli::JobsCommand;
use crate::output::{Output, number};
use crate::server::Server;

pub(crate) async fn run(
    server: &Server,
    app: &str,
    command: JobsCommand,
    output: &Output,
) -> Outcome {
    let salver = server.salver(app)?;
    let deliveries = salver.deliveries();
    match command {
        JobsCommand::Counts => {
            let counts = server.with_diagnosis(&salver, deliveries.counts()).await?;
            let report = || {
                let [due, later, dead] = [counts.due, counts.later, counts.dead].map(number);
                let latency = number(counts.latency_ms / 1_000);
                format!(
                    "due   {due:>12}  the oldest for {latency} s\nlater {later:>12}\ndead  {dead:>12}"
                )
            };
            output.print(report, counts)?;
        }
        JobsCommand::List { state } => {
            let mut last = None;
            loop {
                let page = deliveries.list(state.into(), last.as_ref());
                let page = server.with_diagnosis(&salver, page).await?;
                for delivery in &page {
                    output.print(|| line(delivery), delivery)?;
                }
                last = page.last().cloned();
                if last.is_none() {
                    break;
                }
            }
        }
        JobsCommand::Retry { ids } => {
            change(
                server,
                &salver,
                output,
                &ids,
                ("retried", Deliveries::retry),
            )
            .await?;
        }
        JobsCommand::Cancel { ids } => {
            change(
                server,
                &salver,
                output,
                &ids,
                ("cancelled", Deliveries::cancel),
            )
            .await?;
        }
    }
    Ok(true)
}

/// Changes jobs by their ids, and prints how many there were.
async fn change(
    server: &Server,
    salver: &Salver,
    output: &Output,
    ids: &[String],
    (done, change): (&str, impl AsyncFn(&Deliveries, &str) -> Result<bool, Error>),
) -> Outcome {
    let (deliveries, mut changed) = (salver.deliveries(), 0);
    for id in ids {
        changed += u64::from(
            server
                .with_diagnosis(salver, change(&deliveries, id))
                .await?,
        );
    }
    output.print(
        || format!("{done} {} jobs", number(changed)),
        json!({ done: changed }),
    )?;
    Ok(true)
}

fn line(delivery: &Delivery) -> String {
    let Delivery {
        id,
        channel,
        task,
        attempts,
        ..
    } = delivery;
    let recipient = task
        .get("recipient")
        .and_then(|recipient| recipient.as_str());
    let (recipient, failures) = (recipient.unwrap_or_default(), attempts.len());
    let error = attempts.last().map_or("", |attempt| &attempt.error);
    format!("{id} {channel} {recipient} {failures} failed {error}")
        .trim_end()
        .to_owned()
}
