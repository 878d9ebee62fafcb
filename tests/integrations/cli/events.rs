//! `publish`, `subscribe`, `unsubscribe`, `subscriptions` and `subscribers`: a shell job publishes events, and an operator
//! sees who is notified.

use std::io::Write;
use std::process::{Command, Stdio};

use salver::events::{Event, EventType, Subscription};
use salver::store::RedisStore;
use salver::{InboxFilter, Message, Notification, Recipient, Salver};
use serde_json::json;

use super::{TOOL, check, run_all, salver};
use crate::support::processes::free_port;
use crate::support::redis::Server;

const EDIT: EventType = EventType::new("wiki.edit", &["language"]);

fn handle(server: &Server) -> Salver {
    Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap()
}

async fn notifications(salver: &Salver, user: u32) -> Vec<Notification> {
    let inbox = salver.inbox(&Recipient::user(user));
    let page = inbox.list(&InboxFilter::all(), None).await.unwrap();
    page.rows.into_iter().map(|row| row.newest).collect()
}

/// Each field counts: the event from Rust is known, and any other one a conflict.
#[tokio::test]
async fn publish_sends_every_field_once() {
    let server = Server::start();
    let salver = handle(&server);
    for (user, subscription) in [
        (7, EDIT.subscription().filter("language", "de")),
        (8, Subscription::new("wiki.any").subject("documents/7")),
        (9, EDIT.subscription()),
    ] {
        let user = Recipient::user(user);
        salver.subscribe(&user, subscription).await.unwrap();
    }
    let mut command = Command::new(TOOL);
    command.args(["publish", "--app", "app"]);
    command.env("REDIS_URL", server.url());
    command.args(["wiki.edit", "--id", "revision-12", "--source", "/wiki"]);
    command.args(["--subject", "documents/7", "--filter", "language=de"]);
    command.args([
        "--text",
        "Ports *edited*.",
        "--title",
        "Ports",
        "--level",
        "success",
    ]);
    command.args([
        "--tag",
        "p",
        "--markdown",
        "--action",
        "Look",
        "/documents/7",
    ]);
    command.args(["--except", "user:9", "--also", "wiki.any", "--data", "-"]);
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(b"{\"size\": 1.0}\n").unwrap();
    drop(stdin);
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"revision-12\n");
    let message = Message::success("Ports *edited*.")
        .title("Ports")
        .tag("p")
        .markdown()
        .action("Look", "/documents/7");
    let with_filters = |event: Event| event.subject("documents/7").filter("language", "de");
    let event = with_filters(EDIT.event())
        .id("revision-12")
        .source("/wiki")
        .message(message.clone())
        .except([Recipient::user(9)])
        .also(with_filters(Event::new("wiki.any")))
        .data(json!({ "size": 1 }));
    salver.publish(event.clone()).await.unwrap();
    let other = salver.publish(event.data(2)).await;
    assert!(other.is_err_and(|error| error.is_conflict()));
    salver.worker().events().drain().await.unwrap();
    for (user, expected) in [(7, 1), (8, 1), (9, 0)] {
        let found = notifications(&salver, user).await;
        assert_eq!(found.len(), expected, "user {user}");
        for one in found {
            assert_eq!(one.text(), message.text());
            assert_eq!(one.get_title(), message.get_title());
            assert_eq!(one.get_action(), message.get_action());
            assert_eq!(
                (one.kind(), one.get_subject()),
                ("wiki.edit", Some("documents/7"))
            );
        }
    }
}

