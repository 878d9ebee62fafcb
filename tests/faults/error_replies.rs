//! The error replies of a real Redis for every operation, and the errors that the caller receives.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use salver::store::{Claim, Limits, RedisStore, Selector, Store};
use salver::{Context, Error, Message};

use crate::support::redis::Server;
use crate::support::{at, encode_all, eventually};

const LEASE: Duration = Duration::from_secs(15);
const AGE: Duration = Duration::from_secs(3600);
const OPERATIONS: [&str; 7] = [
    "peek", "claim", "add", "confirm", "take", "retract", "release",
];

/// The class of an error, as the guarantees page documents it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    Success,
    Unavailable,
    Full,
    Denied,
    Unreadable,
}

/// Returns the documented class of an error code for an operation.
fn documented(code: &str, operation: &str) -> Class {
    match (code, operation) {
        ("READONLY" | "MISCONF" | "NOREPLICAS", "peek" | "claim") => Class::Success,
        ("OOM", "add") => Class::Full,
        ("OOM", _) => Class::Success,
        ("NOAUTH" | "NOPERM", _) => Class::Denied,
        ("WRONGTYPE", _) => Class::Unreadable,
        _ => Class::Unavailable,
    }
}

fn class(outcome: &Result<(), Error>) -> Class {
    match outcome {
        Ok(()) => Class::Success,
        Err(error) if error.is_unavailable() => Class::Unavailable,
        Err(error) if error.is_full() => Class::Full,
        Err(error) if error.is_denied() => Class::Denied,
        Err(error) if error.is_unreadable() => Class::Unreadable,
        Err(error) => panic!("{error} belongs to no class"),
    }
}

/// A server, and a context with one pending and one claimed message.
struct ErrorReplyFixture {
    server: Server,
    context: Context,
    claim: Claim,
}

impl ErrorReplyFixture {
    async fn with_server(server: Server) -> Self {
        let (store, context) = (RedisStore::new(&server.url()).unwrap(), at("ada", "page"));
        let limits = Limits::default();
        store
            .add(&context, &encode_all([Message::info("claimed")]), &limits)
            .await
            .unwrap();
        let contexts = std::slice::from_ref(&context);
        let claim = store.claim(contexts, LEASE, AGE).await.unwrap();
        store
            .add(
                &context,
                &encode_all([Message::info("pending").tag("tag")]),
                &limits,
            )
            .await
            .unwrap();
        Self {
            server,
            context,
            claim,
        }
    }

    async fn new() -> Self {
        Self::with_server(Server::start()).await
    }

    /// Runs one operation with a new connection.
    async fn run_operation(&self, operation: &str, url: &str) -> Result<(), Error> {
        let store = Arc::new(RedisStore::new(url).unwrap());
        let (contexts, limits) = (self.context.contexts_to_read(), Limits::default());
        match operation {
            "peek" => store.peek(&contexts, AGE).await.map(drop),
            "claim" => store.claim(&contexts, LEASE, AGE).await.map(drop),
            "add" => store
                .add(&self.context, &encode_all([Message::info("new")]), &limits)
                .await
                .map(drop),
            "confirm" => store.confirm(&self.claim).await,
            "take" => store.take(&contexts, AGE).await.map(drop),
            "retract" => store
                .retract(&self.context, &Selector::from("tag"))
                .await
                .map(drop),
            _ => store.release(&self.claim).await,
        }
    }

    /// Runs every operation and checks its error class. Returns the number of operations.
    async fn check_all(&self, code: &str, url: &str) -> usize {
        for operation in OPERATIONS {
            let outcome = self.run_operation(operation, url).await;
            let (actual, expected) = (class(&outcome), documented(code, operation));
            assert_eq!(actual, expected, "{code} for {operation}: {outcome:?}");
            let Err(error) = outcome else {
                continue;
            };
            let cause = error.source().expect("the error has no cause").to_string();
            assert!(
                cause.to_uppercase().contains(expected_text(code)),
                "{code} for {operation}: {cause}"
            );
            let is_retryable = error.retry_after().is_some();
            assert_eq!(
                is_retryable,
                expected == Class::Unavailable,
                "{code} for {operation}"
            );
        }
        OPERATIONS.len()
    }
}

/// Returns text that the cause of this error contains.
fn expected_text(code: &str) -> &str {
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
    info.lines().any(|other| other == line)
}

async fn wait_for_info(server: &Server, line: &'static str) {
    eventually(line, async || info(server, line).then_some(())).await;
}

async fn replica() -> (ErrorReplyFixture, Server) {
    let primary = ErrorReplyFixture::new().await;
    let port = primary.server.port.to_string();
    let replica = Server::start_with(&["--replicaof", "127.0.0.1", &port]);
    wait_for_info(&replica, "master_link_status:up").await;
    (primary, replica)
}

async fn readonly() -> usize {
    let (primary, replica) = replica().await;
    primary.check_all("READONLY", &replica.url()).await
}

async fn masterdown() -> usize {
    let (mut primary, replica) = replica().await;
    set(&replica, "replica-serve-stale-data", "no");
    primary.server.kill();
    wait_for_info(&replica, "master_link_status:down").await;
    primary.check_all("MASTERDOWN", &replica.url()).await
}

async fn oom() -> usize {
    let fixture = ErrorReplyFixture::new().await;
    set(&fixture.server, "maxmemory", "1");
    fixture.check_all("OOM", &fixture.server.url()).await
}

async fn misconf() -> usize {
    let fixture = ErrorReplyFixture::new().await;
    std::fs::remove_dir_all(fixture.server.folder()).unwrap();
    set(&fixture.server, "save", "3600 1");
    let _: String = fixture.server.run(&[b"BGSAVE"]);
    wait_for_info(&fixture.server, "rdb_last_bgsave_status:err").await;
    fixture.check_all("MISCONF", &fixture.server.url()).await
}

