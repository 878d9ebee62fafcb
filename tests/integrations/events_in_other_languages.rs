//! Events and subscriptions in Rust, Python and Node: the same bytes in Redis, the same ids and digests.

use std::collections::BTreeMap;

use salver::events::{
    ADD_FILTER_SET_SCRIPT, Event, INDEX_SCRIPT, MARK_REMOVAL_SCRIPT, PUBLISH_SCRIPT,
    REMOVE_FROM_INDEX_SCRIPT, SUBSCRIBE_SCRIPT, SUBSCRIPTIONS_SCRIPT, Subscription,
    UNSUBSCRIBE_SCRIPT,
};
use salver::store::RedisStore;
use salver::{Inbox, InboxFilter, Recipient, Salver};
use serde_json::{Map, Number, Value, json};
use time::OffsetDateTime;

use crate::integrations::inbox_in_other_languages::ScriptCalls;
use crate::integrations::other_languages::run;
use crate::support::cluster::Cluster;
use crate::support::redis::Server;

const LANGUAGES: [&str; 2] = ["python", "node"];

/// Returns one list of the test vectors, which the unit tests of Python and Node read too.
fn vectors(name: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../fixtures/events_v1.json")).unwrap();
    vectors[name].as_array().unwrap().clone()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap()
}

fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|value| value.as_str().unwrap()).collect()
}

/// Returns the filters of a case with its subject.
fn filters(case: &Value) -> BTreeMap<String, String> {
    let filters = case["filters"].as_object().cloned().unwrap_or_default();
    let subject = case
        .get("subject")
        .map(|value| ("subject".to_owned(), value.clone()));
    let all = filters.into_iter().chain(subject);
    all.map(|(name, value)| (name, value.as_str().unwrap().to_owned()))
        .collect()
}

/// Builds the event that a vector describes.
fn event(case: &Value) -> Event {
    let mut event = Event::new(text(case, "type"));
    for (name, value) in filters(case) {
        event = event.filter(name, value);
    }
    if let Some(id) = case["id"].as_str() {
        event = event.id(id);
    }
    if let Some(source) = case["source"].as_str() {
        event = event.source(source);
    }
    if let Some(millis) = case["time_ms"].as_i64() {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
        event = event.time(time.unwrap());
    }
    if let Some(data) = case.get("data") {
        event = event.data(data);
    }
    if let Some(message) = case["message"].as_str() {
        event = event.message(serde_json::from_str(message).unwrap());
    }
    for other in case["also"].as_array().into_iter().flatten() {
        event = event.also(self::event(other));
    }
    let except = case["except"].as_array().into_iter().flatten();
    event.except(except.map(|recipient| recipient.as_str().unwrap().parse().unwrap()))
}

fn subscription(case: &Value) -> Subscription {
    let mut subscription = Subscription::new(text(case, "type"));
    for (name, value) in filters(case) {
        subscription = subscription.filter(name, value);
    }
    match case["description"].as_str() {
        Some(description) => subscription.described(description),
        None => subscription,
    }
}

fn recipient(case: &Value) -> Recipient {
    text(case, "recipient").parse().unwrap()
}

fn on(server: &Server, app: &str) -> Salver {
    Salver::new(app, RedisStore::new(&server.url()).unwrap()).unwrap()
}

fn in_cluster(server: &Server, app: &str) -> Salver {
    let store = RedisStore::builder(&server.url()).cluster().build();
    Salver::new(app, store.unwrap()).unwrap()
}

/// Asserts that the next calls of scripts are those of a list.
fn assert_calls(calls: &mut ScriptCalls, expected: &Value) {
    for call in expected.as_array().unwrap() {
        let (keys, arguments) = calls.next(strings(&call["keys"])[0]);
        assert_eq!(keys, strings(&call["keys"]));
        let expected = strings(&call["arguments"]);
        assert_eq!(arguments.len(), expected.len());
        // The mark of a removal is another one each time.
        let mut pairs = arguments.iter().zip(&expected);
        assert!(
            pairs.all(|(argument, expected)| *expected == "*" || argument == expected),
            "{arguments:?}, expected {expected:?}"
        );
    }
}

