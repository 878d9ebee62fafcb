//! Follows what comes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::timeout;

use crate::Outcome;
use crate::cli::Target;
use crate::output::Output;
use crate::server::Server;

/// How often it looks though nothing rings: leases that end and schedules do not.
const READ_INTERVAL: Duration = Duration::from_secs(1);

/// How many of the last messages are known: more than any context keeps.
const MAX_PRINTED: usize = 4_096;

pub(crate) async fn run(server: &Server, target: &Target, output: &Output) -> Outcome {
    let context = target.context()?;
    let salver = server.salver(context.app())?;
    let mut listener = salver.listen(context);
    let mut printed = VecDeque::new();
    loop {
        let found = server.with_diagnosis(&salver, salver.peek(context)).await?;
        for message in &found {
            if !printed.contains(&message.id()) {
                output.message(context, message)?;
                printed.push_back(message.id());
            }
        }
        // One that a page gives back is not said again; those of long ago do not come back.
        printed.drain(..printed.len().saturating_sub(MAX_PRINTED));
        // Nothing rang in time: look all the same.
        let _ = timeout(READ_INTERVAL, listener.changed()).await;
    }
}
