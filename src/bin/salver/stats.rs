//! Counts the messages of an application.

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
    let all = server.with_diagnosis(&salver, salver.stats(|_| ())).await?;
    let value = json!({
        "contexts": all.contexts,
        "messages": all.messages,
        "bytes": all.bytes,
        "oldest": all.oldest,
        "contexts_by_messages": all.by_messages,
    });
    output.print(|| report(&all), value)?;
    Ok(true)
}

fn report(all: &StoreStats) -> String {
    let mut context = format!(
        "contexts {:>12}\nmessages {:>12}\nbytes    {:>12}\noldest   {:>12}",
        number(all.contexts),
        number(all.messages),
        number(all.bytes),
        all.oldest.map_or("-".to_owned(), ago),
    );
    let most = all.by_messages.iter().max().copied().unwrap_or_default();
    if most == 0 {
        return context;
    }
    context.push_str("\n\nmessages     contexts");
    for (size, count) in all.by_messages.iter().enumerate() {
        let (from, to) = (1_u64 << size, (2_u64 << size) - 1);
        let range = match size {
            0 => "1".to_owned(),
            _ if size + 1 == all.by_messages.len() => format!("{from} or more"),
            _ => format!("{from} to {to}"),
        };
        let length = (count * MAX_BAR_LEN).div_ceil(most);
        let bar = "#".repeat(usize::try_from(length).unwrap_or_default());
        // Writing into a string cannot fail.
        let _ = write!(context, "\n{range:10} {:>10} {bar}", number(*count));
    }
    context
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}