/// Ids, keys, records, bodies and digests, byte for byte.
#[tokio::test]
async fn publishes_match_vectors() {
    let (server, cluster) = (Server::start(), Cluster::single_node());
    for case in vectors("publishes") {
        let is_clustered = case["cluster"].as_bool().unwrap_or_default();
        let (server, salver) = match is_clustered {
            true => (
                &cluster.nodes[0],
                in_cluster(&cluster.nodes[0], text(&case, "app")),
            ),
            false => (&server, on(&server, text(&case, "app"))),
        };
        let mut calls = ScriptCalls::of(server);
        salver.publish(event(&case)).await.unwrap();
        assert_calls(&mut calls, &json!([case]));
        assert_eq!(case["digest"], case["arguments"][2]);
    }
}

#[tokio::test]
async fn subscribes_match_vectors() {
    let server = Server::start();
    for case in vectors("subscribes") {
        // From now on the server knows the scripts, and no call is repeated.
        let salver = on(&server, text(&case, "app"));
        let other = Recipient::user("other");
        salver.subscribe(&other, subscription(&case)).await.unwrap();
        let mut calls = ScriptCalls::of(&server);
        salver
            .subscribe(&recipient(&case), subscription(&case))
            .await
            .unwrap();
        assert_calls(&mut calls, &case["calls"]);
        let mut written = case["calls"].as_array().unwrap().iter();
        assert!(written.any(|call| call["arguments"][0] == case["id"]));
    }
}

#[tokio::test]
async fn unsubscribes_match_vectors() {
    let server = Server::start();
    for case in vectors("unsubscribes") {
        let salver = on(&server, text(&case, "app"));
        let other = Recipient::user("other");
        salver.subscribe(&other, subscription(&case)).await.unwrap();
        salver
            .unsubscribe(&other, &subscription(&case))
            .await
            .unwrap();
        let key = strings(&case["calls"][0]["keys"])[0];
        for stored in case["stored"].as_array().into_iter().flatten() {
            let [id, json] = [0, 1].map(|n| stored[n].as_str().unwrap().as_bytes());
            let _: u64 = server.run(&[b"HSET", key.as_bytes(), id, json]);
        }
        let mut calls = ScriptCalls::of(&server);
        salver
            .unsubscribe(&recipient(&case), &subscription(&case))
            .await
            .unwrap();
        assert_calls(&mut calls, &case["calls"]);
    }
}

