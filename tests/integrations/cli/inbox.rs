//! `notify`, `inbox` and `online`: a shell job notifies people, and an operator lists and marks their
//! notifications and sees who is online.

use std::io::Write;
use std::process::{Command, Stdio};

use salver::store::RedisStore;
use salver::{Inbox, InboxFilter, Message, Notification, Recipient, Salver};

use super::{TOOL, check, run_all, salver};
use crate::support::processes::free_port;
use crate::support::redis::Server;

fn handle(server: &Server) -> Salver {
    Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap()
}

fn inbox(server: &Server, recipient: &str) -> Inbox {
    handle(server).inbox(&recipient.parse().unwrap())
}

/// Returns all notifications of an inbox, newest first.
async fn notifications(inbox: &Inbox) -> Vec<Notification> {
    let page = inbox.list(&InboxFilter::all().ungrouped(), None).await;
    page.unwrap()
        .rows
        .into_iter()
        .map(|row| row.newest)
        .collect()
}

#[tokio::test]
async fn notify_adds_every_field_for_each_recipient() {
    let server = Server::start();
    let mut command = Command::new(TOOL);
    command.args(["notify", "--app", "app"]);
    command.env("REDIS_URL", server.url());
    command.args(["--to", "user:7", "--to", "email:Ada@Example.ORG"]);
    command.args(["--level", "success", "--title", "Graphs", "--tag", "p53"]);
    command.args(["--markdown", "--action", "Open", "/graphs/7"]);
    command.args(["--subject", "graphs/7", "--group", "uploads"]);
    command.args(["--actor", "user:8", "Bob", "graph.uploaded", "-"]);
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(b"Graph *p53*\nuploaded.\n").unwrap();
    drop(stdin);
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    let id = String::from_utf8(output.stdout).unwrap();
    let id = id.trim().parse().unwrap();
    let message = Message::success("Graph *p53*\nuploaded.")
        .title("Graphs")
        .tag("p53")
        .markdown()
        .action("Open", "/graphs/7")
        .with_id(id);
    let expected = Notification::new("graph.uploaded", message)
        .subject("graphs/7")
        .group("uploads")
        .actor(&Recipient::user(8), "Bob");
    let recipients = ["user:7", "email:ada@example.org"].map(|text| text.parse().unwrap());
    for recipient in &recipients {
        let found = notifications(&handle(&server).inbox(recipient)).await;
        assert_eq!(found.len(), 1, "{recipient}");
        let found = &found[0];
        assert_eq!(found.text(), expected.text());
        assert_eq!(found.level(), expected.level());
        assert_eq!(found.get_title(), expected.get_title());
        assert_eq!(found.get_tag(), expected.get_tag());
        assert_eq!(found.format(), expected.format());
        assert_eq!(found.get_action(), expected.get_action());
        assert_eq!(found.kind(), expected.kind());
        assert_eq!(found.get_subject(), expected.get_subject());
        assert_eq!(found.get_group(), expected.get_group());
        assert_eq!(found.get_actor(), expected.get_actor());
        assert!(found.is_unread());
        // The same notification from Rust is a duplicate: its id is that of the command.
        handle(&server)
            .notify([recipient.clone()], expected.clone())
            .await
            .unwrap();
        let after = notifications(&handle(&server).inbox(recipient)).await;
        assert_eq!(after[0].position(), found.position(), "{recipient}");
        assert_eq!(after.len(), 1, "{recipient}");
    }
}

#[tokio::test]
async fn notify_with_same_id_adds_nothing_twice() {
    let server = Server::start();
    let id = "018f2b6e-7c3a-7000-8000-000000000001";
    let run = || {
        let arguments = [
            "notify", "--to", "user:7", "--id", id, "job.done", "Done.", "--read",
        ];
        salver("notify", &server.url(), &arguments)
    };
    for _ in 0..2 {
        let output = run();
        assert!(
            output.text.ends_with(&format!("{id}\n= 0\n")),
            "{}",
            output.text
        );
    }
    let inbox = inbox(&server, "user:7");
    let counts = inbox.counts().await.unwrap();
    assert_eq!(
        (counts.total, counts.unread),
        (1, 0),
        "it was added as read"
    );
    inbox.retract(&InboxFilter::all()).await.unwrap();
    run();
    assert_eq!(inbox.counts().await.unwrap().total, 0, "it came back");
}

