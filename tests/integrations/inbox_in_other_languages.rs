//! Inboxes in Rust, Python and Node: the same bytes in Redis, and the same ids.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use salver::inbox::{COUNTS_SCRIPT, LIST_SCRIPT, MARK_SCRIPT, NOTIFY_SCRIPT};
use salver::store::RedisStore;
use salver::{Inbox, InboxFilter, Message, MessageId, Notification, ReadState, Recipient, Salver};
use serde_json::{Value, json};

use crate::integrations::other_languages::run;
use crate::support::redis::Server;

const LANGUAGES: [&str; 2] = ["python", "node"];

/// Returns one list of the test vectors, which the unit tests of Python and Node read too.
fn vectors(name: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../fixtures/inbox_v1.json")).unwrap();
    vectors[name].as_array().unwrap().clone()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap()
}

fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|value| value.as_str().unwrap()).collect()
}

fn recipient(case: &Value) -> Recipient {
    text(case, "recipient").parse().unwrap()
}

fn on(server: &Server, app: &str) -> Salver {
    Salver::new(app, RedisStore::new(&server.url()).unwrap()).unwrap()
}

/// Returns all notifications of an inbox, newest first.
async fn notifications(inbox: &Inbox) -> Vec<Notification> {
    let filter = InboxFilter::all().ungrouped().limit(100);
    let page = inbox.list(&filter, None).await.unwrap();
    page.rows.into_iter().map(|row| row.newest).collect()
}

/// Builds the notification that a vector describes.
fn notification(case: &Value) -> Notification {
    let message = |name| serde_json::from_str::<Message>(text(case, name)).unwrap();
    let mut note = Notification::new(text(case, "kind"), message("message"));
    if let Some(subject) = case["subject"].as_str() {
        note = note.subject(subject);
    }
    if let Some(group) = case["group"].as_str() {
        note = note.group(group);
    }
    if case["actor"].is_object() {
        let actor = text(&case["actor"], "id").parse().unwrap();
        note = note.actor(&actor, text(&case["actor"], "name"));
    }
    if case["for_actor"].is_string() {
        note = note.for_actor(message("for_actor"));
    }
    match case["unread"].as_bool() {
        Some(false) => note.already_read(),
        _ => note,
    }
}

#[test]
fn recipients_match_vectors() {
    for case in vectors("recipients") {
        let parsed: Recipient = text(&case, "text").parse().unwrap();
        assert_eq!(parsed.to_string(), text(&case, "recipient"));
    }
    for invalid in vectors("invalid_recipients") {
        let parsed = invalid.as_str().unwrap().parse::<Recipient>();
        assert!(parsed.is_err(), "{invalid}");
    }
}

#[tokio::test]
async fn ids_match_vectors() {
    for case in vectors("ids") {
        let salver = Salver::memory(text(&case, "app")).unwrap();
        let message = Message::info("text").with_id(text(&case, "message").parse().unwrap());
        let note = Notification::new("test", message);
        salver.notify([recipient(&case)], note).await.unwrap();
        let added = notifications(&salver.inbox(&recipient(&case))).await;
        assert_eq!(added[0].id().to_string(), text(&case, "id"));
    }
}

/// The commands that run a script, as the server reports them.
pub(super) struct ScriptCalls(BufReader<TcpStream>);

impl ScriptCalls {
    pub(super) fn of(server: &Server) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let timeout = Some(Duration::from_secs(10));
        stream.set_read_timeout(timeout).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut calls = Self(BufReader::new(stream));
        assert!(calls.line().starts_with("+OK"));
        calls
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// Returns keys and arguments of the next call whose first key is this one. A call that fails
    /// because the server does not know the script is repeated with the same ones.
    pub(super) fn next(&mut self, first_key: &str) -> (Vec<String>, Vec<String>) {
        loop {
            let line = self.line();
            let words = words(&line);
            let key = words.get(3).map(String::as_str);
            if words[0].starts_with("EVAL") && key == Some(first_key) {
                let keys: usize = words[2].parse().unwrap();
                let (keys, arguments) = words[3..].split_at(keys);
                return (keys.to_vec(), arguments.to_vec());
            }
        }
    }
}

