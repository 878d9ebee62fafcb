//! Many claimers at once, on a real server.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use salver::store::{Limits, RedisStore, Store};
use salver::{Message, MessageId};

use crate::support::redis::Server;

const CLAIMERS: usize = 64;
const CONTEXTS: usize = 100;
const MESSAGES: usize = 10_000;
const LEASE: Duration = Duration::from_secs(60);
const AGE: Duration = Duration::from_secs(3600);

/// 64 claimers race for 10,000 messages while they are being added.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_loses_or_shares_a_message() {
    let server = Server::start();
    let store: Arc<dyn Store> = Arc::new(RedisStore::new(&server.url()).unwrap());
    let context = |n: usize| crate::support::at(&format!("visitor-{n}"), "settings");

    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut written = Vec::new();
            for round in 0..MESSAGES / CONTEXTS / 10 {
                for n in 0..CONTEXTS {
                    let batch: Vec<_> = (0..10)
                        .map(|m| Message::info(format!("{n} {round} {m}")))
                        .collect();
                    store
                        .add(&context(n), &batch, &Limits::default())
                        .await
                        .unwrap();
                    written.extend(batch.iter().map(Message::id));
                }
            }
            written
        })
    };
    let claimers: Vec<_> = (0..CLAIMERS)
        .map(|claimer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let (mut seen, mut disordered, mut empty, mut n) = (Vec::new(), 0, 0, claimer);
                while empty < CONTEXTS * 3 {
                    n = (n + 7) % CONTEXTS;
                    let contexts = [context(n)];
                    let claim = store.claim(&contexts, LEASE, AGE).await.unwrap();
                    empty = if claim.messages().is_empty() {
                        empty + 1
                    } else {
                        0
                    };
                    disordered += usize::from(!claim.messages().is_sorted_by_key(Message::id));
                    let prefix = format!("{n} ");
                    let own = |message: &Message| message.text().starts_with(&prefix);
                    assert!(
                        claim.messages().iter().all(own),
                        "a message of another context"
                    );
                    seen.extend(claim.messages().iter().map(Message::id));
                    store.confirm(&claim).await.unwrap();
                }
                (seen, disordered)
            })
        })
        .collect();

    let written = writer.await.unwrap();
    let mut shown: HashMap<MessageId, u32> = HashMap::new();
    let mut disordered = 0;
    for claimer in claimers {
        let (seen, wrong) = claimer.await.unwrap();
        disordered += wrong;
        for id in seen {
            *shown.entry(id).or_default() += 1;
        }
    }
    // What the claimers left when the writer was the slowest of all.
    for n in 0..CONTEXTS {
        for message in store.take(&[context(n)], AGE).await.unwrap().messages {
            *shown.entry(message.id()).or_default() += 1;
        }
    }
    let lost = written.iter().filter(|id| !shown.contains_key(id)).count();
    let twice = shown.values().filter(|times| **times > 1).count();
    let n = written.len();
    println!(
        "LOAD claimers={CLAIMERS} contexts={CONTEXTS} n={n} lost={lost} twice={twice} disordered={disordered}"
    );
    assert_eq!((n, lost, twice, disordered), (MESSAGES, 0, 0, 0));
}
