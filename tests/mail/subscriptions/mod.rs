//! Mails to those who have subscribed, and the links in them.

mod activation;
mod cancelling;
mod ending;
mod hostile;
mod screens;
mod words;

use std::time::Duration;

use actix_web::test::TestRequest;
use salver::events::{Event, EventType, Subscription};
use salver::mail::{Cadence, Letter, Mailer};
use salver::{Message, Recipient, Salver, SalverBuilder};

use crate::mail::unsubscribing::with_profiles;
use crate::support::mail_pages::path;
use crate::support::site::{TestResponse, site};

const EDITS: EventType = EventType::new("wiki.edit", &["language"]);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = HOUR.saturating_mul(24);

fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder.default_cadence("*", Cadence::AtOnce)
}

fn german() -> Subscription {
    let edits = EDITS.subscription().filter("language", "de");
    edits.described("edits in German")
}

fn all() -> Subscription {
    EDITS.subscription().described("all edits")
}

fn edit(language: &str) -> Event {
    let event = EDITS.event().filter("language", language);
    event.message(Message::info("The page Ports was edited."))
}

fn eve() -> Recipient {
    Recipient::email("eve@example.org").unwrap()
}

/// Performs all jobs that are due. Returns the mails that were sent.
async fn mails(salver: &Salver) -> Vec<Letter> {
    let mailer = Mailer::memory();
    let worker = salver.worker().events().mail(mailer.clone());
    with_profiles(worker).drain().await.unwrap();
    mailer.sent()
}

async fn send(salver: &Salver, request: TestRequest) -> TestResponse {
    let site = site(salver.middleware(), |app| {
        app.service(salver.mail_routes());
    });
    site.await.send(request).await
}

async fn open(salver: &Salver, link: &str) -> TestResponse {
    send(salver, TestRequest::get().uri(&path(link))).await
}

/// Sends the form of a page.
async fn submit(salver: &Salver, link: &str, body: &str) -> TestResponse {
    let request = TestRequest::post().uri(&path(link));
    let request = request.insert_header(("content-type", "application/x-www-form-urlencoded"));
    send(salver, request.set_payload(body.to_owned())).await
}

/// Asks to subscribe Eve. Returns the link of the only mail that this causes.
async fn ask(salver: &Salver, subscription: Subscription) -> String {
    salver.subscribe(&eve(), subscription).await.unwrap();
    let mut letters = mails(salver).await;
    assert_eq!(letters.len(), 1);
    letters.remove(0).activation_url.unwrap()
}

/// Subscribes Eve, by way of a user, since an address is mailed one link in 5 minutes.
async fn subscribe(salver: &Salver, subscriptions: impl IntoIterator<Item = Subscription>) {
    let registered = Recipient::user("registered");
    for subscription in subscriptions {
        salver.subscribe(&registered, subscription).await.unwrap();
    }
    salver.merge(&registered, &eve()).await.unwrap();
}

async fn is_subscribed(salver: &Salver) -> bool {
    salver.is_subscribed(&eve(), &german()).await.unwrap()
}
