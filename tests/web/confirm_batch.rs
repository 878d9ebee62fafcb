//! Confirms of several claims with one write.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use futures_util::future::join_all;
use salver::store::{Claim, Limits, RedisStore, Store};
use salver::{Context, Message};

use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::{Server, pending};
use crate::support::site::{PAGE, context_of_ada, html, site_of_ada};
use crate::support::{at, encode_all, eventually, session};

const LEASE: Duration = Duration::from_secs(60);
const MAX_AGE: Duration = Duration::from_secs(86_400);

/// The store of a worker, and three visitors with a message and a claim each.
struct ThreeClaims {
    store: Arc<dyn Store>,
    contexts: Vec<Context>,
    claims: Vec<Claim>,
}

impl ThreeClaims {
    async fn on(url: &str) -> Self {
        let store: Arc<dyn Store> = Arc::new(RedisStore::new(url).unwrap());
        let store = store.for_current_runtime();
        let contexts: Vec<_> = ["ada", "bob", "eve"].map(|name| at(name, "page")).into();
        let mut claims = Vec::new();
        for context in &contexts {
            let messages = encode_all([Message::info("one"), Message::info("two")]);
            let limits = Limits::default();
            store.add(context, &messages, &limits).await.unwrap();
            let claim = store.claim(std::slice::from_ref(context), LEASE, MAX_AGE);
            claims.push(claim.await.unwrap());
        }
        Self {
            store,
            contexts,
            claims,
        }
    }

    async fn confirm(&self) -> Result<bool, salver::Error> {
        let claims: Vec<_> = self.claims.iter().collect();
        self.store.confirm_batch(&claims).unwrap().await
    }
}

#[tokio::test]
async fn batch_removes_claimed_messages_and_no_later_ones() {
    let server = Server::start();
    let all = ThreeClaims::on(&server.url()).await;
    let later = encode_all([Message::info("later")]);
    let [_, bob, _] = all.contexts.as_slice() else {
        unreachable!()
    };
    let limits = Limits::default();
    all.store.add(bob, &later, &limits).await.unwrap();
    assert!(all.confirm().await.unwrap());
    let left = pending(&server, &all.contexts);
    assert_eq!(
        left.into_iter().collect::<Vec<_>>(),
        [later[0].message().id()]
    );
    assert!(!all.confirm().await.unwrap(), "nothing is left to confirm");
    assert_eq!(pending(&server, &all.contexts).len(), 1);
}

/// The script of the last claim, and the number of another one, tell that messages are elsewhere.
#[tokio::test]
async fn moved_session_is_reported_at_each_place_of_batch() {
    for moved in ["ada", "bob", "eve"] {
        let server = Server::start();
        let all = ThreeClaims::on(&server.url()).await;
        let (old, new) = (session(moved), session("new"));
        let limits = Limits::default();
        let migrated = all.store.migrate("app", &old, &new, false, &limits);
        migrated.await.unwrap();
        assert!(!all.confirm().await.unwrap(), "{moved}");
        for claim in &all.claims {
            all.store.confirm(claim).await.unwrap();
        }
        let moved_to = [at("new", "page")];
        assert!(pending(&server, &moved_to).is_empty(), "{moved}");
    }
}

/// A key of another type fails its own command only.
#[tokio::test]
async fn failed_command_of_batch_is_reported_and_hides_no_other() {
    let server = Server::start();
    let all = ThreeClaims::on(&server.url()).await;
    let key = all.contexts[0].key();
    let _: i64 = server.run(&[b"DEL", key.as_bytes()]);
    let _: String = server.run(&[b"SET", key.as_bytes(), b"x"]);
    assert!(!all.confirm().await.unwrap());
    assert!(pending(&server, &all.contexts[1..]).is_empty());
}

#[tokio::test]
async fn batch_runs_on_server_that_has_forgotten_its_scripts() {
    let server = Server::start();
    let all = ThreeClaims::on(&server.url()).await;
    let _: String = server.run(&[b"SCRIPT", b"FLUSH"]);
    assert!(all.confirm().await.unwrap());
    assert!(pending(&server, &all.contexts).is_empty());
}

/// Whatever replies are lost, doubled or swapped: a batch that counts as confirmed is confirmed.
#[tokio::test]
async fn batch_with_foreign_replies_is_not_confirmed() {
    let server = Server::start();
    for fault in [Fault::DropReply, Fault::DuplicateReply, Fault::SwapReplies] {
        for _ in 0..10 {
            let _: String = server.run(&[b"FLUSHALL"]);
            let proxy = Proxy::start(server.port);
            let all = ThreeClaims::on(&proxy.url()).await;
            // What one of the numbers would hide.
            let key = all.contexts[0].key();
            let _: i64 = server.run(&[b"DEL", key.as_bytes()]);
            proxy.set(fault);
            let confirmed = tokio::time::timeout(Duration::from_millis(100), all.confirm());
            let is_confirmed = confirmed
                .await
                .is_ok_and(|confirmed| confirmed.unwrap_or(false));
            assert!(!is_confirmed, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn shared_store_confirms_one_by_one() {
    let server = Server::start();
    let store = RedisStore::new(&server.url()).unwrap();
    assert!(store.confirm_batch(&[&Claim::default()]).is_none());
}

/// Pages that are shown at the same time have their confirms sent together.
#[actix_web::test]
async fn pages_of_one_turn_are_confirmed_together() {
    const PAGES: usize = 20;

    let server = Server::start();
    let salver = salver::Salver::redis("app", &server.url()).unwrap();
    let site = site_of_ada(&salver, |app| {
        for n in 0..PAGES {
            app.route(&format!("/p{n}"), web::get().to(|| async { html(PAGE) }));
        }
    })
    .await;
    let contexts: Vec<_> = (0..PAGES)
        .map(|n| context_of_ada(&salver, format!("p{n}")))
        .collect();
    for context in &contexts {
        salver.add(context, Message::info("shown")).await.unwrap();
    }
    let before = scripts_run(&server);
    let pages = join_all((0..PAGES).map(|n| {
        let (site, path) = (&site, format!("/p{n}"));
        async move { site.get(&path).await }
    }));
    assert!(pages.await.iter().all(|page| page.shows("shown")));
    eventually("all messages are confirmed", async || {
        pending(&server, &contexts).is_empty().then_some(())
    })
    .await;
    let scripts = scripts_run(&server) - before;
    assert!(
        scripts < 2 * PAGES,
        "{scripts} scripts for {PAGES} claims and their confirms"
    );
    println!("COST confirms={PAGES} scripts={}", scripts - PAGES);
}

/// Returns how many times the server has run a script.
fn scripts_run(server: &Server) -> usize {
    let info: String = server.run(&[b"INFO", b"commandstats"]);
    let calls = |line: &str| {
        let rest = line.strip_prefix("cmdstat_evalsha:calls=")?;
        rest.split(',').next()?.parse().ok()
    };
    info.lines().find_map(calls).unwrap_or(0)
}
