//! Every error that a real Redis can answer, for every operation: what the caller is told.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use salver::store::{Claim, Limits, RedisStore, Selector, Store};
use salver::{Context, Error, Message};

use crate::support::redis::Server;
use crate::support::{at, eventually};

const LEASE: Duration = Duration::from_secs(15);
const AGE: Duration = Duration::from_secs(3600);
const OPERATIONS: [&str; 7] = [
    "peek", "claim", "add", "confirm", "take", "retract", "release",
];

/// What the page `promises` says of an error.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    Fine,
    Unavailable,
    Full,
    Denied,
    Unreadable,
}

fn documented(code: &str, operation: &str) -> Class {
    match (code, operation) {
        ("READONLY" | "MISCONF" | "NOREPLICAS", "peek" | "claim") => Class::Fine,
        ("OOM", "add") => Class::Full,
        ("OOM", _) => Class::Fine,
        ("NOAUTH" | "NOPERM", _) => Class::Denied,
        ("WRONGTYPE", _) => Class::Unreadable,
        _ => Class::Unavailable,
    }
}

fn class(outcome: &Result<(), Error>) -> Class {
    match outcome {
        Ok(()) => Class::Fine,
        Err(error) if error.is_unavailable() => Class::Unavailable,
        Err(error) if error.is_full() => Class::Full,
        Err(error) if error.is_denied() => Class::Denied,
        Err(error) if error.is_unreadable() => Class::Unreadable,
        Err(error) => panic!("{error} is of no class"),
    }
}

/// A server, with a visitor's page on which something is pending and something is claimed.
struct Scene {
    server: Server,
    page: Context,
    claim: Claim,
}

impl Scene {
    async fn on(server: Server) -> Self {
        let (store, page) = (RedisStore::new(&server.url()).unwrap(), at("ada", "page"));
        let limits = Limits::default();
        store
            .add(&page, &[Message::info("claimed")], &limits)
            .await
            .unwrap();
        let one = std::slice::from_ref(&page);
        let claim = store.claim(one, LEASE, AGE).await.unwrap();
        store
            .add(&page, &[Message::info("pending").tag("tag")], &limits)
            .await
            .unwrap();
        Self {
            server,
            page,
            claim,
        }
    }

    async fn new() -> Self {
        Self::on(Server::start()).await
    }

    /// Does one thing as a client that finds the server as it is now.
    async fn does(&self, operation: &str, url: &str) -> Result<(), Error> {
        let store = Arc::new(RedisStore::new(url).unwrap());
        let (contexts, limits) = (self.page.read_contexts(), Limits::default());
        match operation {
            "peek" => store.peek(&contexts, AGE).await.map(drop),
            "claim" => store.claim(&contexts, LEASE, AGE).await.map(drop),
            "add" => store
                .add(&self.page, &[Message::info("new")], &limits)
                .await
                .map(drop),
            "confirm" => store.confirm(&self.claim).await,
            "take" => store.take(&contexts, AGE).await.map(drop),
            "retract" => store
                .retract(&self.page, &Selector::from("tag"))
                .await
                .map(drop),
            _ => store.release(&self.claim).await,
        }
    }

    /// Tries every operation; tells how many were classified as documented.
    async fn judge(&self, code: &str, url: &str) -> usize {
        for operation in OPERATIONS {
            let outcome = self.does(operation, url).await;
            let (found, expected) = (class(&outcome), documented(code, operation));
            assert_eq!(found, expected, "{code} for {operation}: {outcome:?}");
            let Err(error) = outcome else {
                continue;
            };
            let said = error
                .source()
                .expect("an error of Redis has a cause")
                .to_string();
            assert!(
                said.to_uppercase().contains(hint(code)),
                "{code} for {operation}: {said}"
            );
            let again = error.retry_after().is_some();
            assert_eq!(
                again,
                expected == Class::Unavailable,
                "{code} for {operation}"
            );
        }
        OPERATIONS.len()
    }
}

