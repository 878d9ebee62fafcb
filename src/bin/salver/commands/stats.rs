//! `stats`: counts the messages of an application.

use std::fmt::Write;

use salver::store::StoreStats;
use serde_json::json;

use crate::Outcome;
use crate::output::{Output, ago, number};
use crate::server::Server;

/// Longest bar of the histogram, in characters.
const MAX_BAR_LEN: u64 = 40;

pub(crate) async fn run(server: &Server, app: &str, output: &Output) -> Outcome {
    let salver = server.salver(app)?;
    let stats = server.with_diagnosis(&salver, salver.stats(|_| ())).await?;
    let value = json!({
        "contexts": stats.contexts,
        "messages": stats.messages,
        "bytes": stats.bytes,
        "oldest": stats.oldest,
        "contexts_by_messages": stats.by_messages,
    });
    output.print(|| report(&stats), value)?;
    Ok(true)
}

fn report(stats: &StoreStats) -> String {
    let mut text = format!(
        "contexts {:>12}\nmessages {:>12}\nbytes    {:>12}\noldest   {:>12}",
        number(stats.contexts),
        number(stats.messages),
        number(stats.bytes),
        stats.oldest.map_or("-".to_owned(), ago),
    );
    let largest = stats.by_messages.iter().max().copied().unwrap_or_default();
    if largest == 0 {
        return text;
    }
    text.push_str("\n\nmessages     contexts");
    for (size, count) in stats.by_messages.iter().enumerate() {
        let (from, to) = (1_u64 << size, (2_u64 << size) - 1);
        let range = match size {
            0 => "1".to_owned(),
            _ if size + 1 == stats.by_messages.len() => format!("{from} or more"),
            _ => format!("{from} to {to}"),
        };
        let length = (count * MAX_BAR_LEN).div_ceil(largest);
        let bar = "#".repeat(usize::try_from(length).unwrap_or_default());
        // Writing into a string cannot fail.
        let _ = write!(text, "\n{range:10} {:>10} {bar}", number(*count));
    }
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}
