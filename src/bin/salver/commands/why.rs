//! `why`: prints why a page shows no message of a context.

use std::time::Duration;

use salver::store::ReadResult;
use salver::{Context, View};
use serde_json::json;

use crate::Outcome;
use crate::cli::Target;
use crate::output::Output;
use crate::server::Server;

pub(crate) async fn run(server: &Server, target: &Target, output: &Output) -> Outcome {
    let context = target.context()?;
    let salver = server.salver(context.app())?;
    let found = server
        .with_diagnosis(&salver, salver.inspect(context))
        .await?;
    let contexts = salver.contexts(context.session());
    let contexts = server.with_diagnosis(&salver, contexts).await?;
    let others = contexts.iter().map(Context::view);
    let others: Vec<_> = others.filter(|view| *view != context.view()).collect();
    let value = json!({
        "pending": found.messages.len(),
        "reason": reason(&found),
        "view": context.view(),
        "next_due_in_ms": found.next_due_in.map(|due| due.as_millis()),
        "other_views": others,
    });
    output.print(|| report(context.view(), &found, &others), value)?;
    Ok(true)
}

/// Returns why nothing is visible, in the words of the guide; `None` if messages are.
fn reason(found: &ReadResult) -> Option<&'static str> {
    if !found.messages.is_empty() {
        None
    } else if found.next_due_in.is_some() {
        Some("claimed or delayed")
    } else if found.undecodable > 0 {
        Some("malformed")
    } else if found.unsupported > 0 {
        Some("newer format version")
    } else if found.expired > 0 {
        Some("expired")
    } else {
        Some("nothing pending")
    }
}

fn report(view: &View, found: &ReadResult, others: &[&View]) -> String {
    let status = match reason(found) {
        None => format!("pending={}", found.messages.len()),
        Some(reason) => format!("skipped; reason=\"{reason}\""),
    };
    let mut lines = vec![format!("{status}; view=\"{view}\"")];
    if !found.messages.is_empty() {
        lines.push(
            "the next page of this view shows them; if it does not, its header Salver-Status says why"
                .to_owned(),
        );
    }
    if let Some(due) = found.next_due_in {
        // Rounded up: never "0s" for a message that is not visible yet.
        let due = Duration::from_secs(due.as_secs() + 1);
        let due = humantime::format_duration(due);
        lines.push(format!("the next message is visible in at most {due}"));
    }
    for (count, kind) in [
        (found.expired, "expired"),
        (found.undecodable, "malformed"),
        (found.unsupported, "of a newer format version"),
    ] {
        if count > 0 {
            lines.push(format!("{count} {kind}, not shown"));
        }
    }
    if !others.is_empty() {
        let views: Vec<_> = others.iter().map(|view| format!("`{view}`")).collect();
        lines.push(format!(
            "messages wait for other views: {}",
            views.join(", ")
        ));
    } else if reason(found) == Some("nothing pending") {
        lines.push(
            "the session has no visible message: it was shown, or a login or logout gave the visitor another session"
                .to_owned(),
        );
    }
    lines.join("\n")
}
