//! The queues: how much waits in each, and for how long.

use std::collections::BTreeMap;

use crate::broker::page::table::{row, table};
use crate::broker::page::words::duration;
use crate::jobs::DeliveryCounts;

/// The channels, each with its name for people.
const CHANNELS: [(&str, &str); 5] = [
    ("events", "Events to fan out"),
    ("webhook", "Webhooks"),
    ("action", "Functions"),
    ("mail", "Mails"),
    ("plan", "Digests to plan"),
];

/// Returns the name of a channel for people.
pub(super) fn channel_name(channel: &str) -> &str {
    let found = CHANNELS.iter().find(|(known, _)| *known == channel);
    found.map_or(channel, |(_, name)| name)
}

pub(super) fn section(counts: &BTreeMap<&'static str, DeliveryCounts>) -> String {
    let rows = CHANNELS.iter().map(|(channel, name)| {
        let counts = counts.get(channel).copied().unwrap_or_default();
        let latency = match counts.due {
            0 => "none waits".to_owned(),
            _ => duration(counts.latency_ms),
        };
        let cells = [
            ("Due", counts.due.to_string()),
            ("Later", counts.later.to_string()),
            ("Dead", counts.dead.to_string()),
            ("Oldest waits", latency),
        ];
        row(name, &cells)
    });
    let rows: String = rows.collect();
    let columns = ["Queue", "Due", "Later", "Dead", "Oldest waits"];
    format!(
        r#"<section aria-labelledby="queues"><h2 id="queues">Queues</h2>{}</section>"#,
        table("numbers", "queues", &columns, &rows),
    )
}
