//! The rights of Salver's user: those on the deployment page are enough, and no fewer are.

use std::process::{Command, Stdio};
use std::time::Duration;

use salver::store::{IssueKind, RedisStore};
use salver::{Error, Message, Salver, SessionId};

use crate::support::acl::{PASSWORD, documented, documented_for_clusters};
use crate::support::cluster::Cluster;
use crate::support::processes::start;
use crate::support::redis::Server;
use crate::support::{at, session};

const URL: &str = "SALVER_TEST_DENIED";

/// Makes a user of these rights, and a handle for it.
fn user(server: &Server, name: &str, rights: &[String]) -> String {
    let mut words: Vec<&[u8]> = vec![b"ACL", b"SETUSER", name.as_bytes()];
    words.extend(rights.iter().map(String::as_bytes));
    let _: String = server.run(&words);
    format!("redis://{name}:{PASSWORD}@127.0.0.1:{}", server.port)
}

/// Lists what was refused to anybody.
fn refused(server: &Server) -> Vec<redis::Value> {
    server.run(&[b"ACL", b"LOG"])
}

/// Does everything that a handle can do.
async fn everything(salver: &Salver, forget_scripts: impl Fn()) -> Result<(), Error> {
    let health = salver.health().await;
    assert!(health.is_healthy(), "{health}");
    for _ in 0..2 {
        // Scripts are known by their hashes the second time.
        forget_scripts();
        let page = at("ada", "page");
        let tagged = || Message::info("x").tag("t").after(Duration::from_millis(1));
        salver.add(&page, tagged()).await?;
        salver
            .add_all(&page, vec![tagged(), Message::info("y")])
            .await?;
        salver.peek(&page).await?;
        salver.contexts(page.session()).await?;
        let claim = salver.claim(&page).await?;
        salver.release(claim).await?;
        let claim = salver.claim(&page).await?;
        salver.confirm(&claim).await?;
        salver.retract(&page, "t").await?;
        salver.take(&page).await?;
        for n in 0..66 {
            let many = salver
                .add(&at("many", &format!("v{n}")), Message::info("x"))
                .await;
            assert!(many.is_ok() || many.unwrap_err().is_full());
        }
        let full = salver.with_app(salver.app())?;
        for n in 0..101 {
            full.add(&at("full", "page"), Message::info(format!("{n}")))
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
        let alone = salver
            .replicated(1)
            .add(&at("bob", "page"), Message::info("x"))
            .await;
        assert!(alone.unwrap_err().is_in_doubt());
        salver.clear(&at("bob", "page")).await?;
        salver.clear_session(&to).await?;
        salver.close_session(&from).await?;
        salver.sweep(Duration::ZERO, |_| {}).await?;
        salver.clear_session(&from).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_documented_rights_are_enough_and_no_others_are_tried() {
    let server = Server::start();
    let url = user(&server, "salver", &documented());
    let salver = Salver::redis("app", &url).unwrap();
    let forget = || {
        let _: String = server.run(&[b"SCRIPT", b"FLUSH"]);
    };
    everything(&salver, forget).await.unwrap();
    assert_eq!(refused(&server), []);

    let other = salver.with_app("other").unwrap();
    let page = other.context(session("ada"), "page").unwrap();
    assert!(
        other
            .add(&page, Message::info("x"))
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
        let refused = command.query::<redis::Value>(&mut direct).unwrap_err();
        assert_eq!(refused.code(), Some("NOPERM"), "{forbidden}");
    }
}

#[tokio::test]
async fn the_documented_rights_are_enough_in_a_cluster() {
    let cluster = Cluster::alone();
    let server = &cluster.nodes[0];
    let rights = [documented(), documented_for_clusters()].concat();
    let builder = RedisStore::builder(&user(server, "salver", &rights));
    let salver = Salver::new("app", builder.cluster().build().unwrap()).unwrap();
    let forget = || {
        let _: String = server.run(&[b"SCRIPT", b"FLUSH"]);
    };
    everything(&salver, forget).await.unwrap();
    assert_eq!(refused(server), []);
}

/// What only a process with pages needs: without it they ask, which `index::pages` shows.
const TO_LISTEN: [&str; 2] = ["+client|tracking", "+subscribe"];

#[tokio::test]
async fn health_names_every_right_that_is_lacking() {
    let server = Server::start();
    let commands: Vec<_> = documented()
        .into_iter()
        .filter(|word| word.starts_with('+') && !TO_LISTEN.contains(&word.as_str()))
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    for lacking in &commands {
        let name = lacking.trim_start_matches('+');
        let rights = [documented(), vec![format!("-{name}")]].concat();
        let url = user(&server, &format!("no-{name}"), &rights);
        assert_eq!(denied(&url).await, [format!("the user may not run {name}")]);
    }
    let two = [documented(), vec!["-zadd".to_owned(), "-hget".to_owned()]].concat();
    let url = user(&server, "no-two", &two);
    assert_eq!(denied(&url).await, ["the user may not run hget, zadd"]);
    let page = at("ada", "page");
    let error = Salver::redis("app", &url)
        .unwrap()
        .add(&page, Message::info("x"))
        .await;
    assert!(error.unwrap_err().is_denied());

    let elsewhere: Vec<_> = documented()
        .iter()
        .map(|word| word.replace("~app", "~shop"))
        .collect();
    let url = user(&server, "elsewhere", &elsewhere);
    let keys = "the user may not touch the keys of the application app";
    assert_eq!(denied(&url).await, [keys]);
    let wrong = url.replace(PASSWORD, "wrong");
    assert_eq!(denied(&wrong).await, ["authentication failed"]);
}

/// Gives what health says, which has to be about rights alone.
async fn denied(url: &str) -> Vec<String> {
    let health = Salver::redis("app", url).unwrap().health().await;
    let findings = health.issues().iter();
    assert!(
        findings
            .clone()
            .all(|finding| finding.kind() == IssueKind::PermissionDenied),
        "{health}"
    );
    findings
        .map(|finding| finding.detail().to_owned())
        .collect()
}

/// In a process of its own, whose log is all that is looked at.
#[test]
fn a_lacking_right_is_warned_of_once_at_the_start() {
    let server = Server::start();
    let rights = [documented(), vec!["-hlen".to_owned()]].concat();
    let name = concat!(module_path!(), "::warn")
        .split_once("::")
        .unwrap()
        .1;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(URL, user(&server, "salver", &rights))
        .stdout(Stdio::piped());
    let mut process = start(&mut command, "cargo");
    let said: Vec<_> = process.lines().map(Result::unwrap).collect();
    assert!(process.wait().success(), "{said:?}");
    let warned: Vec<_> = said
        .iter()
        .filter(|line| line.contains("may not run"))
        .collect();
    assert_eq!(warned.len(), 1, "{said:?}");
    assert!(warned[0].contains("WARN"), "{warned:?}");
    let words = "the store: denied: the user may not run hlen; see the user";
    assert!(warned[0].contains(words), "{warned:?}");
}

#[tokio::test]
#[ignore = "the process that another test starts"]
async fn warn() {
    tracing_subscriber::fmt().with_ansi(false).init();
    let salver = Salver::redis("app", &std::env::var(URL).unwrap()).unwrap();
    for n in 0..10 {
        let context = at(&format!("v{n}"), "page");
        let refused = salver.add(&context, Message::info("x")).await;
        assert!(refused.unwrap_err().is_denied());
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
}