#[test]
fn subscriptions_are_written_listed_and_ended() {
    let server = Server::start();
    let commands: &[&[&str]] = &[
        &[
            "subscribe",
            "user:7",
            "wiki.edit",
            "--filter",
            "language=de",
            "--described",
            "edits in German",
        ],
        &[
            "subscribe",
            "user:7",
            "wiki.edit",
            "--subject",
            "documents/7",
            "--filter",
            "language=de",
            "--json",
        ],
        &["subscribe", "user:7", "wiki.comment.on.a.document"],
        &[
            "subscribe",
            "user:8",
            "wiki.edit",
            "--filter",
            "language=de",
        ],
        &["subscriptions", "user:7"],
        &["subscriptions", "user:7", "--json"],
        &["subscriptions", "user:9"],
        &["subscriptions", "user:9", "--json"],
        &["subscribers", "wiki.edit", "--filter", "language=de"],
        &[
            "subscribers",
            "wiki.edit",
            "--filter",
            "language=de",
            "--json",
        ],
        &[
            "subscribers",
            "wiki.edit",
            "--filter",
            "language=de",
            "--subject",
            "documents/7",
        ],
        &["subscribers", "wiki.edit"],
        &["subscribers", "wiki.edit", "--json"],
        &["publish", "wiki.edit", "--id", "1", "--text", "Edited."],
        &[
            "publish",
            "wiki.edit",
            "--id",
            "1",
            "--text",
            "Edited.",
            "--json",
        ],
        &["publish", "wiki.edit", "--id", "1", "--text", "Deleted."],
        &[
            "publish",
            "wiki.edit",
            "--id",
            "1",
            "--text",
            "Deleted.",
            "--json",
        ],
        &["unsubscribe", "user:7", "wiki.edit"],
        &[
            "unsubscribe",
            "user:7",
            "wiki.edit",
            "--filter",
            "language=de",
        ],
        &[
            "unsubscribe",
            "user:7",
            "wiki.comment.on.a.document",
            "--json",
        ],
        &["unsubscribe", "email:ada@example.org", "wiki.edit"],
        &["subscriptions", "user:7"],
        &["subscribers", "wiki.edit", "--filter", "language=de"],
    ];
    check("events", &run_all("events", &server.url(), commands));
}

/// More than the two pages of a list.
#[tokio::test]
async fn subscribers_are_listed_beyond_one_page() {
    const SUBSCRIBERS: usize = 1_001;
    let server = Server::start();
    let mut add = vec![b"ZADD".to_vec(), b"app!subscribers:{wiki.edit}".to_vec()];
    for number in 0..SUBSCRIBERS {
        add.extend([b"0".to_vec(), format!("user:{number:04}").into_bytes()]);
    }
    let add: Vec<_> = add.iter().map(Vec::as_slice).collect();
    let _: u64 = server.run(&add);
    let output = salver("subscribers", &server.url(), &["subscribers", "wiki.edit"]);
    let lines: Vec<_> = output.text.lines().skip(1).map(str::to_owned).collect();
    let expected = (0..SUBSCRIBERS).map(|number| format!("user:{number:04}"));
    let expected: Vec<_> = expected.chain(["= 0".to_owned()]).collect();
    assert_eq!(lines, expected);
}

#[test]
fn invalid_events_and_subscriptions_are_explained() {
    let commands: &[&[&str]] = &[
        &["publish", "--help"],
        &["subscribe", "--help"],
        &["subscribers", "--help"],
        &["publish"],
        &["publish", "a b"],
        &["publish", "wiki.edit", "--filter", "language"],
        &["publish", "wiki.edit", "--filter", "Language=de"],
        &["publish", "wiki.edit", "--filter", "time=1"],
        &["publish", "wiki.edit", "--data", "{"],
        &["publish", "wiki.edit", "--data", "9007199254740993"],
        &["publish", "wiki.edit", "--title", "Ports"],
        &["publish", "wiki.edit", "--text", ""],
        &["publish", "wiki.edit", "--except", "ada"],
        &["publish", "wiki.edit", "--also", "a b"],
        &["subscribe", "ada", "wiki.edit"],
        &["subscribe", "user:7"],
        &["subscribe", "email:ada@example.org", "wiki.edit"],
        &["subscribe", "user:7", "wiki.edit", "--described", ""],
        &["subscriptions", "user:"],
    ];
    let unreachable = "redis://127.0.0.1:1";
    check(
        "events_usage",
        &run_all("events_usage", unreachable, commands),
    );
}

/// The error of `publish` names the id with which the command can be repeated.
#[test]
fn event_commands_diagnose_unreachable_server() {
    let url = format!("redis://ada:secret@127.0.0.1:{}", free_port());
    let commands: &[&[&str]] = &[
        &["publish", "wiki.edit", "--text", "text"],
        &["publish", "wiki.edit", "--id", "7", "--json"],
        &["subscribe", "user:7", "wiki.edit"],
        &["unsubscribe", "user:7", "wiki.edit"],
        &["subscriptions", "user:7"],
        &["subscribers", "wiki.edit"],
    ];
    check(
        "events_unreachable",
        &run_all("events_unreachable", &url, commands),
    );
}

#[test]
fn manual_pages_and_completions_have_event_commands() {
    let script = salver("completions", "", &["completions", "bash"]).text;
    for name in [
        "publish",
        "subscribe",
        "unsubscribe",
        "subscriptions",
        "subscribers",
    ] {
        let page = salver("man", "", &["man", name]).text;
        assert!(page.contains(&format!(".TH salver-{name} 1")), "{page}");
        assert!(script.contains(name), "{name}");
    }
}
