//! The bell: the number of unread notifications on every page.

use std::time::Duration;

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use actix_web::web::get;
use actix_web::{Error, HttpResponse};
use salver::inbox::{MAX_AGE, MAX_NOTIFICATIONS};
use salver::store::RedisStore;
use salver::{InboxFilter, Message, Notification, ReadState, Recipient, Salver};

use crate::support::eventually;
use crate::support::inbox_site::user;
use crate::support::inboxes::{Inboxes, ada, bob, note};
use crate::support::site::{TestResponse, WebTestSite, site};

const PAGE: &str = "<!doctype html><title>Home</title><a href=\"/salver/inbox\">Notifications \
    <salver-bell></salver-bell></a><salver-messages></salver-messages><p>text";

/// A site whose pages have a bell.
trait Pages {
    /// Returns the page of a user; of a visitor who is not logged in for an empty name.
    async fn page(&self, user: &str) -> TestResponse;
}

impl<S, B> Pages for WebTestSite<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    async fn page(&self, user: &str) -> TestResponse {
        let request = TestRequest::get().uri("/");
        self.send(match user {
            "" => request,
            user => request.insert_header(("x-user", user)),
        })
        .await
    }
}

async fn site_of(salver: &Salver) -> impl Pages + use<> {
    let (middleware, inbox) = (salver.middleware().recipient(user), salver.inbox_routes());
    let page = || async {
        HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header(("etag", "\"1\""))
            .body(PAGE)
    };
    site(middleware, move |app| {
        app.service(inbox).route("/", get().to(page));
    })
    .await
}

/// Returns the number that the bell shows, and the one that it announces.
fn bell(page: &TestResponse) -> Option<(String, String)> {
    let (_, rest) = page.body.split_once("<salver-bell>")?;
    let (bell, _) = rest.split_once("</salver-bell>")?;
    let texts = bell.split('>').filter_map(|part| part.split('<').next());
    let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
    match texts[..] {
        [shown, notified] => Some((shown.to_owned(), notified.to_owned())),
        _ => None,
    }
}

/// Waits until this process receives all reports of the store about inboxes.
async fn wait_for_reports(inboxes: &Inboxes, site: &impl Pages) {
    eventually("a page of another person needs no call", async || {
        site.page("eve").await;
        let before = inboxes.salver.finished_calls();
        site.page("eve").await;
        (inboxes.salver.finished_calls() == before).then_some(())
    })
    .await;
}

crate::inbox_tests! {
    async fn bell_shows_number_of_unread_notifications(inboxes: Inboxes) {
        let site = site_of(&inboxes.salver).await;
        inboxes.notify(note("one")).await;
        let page = site.page("ada").await;
        assert_eq!(bell(&page), Some(("1".to_owned(), "1 unread".to_owned())));
        assert_eq!(page.header("cache-control"), Some("no-store, private"));
        assert_eq!(page.header("etag"), None);
        for _ in 0..119 {
            inboxes.notify(note("more")).await;
        }
        let page = eventually("the bell shows the rest", async || {
            let page = site.page("ada").await;
            (bell(&page)?.1 == "120 unread").then_some(page)
        })
        .await;
        assert_eq!(bell(&page).unwrap().0, "99+");
        inboxes.inbox().mark(&InboxFilter::all(), ReadState::Read).await.unwrap();
        eventually("the bell is empty", async || {
            let page = site.page("ada").await;
            (page.body == PAGE).then_some(())
        })
        .await;
    }

    async fn idle_page_with_bell_costs_no_call_and_stays_as_it_was(inboxes: Inboxes) {
        let site = site_of(&inboxes.salver).await;
        wait_for_reports(&inboxes, &site).await;
        let before = inboxes.salver.finished_calls();
        assert_eq!(site.page("ada").await.body, PAGE);
        assert_eq!(inboxes.salver.finished_calls() - before, 1, "the first page asks");
        for _ in 0..10 {
            let page = site.page("ada").await;
            assert_eq!(page.body, PAGE);
            assert_eq!(page.header("etag"), Some("\"1\""));
            assert_eq!(page.header("cache-control"), None);
        }
        let anonymous = site.page("").await;
        assert_eq!(anonymous.body, PAGE);
        assert_eq!(inboxes.salver.finished_calls() - before, 1);
        // A filled bell asks no more often.
        inboxes.notify(note("one")).await;
        eventually("the bell is filled", async || bell(&site.page("ada").await)).await;
        let before = inboxes.salver.finished_calls();
        for _ in 0..10 {
            assert!(bell(&site.page("ada").await).is_some());
        }
        assert_eq!(inboxes.salver.finished_calls(), before);
    }

    async fn bell_is_that_of_the_person(inboxes: Inboxes) {
        let site = site_of(&inboxes.salver).await;
        wait_for_reports(&inboxes, &site).await;
        inboxes.notify(note("one")).await;
        eventually("the bell of Ada is filled", async || bell(&site.page("ada").await)).await;
        for _ in 0..250 {
            assert!(bell(&site.page("ada").await).is_some());
            assert_eq!(site.page("bob").await.body, PAGE);
        }
    }
}