/// Returns the words of a line of `MONITOR`, which are quoted and escaped.
fn words(line: &str) -> Vec<String> {
    let (_, command) = line.split_once("] \"").unwrap();
    let mut words = vec![Vec::new()];
    let mut bytes = command.trim_end().bytes().peekable();
    while let Some(byte) = bytes.next() {
        let word = words.last_mut().unwrap();
        match byte {
            b'"' if bytes.peek().is_none() => break,
            // The end of a word, a space, and the start of the next one.
            b'"' => {
                bytes.nth(1);
                words.push(Vec::new());
            }
            b'\\' => match bytes.next().unwrap() {
                b'x' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    let digits = std::str::from_utf8(&digits).unwrap();
                    word.push(u8::from_str_radix(digits, 16).unwrap());
                }
                b'n' => word.push(b'\n'),
                escaped => word.push(escaped),
            },
            byte => word.push(byte),
        }
    }
    let words = words.into_iter().map(String::from_utf8);
    words.map(Result::unwrap).collect()
}

/// Keys, limits and members, byte for byte.
#[tokio::test]
async fn adds_match_vectors() {
    let server = Server::start();
    for case in vectors("adds") {
        let mut calls = ScriptCalls::of(&server);
        let salver = on(&server, text(&case, "app"));
        salver
            .notify([recipient(&case)], notification(&case))
            .await
            .unwrap();
        let (keys, arguments) = calls.next(strings(&case["keys"])[0]);
        assert_eq!(keys, strings(&case["keys"]));
        assert_eq!(arguments, strings(&case["arguments"]));
    }
}

#[tokio::test]
async fn marks_match_vectors() {
    let server = Server::start();
    for case in vectors("marks") {
        let mut calls = ScriptCalls::of(&server);
        let inbox = on(&server, text(&case, "app")).inbox(&recipient(&case));
        let ids: Vec<MessageId> = strings(&case["ids"])
            .iter()
            .map(|id| id.parse().unwrap())
            .collect();
        let filter = InboxFilter::all().ids(ids);
        let changed = match text(&case, "change") {
            "read" => inbox.mark(&filter, ReadState::Read).await,
            "unread" => inbox.mark(&filter, ReadState::Unread).await,
            "archive" => inbox.mark(&filter, ReadState::Archived).await,
            _ => inbox.retract(&filter).await,
        };
        assert_eq!(changed.unwrap(), 0, "the inbox is empty");
        let (keys, arguments) = calls.next(strings(&case["keys"])[0]);
        assert_eq!(keys, strings(&case["keys"]));
        assert_eq!(arguments, strings(&case["arguments"]));
    }
}

/// Members that another program wrote without a script.
#[tokio::test]
async fn readable_and_unreadable_members_match_vectors() {
    let server = Server::start();
    let inbox = on(&server, "app").inbox(&Recipient::user(7));
    let (now, _): (u64, u64) = server.run(&[b"TIME"]);
    for (name, expected) in [("readable", 1), ("unreadable", 0)] {
        for member in vectors(name) {
            let id = "018f2b6e-7c3a-7000-8000-000000000001";
            let position = (now * 1000).to_string();
            let value = format!(
                "{}{position:0>16}{}",
                "0".repeat(16),
                member.as_str().unwrap()
            );
            let key = b"app!notifications:{user%3A7}";
            let _: u64 = server.run(&[b"HSET", key, id.as_bytes(), value.as_bytes()]);
            let key = b"app!inbox:{user%3A7}";
            let _: u64 = server.run(&[b"ZADD", key, position.as_bytes(), id.as_bytes()]);
            let found = notifications(&inbox).await.len();
            assert_eq!(found, expected, "{member}");
        }
    }
}

