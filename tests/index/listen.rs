//! Waiting for a context without asking.

use std::time::{Duration, Instant};

use salver::store::RedisStore;
use salver::{Context, Message, Salver, View};
use tokio::time::timeout;

use super::foreign_zadd;
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;
use crate::support::{at, eventually, session};

/// Long enough for any ring on a busy machine; a watch that nobody tells rings later by itself.
const SOON: Duration = Duration::from_millis(700);

fn redis(url: &str) -> Salver {
    Salver::new("app", RedisStore::new(url).unwrap()).unwrap()
}

/// Waits until a watch is told of changes: until then it rings once a second.
async fn told(salver: &Salver) -> salver::store::Listener {
    let context = at("ada", "p");
    let mut watch = salver.listen(&context);
    for _ in 0..10 {
        while timeout(Duration::from_millis(20), watch.changed())
            .await
            .is_ok()
        {}
        if timeout(Duration::from_millis(1_200), watch.changed())
            .await
            .is_err()
        {
            return watch;
        }
    }
    panic!("nobody tells the watch");
}

#[tokio::test]
async fn a_watch_rings_for_its_context_and_no_other() {
    let server = Server::start();
    for (salver, other) in [
        (Salver::memory("app").unwrap(), None),
        (redis(&server.url()), Some(redis(&server.url()))),
    ] {
        let other = other.unwrap_or_else(|| salver.clone());
        let mut watch = told(&salver).await;
        for context in [at("ada", "p"), at("ada", "p").with_view(View::ANY)] {
            other.add(&context, Message::info("text")).await.unwrap();
            timeout(SOON, watch.changed()).await.expect("no ring");
            while timeout(Duration::from_millis(50), watch.changed())
                .await
                .is_ok()
            {}
        }
        for context in [at("ada", "q"), at("bob", "p")] {
            other.add(&context, Message::info("text")).await.unwrap();
            let rung = timeout(Duration::from_millis(100), watch.changed()).await;
            assert!(rung.is_err(), "it rang for {context:?}");
        }
    }
}

/// A ring is kept for whoever is not waiting just now, and many are one.
#[tokio::test]
async fn rings_are_kept_and_become_one() {
    let salver = Salver::memory("app").unwrap();
    let context = at("ada", "p");
    let mut watch = salver.listen(&context);
    for _ in 0..100 {
        salver.add(&context, Message::info("text")).await.unwrap();
    }
    timeout(SOON, watch.changed())
        .await
        .expect("the rings were not kept");
    let second = timeout(Duration::from_millis(100), watch.changed()).await;
    assert!(second.is_err(), "100 rings are more than one");
}

#[tokio::test]
async fn a_foreign_zadd_rings() {
    let server = Server::start();
    let salver = redis(&server.url());
    let mut watch = told(&salver).await;
    foreign_zadd(&server, &at("ada", "p"), "from a shell");
    timeout(SOON, watch.changed()).await.expect("no ring");
}

/// Of a flush no context is told: all may have changed.
#[tokio::test]
async fn a_flush_rings_every_watch() {
    let server = Server::start();
    let salver = redis(&server.url());
    let mut watch = told(&salver).await;
    let _: String = server.run(&[b"FLUSHALL"]);
    timeout(SOON, watch.changed()).await.expect("no ring");
}

/// Many watches, one connection.
#[tokio::test]
async fn watches_share_one_connection() {
    let server = Server::start();
    let salver = redis(&server.url());
    let mut watches: Vec<_> = (0..1000)
        .map(|n| salver.listen(&at(&format!("v{n}"), "p")))
        .collect();
    let _told = told(&salver).await;
    assert_eq!(super::listening(&server).len(), 1);
    while timeout(Duration::from_millis(20), watches[7].changed())
        .await
        .is_ok()
    {}
    salver
        .add(&at("v7", "p"), Message::info("text"))
        .await
        .unwrap();
    timeout(SOON, watches[7].changed()).await.expect("no ring");
}

/// While nobody tells, a watch has its reader look once a second, and at once when what is known is lost.
#[tokio::test]
async fn a_watch_that_nobody_tells_rings_by_itself() {
    let server = Server::start();
    let (proxy, url) = Proxy::doing(Fault::None, &server.url());
    let salver = redis(&url);
    let mut watch = told(&salver).await;
    proxy.set(Fault::Refuse);
    timeout(SOON, watch.changed())
        .await
        .expect("the loss does not ring");
    for _ in 0..3 {
        let started = Instant::now();
        timeout(Duration::from_secs(3), watch.changed())
            .await
            .expect("nothing rings");
        let waited = started.elapsed().as_millis();
        assert!((500..1_500).contains(&waited), "{waited} ms: once a second");
    }
    proxy.set(Fault::None);
    let sound = redis(&server.url());
    sound
        .add(&at("ada", "p"), Message::info("text"))
        .await
        .unwrap();
    timeout(Duration::from_secs(3), watch.changed())
        .await
        .expect("nothing rings");
}

/// What changed while nobody told rings when somebody tells again, however busy the reader was.
#[tokio::test]
async fn what_changed_in_a_gap_rings_after_it() {
    let server = Server::start();
    let (proxy, url) = Proxy::doing(Fault::None, &server.url());
    let salver = redis(&url);
    let mut watch = told(&salver).await;
    proxy.set(Fault::Refuse);
    timeout(SOON, watch.changed())
        .await
        .expect("the loss does not ring");
    foreign_zadd(&server, &at("ada", "p"), "from a shell");
    proxy.set(Fault::None);
    // The reader is busy until all is known again.
    let _others = told(&salver).await;
    timeout(Duration::from_millis(100), watch.changed())
        .await
        .expect("the gap does not ring");
}

/// A watch outlives its store without waiting for ever.
#[tokio::test]
async fn a_watch_whose_store_is_gone_rings() {
    let server = Server::start();
    let salver = redis(&server.url());
    let mut watch = told(&salver).await;
    drop(salver);
    timeout(SOON, watch.changed())
        .await
        .expect("the end of the store does not ring");
}

/// Whoever watches for names that strangers choose has as many connections as watches at most, and one more.
#[tokio::test]
async fn names_from_outside_do_not_pile_up() {
    let server = Server::start();
    // As a user with all rights: those on the deployment page are for one application.
    let salver = redis(&format!("redis://127.0.0.1:{}", server.port));
    let mut kept = told(&salver).await;
    for n in 0..5 {
        let stranger = Context::new(format!("stranger{n}"), session("ada"), View::ANY);
        drop(salver.listen(&stranger.unwrap()));
        eventually("all but the last have ended", async || {
            (super::listening(&server).len() == 2).then_some(())
        })
        .await;
    }
    while timeout(Duration::from_millis(20), kept.changed())
        .await
        .is_ok()
    {}
    foreign_zadd(&server, &at("ada", "p"), "to whom it concerns");
    timeout(SOON, kept.changed())
        .await
        .expect("what is watched has ended");
}