/// The memory store removes the inboxes that expire first when it is full, and those that have expired.
#[tokio::test]
async fn bell_of_removed_inbox_is_empty() {
    let inboxes = Inboxes::memory();
    let site = site_of(&inboxes.salver).await;
    let long = "x".repeat(4_000);
    let large = || {
        let message = Message::info(&*long).data(&*long);
        Notification::new("test", message)
    };
    inboxes.notify(note("one")).await;
    assert!(bell(&site.page("ada").await).is_some());
    inboxes.advance(Duration::from_millis(1));
    let others: Vec<_> = (0..9).map(Recipient::user).collect();
    for _ in 0..MAX_NOTIFICATIONS {
        let notified = inboxes.salver.notify(others.clone(), large()).await;
        notified.unwrap();
    }
    assert_eq!(inboxes.counts().await, (0, 0, 0));
    assert_eq!(site.page("ada").await.body, PAGE);

    inboxes.notify(note("one")).await;
    assert!(bell(&site.page("ada").await).is_some());
    inboxes.advance(MAX_AGE + Duration::from_secs(1));
    // A call for any recipient.
    let bobs = inboxes.salver.inbox(&bob()).counts().await;
    assert_eq!(bobs.unwrap().total, 0);
    assert_eq!(site.page("ada").await.body, PAGE);
}

/// What another process changes is on the next page too, within moments.
#[tokio::test]
async fn changes_of_another_process_reach_the_bell() {
    let inboxes = Inboxes::redis();
    let site = site_of(&inboxes.salver).await;
    wait_for_reports(&inboxes, &site).await;
    let server = inboxes.server.as_ref().unwrap();
    let job = Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap();
    assert_eq!(bell(&site.page("ada").await), None);
    for (number, text) in ["one", "two", "three"].into_iter().enumerate() {
        job.notify([ada()], note(text)).await.unwrap();
        eventually("the bell shows it", async || {
            let (shown, _) = bell(&site.page("ada").await)?;
            (shown == (number + 1).to_string()).then_some(())
        })
        .await;
    }
    job.inbox(&ada())
        .retract(&InboxFilter::all())
        .await
        .unwrap();
    eventually("the bell is empty", async || {
        bell(&site.page("ada").await).is_none().then_some(())
    })
    .await;
}

/// While the store does not reply, the page is served without a number.
#[tokio::test]
async fn page_without_store_has_an_empty_bell() {
    let mut inboxes = Inboxes::redis();
    let site = site_of(&inboxes.salver).await;
    inboxes.notify(note("one")).await;
    eventually("the bell is filled", async || bell(&site.page("ada").await)).await;
    inboxes.server.as_mut().unwrap().kill();
    let started = std::time::Instant::now();
    eventually("the bell is empty", async || {
        let page = site.page("ada").await;
        assert_eq!(page.status, 200);
        (page.body == PAGE).then_some(())
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(5));
}
