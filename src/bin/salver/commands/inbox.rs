//! `inbox`: lists, counts, marks and removes the notifications of a recipient.

use std::time::{Duration, UNIX_EPOCH};

use salver::inbox::{InboxPage, InboxRow};
use serde_json::json;

use crate::Outcome;
use crate::cli::{InboxCommand, List, Mark, Retract};
use crate::output::{Output, number};
use crate::server::Server;

pub(crate) async fn run(
    server: &Server,
    app: &str,
    command: InboxCommand,
    output: &Output,
) -> Outcome {
    let salver = server.salver(app)?;
    match command {
        InboxCommand::List(args) => {
            let List {
                recipient,
                selection,
                ungrouped,
                limit,
                after,
            } = *args;
            let mut filter = selection.filter().limit(limit);
            if ungrouped {
                filter = filter.ungrouped();
            }
            let inbox = salver.inbox(&recipient);
            let page = inbox.list(&filter, after.as_deref());
            let page = server.with_diagnosis(&salver, page).await?;
            output.print(|| report(&page), &page)?;
        }
        InboxCommand::Counts { recipient } => {
            let inbox = salver.inbox(&recipient);
            let counts = server.with_diagnosis(&salver, inbox.counts()).await?;
            let report = || {
                let (unseen, unread) = (number(counts.unseen), number(counts.unread));
                let total = number(counts.total);
                format!("unseen {unseen:>12}\nunread {unread:>12}\ntotal  {total:>12}")
            };
            output.print(report, counts)?;
        }
        InboxCommand::Mark(args) => {
            let Mark {
                recipient,
                state,
                selection,
            } = *args;
            let inbox = salver.inbox(&recipient);
            let filter = selection.filter();
            let changed = inbox.mark(&filter, state.into());
            let changed = server.with_diagnosis(&salver, changed).await?;
            let line = || format!("changed {} notifications", number(changed));
            output.print(line, json!({ "changed": changed }))?;
        }
        InboxCommand::Retract(args) => {
            let Retract {
                recipient,
                selection,
                all: _,
            } = *args;
            let inbox = salver.inbox(&recipient);
            let filter = selection.filter();
            let removed = server
                .with_diagnosis(&salver, inbox.retract(&filter))
                .await?;
            let line = || format!("removed {} notifications", number(removed));
            output.print(line, json!({ "removed": removed }))?;
        }
    }
    Ok(true)
}

fn report(page: &InboxPage) -> String {
    let mut lines: Vec<_> = page.rows.iter().map(line).collect();
    if lines.is_empty() {
        lines.push("no notifications".to_owned());
    }
    lines.extend(
        page.next
            .iter()
            .map(|next| format!("next page: --after {next}")),
    );
    lines.join("\n")
}

/// Returns a row as one line: time, `*` if it has an unread notification, kind, count, text of the
/// newest notification.
fn line(row: &InboxRow) -> String {
    let newest = &row.newest;
    let added_at = UNIX_EPOCH + Duration::from_millis(newest.position());
    let mark = if row.unread > 0 { "*" } else { "-" };
    let title = newest.get_title().map(|title| format!("{title}: "));
    let text = newest.text().replace(['\n', '\t'], " ");
    format!(
        "{} {mark} {:20} {:>4} {}{text}",
        humantime::format_rfc3339_seconds(added_at),
        newest.kind(),
        row.count,
        title.unwrap_or_default(),
    )
}
