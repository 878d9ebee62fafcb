//! Listeners on contexts, and the times at which they receive a change.

use std::time::Duration;

use actix_web::rt::{spawn, time::timeout};
use comparison::listener::{VisitorGroup, now};
use comparison::{Result, visitors};
use salver::Salver;
use salver::store::Listener;

/// Longest wait for a change. A change that arrives later counts as lost.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);

/// Listens on the contexts of the visitors, and prints the time at which each changed.
pub(crate) async fn listen(salver: &Salver, group: VisitorGroup) -> Result {
    let tasks: Result<Vec<Vec<_>>> = (0..group.tasks)
        .map(|task| {
            let listen = |number| Ok((number, salver.listen(&visitors::context(number)?)));
            group.numbers_of_task(task).map(listen).collect()
        })
        .collect();
    let tasks: Vec<_> = tasks?
        .into_iter()
        .map(|listeners| spawn(wait_for_each(listeners)))
        .collect();
    println!("listening");
    let mut times = Vec::with_capacity(group.visitors);
    for task in tasks {
        times.extend(task.await?);
    }
    for (number, time) in times {
        match time {
            Some(time) => println!("{number} {time}"),
            None => println!("{number}"),
        }
    }
    Ok(())
}

/// Waits for the listeners one after the other, in the order in which the other process adds.
async fn wait_for_each(listeners: Vec<(usize, Listener)>) -> Vec<(usize, Option<u64>)> {
    let mut times = Vec::with_capacity(listeners.len());
    for (number, mut listener) in listeners {
        let changed = timeout(CHANGE_TIMEOUT, listener.changed()).await;
        times.push((number, changed.ok().map(|()| now())));
    }
    times
}
