//! `tail`: prints new messages as they become visible.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::timeout;

use crate::Outcome;
use crate::cli::Target;
use crate::output::Output;
use crate::server::Server;

/// Interval of reads without a change. A lease that expires and a delayed message that becomes
/// visible change no key.
const READ_INTERVAL: Duration = Duration::from_secs(1);

/// Number of printed ids to remember, more than any context holds.
const MAX_PRINTED: usize = 4_096;

pub(crate) async fn run(server: &Server, target: &Target, output: &Output) -> Outcome {
    let context = target.context()?;
    let salver = server.salver(context.app())?;
    let mut listener = salver.listen(context);
    let mut printed = VecDeque::new();
    loop {
        let messages = server.with_diagnosis(&salver, salver.peek(context)).await?;
        for message in &messages {
            if !printed.contains(&message.id()) {
                output.message(context, message)?;
                printed.push_back(message.id());
            }
        }
        // A message that a page releases is not printed again. Older ids cannot become visible
        // again.
        printed.drain(..printed.len().saturating_sub(MAX_PRINTED));
        // At the timeout, read without a change.
        let _ = timeout(READ_INTERVAL, listener.changed()).await;
    }
}