/// What the client's text of an error has to hold to be that error.
fn hint(code: &str) -> &str {
    match code {
        "NOPERM" => "PERMISSIONS",
        "NOAUTH" => "AUTH",
        other => other,
    }
}

fn set(server: &Server, name: &str, value: &str) {
    let _: String = server.run(&[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()]);
}

fn info(server: &Server, line: &str) -> bool {
    let info: String = server.run(&[b"INFO"]);
    info.lines().any(|found| found == line)
}

async fn until(server: &Server, line: &'static str) {
    eventually(line, async || info(server, line).then_some(())).await;
}

async fn replica() -> (Scene, Server) {
    let primary = Scene::new().await;
    let port = primary.server.port.to_string();
    let replica = Server::start_with(&["--replicaof", "127.0.0.1", &port]);
    until(&replica, "master_link_status:up").await;
    (primary, replica)
}

async fn readonly() -> usize {
    let (primary, replica) = replica().await;
    primary.judge("READONLY", &replica.url()).await
}

async fn masterdown() -> usize {
    let (mut primary, replica) = replica().await;
    set(&replica, "replica-serve-stale-data", "no");
    primary.server.kill();
    until(&replica, "master_link_status:down").await;
    primary.judge("MASTERDOWN", &replica.url()).await
}

async fn oom() -> usize {
    let scene = Scene::new().await;
    set(&scene.server, "maxmemory", "1");
    scene.judge("OOM", &scene.server.url()).await
}

async fn misconf() -> usize {
    let scene = Scene::new().await;
    std::fs::remove_dir_all(scene.server.folder()).unwrap();
    set(&scene.server, "save", "3600 1");
    let _: String = scene.server.run(&[b"BGSAVE"]);
    until(&scene.server, "rdb_last_bgsave_status:err").await;
    scene.judge("MISCONF", &scene.server.url()).await
}

async fn noreplicas() -> usize {
    let scene = Scene::new().await;
    set(&scene.server, "min-replicas-to-write", "1");
    scene.judge("NOREPLICAS", &scene.server.url()).await
}

async fn loading() -> usize {
    let slow = [
        "--key-load-delay",
        "1000",
        "--loading-process-events-interval-bytes",
        "1024",
    ];
    let mut scene = Scene::on(Server::start_with(&slow)).await;
    let fill =
        "for i = 1, 20000 do redis.call('SET', 'fill' .. i, string.rep('x', 100)) end return ''";
    let _: String = scene.server.run(&[b"EVAL", fill.as_bytes(), b"0"]);
    let _: String = scene.server.run(&[b"SAVE"]);
    scene.server.kill();
    scene.server.spawn_again();
    eventually("it is loading", async || {
        let error = scene.does("peek", &scene.server.url()).await.err()?;
        let said = error.source()?.to_string().to_uppercase();
        said.contains("LOADING").then_some(())
    })
    .await;
    scene.judge("LOADING", &scene.server.url()).await
}

async fn busy() -> usize {
    let scene = Scene::new().await;
    set(&scene.server, "busy-reply-threshold", "1");
    let mut connection = scene.server.connect();
    let script = std::thread::spawn(move || {
        let endless = redis::cmd("EVAL")
            .arg("while true do end")
            .arg(0)
            .query::<()>(&mut connection);
        assert!(endless.unwrap_err().to_string().contains("killed"));
    });
    eventually("it is busy", async || {
        let error = scene.does("peek", &scene.server.url()).await.err()?;
        error.source()?.to_string().contains("BUSY").then_some(())
    })
    .await;
    let judged = scene.judge("BUSY", &scene.server.url()).await;
    let _: String = scene.server.run(&[b"SCRIPT", b"KILL"]);
    script.join().unwrap();
    judged
}

async fn noauth() -> usize {
    let scene = Scene::new().await;
    let url = scene.server.url();
    set(&scene.server, "requirepass", "secret");
    scene.judge("NOAUTH", &url).await
}

