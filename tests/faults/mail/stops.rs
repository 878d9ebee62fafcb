//! A process that stops after any call to the store forgets no mail, and another one sends no other mail than the
//! first would have sent: at most the same one again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use salver::jobs::Worker;
use salver::mail::{Cadence, Mailer, Profile};
use salver::{Error, Message, Notification, Recipient, Salver, SalverBuilder};

use crate::support::history::{Row, Verdict};
use crate::support::inboxes::Inboxes;
use crate::support::smtp_server::SmtpServer;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The kinds of notifications, each with when all its mails have been sent.
const KINDS: [(&str, Duration); 3] = [
    ("at-once", Duration::ZERO),
    ("if-unread", Duration::from_secs(11 * 60)),
    ("daily", Duration::from_secs(25 * 60 * 60)),
];
const PEOPLE: usize = 2;

fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder
        .default_cadence("at-once", Cadence::AtOnce)
        .default_cadence("if-unread", Cadence::IfUnread(10 * MINUTE))
        .default_cadence("daily", Cadence::Daily { hour: 8 })
}

/// What one run works on: people whose addresses are their ids, and two notifications for each.
struct Scene {
    people: Vec<Recipient>,
    notes: [Notification; 2],
    later: Notification,
    wait: Duration,
}

impl Scene {
    fn new(name: &str, (kind, wait): (&str, Duration)) -> Self {
        let note =
            |text: &str| Notification::new(kind, Message::info(format!("{text} of {name}.")));
        let people = (0..PEOPLE).map(|number| Recipient::user(format!("{name}-{number}")));
        Self {
            people: people.collect(),
            notes: [note("One"), note("Two")],
            later: note("Later"),
            wait,
        }
    }

    /// Notifies the people, and sends the mails when their time has come.
    async fn run(
        &self,
        inboxes: &Inboxes,
        salver: &Salver,
        smtp: &SmtpServer,
    ) -> Result<(), Error> {
        for note in &self.notes {
            salver.notify(self.people.clone(), note.clone()).await?;
        }
        let worker = worker(salver, smtp);
        worker.drain().await?;
        inboxes.advance(self.wait);
        worker.drain().await.map(drop)
    }
}

fn worker(salver: &Salver, smtp: &SmtpServer) -> Worker {
    let mailer = Mailer::smtp(&smtp.url())
        .unwrap()
        .from("App <notify@example.org>");
    salver
        .worker()
        .mail(mailer)
        .profiles(|who: Vec<Recipient>| async {
            let address = |who: &Recipient| format!("{}@example.org", who.user_id().unwrap());
            let profile = |who: Recipient| {
                let address = address(&who);
                Profile::new(who).email(address)
            };
            Ok::<_, Error>(who.into_iter().map(profile).collect())
        })
}

/// Stops after each call of each kind of mail. Returns the numbers of calls and of stops.
async fn stop_everywhere(store: &str, inboxes: &Inboxes, smtp: &SmtpServer) -> (u64, u64) {
    let (mut calls, mut stops) = (0, 0);
    for kind in KINDS {
        let counted = inboxes.process(settings);
        let from = counted.finished_calls();
        let scene = Scene::new(&format!("{store}-{}-counted", kind.0), kind);
        scene.run(inboxes, &counted, smtp).await.unwrap();
        let all = counted.finished_calls() - from;
        for call in 1..=all {
            let scene = Scene::new(&format!("{store}-{}-{call}", kind.0), kind);
            let stopping = inboxes.process(settings);
            stopping.stop_after(call);
            tokio::select! {
                biased;
                // The stopped call may be one that needs no other after it.
                outcome = scene.run(inboxes, &stopping, smtp) => drop(outcome),
                () = stopping.stopped() => {}
            }
            stops += 1;
            // The processes of a memory store share one handle.
            stopping.stop_after(u64::MAX);
            let other = inboxes.process(settings);
            // A later one, which belongs to no mail that was sent before.
            let people = scene.people.clone();
            other.notify(people, scene.later.clone()).await.unwrap();
            for _ in 0..2 {
                scene.run(inboxes, &other, smtp).await.unwrap();
                // The leases of the process that has stopped end.
                inboxes.advance(DAY);
                worker(&other, smtp).drain().await.unwrap();
            }
        }
        println!("STOP mail {store} kind={} calls={all}", kind.0);
        calls += all;
    }
    (calls, stops)
}

#[tokio::test]
async fn process_that_stops_after_any_call_forgets_no_mail_and_adds_none() {
    let smtp = SmtpServer::start();
    let (memory, redis) = (
        Inboxes::memory_with(settings),
        Inboxes::redis_with_clock_and(settings),
    );
    let (calls, stops) = stop_everywhere("memory", &memory, &smtp).await;
    let in_redis = stop_everywhere("redis", &redis, &smtp).await;
    assert_eq!((calls, stops), in_redis);
    assert_eq!(calls, stops);

    // By recipient: the texts and the number of mails with one id.
    let mut mails: BTreeMap<String, BTreeMap<String, (String, usize)>> = BTreeMap::new();
    let mut foreign = 0;
    for mail in smtp.mails() {
        let (name, _) = mail.to.rsplit_once('-').unwrap();
        foreign += usize::from(!mail.text.contains(&format!(" of {name}.")));
        let id = mail.headers["message-id"].clone();
        let of_person = mails.entry(mail.to).or_default();
        let (text, times) = of_person
            .entry(id)
            .or_insert_with(|| (mail.text.clone(), 0));
        assert_eq!(*text, mail.text, "a repeat has another text");
        *times += 1;
    }
    let (mut lost, mut twice, mut again) = (0, 0, 0);
    for mails in mails.values() {
        let texts: Vec<_> = mails.values().map(|(text, _)| text.as_str()).collect();
        let all = texts.concat();
        for text in ["One of", "Two of"] {
            lost += usize::from(!all.contains(text));
            twice += all.matches(text).count().saturating_sub(1);
        }
        again += mails.values().map(|(_, times)| times - 1).sum::<usize>();
        let ids: BTreeSet<_> = mails.keys().collect();
        assert!(ids.len() <= 3, "{mails:?}");
    }
    let people = PEOPLE * (2 * usize::try_from(stops).unwrap() + 2 * KINDS.len());
    Row {
        test: "mail_stops",
        verdict: Verdict {
            n: people * 2,
            received: people * 2 - lost,
            lost: lost + 2 * (people - mails.len()),
            twice,
            again,
            misdelivered: foreign,
            ..Verdict::default()
        },
        more: format!("calls={} stops={}", calls * 2, stops * 2),
        ..Row::default()
    }
    .report();
}
