//! What version 1 has stored: inboxes, preferences, jobs and mails. Later versions read it, and write the same.

use std::collections::BTreeMap;
use std::time::Duration;

use salver::jobs::{DeliveryState, Worker};
use salver::mail::{Cadence, Profile};
use salver::{
    Error, InboxFilter, Message, MessageId, Notification, ReadState, Recipient, Salver,
    SalverBuilder,
};
use serde_json::{Value, json};
use time::Weekday;

use crate::mail::mailer;
use crate::support::inboxes::{Inboxes, ada, bob};
use crate::support::redis::Server;
use crate::support::smtp_server::SmtpServer;

const FIXTURE: &str = "tests/fixtures/state_v1.json";
/// 2027-01-15 12:00 UTC, at which everything was stored. Unix seconds.
const STORED_AT: u64 = 1_800_014_400;
const MINUTE: Duration = Duration::from_secs(60);

fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder
        .default_cadence("now", Cadence::AtOnce)
        .default_cadence("soon", Cadence::IfUnread(10 * MINUTE))
        .default_cadence("daily", Cadence::Daily { hour: 8 })
}

/// Returns a message of the time at which everything was stored.
fn message(number: u8, text: &str) -> Message {
    let id = format!("{:012x}7000800000000000{number:04x}", STORED_AT * 1_000);
    let hyphens = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let id = hyphens.map(|(from, to)| &id[from..to]).join("-");
    Message::info(text).with_id(id.parse::<MessageId>().unwrap())
}

fn worker(salver: &Salver, smtp: &SmtpServer, refusal: &'static str) -> Worker {
    let worker = salver.worker().mail(mailer(&smtp.url()));
    worker.profiles(move |who: Vec<Recipient>| async move {
        let profile = |who: Recipient| {
            let refusal = match who == bob() {
                true => "r550+",
                false => refusal,
            };
            let address = format!("{refusal}{}@example.org", who.user_id().unwrap());
            Profile::new(who).email(address)
        };
        Ok::<_, Error>(who.into_iter().map(profile).collect())
    })
}

/// Stores something of everything.
async fn store(salver: &Salver, smtp: &SmtpServer) {
    let inbox = salver.inbox(&ada());
    for (number, kind, text) in [
        (1, "now", "Mailed at once."),
        (2, "soon", "Mailed if it stays unread."),
        (3, "daily", "Mailed once a day."),
        (4, "note", "Was read."),
        (5, "note", "Archived."),
        (6, "note", "Removed."),
        (7, "quiet.kind", "Never mailed."),
    ] {
        let note = Notification::new(kind, message(number, text));
        let note = note.actor(&bob(), "Bob").subject("graphs/7");
        if number == 7 {
            inbox.set_mail("quiet", Cadence::Never).await.unwrap();
        }
        salver.notify([ada()], note).await.unwrap();
        // Each has a later position than the one before.
    }
    for number in [8, 9] {
        let text = message(number, "Uploaded.").tag(format!("upload-{number}"));
        let note = Notification::new("note", text).group("uploads");
        salver.notify([ada()], note).await.unwrap();
    }
    let only = |text: &str| InboxFilter::all().text(text);
    inbox
        .mark(&only("Was read."), ReadState::Read)
        .await
        .unwrap();
    inbox
        .mark(&only("Archived."), ReadState::Archived)
        .await
        .unwrap();
    inbox.retract(&only("Removed.")).await.unwrap();
    inbox.list(&InboxFilter::all(), None).await.unwrap();
    inbox.mark_seen().await.unwrap();
    let weekly = Cadence::Weekly {
        weekday: Weekday::Monday,
        hour: 9,
    };
    inbox.set_mail("weekly", weekly).await.unwrap();
    let refused = Notification::new("now", message(10, "Refused."));
    salver.notify([bob()], refused).await.unwrap();
    salver.suppress_mail("dave@example.org").await.unwrap();
    salver.erase(&Recipient::user("eve")).await.unwrap();
    worker(salver, smtp, "d451+").drain().await.unwrap();
    let carol = Recipient::email("carol@example.org").unwrap();
    let waits = Notification::new("now", message(11, "Waits for a worker."));
    salver.notify([carol], waits).await.unwrap();
}

/// Returns all keys of a server.
fn dump(server: &Server) -> BTreeMap<String, Value> {
    let mut keys: Vec<String> = server.run(&[b"KEYS", b"app!*"]);
    // The job of a changed preference has an id of its time.
    keys.retain(|key| key != "app!done.plan:{0}");
    let dumped = keys.into_iter().map(|key| {
        let name = key.as_bytes();
        let kind: String = server.run(&[b"TYPE", name]);
        let value = match kind.as_str() {
            "zset" => {
                let members: BTreeMap<String, f64> =
                    server.run(&[b"ZRANGE", name, b"0", b"-1", b"WITHSCORES"]);
                json!(members)
            }
            "hash" => json!(server.run::<BTreeMap<String, String>>(&[b"HGETALL", name])),
            _ => json!(server.run::<String>(&[b"GET", name])),
        };
        let expires = server.run::<i64>(&[b"PTTL", name]) > 0;
        (
            key,
            json!({ "type": kind, "value": value, "expires": expires }),
        )
    });
    dumped.collect()
}