#[tokio::test]
async fn inbox_lists_counts_marks_and_retracts_selected_notifications() {
    let server = Server::start();
    let url = server.url();
    let commands: &[&[&str]] = &[
        &[
            "notify",
            "--to",
            "user:7",
            "graph.uploaded",
            "Graph 1 uploaded.",
            "--group",
            "uploads",
            "--actor",
            "user:8",
            "Bob",
        ],
        &[
            "notify",
            "--to",
            "user:7",
            "graph.uploaded",
            "Graph 2\nuploaded.",
            "--group",
            "uploads",
            "--subject",
            "graphs/2",
            "--json",
        ],
        &[
            "notify",
            "--to",
            "user:7",
            "order.sent",
            "Sent.",
            "--title",
            "Order 3",
            "--read",
        ],
        &["inbox", "list", "user:7"],
        &["inbox", "list", "user:7", "--json"],
        &["inbox", "list", "user:7", "--limit", "1"],
        &["inbox", "list", "user:7", "--limit", "1", "--json"],
        &["inbox", "list", "user:7", "--ungrouped", "--unread"],
        &["inbox", "list", "user:7", "--kind", "order"],
        &["inbox", "list", "user:7", "--subject", "graphs/2"],
        &[
            "inbox", "list", "user:7", "--group", "uploads", "--text", "GRAPH 1",
        ],
        &["inbox", "list", "user:7", "--text", "bob"],
        &["inbox", "list", "user:9"],
        &["inbox", "list", "user:9", "--json"],
        &["inbox", "counts", "user:7"],
        &["inbox", "counts", "user:7", "--json"],
        &[
            "inbox",
            "mark",
            "user:7",
            "archived",
            "--subject",
            "graphs/2",
        ],
        &["inbox", "list", "user:7", "--archived"],
        &["inbox", "mark", "user:7", "unread", "--archived", "--json"],
        &["inbox", "mark", "user:7", "read"],
        &["inbox", "counts", "user:7", "--json"],
        &["inbox", "retract", "user:7"],
        &["inbox", "retract", "user:7", "--kind", "graph"],
        &["inbox", "list", "user:7"],
        &["inbox", "retract", "user:7", "--all", "--json"],
        &["inbox", "counts", "user:7", "--json"],
    ];
    check("inbox", &run_all("inbox", &url, commands));
}

/// The cursor of a page and the ids in its JSON are arguments of other commands.
#[tokio::test]
async fn inbox_accepts_cursor_and_ids_that_list_prints() {
    let server = Server::start();
    let recipient = Recipient::user(7);
    for text in ["first", "second", "third"] {
        let note = Notification::new("test", Message::info(text));
        handle(&server)
            .notify([recipient.clone()], note)
            .await
            .unwrap();
    }
    let run = |arguments: &[&str]| salver("cursor", &server.url(), arguments).text;
    let page = run(&["inbox", "list", "user:7", "--limit", "2"]);
    let (_, cursor) = page.split_once("next page: --after ").unwrap();
    let cursor = cursor.lines().next().unwrap();
    let rest = run(&["inbox", "list", "user:7", "--after", cursor]);
    assert!(rest.contains("first") && !rest.contains("second"), "{rest}");

    let inbox = inbox(&server, "user:7");
    let ids: Vec<_> = notifications(&inbox)
        .await
        .iter()
        .map(|note| note.id().to_string())
        .collect();
    let json = run(&["inbox", "list", "user:7", "--json"]);
    assert!(ids.iter().all(|id| json.contains(id)), "{json}");
    run(&[
        "inbox", "mark", "user:7", "read", "--id", &ids[0], "--id", &ids[2],
    ]);
    let unread = notifications(&inbox).await;
    let unread: Vec<_> = unread
        .iter()
        .filter(|note| note.is_unread())
        .map(|note| note.text())
        .collect();
    assert_eq!(unread, ["second"]);
}