/// The published scripts are those of the files that Python and Node load.
#[test]
fn published_scripts_are_those_of_files() {
    let read = |name: &str| {
        let folder = "src/inbox/store/redis/scripts";
        std::fs::read_to_string(format!(
            "{}/{folder}/{name}.lua",
            env!("CARGO_MANIFEST_DIR")
        ))
        .unwrap()
    };
    assert_eq!(
        NOTIFY_SCRIPT,
        [read("limits"), read("remove"), read("add")].concat()
    );
    assert_eq!(MARK_SCRIPT, [read("remove"), read("mark")].concat());
    assert_eq!(LIST_SCRIPT, read("list"));
    assert_eq!(COUNTS_SCRIPT, read("counts"));
}

const MESSAGE: &str = r#"{"id":"018f2b6e-7c3a-7000-8000-000000000007","tag":"p53","v":1,"level":"success","title":"ø","text":"Graph p53 uploaded."}"#;

/// Returns the program that notifies two recipients twice and prints both outcomes.
fn notify_program(language: &str) -> String {
    let call = match language {
        "python" => {
            r#"
note = salver.notification("graph.uploaded", MESSAGE, subject="graphs/7", group="uploads", actor=("user:8", "Zoë"))
inboxes = salver.Inboxes(client, "app")
print(json.dumps([inboxes.notify(["user:7", "email:Ada@Example.ORG"], note) for _ in range(2)]))
"#
        }
        _ => {
            r#"
const note = salver.notification("graph.uploaded", MESSAGE, { subject: "graphs/7", group: "uploads", actor: { id: "user:8", name: "Zoë" } });
const inboxes = new salver.Inboxes(client, "app");
const notify = () => inboxes.notify(["user:7", "email:Ada@Example.ORG"], note);
console.log(JSON.stringify([await notify(), await notify()]));
"#
        }
    };
    call.replace("MESSAGE", &format!("'{MESSAGE}'"))
}

fn outcomes(outcome: &str) -> Value {
    json!({ "user:7": outcome, "email:ada@example.org": outcome })
}

/// Each language in turn writes first. What the others add is a duplicate.
#[tokio::test]
async fn notification_of_all_languages_is_added_once() {
    for first in ["rust", "python", "node"] {
        let server = Server::start();
        let salver = on(&server, "app");
        let recipients = ["user:7", "email:ada@example.org"].map(|text| text.parse().unwrap());
        let message: Message = serde_json::from_str(MESSAGE).unwrap();
        let note = Notification::new("graph.uploaded", message)
            .subject("graphs/7")
            .group("uploads")
            .actor(&Recipient::user(8), "Zoë");
        let mut is_first = true;
        for language in [first, "rust", "python", "node"] {
            if language == "rust" {
                let notify = salver.notify(recipients.clone(), note.clone());
                notify.await.unwrap();
            } else {
                let outcome = if is_first { "added" } else { "duplicate" };
                let printed = run(language, &server, "null", &notify_program(language));
                assert_eq!(printed, json!([outcomes(outcome), outcomes("duplicate")]));
            }
            is_first = false;
            for recipient in &recipients {
                let found = notifications(&salver.inbox(recipient)).await;
                assert_eq!(found.len(), 1, "{first} first, after {language}");
                let found = &found[0];
                assert_eq!(found.text(), note.text());
                assert_eq!(found.get_title(), note.get_title());
                assert_eq!(found.get_subject(), note.get_subject());
                assert_eq!(found.get_group(), note.get_group());
                assert_eq!(found.get_actor(), note.get_actor());
            }
        }
        // What was deleted comes back from no language.
        let inbox = salver.inbox(&recipients[0]);
        inbox.retract(&InboxFilter::all()).await.unwrap();
        for language in LANGUAGES {
            let printed = run(language, &server, "null", &notify_program(language));
            assert_eq!(printed[0]["user:7"], "removed", "{language}");
        }
        assert_eq!(inbox.counts().await.unwrap().total, 0);
    }
}

