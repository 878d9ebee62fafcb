//! Measures one event to 10,000 watchers, until an SMTP server has accepted the mail to each, against django-tidings.

#[path = "../mail/sink.rs"]
mod sink;
mod tidings;
mod wiki;

use std::time::Instant;

use actix_web::App;
use comparison::server::Server;
use comparison::statistics::Statistics;
use comparison::{Result, compare, environment};
use salver::events::Subscribed;
use salver::jobs::Worker;
use salver::mail::{Cadence, Mailer};
use salver::{InboxFilter, Recipient, Salver};
use tokio::runtime::{Builder, Runtime};

use crate::sink::Sink;
use crate::tidings::Tidings;
use crate::wiki::Revision;

const WATCHERS: usize = 10_000;
/// A round takes minutes.
const MAX_ROUNDS: usize = 3;

fn main() -> Result {
    environment::print()?;
    let rounds = compare::rounds()?.min(MAX_ROUNDS);
    println!("\nOne event to {WATCHERS} watchers, {rounds} rounds");
    let (server, sink) = (
        Server::start(&[])?,
        Sink::start("benches/comparison/tidings/sink.py")?,
    );
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let salver = Salver::builder("wiki").redis(&server.url());
    let salver = salver.site("https://wiki.example").secret([7; 32]);
    let salver = salver.default_cadence("wiki", Cadence::AtOnce).build()?;
    let url = format!("smtp://127.0.0.1:{}", sink.port);
    let mailer = Mailer::smtp(&url)?.from("Wiki <notify@wiki.example>");
    let worker = wiki::worker(&salver, mailer);
    runtime.block_on(check(&salver))?;
    runtime.block_on(subscribe(&salver))?;
    let mut tidings = Tidings::start(WATCHERS, sink.port)?;
    let (mut of_tidings, mut of_salver, mut expected) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        let (left, right) = (tidings.fire()?, publish(&runtime, &salver, &worker)?);
        println!("round: django-tidings {left:.1} s, Salver {right:.1} s");
        of_tidings.push(left);
        of_salver.push(right);
        expected += 2 * WATCHERS;
        match sink.accepted()? {
            accepted if accepted == expected => {}
            accepted => return Err(format!("{accepted} of {expected} mails were accepted").into()),
        }
    }
    println!("SECONDS tidings {:.1}", Statistics::of(of_tidings));
    println!("SECONDS salver {:.1}", Statistics::of(of_salver));
    Ok(())
}

fn revision() -> Revision {
    Revision {
        document: 1,
        title: "Häfen".to_owned(),
        language: "de".to_owned(),
        editor: "Ada".to_owned(),
    }
}

/// Publishes one event. Returns the seconds until all mails were sent.
fn publish(runtime: &Runtime, salver: &Salver, worker: &Worker) -> Result<f64> {
    let started = Instant::now();
    runtime.block_on(async {
        salver.publish(wiki::edited(&revision())).await?;
        worker.drain().await
    })?;
    Ok(started.elapsed().as_secs_f64())
}

async fn subscribe(salver: &Salver) -> Result {
    for number in 0..WATCHERS {
        let user = Recipient::user(number);
        wiki::watch_language(salver, &user, "de").await?;
        if number % 2 == 0 {
            wiki::watch_document(salver, &user, 1, "Häfen").await?;
        }
    }
    Ok(())
}

/// Checks that each call works, as `tidings/fire.py` does.
async fn check(salver: &Salver) -> Result {
    let (vera, eve) = (Recipient::user("vera"), Recipient::user("eve"));
    let visitor = Recipient::email("vera@example.org")?;
    let awaiting = wiki::watch_language(salver, &visitor, "de").await?;
    wiki::watch_language(salver, &vera, "de").await?;
    wiki::register(salver, &visitor, &vera).await?;
    wiki::watch_document(salver, &vera, 1, "Häfen").await?;
    wiki::watch_document(salver, &eve, 1, "Häfen").await?;
    let watched = wiki::subscriptions(salver, &vera).await?;
    let described = watched.iter().filter_map(|one| one.get_description());
    let mut described: Vec<_> = described.collect();
    described.sort_unstable();
    let mailer = Mailer::memory();
    let worker = wiki::worker(salver, mailer.clone());
    let event = wiki::edited(&revision()).except([eve.clone()]);
    worker.publish(event).await?;
    let counts = [
        salver.inbox(&vera).counts().await?,
        salver.inbox(&eve).counts().await?,
    ];
    let ends = wiki::end(salver, &vera, &watched[0]).await?;
    wiki::remove_document(salver, 1).await?;
    let _app = App::new().configure(|config| wiki::pages(salver, config));
    let left = [
        wiki::subscriptions(salver, &vera).await?,
        wiki::subscriptions(salver, &eve).await?,
    ];
    // Only the link for the visitor is left to mail.
    salver.inbox(&vera).retract(&InboxFilter::all()).await?;
    worker.drain().await?;
    let is_right = awaiting == Subscribed::AwaitingActivation
        && described == ["edits in German", "edits of “Häfen”"]
        && counts.map(|counts| counts.unread) == [1, 0]
        && mailer.sent().len() == 1
        && ends
        && left.concat().is_empty();
    is_right
        .then_some(())
        .ok_or_else(|| "the wiki does not work".into())
}