/// Stores the keys of the fixture.
fn load(server: &Server) {
    for (key, stored) in &fixture() {
        let key = key.as_bytes();
        let Some(fields) = stored["value"].as_object() else {
            let value = stored["value"].as_str().unwrap();
            let _: String = server.run(&[b"SET", key, value.as_bytes()]);
            continue;
        };
        for (field, value) in fields {
            let _: i64 = match value.as_str() {
                Some(text) => server.run(&[b"HSET", key, field.as_bytes(), text.as_bytes()]),
                None => {
                    let score = value.as_f64().unwrap().to_string();
                    server.run(&[b"ZADD", key, score.as_bytes(), field.as_bytes()])
                }
            };
        }
    }
}

fn fixture() -> BTreeMap<String, Value> {
    serde_json::from_str(include_str!("../fixtures/state_v1.json")).unwrap()
}

/// Replaces the times of the first ten minutes, after which one job is due: an attempt takes a time that differs, and its
/// retry too.
fn without_times(state: &BTreeMap<String, Value>) -> String {
    let text = serde_json::to_string_pretty(state).unwrap();
    let mut normalized = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = &rest[start..];
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        let (from, to) = (STORED_AT * 1_000, STORED_AT * 1_000 + 600_100);
        let is_time = digits[..end]
            .parse()
            .is_ok_and(|time| (from..to).contains(&time));
        normalized.push_str(&rest[..start]);
        normalized.push_str(if is_time { "TIME" } else { &digits[..end] });
        rest = &digits[end..];
    }
    normalized + rest
}

#[tokio::test]
async fn state_is_stored_as_in_version_1() {
    let (inboxes, smtp) = (Inboxes::redis_at(STORED_AT, settings), SmtpServer::start());
    store(&inboxes.salver, &smtp).await;
    let stored = dump(inboxes.server.as_ref().unwrap());
    if std::env::var_os("SALVER_TEST_WRITE_FIXTURE").is_some() {
        std::fs::write(
            FIXTURE,
            serde_json::to_string_pretty(&stored).unwrap() + "\n",
        )
        .unwrap();
        return;
    }
    let (stored, expected) = (without_times(&stored), without_times(&fixture()));
    for (line, (stored, expected)) in stored.lines().zip(expected.lines()).enumerate() {
        assert_eq!(stored, expected, "line {}", line + 1);
    }
    assert_eq!(stored.len(), expected.len());
}

#[tokio::test]
async fn stored_state_of_version_1_is_read_and_mailed() {
    let (inboxes, smtp) = (Inboxes::redis_at(STORED_AT, settings), SmtpServer::start());
    load(inboxes.server.as_ref().unwrap());
    let (salver, inbox) = (&inboxes.salver, inboxes.inbox());
    let texts = inboxes.texts(InboxFilter::all()).await;
    let newest_first = [
        "Uploaded.",
        "Uploaded.",
        "Never mailed.",
        "Was read.",
        "Mailed once a day.",
        "Mailed if it stays unread.",
        "Mailed at once.",
    ];
    assert_eq!(texts, newest_first);
    assert_eq!(inboxes.texts(InboxFilter::archived()).await, ["Archived."]);
    assert_eq!(inboxes.counts().await, (0, 6, 7));
    let rows = inbox.list(&InboxFilter::all(), None).await.unwrap().rows;
    assert_eq!((rows.len(), rows[0].count), (6, 2));
    assert_eq!(rows[1].newest.get_subject(), Some("graphs/7"));
    // What was removed does not come back.
    let removed = Notification::new("note", message(6, "Removed."));
    salver.notify([ada()], removed).await.unwrap();
    assert_eq!(inboxes.texts(InboxFilter::all()).await.len(), 7);
    let preferences = inbox.mail().await.unwrap();
    assert_eq!(preferences.get("quiet"), Some(&Cadence::Never));
    let weekly = Cadence::Weekly {
        weekday: Weekday::Monday,
        hour: 9,
    };
    assert_eq!(preferences.get("weekly"), Some(&weekly));
    assert!(salver.is_mail_suppressed("dave@example.org").await.unwrap());

    let deliveries = salver.deliveries();
    let dead = deliveries.list(DeliveryState::Dead, None).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].attempts[0].error.contains("550"), "{:?}", dead[0]);
    let waiting = deliveries.list(DeliveryState::Waiting, None).await.unwrap();
    let failed = waiting.iter().filter(|one| one.attempts.len() == 1);
    assert_eq!((waiting.len(), failed.count()), (4, 1));
    assert_eq!(deliveries.counts().await.unwrap().dead, 1);

    let worker = worker(salver, &smtp, "");
    for wait in [MINUTE, 10 * MINUTE, 24 * 60 * MINUTE] {
        inboxes.advance(wait);
        worker.drain().await.unwrap();
    }
    let mails: Vec<_> = smtp
        .mails()
        .into_iter()
        .map(|mail| (mail.to, mail.text))
        .collect();
    let [first, second, soon, daily] = &mails[..] else {
        panic!("{mails:#?}");
    };
    let (carol, at_once) = match first.0.starts_with("carol") {
        true => (first, second),
        false => (second, first),
    };
    assert!(carol.1.contains("Waits for a worker."), "{mails:#?}");
    for ((address, text), expected) in [
        (at_once, "Mailed at once."),
        (soon, "Mailed if it stays unread."),
        (daily, "Mailed once a day."),
    ] {
        assert_eq!(address, "ada@example.org");
        assert!(text.contains(expected), "{mails:#?}");
    }
    assert_eq!(deliveries.counts().await.unwrap().due, 0);
}