async fn noreplicas() -> usize {
    let fixture = ErrorReplyFixture::new().await;
    set(&fixture.server, "min-replicas-to-write", "1");
    fixture.check_all("NOREPLICAS", &fixture.server.url()).await
}

async fn loading() -> usize {
    let slow = [
        "--key-load-delay",
        "1000",
        "--loading-process-events-interval-bytes",
        "1024",
    ];
    let mut fixture = ErrorReplyFixture::with_server(Server::start_with(&slow)).await;
    let fill =
        "for i = 1, 20000 do redis.call('SET', 'fill' .. i, string.rep('x', 100)) end return ''";
    let _: String = fixture.server.run(&[b"EVAL", fill.as_bytes(), b"0"]);
    let _: String = fixture.server.run(&[b"SAVE"]);
    fixture.server.kill();
    fixture.server.respawn();
    eventually("the server replies LOADING", async || {
        let error = fixture
            .run_operation("peek", &fixture.server.url())
            .await
            .err()?;
        let cause = error.source()?.to_string().to_uppercase();
        cause.contains("LOADING").then_some(())
    })
    .await;
    fixture.check_all("LOADING", &fixture.server.url()).await
}

async fn busy() -> usize {
    let fixture = ErrorReplyFixture::new().await;
    set(&fixture.server, "busy-reply-threshold", "1");
    let mut connection = fixture.server.connect();
    let script = std::thread::spawn(move || {
        let result = redis::cmd("EVAL")
            .arg("while true do end")
            .arg(0)
            .query::<()>(&mut connection);
        assert!(result.unwrap_err().to_string().contains("killed"));
    });
    eventually("the server replies BUSY", async || {
        let error = fixture
            .run_operation("peek", &fixture.server.url())
            .await
            .err()?;
        error.source()?.to_string().contains("BUSY").then_some(())
    })
    .await;
    let checked = fixture.check_all("BUSY", &fixture.server.url()).await;
    let _: String = fixture.server.run(&[b"SCRIPT", b"KILL"]);
    script.join().unwrap();
    checked
}

async fn noauth() -> usize {
    let fixture = ErrorReplyFixture::new().await;
    let url = fixture.server.url();
    set(&fixture.server, "requirepass", "secret");
    fixture.check_all("NOAUTH", &url).await
}

async fn noperm() -> usize {
    let fixture = ErrorReplyFixture::new().await;
    let user: [&[u8]; 7] = [
        b"ACL", b"SETUSER", b"weak", b"on", b">pw", b"+hello", b"+client",
    ];
    let _: String = fixture.server.run(&user);
    let url = format!("redis://weak:pw@127.0.0.1:{}", fixture.server.port);
    fixture.check_all("NOPERM", &url).await
}

async fn wrongtype() -> usize {
    let fixture = ErrorReplyFixture::new().await;
    let key = fixture.context.key();
    let _: i32 = fixture.server.run(&[b"DEL", key.as_bytes()]);
    let _: String = fixture
        .server
        .run(&[b"SET", key.as_bytes(), b"not a sorted set"]);
    fixture.check_all("WRONGTYPE", &fixture.server.url()).await
}

async fn clusterdown() -> usize {
    let mut fixture = ErrorReplyFixture::new().await;
    // The same context on a Cluster in which no node owns the slots.
    fixture.server = Server::start_with(&["--cluster-enabled", "yes"]);
    fixture
        .check_all("CLUSTERDOWN", &fixture.server.url())
        .await
}

async fn tryagain() -> usize {
    let cluster = ["--cluster-enabled", "yes"];
    let (server, other) = (Server::start_with(&cluster), Server::start_with(&cluster));
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
    let mut fixture = ErrorReplyFixture::with_server(server).await;
    let slot: u16 = fixture
        .server
        .run(&[b"CLUSTER", b"KEYSLOT", fixture.context.key().as_bytes()]);
    let slot = slot.to_string();
    let migrating: [&[u8]; 5] = [
        b"CLUSTER",
        b"SETSLOT",
        slot.as_bytes(),
        b"MIGRATING",
        id.as_bytes(),
    ];
    let _: String = fixture.server.run(&migrating);
    // The session index is still on this node and this context is not, so that a script finds only
    // some of its keys.
    fixture.context = at("ada", "moved");
    let members = std::mem::take(&mut fixture.claim.members);
    fixture.claim.members = members
        .into_iter()
        .map(|claimed| salver::store::ClaimedMembers::new(fixture.context.clone(), claimed.members))
        .collect();
    let operations = ["peek", "claim", "add", "confirm", "take"];
    for operation in operations {
        let outcome = fixture
            .run_operation(operation, &fixture.server.url())
            .await;
        assert_eq!(
            class(&outcome),
            Class::Unavailable,
            "TRYAGAIN for {operation}: {outcome:?}"
        );
        let cause = outcome
            .unwrap_err()
            .source()
            .unwrap()
            .to_string()
            .to_uppercase();
        assert!(cause.contains("TRYAGAIN"), "{operation}: {cause}");
    }
    operations.len()
}

/// 12 error codes x 7 operations: every error has its documented class.
#[tokio::test]
async fn error_replies_map_to_documented_errors() {
    let mut classified = 0;
    classified += readonly().await + masterdown().await + oom().await + misconf().await;
    classified += noreplicas().await + loading().await + busy().await + noauth().await;
    classified += noperm().await + wrongtype().await + clusterdown().await + tryagain().await;
    println!(
        "FAULT error_replies n={classified} lost=0 delivered=0 twice=0 again=0 foreign=0 \
         worst_wait_ms=0 recovery_ms=0 codes=12 wrongly_classified=0"
    );
}