/// The published scripts are those of the files that Python and Node load.
#[test]
fn published_event_scripts_are_those_of_files() {
    let folder = "src/events/store/redis/scripts";
    for (file, script) in [
        ("src/jobs/redis/scripts/publish", PUBLISH_SCRIPT),
        (&format!("{folder}/add_filter_set"), ADD_FILTER_SET_SCRIPT),
        (&format!("{folder}/index"), INDEX_SCRIPT),
        (&format!("{folder}/write_subscription"), SUBSCRIBE_SCRIPT),
        (&format!("{folder}/remove_subscription"), UNSUBSCRIBE_SCRIPT),
        (&format!("{folder}/mark_removal"), MARK_REMOVAL_SCRIPT),
        (
            &format!("{folder}/remove_from_index"),
            REMOVE_FROM_INDEX_SCRIPT,
        ),
        (&format!("{folder}/subscriptions"), SUBSCRIPTIONS_SCRIPT),
    ] {
        let path = format!("{}/{file}.lua", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(std::fs::read_to_string(path).unwrap(), script, "{file}");
    }
}

const MESSAGE: &str = r#"{"id":"018f2b6e-7c3a-7000-8000-000000000007","tag":"p53","v":1,"level":"success","title":"ø","text":"Document 7 was edited."}"#;

/// Returns the program that publishes an event and prints what became of it; `title` is a part of its content.
fn publish_program(language: &str, cluster: bool, title: &str) -> String {
    let program = match language {
        "python" => {
            r#"
events = salver.Events(client, "app", cluster=bool(CLUSTER))
event = salver.event(
    "wiki.edit.document", id="revision-12", subject="documents/7", data={"title": "TITLE", "size": 1.0}, message=MESSAGE,
    also=[salver.event("wiki.edit.language", filters={"language": "de"})], excluded=["user:8"],
)
try:
    print(json.dumps(events.publish(event)))
except salver.Conflict:
    print('"conflict"')
"#
        }
        _ => {
            r#"
const events = new salver.Events(client, "app", { cluster: Boolean(CLUSTER) });
const event = salver.event("wiki.edit.document", {
  id: "revision-12", subject: "documents/7", data: { size: 1, title: "TITLE" }, message: MESSAGE,
  also: [salver.event("wiki.edit.language", { filters: { language: "de" } })], excluded: ["user:8"],
});
const outcome = events.publish(event).catch((error) => (error instanceof salver.Conflict ? "conflict" : String(error)));
console.log(JSON.stringify(await outcome));
"#
        }
    };
    let program = program.replace("MESSAGE", &format!("'{MESSAGE}'"));
    let program = program.replace("CLUSTER", if cluster { "1" } else { "0" });
    program.replace("TITLE", title)
}

fn edited(title: &str) -> Event {
    let language = Event::new("wiki.edit.language").filter("language", "de");
    Event::new("wiki.edit.document")
        .id("revision-12")
        .subject("documents/7")
        .data(json!({ "size": 1.0, "title": title }))
        .message(serde_json::from_str(MESSAGE).unwrap())
        .also(language)
        .except([Recipient::user(8)])
}

/// Publishes an event in a language. Returns what became of it: `published` in Rust if there is no conflict.
async fn publish(
    language: &str,
    server: &Server,
    salver: &Salver,
    is_clustered: bool,
    title: &str,
) -> Value {
    if language != "rust" {
        let program = publish_program(language, is_clustered, title);
        return run(language, server, "null", &program);
    }
    match salver.publish(edited(title)).await {
        Ok(()) => json!("published"),
        Err(error) if error.is_conflict() => json!("conflict"),
        Err(error) => panic!("{error}"),
    }
}

async fn texts(inbox: &Inbox) -> Vec<String> {
    let page = inbox.list(&InboxFilter::all(), None).await.unwrap();
    page.rows
        .iter()
        .map(|row| row.newest.text().to_owned())
        .collect()
}

/// Each language in turn publishes first. The same event of the others is known, another one is a conflict, and the
/// subscriber is notified once.
#[tokio::test]
async fn event_of_all_languages_is_published_once() {
    for (first, is_clustered) in [
        ("rust", false),
        ("python", false),
        ("node", false),
        ("node", true),
    ] {
        let cluster = is_clustered.then(Cluster::single_node);
        let single = (!is_clustered).then(Server::start);
        let server = match &cluster {
            Some(cluster) => &cluster.nodes[0],
            None => single.as_ref().unwrap(),
        };
        let salver = match is_clustered {
            true => in_cluster(server, "app"),
            false => on(server, "app"),
        };
        let ada = Recipient::user(7);
        for subscription in [
            Subscription::new("wiki.edit.document").subject("documents/7"),
            Subscription::new("wiki.edit.language").filter("language", "de"),
        ] {
            for recipient in [&ada, &Recipient::user(8)] {
                salver
                    .subscribe(recipient, subscription.clone())
                    .await
                    .unwrap();
            }
        }
        let accepted = publish(first, server, &salver, is_clustered, "Ports").await;
        assert_eq!(
            accepted,
            if first == "rust" {
                "published"
            } else {
                "accepted"
            }
        );
        for language in ["rust", "python", "node"] {
            let known = publish(language, server, &salver, is_clustered, "Ports").await;
            assert_eq!(
                known,
                if language == "rust" {
                    "published"
                } else {
                    "known"
                },
                "{first}, {language}"
            );
            let other = publish(language, server, &salver, is_clustered, "Harbours").await;
            assert_eq!(other, "conflict", "{first}, {language}");
        }
        let stored: Vec<String> = server.run(&[b"KEYS", b"app!event:*"]);
        assert_eq!(stored.len(), 1, "{first} first: {stored:?}");
        salver.worker().events().drain().await.unwrap();
        assert_eq!(
            texts(&salver.inbox(&ada)).await,
            ["Document 7 was edited."],
            "{first}"
        );
        assert!(texts(&salver.inbox(&Recipient::user(8))).await.is_empty());
    }
}

/// Returns a random JSON value with a depth of at most so many.
fn random_value(random: &mut fastrand::Rng, depth: usize) -> Value {
    let kinds = if depth == 0 { 6 } else { 8 };
    match random.u8(0..kinds) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => json!(random.i64(-(1 << 53) + 1..1 << 53)),
        // Any bits of a double, of which some are whole numbers.
        3 => Number::from_f64(f64::from_bits(random.u64(..))).map_or(json!(-0.0), Value::Number),
        4 => json!((random.i32(..) as f64) * 10_f64.powi(random.i32(-25..25))),
        5 => json!(random_text(random)),
        6 => (0..random.usize(0..4))
            .map(|_| random_value(random, depth - 1))
            .collect(),
        _ => {
            let count = random.usize(0..6);
            let field = |_| (random_text(random), random_value(random, depth - 1));
            let fields: Map<String, Value> = (0..count).map(field).collect();
            fields.into()
        }
    }
}

