//! Follows what comes.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::timeout;

use crate::Outcome;
use crate::args::{Address, Server};
use crate::say::Say;
use crate::trouble::Trouble;

/// How often it looks though nothing rings: leases that end and schedules do not.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn run(server: &Server, address: &Address, say: &Say) -> Outcome {
    let page = address.page()?;
    let salver = server.salver(page.app())?;
    let mut watch = salver.watch(page);
    let mut said = HashSet::new();
    loop {
        let found = match salver.peek(page).await {
            Ok(found) => found,
            Err(error) => return Err(Trouble::at(server, &salver, error).await),
        };
        for message in &found {
            if said.insert(message.id()) {
                say.message(page, message)?;
            }
        }
        // What is not there any more need not be known.
        said.retain(|id| found.iter().any(|message| message.id() == *id));
        // Nothing rang in time: look all the same.
        let _ = timeout(LOOK, watch.rung()).await;
    }
}
