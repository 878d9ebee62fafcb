//! Many tabs that read the same contexts concurrently.

use std::sync::Arc;
use std::time::Duration;

use salver::store::{Limits, RedisStore, Store};
use salver::{Context, Message};

use crate::support::history::{History, Row};
use crate::support::monitor::Monitor;
use crate::support::profile::by_profile;
use crate::support::redis::{Server, pending};
use crate::support::{at, encode_all};

const TABS: usize = 64;
const CONTEXTS: usize = 1_000;
const BATCH: usize = 10;
const LEASE: Duration = Duration::from_secs(60);
const AGE: Duration = Duration::from_secs(3600);

/// How a tab reads.
#[derive(Clone, Copy)]
enum Read {
    ClaimAndConfirm,
    Take,
}

/// Tabs that claim and confirm compete for the messages that a writer adds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_claims_return_each_message_to_one_tab() {
    let messages = by_profile(20_000, 200_000);
    compete("concurrent_claims", messages, |_| Read::ClaimAndConfirm).await;
}

/// Every fourth tab takes, the others claim and confirm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_takes_return_each_message_to_one_caller() {
    let how = |tab: usize| match tab % 4 {
        0 => Read::Take,
        _ => Read::ClaimAndConfirm,
    };
    compete("concurrent_takes", by_profile(100_000, 1_000_000), how).await;
}

/// [`TABS`] tabs compete for this number of messages while a writer adds them. Each tab reads as
/// `how` says.
async fn compete(test: &'static str, messages: usize, how: impl Fn(usize) -> Read) {
    let server = Server::start();
    let history = History::default();
    let monitor = Monitor::start(&server, &history);
    let store: Arc<dyn Store> = Arc::new(RedisStore::new(&server.url()).unwrap());
    let contexts: Arc<Vec<Context>> = Arc::new(
        (0..CONTEXTS)
            .map(|n| at(&format!("visitor{n}"), "settings"))
            .collect(),
    );

    let writer = tokio::spawn(write(
        messages,
        store.clone(),
        contexts.clone(),
        history.clone(),
    ));
    let tabs: Vec<_> = (0..TABS)
        .map(|tab| {
            let (store, contexts) = (store.clone(), contexts.clone());
            tokio::spawn(read(tab, how(tab), store, contexts, history.clone()))
        })
        .collect();
    writer.await.unwrap();
    for tab in tabs {
        assert_eq!(tab.await.unwrap(), 0, "messages were returned out of order");
    }
    // The tabs stop early if the writer is slower than they are. This takes the remaining messages.
    for context in &*contexts {
        let one = std::slice::from_ref(context);
        history.record_received_messages(context, &store.take(one, AGE).await.unwrap().messages);
    }

    monitor.catch_up(&server);
    let verdict = history.verdict(&pending(&server, &contexts));
    assert_eq!(verdict.n, messages);
    assert_eq!((verdict.received, verdict.again), (verdict.n, 0));
    Row {
        test,
        verdict,
        more: format!("tabs={TABS} contexts={CONTEXTS}"),
        ..Row::default()
    }
    .report();
}

async fn write(
    messages: usize,
    store: Arc<dyn Store>,
    contexts: Arc<Vec<Context>>,
    history: History,
) {
    for _ in 0..messages / CONTEXTS / BATCH {
        for context in &*contexts {
            let batch: Vec<_> = (0..BATCH).map(|_| history.message(context)).collect();
            store
                .add(
                    context,
                    &encode_all(batch.iter().cloned()),
                    &Limits::default(),
                )
                .await
                .unwrap();
            batch
                .iter()
                .for_each(|message| history.record_acknowledged(message));
        }
    }
}

/// Reads contexts until as many consecutive reads as there are contexts return nothing. Returns the
/// number of reads whose messages were out of order.
async fn read(
    tab: usize,
    how: Read,
    store: Arc<dyn Store>,
    contexts: Arc<Vec<Context>>,
    history: History,
) -> usize {
    let (mut out_of_order, mut empty, mut n) = (0, 0, tab);
    while empty < CONTEXTS {
        n = (n + 7) % CONTEXTS;
        let one = &contexts[n..=n];
        let messages = match how {
            Read::Take => store.take(one, AGE).await.unwrap().messages,
            Read::ClaimAndConfirm => {
                let claim = store.claim(one, LEASE, AGE).await.unwrap();
                store.confirm(&claim).await.unwrap();
                claim.result.messages
            }
        };
        empty = if messages.is_empty() { empty + 1 } else { 0 };
        out_of_order += usize::from(!messages.is_sorted_by_key(Message::id));
        history.record_received_messages(&one[0], &messages);
    }
    out_of_order
}