const READ_PYTHON: &str = r#"
inboxes = salver.Inboxes(client, "app")
short = lambda page: [[(one["text"], one["unread"], one["more"]) for one in page.notifications], page.next is not None, page.unread, page.unseen]
first = inboxes.list("user:7", limit=2)
rest = inboxes.list("user:7", before=first.next)
actor = rest.notifications[-1]["actor"]
by_text = {one["text"]: one["id"] for one in inboxes.list("user:7").notifications}
mark = lambda change, *texts: inboxes.mark("user:7", change, [by_text[text] for text in texts])
marked = [mark("read", "1", "2"), mark("read", "1"), mark("archive", "3"), mark("delete", "2"), mark("unread", "1")]
lists = [short(inboxes.list("user:7", place)) for place in ("inbox", "unread", "archived")]
counts = inboxes.counts("user:7")
print(json.dumps([short(first), short(rest), actor, marked, lists, [counts.unseen, counts.unread, counts.total], mark("restore", "3")]))
"#;
const READ_NODE: &str = r#"
const inboxes = new salver.Inboxes(client, "app");
const short = (page) => [page.notifications.map(({ text, unread, more }) => [text, unread, more]), page.next !== undefined, page.unread, page.unseen];
const first = await inboxes.list("user:7", { limit: 2 });
const rest = await inboxes.list("user:7", { before: first.next });
const { actor } = rest.notifications.at(-1);
const byText = Object.fromEntries((await inboxes.list("user:7")).notifications.map(({ text, id }) => [text, id]));
const mark = (change, ...texts) => inboxes.mark("user:7", change, texts.map((text) => byText[text]));
const marked = [await mark("read", "1", "2"), await mark("read", "1"), await mark("archive", "3"), await mark("delete", "2"), await mark("unread", "1")];
const lists = [];
for (const place of ["inbox", "unread", "archived"]) lists.push(short(await inboxes.list("user:7", { place })));
const { unseen, unread, total } = await inboxes.counts("user:7");
console.log(JSON.stringify([short(first), short(rest), actor, marked, lists, [unseen, unread, total], await mark("restore", "3")]));
"#;

/// Python and Node list, count and mark what Rust has added, and Rust sees what they have marked.
#[tokio::test]
async fn python_and_node_list_count_and_mark_notifications_of_rust() {
    for (language, program) in [("python", READ_PYTHON), ("node", READ_NODE)] {
        let server = Server::start();
        let salver = on(&server, "app");
        let inbox = salver.inbox(&Recipient::user(7));
        for text in ["1", "2", "3", "4"] {
            let note = Notification::new("test", Message::info(text));
            let note = note.actor(&Recipient::user(8), "Zoë");
            salver.notify([Recipient::user(7)], note).await.unwrap();
        }
        let printed = run(language, &server, "null", program);
        let expected = json!([
            [[["4", true, 0], ["3", true, 0]], true, 4, 4],
            [[["2", true, 0], ["1", true, 0]], false, 4, 4],
            { "id": "user:8", "name": "Zoë" },
            [2, 0, 1, 1, 1],
            [
                [[["4", true, 0], ["1", true, 0]], false, 2, 2],
                [[["4", true, 0], ["1", true, 0]], false, 2, 2],
                [[["3", false, 0]], false, 2, 2],
            ],
            [2, 2, 2],
            1,
        ]);
        assert_eq!(printed, expected, "{language}");
        let found = notifications(&inbox).await;
        let found: Vec<_> = found
            .iter()
            .map(|note| (note.text(), note.is_unread()))
            .collect();
        assert_eq!(
            found,
            [("4", true), ("3", false), ("1", true)],
            "{language}"
        );
        println!("INTEGRATION language={language} notify=ok list=ok mark=ok counts=ok");
    }
}
