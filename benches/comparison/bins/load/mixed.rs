//! The traffic of a site: for each visitor who posts a form, follows the redirect and sees the message,
//! 19 others get a page with nothing pending. So of 100 pages, 95 are idle and 5 end a cycle.

use std::io::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{Client, Counts};
use crate::phase::Phase;
use crate::{join_all, sum};

/// Visitors of one connection. In each round another one of them posts the form.
const VISITORS_PER_CONNECTION: usize = 20;

/// Runs clients that each send their next request as soon as they have a response. Counts pages.
pub(crate) async fn run(
    address: SocketAddr,
    clients: usize,
    time: Duration,
) -> Result<(Counts, Duration)> {
    let phase = Arc::new(Phase::default());
    let mut tasks = Vec::with_capacity(clients);
    for first in 0..clients {
        let mut client = Client::connect(address, VISITORS_PER_CONNECTION).await?;
        client.expire_cookies();
        tasks.push(tokio::spawn(run_client(client, first, Arc::clone(&phase))));
    }
    let measured = phase.run(time).await;
    let clients = join_all(tasks).await?;
    Ok((sum(&clients), measured))
}

/// `first`: the place in the round at which the client begins. Otherwise all would post at once.
async fn run_client(mut client: Client, first: usize, phase: Arc<Phase>) -> Result<Client> {
    let mut turn = first;
    while !phase.is_finished() {
        let (round, visitor) = (
            turn / VISITORS_PER_CONNECTION,
            turn % VISITORS_PER_CONNECTION,
        );
        if visitor == round % VISITORS_PER_CONNECTION {
            client.cycle(visitor).await?;
            // Idle pages come some time after the last message.
            client.expire_cookies_of(visitor);
        } else {
            client.get_idle(visitor).await?;
        }
        turn += 1;
        if phase.is_measuring() {
            client.counts.measured += 1;
        }
    }
    Ok(client)
}
