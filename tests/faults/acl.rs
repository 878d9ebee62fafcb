//! The ACL permissions of Salver's Redis user: the documented ones are sufficient, and each of them
//! is necessary.

use std::process::{Command, Stdio};
use std::time::Duration;

use salver::inbox::MAX_NOTIFICATIONS;
use salver::store::{IssueKind, RedisStore};
use salver::{Error, InboxFilter, Message, Notification, ReadState, Recipient, Salver, SessionId};

use crate::support::acl::{PASSWORD, documented, documented_for_clusters, documented_for_inboxes};
use crate::support::cluster::Cluster;
use crate::support::processes::start;
use crate::support::redis::Server;
use crate::support::{at, session};

/// Environment variable with the Redis address for the child process.
const REDIS_URL: &str = "SALVER_TEST_DENIED";

/// Creates a Redis user with these permissions and returns the address to connect as this user.
fn user(server: &Server, name: &str, permissions: &[String]) -> String {
    let mut command: Vec<&[u8]> = vec![b"ACL", b"SETUSER", name.as_bytes()];
    command.extend(permissions.iter().map(String::as_bytes));
    let _: String = server.run(&command);
    format!("redis://{name}:{PASSWORD}@127.0.0.1:{}", server.port)
}

/// Returns the server's log of denied commands.
fn denied_commands(server: &Server) -> Vec<redis::Value> {
    server.run(&[b"ACL", b"LOG"])
}

/// Runs every operation of a handle twice, each time with an empty script cache on the server.
async fn run_every_operation(salver: &Salver, flush_scripts: impl Fn()) -> Result<(), Error> {
    let health = salver.health().await;
    assert!(health.is_healthy(), "{health}");
    for _ in 0..2 {
        // The first call of each script falls back from EVALSHA to EVAL, later calls use EVALSHA.
        flush_scripts();
        let context = at("ada", "page");
        let tagged = || Message::info("x").tag("t").after(Duration::from_millis(1));
        salver.add(&context, tagged()).await?;
        salver
            .add_all(&context, vec![tagged(), Message::info("y")])
            .await?;
        salver.peek(&context).await?;
        salver.contexts(context.session()).await?;
        let claim = salver.claim(&context).await?;
        salver.release(claim).await?;
        let claim = salver.claim(&context).await?;
        salver.confirm(&claim).await?;
        salver.retract(&context, "t").await?;
        salver.take(&context).await?;
        for n in 0..66 {
            let added = salver
                .add(&at("many", &format!("v{n}")), Message::info("x"))
                .await;
            assert!(added.is_ok() || added.unwrap_err().is_full());
        }
        let other_handle = salver.with_app(salver.app())?;
        for n in 0..101 {
            other_handle
                .add(&at("full", "page"), Message::info(format!("{n}")))
                .await?;
        }
        let [from, to]: [SessionId; 2] = ["ada", "bob"].map(session);
        for session in ["ada", "bob"] {
            salver.add(&at(session, "page"), Message::info("x")).await?;
            salver
                .add(&at(session, &format!("only-{session}")), Message::info("x"))
                .await?;
        }
        salver.migrate(&from, &to).await?;
        let unreplicated = salver
            .replicated(1)
            .add(&at("bob", "page"), Message::info("x"))
            .await;
        assert!(unreplicated.unwrap_err().is_in_doubt());
        salver.clear(&at("bob", "page")).await?;
        salver.clear_session(&to).await?;
        salver.close_session(&from).await?;
        salver.sweep(Duration::ZERO, |_| {}).await?;
        salver.clear_session(&from).await?;
    }
    Ok(())
}

