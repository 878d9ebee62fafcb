//! People are erased while everything runs: publishers, notifiers, a worker with mails and webhooks, open pages, and
//! digests that wait.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use salver::events::{Event, Subscription};
use salver::{Message, Notification, Recipient, Salver, SalverBuilder};

use super::scene::{Mailed, count_each};
use crate::faults::events::scene::{notified, until_accepted};
use crate::faults::inbox::add_up;
use crate::faults::webhooks::scene::{expected, register_fast, verdict as webhooks_verdict};
use crate::support::event_stream::EventStream;
use crate::support::history::{Row, Verdict};
use crate::support::inbox_site::{InboxSite, Setup, stream_of};
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::redis::Server;
use crate::support::smtp_server::SmtpServer;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::webhook_settings;
use crate::support::worker_process::{AT_ONCE, DAILY, WorkerProcess, mail_settings, mail_worker};
use crate::support::{eventually, eventually_within};

/// Every second person is erased.
const PEOPLE: usize = 16;
const EVENTS: usize = 16;
/// Notifications of each of two notifiers.
const NOTES: usize = 3;
const HOUR: Duration = Duration::from_secs(60 * 60);
const NOON: Duration = Duration::from_secs(12 * 60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a busy machine may take for all that is sent.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the worker asks for jobs.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

fn settings(builder: SalverBuilder) -> SalverBuilder {
    webhook_settings(mail_settings(builder))
}

fn edits() -> Subscription {
    Subscription::new(format!("{AT_ONCE}.edit"))
}

/// All that people are notified of, built before anyone is erased.
struct Sent {
    people: Vec<String>,
    events: Vec<Event>,
    notes: Vec<Notification>,
    digest: Notification,
}

impl Sent {
    fn new(people: usize) -> Self {
        let event = |number: usize| {
            let event = Event::new(edits().event_type()).id(number.to_string());
            event
                .source("/shop")
                .message(Message::info(format!("Event {number}.")))
        };
        let note =
            |number: usize| Notification::new(AT_ONCE, Message::info(format!("Note {number}.")));
        Self {
            people: (0..people).map(|number| format!("p{number}")).collect(),
            events: (0..EVENTS).map(event).collect(),
            notes: (0..2 * NOTES).map(note).collect(),
            digest: Notification::new(DAILY, Message::info("For the digest.")),
        }
    }

    fn recipients(&self) -> Vec<Recipient> {
        self.people.iter().map(Recipient::user).collect()
    }

    /// Returns the texts of what a person is notified of, without the one for the digest.
    fn texts(&self) -> Vec<String> {
        let notes = self.notes.iter().map(|note| note.text().to_owned());
        let events = (0..EVENTS).map(|number| format!("Event {number}."));
        events.chain(notes).collect()
    }

    fn erased(&self) -> impl Iterator<Item = &String> {
        self.people.iter().step_by(2)
    }

    fn others(&self) -> impl Iterator<Item = &String> {
        self.people.iter().skip(1).step_by(2)
    }

    async fn publish(&self, salver: &Salver, published: &Cell<usize>) {
        for event in &self.events {
            until_accepted(async || salver.publish(event.clone()).await).await;
            published.set(published.get() + 1);
        }
    }

    async fn notify(&self, salver: &Salver, notes: &[Notification]) {
        for note in notes {
            let notify = async || {
                salver
                    .notify(self.recipients(), note.clone())
                    .await
                    .map(drop)
            };
            until_accepted(notify).await;
        }
    }

    /// Erases people, one after so many events each.
    async fn erase(&self, salver: &Salver, published: &Cell<usize>) {
        let erased: Vec<_> = self.erased().collect();
        for (number, person) in erased.iter().enumerate() {
            let events = number * EVENTS / erased.len();
            let is_next = async || (published.get() > events).then_some(());
            eventually("events are published", is_next).await;
            salver.erase(&Recipient::user(person)).await.unwrap();
        }
    }
}

/// The unread notifications that each open page shows.
#[derive(Clone, Default)]
struct Pages(Rc<RefCell<BTreeMap<String, u64>>>);

impl Pages {
    async fn open(&self, site: &InboxSite, people: &[String]) {
        for person in people {
            let response = stream_of(&site.url, person).send().await.unwrap();
            let mut events = EventStream::from_response(response).await;
            let (pages, person) = (self.clone(), person.clone());
            actix_web::rt::spawn(async move {
                while let Some(event) = events.next().await {
                    if event.name == "counts" {
                        let unread = event.json()["unread"].as_u64().unwrap();
                        pages.0.borrow_mut().insert(person.clone(), unread);
                    }
                }
            });
        }
    }

    async fn wait_for(&self, person: &str, unread: u64) {
        let shows = async || (self.0.borrow().get(person) == Some(&unread)).then_some(());
        eventually(&format!("the page of {person} shows {unread}"), shows).await;
    }
}

/// Returns how many keys, places in the index and jobs name a person, besides the time of the erasure.
fn left(server: &Server, person: &str) -> usize {
    let keys: Vec<String> = server.run(&[b"KEYS", format!("*{{user%3A{person}}}*").as_bytes()]);
    let tombstone = format!("app!inbox-state:{{user%3A{person}}}");
    assert!(keys.contains(&tombstone), "{keys:?}");
    let index = format!("app!subscribers:{{{}}}", edits().event_type());
    let place = format!("user:{person}");
    let place: Option<f64> = server.run(&[b"ZSCORE", index.as_bytes(), place.as_bytes()]);
    if keys.len() > 1 {
        println!("left of {person}: {keys:?}");
    }
    keys.len() - 1 + usize::from(place.is_some())
}

#[actix_web::test]
async fn erasure_while_everything_runs_leaves_the_tombstone_alone() {
    let inboxes = Inboxes::redis_with_running_clock(settings, &[]);
    let server = inboxes.server.as_ref().unwrap();
    // No digest is due before the test moves the clock.
    let (now, _): (u64, u64) = server.run(&[b"TIME"]);
    let until_noon = (DAY + NOON).as_secs() - now % DAY.as_secs();
    inboxes.advance(Duration::from_secs(until_noon % DAY.as_secs()));
    let smtp = SmtpServer::start();
    let receiver = WebhookReceiver::start_at(inboxes.clock_file());
    let (salver, sent) = (&inboxes.salver, Sent::new(by_profile(PEOPLE, 10 * PEOPLE)));
    register_fast(salver, &receiver, "/0").await;
    let subscribing = sent.recipients().into_iter().map(|person| async move {
        salver.subscribe(&person, edits()).await.unwrap();
    });
    join_all(subscribing).await;
    sent.notify(salver, std::slice::from_ref(&sent.digest))
        .await;
    let site = InboxSite::serve(inboxes.process(settings), Setup::default());
    let pages = Pages::default();
    pages.open(&site, &sent.people).await;
    let worker = WorkerProcess::of_all(&server.url(), &smtp, POLL_INTERVAL);
    let published = Cell::new(0);
    tokio::join!(
        sent.publish(salver, &published),
        sent.notify(salver, &sent.notes[..NOTES]),
        sent.notify(salver, &sent.notes[NOTES..]),
        sent.erase(salver, &published),
    );
    let texts = sent.texts();
    let others = sent.others().count();
    eventually_within(
        PATIENCE,
        "everything has arrived at the others",
        async || {
            let mails = smtp.mails();
            let (mailed, mut verdict) = (Mailed::of(&mails), Verdict::default());
            for person in sent.others() {
                mailed.count(person, &texts, &mut verdict);
            }
            (verdict.lost == 0 && receiver.count() >= EVENTS).then_some(())
        },
    )
    .await;
    // The attempts that have begun end.
    worker.stop();
    let mailed_before = smtp.count();
    for person in sent.others() {
        pages.wait_for(person, texts.len() as u64 + 1).await;
    }
    for person in sent.erased() {
        pages.wait_for(person, 0).await;
    }

    // Everything is repeated, and every digest is due.
    sent.publish(salver, &published).await;
    sent.notify(salver, &sent.notes).await;
    sent.notify(salver, std::slice::from_ref(&sent.digest))
        .await;
    let worker = mail_worker(salver, &smtp.url()).events().webhooks();
    for time in [Duration::ZERO, HOUR, DAY, HOUR] {
        inboxes.advance(time);
        worker.drain().await.unwrap();
    }
    let counts = salver.deliveries().counts().await.unwrap();
    assert_eq!((counts.due, counts.dead), (0, 0), "{counts:?}");

    let events = expected(&["/0".to_owned()], 0..EVENTS);
    let mut verdict = webhooks_verdict(&receiver.deliveries(), &events);
    let mails = smtp.mails();
    let (mailed, mailed_again) = (Mailed::of(&mails), Mailed::of(&mails[mailed_before..]));
    let mut of_all = texts.clone();
    of_all.push("For the digest.".to_owned());
    let mut of_others = Verdict::default();
    for person in sent.others() {
        mailed.count(person, &of_all, &mut of_others);
        let inbox = notified(salver, &Recipient::user(person)).await;
        count_each(&inbox, &of_all, &mut of_others);
    }
    add_up(&mut verdict, &of_others);
    let kept: Vec<_> = sent.others().cloned().collect();
    let mut foreign = mailed_again.to_others(&kept);
    for person in sent.erased() {
        verdict.n += 1;
        verdict.received += 1;
        foreign += notified(salver, &Recipient::user(person)).await.len() + left(server, person);
    }
    verdict.misdelivered += foreign;
    site.stop().await;
    Row {
        test: "erasure_with_all",
        verdict,
        more: format!(
            "erased={} others={others} mails={}",
            sent.erased().count(),
            mails.len()
        ),
        ..Row::default()
    }
    .report();
}
