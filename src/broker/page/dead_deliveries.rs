//! The dead deliveries: what was not delivered, and why.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::broker::page::endpoints::{action_path, address, function};
use crate::broker::page::queues::channel_name;
use crate::broker::page::settings::PageSettings;
use crate::broker::page::snapshot::{DeadDelivery, Snapshot};
use crate::broker::page::table::{button, row, table};
use crate::broker::page::words::{count, time_ago};
use crate::context::encode;
use crate::jobs::{EVENTS_QUEUE, MAX_LISTED, WEBHOOK_QUEUE};
use crate::render::Escaped;

/// Failed attempts that a delivery remembers.
const REMEMBERED_ATTEMPTS: usize = 10;

pub(super) fn section(settings: &PageSettings, snapshot: &Snapshot) -> String {
    let dead = &snapshot.dead;
    if dead.is_empty() {
        return section_of(r#"<p class="salver-muted">No delivery is dead.</p>"#);
    }
    let all: u64 = snapshot.queues.values().map(|counts| counts.dead).sum();
    let shown = dead.len() as u64;
    let newest = match shown < all {
        true => format!("<p>The newest {MAX_LISTED} of {all} are listed.</p>"),
        false => String::new(),
    };
    let rows = dead.iter().map(|dead| dead_row(settings, snapshot, dead));
    let columns = [
        "Delivery",
        "Channel",
        "Dead since",
        "Last error",
        "Attempts",
        "Actions",
    ];
    section_of(&format!(
        "{newest}{}{}",
        by_endpoint(settings, snapshot),
        table("texts", "dead", &columns, &rows.collect::<String>()),
    ))
}

fn section_of(content: &str) -> String {
    format!(
        r#"<section aria-labelledby="dead"><h2 id="dead">Dead deliveries</h2>{content}</section>"#
    )
}

/// Returns the forms that attempt all dead deliveries of an endpoint again.
fn by_endpoint(settings: &PageSettings, snapshot: &Snapshot) -> String {
    let mut endpoints: BTreeMap<&str, u64> = BTreeMap::new();
    let dead = snapshot.dead.iter();
    let webhooks = dead.filter(|dead| dead.delivery.channel == WEBHOOK_QUEUE);
    for task in webhooks.filter_map(|dead| dead.task.as_ref()) {
        *endpoints.entry(&task.endpoint).or_default() += 1;
    }
    let items = endpoints.into_iter().filter_map(|(id, deliveries)| {
        let endpoint = snapshot.endpoints.iter().find(|one| one.id == id)?;
        let address = address(endpoint);
        let path = action_path(settings, id, "replay");
        let of = format!("({address})");
        Some(format!(
            r#"<li><span><bdi>{}</bdi>: {}</span> {}</li>"#,
            Escaped(&address),
            count(deliveries, "dead delivery", "dead deliveries"),
            button("post", &path, "Retry all of this endpoint", &of),
        ))
    });
    let items: String = items.collect();
    match items.is_empty() {
        true => items,
        false => format!(r#"<ul class="salver-rows by-endpoint">{items}</ul>"#),
    }
}

fn dead_row(settings: &PageSettings, snapshot: &Snapshot, dead: &DeadDelivery) -> String {
    let delivery = &dead.delivery;
    let what = what(snapshot, dead);
    let path = |action| {
        format!(
            "{}/deliveries/{}/{action}",
            settings.base,
            encode(&delivery.id)
        )
    };
    let [retry, cancel] = [("retry", "Retry"), ("cancel", "Cancel")]
        .map(|(action, label)| button("post", &path(action), label, &what));
    let error = delivery.attempts.last();
    let error = error.map_or("none", |attempt| attempt.error.as_str());
    let attempts = match delivery.attempts.len() {
        REMEMBERED_ATTEMPTS.. => format!("{REMEMBERED_ATTEMPTS} or more"),
        attempts => attempts.to_string(),
    };
    row(
        &format!("<bdi>{}</bdi>", Escaped(&what)),
        &[
            (
                "Channel",
                Escaped(channel_name(delivery.channel)).to_string(),
            ),
            ("Dead since", time_ago(delivery.time)),
            ("Last error", format!("<bdi>{}</bdi>", Escaped(error))),
            ("Attempts", attempts),
            (
                "Actions",
                format!(r#"<div class="salver-row">{retry}{cancel}</div>"#),
            ),
        ],
    )
}

/// Returns what was not delivered, and to whom.
fn what(snapshot: &Snapshot, dead: &DeadDelivery) -> String {
    let Some(task) = &dead.task else {
        let recipient = dead.delivery.task.get("recipient").and_then(Value::as_str);
        return recipient.map_or_else(|| dead.delivery.id.clone(), |to| format!("to {to}"));
    };
    let event = match &dead.event {
        Some(event) => format!("{} {}", event.event_type(), event.get_id()),
        None => "an event that is not stored any more".to_owned(),
    };
    if dead.delivery.channel == EVENTS_QUEUE {
        return event;
    }
    if let Some(action) = task.action() {
        return format!("{event} to {}", function(action));
    }
    let mut endpoints = snapshot.endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.id == task.endpoint);
    let to = endpoint.map_or_else(|| "an endpoint that was removed".to_owned(), address);
    format!("{event} to {to}")
}
