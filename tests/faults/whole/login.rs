//! A visitor who has subscribed under an address logs in, while an event is fanned out and mailed.

use std::pin::{Pin, pin};

use futures_util::FutureExt;
use salver::events::{Event, Subscription};
use salver::jobs::{Profile, Worker};
use salver::mail::Mailer;
use salver::{Error, Message, Recipient, Salver};

use crate::faults::events::scene::notified;
use crate::support::history::{Row, Verdict};
use crate::support::mail_pages::{path, post, serve};
use crate::support::{at, session};

/// One visitor, and another subscriber whom no login concerns.
struct Visitor {
    salver: Salver,
    mailer: Mailer,
    name: String,
    /// Whether the site knows whose address it is.
    is_known: bool,
}

impl Visitor {
    fn address(&self) -> Recipient {
        Recipient::email(&self.mail()).unwrap()
    }

    fn mail(&self) -> String {
        format!("{}@example.org", self.name)
    }

    fn user(&self) -> Recipient {
        Recipient::user(&self.name)
    }

    fn other(&self) -> Recipient {
        Recipient::user(format!("other-{}", self.name))
    }

    fn edits(&self) -> Subscription {
        Subscription::new(format!("wiki.edit.{}", self.name))
    }

    fn worker(&self) -> Worker {
        let known = self.is_known.then(|| (self.user(), self.mail()));
        let profiles = move |asked: Vec<Recipient>| {
            let known = known.clone().filter(|(user, mail)| {
                asked.contains(user) || asked.contains(&Recipient::email(mail).unwrap())
            });
            let profiles = known.map(|(user, mail)| Profile::new(user).email(mail));
            async { Ok::<_, Error>(profiles.into_iter().collect()) }
        };
        let worker = self.salver.worker().events();
        worker.mail(self.mailer.clone()).profiles(profiles)
    }

    /// Subscribes both, and leaves a message to the visitor. `site`: with the page of the link that activates.
    async fn subscribe(&self, site: &str) {
        let message = Message::info("Saved.");
        let page = at(&format!("{}-old", self.name), "page");
        self.salver.add(&page, message).await.unwrap();
        self.salver
            .subscribe(&self.other(), self.edits())
            .await
            .unwrap();
        self.salver
            .subscribe(&self.address(), self.edits())
            .await
            .unwrap();
        self.worker().drain().await.unwrap();
        let letter = self.mailer.sent().pop().unwrap();
        let link = path(letter.activation_url.as_ref().unwrap());
        let (status, page) = post(&format!("{site}{link}"), "").await;
        assert_eq!(status, 200, "{page}");
    }

    async fn fan_out(&self) {
        let event = Event::new(self.edits().event_type()).id(&self.name);
        let event = event.message(Message::info("Edited."));
        self.worker().publish(event).await.unwrap();
    }

    async fn log_in(&self) {
        let (old, new) = (format!("{}-old", self.name), format!("{}-new", self.name));
        self.salver
            .migrate(&session(&old), &session(&new))
            .await
            .unwrap();
        self.salver
            .merge(&self.address(), &self.user())
            .await
            .unwrap();
    }

    /// Counts what has reached both.
    async fn add_to(&self, verdict: &mut Verdict) {
        self.worker().drain().await.unwrap();
        let edits = self.mailer.sent().into_iter();
        let edits = edits.filter(|letter| letter.activation_url.is_none());
        let mailed = edits.filter(|letter| letter.to == self.mail()).count();
        let user = notified(&self.salver, &self.user()).await.len();
        let other = notified(&self.salver, &self.other()).await.len();
        let mut shown = Vec::new();
        for session in ["new", "old"] {
            let page = at(&format!("{}-{session}", self.name), "page");
            shown.push(self.salver.take(&page).await.unwrap().len());
        }
        verdict.misdelivered += shown[1];
        for times in [mailed + user, other, shown[0]] {
            verdict.n += 1;
            verdict.received += times.min(1);
            verdict.lost += usize::from(times == 0);
            verdict.twice += times.saturating_sub(1);
        }
    }
}

/// Runs a task until so many more calls to the store have ended. Returns whether the task has.
async fn run(salver: &Salver, mut task: Pin<&mut impl Future<Output = ()>>, calls: u64) -> bool {
    let until = salver.finished_calls() + calls;
    while salver.finished_calls() < until {
        if task.as_mut().now_or_never().is_some() {
            return true;
        }
        // What the site answers about people runs in tasks of its own.
        tokio::task::yield_now().await;
    }
    false
}

/// The fan-out makes some calls, then the login makes some; then each makes its others. Every number of each is tried.
#[actix_web::test]
async fn login_between_any_two_calls_of_a_fan_out_loses_no_event_and_doubles_none() {
    let mut verdict = Verdict::default();
    let mut schedules = 0;
    for is_known in [false, true] {
        let salver = Salver::builder("app").store(salver::store::MemoryStore::new());
        let salver = salver.site("https://app.example").secret([7; 32]);
        let salver = salver.build().unwrap();
        let site = serve(&salver);
        salver.yield_before_calls();
        for before in 0.. {
            let mut has_fanned_out = false;
            for calls in 0.. {
                let visitor = Visitor {
                    salver: salver.clone(),
                    mailer: Mailer::memory(),
                    name: format!("v{before}-{calls}"),
                    is_known,
                };
                visitor.subscribe(&site).await;
                let (mut fan_out, mut log_in) = (pin!(visitor.fan_out()), pin!(visitor.log_in()));
                has_fanned_out = run(&salver, fan_out.as_mut(), before).await;
                let has_logged_in = run(&salver, log_in.as_mut(), calls).await;
                if !has_fanned_out {
                    fan_out.await;
                }
                if !has_logged_in {
                    log_in.await;
                }
                visitor.add_to(&mut verdict).await;
                schedules += 1;
                if has_logged_in {
                    break;
                }
            }
            if has_fanned_out {
                break;
            }
        }
    }
    Row {
        test: "login_in_fan_out",
        verdict,
        more: format!("schedules={schedules}"),
        ..Row::default()
    }
    .report();
}
