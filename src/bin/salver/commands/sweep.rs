//! `sweep`: removes messages older than an age.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::Outcome;
use crate::output::{Output, number};
use crate::server::Server;

pub(crate) async fn run(
    server: &Server,
    app: &str,
    older_than: Duration,
    output: &Output,
) -> Outcome {
    let salver = server.salver(app)?;
    // The bar is drawn on standard error, and only if that is a terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of about {len} keys, {msg}") {
        bar.set_style(style);
    }
    let progress = salver.sweep(older_than, |so_far| {
        bar.set_length(so_far.total_keys.max(so_far.contexts));
        bar.set_position(so_far.contexts);
        bar.set_message(format!("{} removed", number(so_far.removed)));
    });
    let progress = server.with_diagnosis(&salver, progress).await;
    bar.finish_and_clear();
    let progress = progress?;
    let line = || {
        let (removed, contexts) = (number(progress.removed), number(progress.contexts));
        format!("removed {removed} messages from {contexts} contexts")
    };
    let value = json!({ "removed": progress.removed, "contexts": progress.contexts });
    output.print(line, value)?;
    Ok(true)
}