/// Returns a text of characters whose orders in UTF-8 and UTF-16 differ, and of those that JSON escapes.
fn random_text(random: &mut fastrand::Rng) -> String {
    let choices = [
        'a',
        'Z',
        '7',
        '"',
        '\\',
        '/',
        '\n',
        '\u{1}',
        '\u{7f}',
        'é',
        '\u{2028}',
        '\u{e000}',
        '\u{ffff}',
        '\u{1f600}',
        '\u{10ffff}',
    ];
    (0..random.usize(0..5))
        .map(|_| choices[random.usize(..choices.len())])
        .collect()
}

/// Events of Rust are known to Python and Node, whatever JSON they have.
#[tokio::test]
async fn events_with_any_data_are_known_to_python_and_node() {
    const EVENTS: usize = 2_000;
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let server = Server::start();
    let salver = on(&server, "app");
    let mut data = Vec::new();
    for id in 0..EVENTS {
        let value = random_value(&mut random, 4);
        let event = Event::new("test").id(id.to_string()).data(&value);
        salver.publish(event).await.unwrap();
        data.push(value);
    }
    let json = serde_json::to_vec(&data).unwrap();
    let _: String = server.run(&[b"SET", b"data", &json]);
    for (language, program) in [("python", KNOWN_PYTHON), ("node", KNOWN_NODE)] {
        let printed = run(language, &server, "null", program);
        let unknown: Vec<_> = printed.as_array().unwrap().iter().collect();
        assert!(
            unknown.is_empty(),
            "seed {seed}, {language}: {unknown:?} of {EVENTS}"
        );
        println!("INTEGRATION language={language} events={EVENTS} unknown=0");
    }
}

const KNOWN_PYTHON: &str = r#"
events = salver.Events(client, "app")
def outcome(id, data):
    try:
        # `None` is no data in Python, which has the digest of null.
        return events.publish(salver.event("test", id=str(id), data=data))
    except salver.Conflict:
        return "conflict"