#[test]
fn invalid_notifications_and_selections_are_explained() {
    let unreachable = "redis://127.0.0.1:1";
    let commands: &[&[&str]] = &[
        &["notify", "--help"],
        &["inbox", "--help"],
        &["inbox", "retract", "--help"],
        &["notify", "test", "text"],
        &["notify", "--to", "ada", "test", "text"],
        &["notify", "--to", "email:ada", "test", "text"],
        &["notify", "--to", "user:", "test", "text"],
        &["notify", "--to", "user:7", "a b", "text"],
        &["notify", "--to", "user:7", "test", "text", "--id", "7"],
        &[
            "notify", "--to", "user:7", "test", "text", "--actor", "ada", "Ada",
        ],
        &["inbox", "list", "ada"],
        &["inbox", "list", "user:7", "--limit", "0"],
        &["inbox", "list", "user:7", "--after", "x"],
        &["inbox", "list", "user:7", "--unread", "--archived"],
        &["inbox", "mark", "user:7", "seen"],
        &["inbox", "retract", "user:7"],
        &["inbox", "retract", "user:7", "--all", "--kind", "graph"],
        &["man", "inbox", "nothing"],
    ];
    check(
        "inbox_usage",
        &run_all("inbox_usage", unreachable, commands),
    );
}

#[test]
fn online_prints_recipients_with_an_open_page() {
    let server = Server::start();
    let url = server.url();
    let run = |arguments: &[&str]| {
        let output = salver("online", &url, arguments);
        assert_eq!(output.code, 0, "{}", output.text);
        let lines = output.text.lines().skip(1).map(str::to_owned);
        lines.take_while(|line| line != "= 0").collect::<Vec<_>>()
    };
    assert_eq!(run(&["online"]), ["no one is online"]);
    for (lease, member) in [
        ("+inf", "user:8 1"),
        ("+inf", "user:7 1"),
        ("+inf", "user:7 2"),
        ("1", "user:9 1"),
    ] {
        let _: u64 = server.run(&[
            b"ZADD",
            b"app!online:{0}",
            lease.as_bytes(),
            member.as_bytes(),
        ]);
    }
    assert_eq!(run(&["online"]), ["user:7", "user:8"]);
    let json = [r#"{"recipient":"user:7"}"#, r#"{"recipient":"user:8"}"#];
    assert_eq!(run(&["online", "--json"]), json);
}

/// The error of `notify` names the id with which the command can be repeated.
#[test]
fn inbox_commands_diagnose_unreachable_server() {
    let url = format!("redis://ada:secret@127.0.0.1:{}", free_port());
    let commands: &[&[&str]] = &[
        &["notify", "--to", "user:7", "test", "text"],
        &["notify", "--to", "user:7", "test", "text", "--json"],
        &["inbox", "list", "user:7"],
        &["inbox", "counts", "user:7", "--json"],
        &["inbox", "mark", "user:7", "read"],
        &["inbox", "retract", "user:7", "--all"],
        &["online"],
    ];
    check(
        "inbox_unreachable",
        &run_all("inbox_unreachable", &url, commands),
    );
}

#[test]
fn manual_pages_of_inbox_commands_are_generated() {
    for (arguments, title) in [
        (&["man", "notify"][..], ".TH salver-notify 1"),
        (&["man", "inbox"], ".TH salver-inbox 1"),
        (&["man", "inbox", "mark"], ".TH salver-inbox-mark 1"),
    ] {
        let page = salver("man", "", arguments);
        assert!(page.text.contains(title), "{}", page.text);
    }
}