async fn noperm() -> usize {
    let scene = Scene::new().await;
    let rights: [&[u8]; 7] = [
        b"ACL", b"SETUSER", b"weak", b"on", b">pw", b"+hello", b"+client",
    ];
    let _: String = scene.server.run(&rights);
    let url = format!("redis://weak:pw@127.0.0.1:{}", scene.server.port);
    scene.judge("NOPERM", &url).await
}

async fn wrongtype() -> usize {
    let scene = Scene::new().await;
    let key = scene.page.key();
    let _: i32 = scene.server.run(&[b"DEL", key.as_bytes()]);
    let _: String = scene
        .server
        .run(&[b"SET", key.as_bytes(), b"not a sorted set"]);
    scene.judge("WRONGTYPE", &scene.server.url()).await
}

async fn clusterdown() -> usize {
    let mut scene = Scene::new().await;
    // The same visitor, on a Cluster of which nobody has the slots.
    scene.server = Server::start_with(&["--cluster-enabled", "yes"]);
    scene.judge("CLUSTERDOWN", &scene.server.url()).await
}

async fn tryagain() -> usize {
    let alone = ["--cluster-enabled", "yes"];
    let (server, other) = (Server::start_with(&alone), Server::start_with(&alone));
    let _: String = server.run(&[b"CLUSTER", b"ADDSLOTSRANGE", b"0", b"16383"]);
    let port = other.port.to_string();
    let _: String = server.run(&[b"CLUSTER", b"MEET", b"127.0.0.1", port.as_bytes()]);
    let id: String = other.run(&[b"CLUSTER", b"MYID"]);
    eventually("the nodes have met", async || {
        let nodes: String = server.run(&[b"CLUSTER", b"NODES"]);
        let state: String = server.run(&[b"CLUSTER", b"INFO"]);
        (nodes.contains(&id) && !nodes.contains("handshake") && state.contains("state:ok"))
            .then_some(())
    })
    .await;
    let mut scene = Scene::on(server).await;
    let slot: u16 = scene
        .server
        .run(&[b"CLUSTER", b"KEYSLOT", scene.page.key().as_bytes()]);
    let slot = slot.to_string();
    let moving: [&[u8]; 5] = [
        b"CLUSTER",
        b"SETSLOT",
        slot.as_bytes(),
        b"MIGRATING",
        id.as_bytes(),
    ];
    let _: String = scene.server.run(&moving);
    // Its book is here still, this page of it is not: half of what a script needs.
    scene.page = at("ada", "moved");
    let held = std::mem::take(&mut scene.claim.members);
    scene.claim.members = held
        .into_iter()
        .map(|held| salver::store::ClaimedMembers::new(scene.page.clone(), held.members))
        .collect();
    let judged = ["peek", "claim", "add", "confirm", "take"];
    for operation in judged {
        let outcome = scene.does(operation, &scene.server.url()).await;
        assert_eq!(
            class(&outcome),
            Class::Unavailable,
            "TRYAGAIN for {operation}: {outcome:?}"
        );
        let said = outcome
            .unwrap_err()
            .source()
            .unwrap()
            .to_string()
            .to_uppercase();
        assert!(said.contains("TRYAGAIN"), "{operation}: {said}");
    }
    judged.len()
}

/// 12 codes x 7 operations: each is told as documented.
#[tokio::test]
async fn error_replies() {
    let mut classified = 0;
    classified += readonly().await + masterdown().await + oom().await + misconf().await;
    classified += noreplicas().await + loading().await + busy().await + noauth().await;
    classified += noperm().await + wrongtype().await + clusterdown().await + tryagain().await;
    println!(
        "FAULT error_replies n={classified} lost=0 handed=0 twice=0 again=0 foreign=0 \
         worst_wait_ms=0 recovery_ms=0 codes=12 wrongly_classified=0"
    );
}
