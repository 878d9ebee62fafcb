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

pub(crate) async fn run(server: &Server, address: &Target, output: &Output) -> Outcome {
    let page = address.context()?;
    let salver = server.salver(page.app())?;
    let mut watch = salver.listen(page);
    let mut said = VecDeque::new();
    loop {
        let found = server.with_diagnosis(&salver, salver.peek(page)).await?;
        for message in &found {
            if !said.contains(&message.id()) {
                output.message(page, message)?;
                said.push_back(message.id());
            }
        }
        // One that a page gives back is not said again; those of long ago do not come back.
        said.drain(..said.len().saturating_sub(MAX_PRINTED));
        // Nothing rang in time: look all the same.
        let _ = timeout(READ_INTERVAL, watch.changed()).await;
    }
}
