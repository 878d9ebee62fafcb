//! Watches, and when they rang.

use std::time::Duration;

use actix_web::rt::{spawn, time::timeout};
use comparison::listener::{Crowd, now};
use comparison::{Outcome, visitors};
use salver::Salver;
use salver::store::Listener;

/// How long a ring is waited for: one that is so late is lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches the contexts of people, and prints when each rang.
pub(crate) async fn watch(salver: &Salver, crowd: Crowd) -> Outcome {
    let lanes: Outcome<Vec<Vec<_>>> = (0..crowd.lanes)
        .map(|lane| {
            let watch = |number| Ok((number, salver.listen(&visitors::context(number)?)));
            crowd.lane(lane).map(watch).collect()
        })
        .collect();
    let lanes: Vec<_> = lanes?.into_iter().map(|lane| spawn(hear(lane))).collect();
    println!("watching");
    let mut heard = Vec::with_capacity(crowd.people);
    for lane in lanes {
        heard.extend(lane.await?);
    }
    for (number, time) in heard {
        match time {
            Some(time) => println!("{number} {time}"),
            None => println!("{number}"),
        }
    }
    Ok(())
}

/// Hears one watch after the other: whoever adds goes on when the one before is added.
async fn hear(lane: Vec<(usize, Listener)>) -> Vec<(usize, Option<u64>)> {
    let mut heard = Vec::with_capacity(lane.len());
    for (number, mut listener) in lane {
        let rang = timeout(PATIENCE, listener.changed()).await;
        heard.push((number, rang.ok().map(|()| now())));
    }
    heard
}