#[tokio::test]
async fn documented_permissions_suffice_for_every_operation() {
    let server = Server::start();
    let url = user(&server, "salver", &documented());
    let salver = Salver::redis("app", &url).unwrap();
    let flush_scripts = || {
        let _: String = server.run(&[b"SCRIPT", b"FLUSH"]);
    };
    run_every_operation(&salver, flush_scripts).await.unwrap();
    assert_eq!(denied_commands(&server), []);

    let other = salver.with_app("other").unwrap();
    let context = other.context(session("ada"), "page").unwrap();
    assert!(
        other
            .add(&context, Message::info("x"))
            .await
            .unwrap_err()
            .is_denied()
    );
    let mut direct = redis::Client::open(url).unwrap().get_connection().unwrap();
    for forbidden in [
        "KEYS *",
        "FLUSHALL",
        "CONFIG GET *",
        "SCRIPT FLUSH",
        "GET app:x",
    ] {
        let mut command = redis::Cmd::new();
        command.arg(forbidden.split(' ').collect::<Vec<_>>());
        let error = command.query::<redis::Value>(&mut direct).unwrap_err();
        assert_eq!(error.code(), Some("NOPERM"), "{forbidden}");
    }
}

#[tokio::test]
async fn documented_permissions_suffice_in_cluster() {
    let cluster = Cluster::single_node();
    let server = &cluster.nodes[0];
    let permissions = [documented(), documented_for_clusters()].concat();
    let builder = RedisStore::builder(&user(server, "salver", &permissions));
    let salver = Salver::new("app", builder.cluster().build().unwrap()).unwrap();
    let flush_scripts = || {
        let _: String = server.run(&[b"SCRIPT", b"FLUSH"]);
    };
    run_every_operation(&salver, flush_scripts).await.unwrap();
    assert_eq!(denied_commands(server), []);
}

/// Permissions for client tracking. Without them every page queries Redis; `pending_index::pages`
/// tests that.
const TRACKING_PERMISSIONS: [&str; 2] = ["+client|tracking", "+subscribe"];

#[tokio::test]
async fn health_lists_every_missing_permission() {
    let server = Server::start();
    let commands: Vec<_> = documented()
        .into_iter()
        .filter(|permission| {
            permission.starts_with('+') && !TRACKING_PERMISSIONS.contains(&permission.as_str())
        })
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    for missing in &commands {
        let name = missing.trim_start_matches('+');
        let permissions = [documented(), vec![format!("-{name}")]].concat();
        let url = user(&server, &format!("no-{name}"), &permissions);
        assert_eq!(
            denied_details(&url).await,
            [format!("the user has no permission to run {name}")]
        );
    }
    let two = [documented(), vec!["-zadd".to_owned(), "-hget".to_owned()]].concat();
    let url = user(&server, "no-two", &two);
    assert_eq!(
        denied_details(&url).await,
        ["the user has no permission to run hget, zadd"]
    );
    let context = at("ada", "page");
    let error = Salver::redis("app", &url)
        .unwrap()
        .add(&context, Message::info("x"))
        .await;
    assert!(error.unwrap_err().is_denied());

    let other_app: Vec<_> = documented()
        .iter()
        .map(|permission| permission.replace("~app", "~shop"))
        .collect();
    let url = user(&server, "other-app", &other_app);
    let keys = "the user has no permission for the keys of the application app";
    assert_eq!(denied_details(&url).await, [keys]);
    let wrong_password = url.replace(PASSWORD, "wrong");
    assert_eq!(
        denied_details(&wrong_password).await,
        [
            "authentication failed; the server replied \"WRONGPASS invalid username-password pair or user is disabled\""
        ]
    );
}

/// Runs every operation of an inbox, and each branch of its scripts.
async fn run_every_inbox_operation(salver: &Salver) -> Result<(), Error> {
    let ada = Recipient::user("ada");
    let notify = async |text: String, group: &str| {
        let message = Message::info(&text).tag(text);
        let note = Notification::new("test", message).group(group);
        salver.notify([ada.clone()], note).await
    };
    let inbox = salver.inbox(&ada);
    // More than a group and an inbox hold.
    for n in 0..=MAX_NOTIFICATIONS {
        notify(n.to_string(), &format!("group {}", n % 20)).await?;
    }
    notify("0".to_owned(), "group 0").await?;
    inbox.list(&InboxFilter::all(), None).await?;
    inbox.counts().await?;
    inbox.mark_seen().await?;
    let one = InboxFilter::all().text("7").limit(1);
    for state in [ReadState::Read, ReadState::Archived, ReadState::Unread] {
        inbox.mark(&one, state).await?;
        inbox.mark(&InboxFilter::all(), state).await?;
        inbox.mark(&InboxFilter::archived(), state).await?;
    }
    notify("last".to_owned(), "group 0").await?;
    inbox.retract(&InboxFilter::all()).await?;
    salver.export(&ada).await?;
    salver.erase(&ada).await
}