outcomes = [(id, outcome(id, data)) for id, data in enumerate(json.loads(client.get("data")))]
print(json.dumps([one for one in outcomes if one[1] != "known"]))
"#;
const KNOWN_NODE: &str = r#"
const events = new salver.Events(client, "app");
const unknown = [];
for (const [id, data] of JSON.parse(await client.get("data")).entries()) {
  const outcome = await events.publish(salver.event("test", { id: String(id), data })).catch((error) => String(error));
  if (outcome !== "known") unknown.push([id, outcome]);
}
console.log(JSON.stringify(unknown));
"#;

const SUBSCRIBE_PYTHON: &str = r#"
events = salver.Events(client, "app")
events.subscribe("user:7", "wiki.edit", filters={"language": "de"}, description="edits in German")
for to in ("user:8", "user:9"):
    for type in ("wiki.edit", "wiki.comment"):
        events.subscribe(to, type, subject="documents/7")
ended = [events.unsubscribe("user:8", "wiki.edit", subject="documents/7") for _ in range(2)]
ended += [events.unsubscribe("user:10", "wiki.edit", subject="documents/7")]
edit = salver.event("wiki.edit", subject="documents/7", filters={"language": "de"}, message=salver.message("Edited."))
print(json.dumps([ended, events.publish(edit)]))
"#;
const SUBSCRIBE_NODE: &str = r#"
const events = new salver.Events(client, "app");
await events.subscribe("user:7", "wiki.edit", { filters: { language: "de" }, description: "edits in German" });
const document = { subject: "documents/7" };
for (const to of ["user:8", "user:9"]) for (const type of ["wiki.edit", "wiki.comment"]) await events.subscribe(to, type, document);
const ended = [];
for (const to of ["user:8", "user:8", "user:10"]) ended.push(await events.unsubscribe(to, "wiki.edit", document));
const edit = salver.event("wiki.edit", { ...document, filters: { language: "de" }, message: salver.message("Edited.") });
console.log(JSON.stringify([ended, await events.publish(edit)]));
"#;

/// A worker of Rust notifies whom Python and Node have subscribed, and not whom they have unsubscribed.
#[tokio::test]
async fn worker_tells_subscribers_of_python_and_node() {
    for (language, program) in LANGUAGES
        .into_iter()
        .zip([SUBSCRIBE_PYTHON, SUBSCRIBE_NODE])
    {
        let server = Server::start();
        let salver = on(&server, "app");
        let document = |event_type: &str| Subscription::new(event_type).subject("documents/7");
        let ten = Recipient::user(10);
        salver.subscribe(&ten, document("wiki.edit")).await.unwrap();
        let printed = run(language, &server, "null", program);
        assert_eq!(
            printed,
            json!([[true, false, true], "accepted"]),
            "{language}"
        );
        salver.worker().events().drain().await.unwrap();
        for (user, expected) in [(7, 1), (8, 0), (9, 1), (10, 0)] {
            let found = texts(&salver.inbox(&Recipient::user(user))).await;
            assert_eq!(found, vec!["Edited."; expected], "{language}, user {user}");
        }
        let found = salver.subscriptions(&Recipient::user(7)).await.unwrap();
        let german = Subscription::new("wiki.edit").filter("language", "de");
        assert_eq!(found, [german.described("edits in German")], "{language}");
        let subscribers = salver
            .subscribers(&document("wiki.edit"), None)
            .await
            .unwrap();
        assert_eq!(subscribers, [Recipient::user(9)], "{language}");
        // Users 8 and 9 still have another subscription to the object.
        salver.remove_subject("documents/7").await.unwrap();
        for user in [8, 9] {
            let left = salver.subscriptions(&Recipient::user(user)).await.unwrap();
            assert!(left.is_empty(), "{language}, user {user}");
        }
        println!("INTEGRATION language={language} publish=ok subscribe=ok unsubscribe=ok");
    }
}