#[tokio::test]
async fn documented_permissions_suffice_for_every_inbox_operation() {
    let server = Server::start();
    let permissions = [documented(), documented_for_inboxes()].concat();
    let salver = Salver::redis("app", &user(&server, "salver", &permissions)).unwrap();
    run_every_inbox_operation(&salver).await.unwrap();
    let health = salver.health().await;
    assert!(health.is_healthy(), "{health}");
    assert_eq!(denied_commands(&server), []);
    let keys: Vec<String> = server.run(&[b"KEYS", b"*check*"]);
    assert!(keys.is_empty(), "{keys:?}");
}

#[tokio::test]
async fn health_lists_missing_permissions_of_inbox_after_its_first_use() {
    let server = Server::start();
    let ada = Recipient::user("ada");
    for missing in documented_for_inboxes() {
        let name = missing.trim_start_matches('+');
        let denied = vec![format!("-{name}")];
        let permissions = [documented(), documented_for_inboxes(), denied].concat();
        let url = user(&server, &format!("no-{name}"), &permissions);
        let salver = Salver::redis("app", &url).unwrap();
        // A site without inboxes does not need the permission.
        let health = salver.health().await;
        assert!(health.is_healthy(), "{health}");
        _ = salver.inbox(&ada).counts().await;
        let health = salver.health().await;
        let details: Vec<_> = health.issues().iter().map(|issue| issue.detail()).collect();
        assert_eq!(
            details,
            [format!("the user has no permission to run {name}")]
        );
    }
}

/// Returns the details of the health issues. All issues must be missing permissions.
async fn denied_details(url: &str) -> Vec<String> {
    let health = Salver::redis("app", url).unwrap().health().await;
    let issues = health.issues().iter();
    assert!(
        issues
            .clone()
            .all(|issue| issue.kind() == IssueKind::PermissionDenied),
        "{health}"
    );
    issues.map(|issue| issue.detail().to_owned()).collect()
}

/// Runs the handle in a child process and reads its log.
#[test]
fn missing_permission_is_logged_once_at_startup() {
    let server = Server::start();
    let permissions = [documented(), vec!["-hlen".to_owned()]].concat();
    let name = concat!(module_path!(), "::log_missing_permission_in_child_process")
        .split_once("::")
        .unwrap()
        .1;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(REDIS_URL, user(&server, "salver", &permissions))
        .stdout(Stdio::piped());
    let mut process = start(&mut command, "cargo");
    let lines: Vec<_> = process.lines().map(Result::unwrap).collect();
    assert!(process.wait().success(), "{lines:?}");
    let warnings: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("no permission to run"))
        .collect();
    assert_eq!(warnings.len(), 1, "{lines:?}");
    assert!(warnings[0].contains("WARN"), "{warnings:?}");
    let text = "store health: permission_denied: the user has no permission to run hlen";
    assert!(warnings[0].contains(text), "{warnings:?}");
}

#[tokio::test]
#[ignore = "runs in a child process that another test starts"]
async fn log_missing_permission_in_child_process() {
    tracing_subscriber::fmt().with_ansi(false).init();
    let salver = Salver::redis("app", &std::env::var(REDIS_URL).unwrap()).unwrap();
    for n in 0..10 {
        let context = at(&format!("v{n}"), "page");
        let denied = salver.add(&context, Message::info("x")).await;
        assert!(denied.unwrap_err().is_denied());
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
}
