//! The events of an inbox on the stream of an open page.

use std::time::{Duration, Instant};

use reqwest::Client;
use salver::store::RedisStore;
use salver::{InboxFilter, ReadState, Recipient, Salver};

use crate::support::event_stream::{Event, EventStream};
use crate::support::inbox_site::{IDENTITY_HEADERS, InboxSite, Setup, stream_of};
use crate::support::inboxes::note;
use crate::support::redis::Server;

/// Least time between two reads of an inbox for one stream.
const READ_INTERVAL: Duration = Duration::from_secs(2);
/// Connections that are lost.
const ROUNDS: usize = 10;

pub(super) async fn open(site: &InboxSite, user: &str) -> EventStream {
    EventStream::from_response(stream_of(&site.url, user).send().await.unwrap()).await
}

/// Logs Ada in, which gives her a session. Returns her cookies.
pub(super) async fn log_in(site: &InboxSite) -> String {
    let login = Client::new().get(format!("{}/renew", site.url));
    let response = login.header("cookie", "user=ada").send().await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    let (session, _) = cookie.split_once(';').unwrap();
    format!("user=ada; {session}")
}

pub(super) async fn open_with(site: &InboxSite, query: &str, cookies: &str) -> EventStream {
    let request = Client::new().get(format!("{}/salver/stream{query}", site.url));
    let request = request
        .header("accept", "text/event-stream")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", cookies);
    EventStream::from_response(request.send().await.unwrap()).await
}

/// Returns the unread and the unseen ones of the event with counts that arrives next.
pub(super) async fn counts(events: &mut EventStream) -> (u64, u64) {
    let event = events.expect_next().await;
    assert_eq!(event.name, "counts", "{event:?}");
    let counts = event.json();
    (
        counts["unread"].as_u64().unwrap(),
        counts["unseen"].as_u64().unwrap(),
    )
}

pub(super) async fn inbox_event(events: &mut EventStream) -> Event {
    let event = events.expect_next().await;
    assert_eq!(event.name, "inbox", "{event:?}");
    event
}

/// The site on each store. The server runs as long as it.
pub(super) fn sites() -> [(InboxSite, Option<Server>); 2] {
    let server = Server::start();
    let setup = Setup::default;
    [
        (InboxSite::start(setup()), None),
        (InboxSite::start_on(&server, setup()), Some(server)),
    ]
}

/// A person has a stream without a session of Salver and without a view.
#[actix_web::test]
async fn stream_tells_counts_and_changes_of_a_person() {
    for (site, _server) in sites() {
        site.notify("ada", note("before")).await;
        let mut events = open(&site, "ada").await;
        assert_eq!(counts(&mut events).await, (1, 1));
        // The first stream of a process reads twice: changes are reported once it is open.
        events.expect_none(READ_INTERVAL * 5 / 2).await;
        tokio::time::sleep(READ_INTERVAL).await;
        let started = Instant::now();
        site.notify("ada", note("one")).await;
        assert_eq!(counts(&mut events).await, (2, 2));
        assert!(started.elapsed() < Duration::from_millis(500));
        let first = inbox_event(&mut events).await;
        // Many at once are one event, after the interval.
        for text in ["two", "three", "four"] {
            site.notify("ada", note(text)).await;
        }
        site.notify("bob", note("for Bob")).await;
        assert_eq!(counts(&mut events).await, (5, 5));
        assert!(
            started.elapsed() >= READ_INTERVAL,
            "{:?}",
            started.elapsed()
        );
        let last = inbox_event(&mut events).await;
        assert!(last.id.parse::<u64>().unwrap() > first.id.parse().unwrap());
        events.expect_none(READ_INTERVAL).await;
        let inbox = site.salver.inbox(&Recipient::user("ada"));
        let all = InboxFilter::all();
        inbox.mark(&all, ReadState::Read).await.unwrap();
        assert_eq!(counts(&mut events).await, (0, 0));
        inbox_event(&mut events).await;
        // A change that leaves the counts and the newest position as they are.
        let oldest = all.text("before");
        inbox.mark(&oldest, ReadState::Archived).await.unwrap();
        assert_eq!(inbox_event(&mut events).await.id, last.id);
    }
}

/// Without reports of the server both sources of a stream ask for changes: neither keeps the other from it.
#[actix_web::test]
async fn stream_with_messages_tells_changes_of_inbox_of_a_connection_pool() {
    let server = Server::start();
    let config = deadpool_redis::Config::from_url(server.url());
    let runtime = deadpool_redis::Runtime::Tokio1;
    let pool = config.create_pool(Some(runtime)).unwrap();
    let salver = Salver::new("app", RedisStore::from_pool(pool)).unwrap();
    let site = InboxSite::serve(salver, Setup::default());
    let cookies = log_in(&site).await;
    let mut events = open_with(&site, "?view=home", &cookies).await;
    assert_eq!(counts(&mut events).await, (0, 0));
    for unread in 1..=3 {
        site.notify("ada", note("news")).await;
        assert_eq!(counts(&mut events).await, (unread, unread));
        inbox_event(&mut events).await;
    }
}

/// A stream that breaks continues after its last event: the page loads its list once.
#[actix_web::test]
async fn reconnected_stream_tells_whether_anything_was_missed() {
    for (site, _server) in sites() {
        site.notify("ada", note("one")).await;
        let mut events = open(&site, "ada").await;
        let last = events.expect_next().await.id;
        drop(events);
        let reopen = async |last: &str| {
            let request = stream_of(&site.url, "ada").header("last-event-id", last);
            let mut events = EventStream::from_response(request.send().await.unwrap()).await;
            counts(&mut events).await;
            events
        };
        let mut same = reopen(&last).await;
        same.expect_none(Duration::from_millis(300)).await;
        site.notify("ada", note("missed")).await;
        let mut later = reopen(&last).await;
        assert_ne!(inbox_event(&mut later).await.id, last);
    }
}

#[actix_web::test]
async fn streams_of_a_person_are_closed_on_request() {
    for (site, _server) in sites() {
        let (mut adas, mut bobs) = (open(&site, "ada").await, open(&site, "bob").await);
        for events in [&mut adas, &mut bobs] {
            counts(events).await;
        }
        site.salver.close_streams_of(&Recipient::user("ada"));
        assert_eq!(adas.expect_next().await.name, "reset");
        assert_eq!(adas.next().await, None);
        bobs.expect_none(Duration::from_millis(300)).await;
        // Without a person and a session there is nothing to receive.
        let mut anonymous = stream_of(&site.url, "ada").build().unwrap();
        anonymous.headers_mut().remove("cookie");
        let response = Client::new().execute(anonymous).await.unwrap();
        assert_eq!(response.status(), 204);
    }
}

/// A logout ends the streams of the session in every process of the site.
#[actix_web::test]
async fn logout_in_another_process_ends_the_stream() {
    let server = Server::start();
    let site = InboxSite::start_on(&server, Setup::default());
    let other = InboxSite::start_on(&server, Setup::default());
    site.notify("ada", note("one")).await;
    let cookies = log_in(&site).await;
    let mut streams = Vec::new();
    for site in [&site, &other] {
        let mut events = open_with(site, "", &cookies).await;
        counts(&mut events).await;
        streams.push(events);
    }
    let mut without_session = open(&other, "ada").await;
    counts(&mut without_session).await;
    let logout = Client::new().get(format!("{}/logout", site.url));
    let logout = logout.header("cookie", cookies);
    let started = Instant::now();
    assert_eq!(logout.send().await.unwrap().status(), 200);
    for events in &mut streams {
        assert_eq!(events.expect_next().await.name, "reset");
        assert_eq!(events.next().await, None);
    }
    println!("LIVE logout_ms {}", started.elapsed().as_millis());
    assert!(started.elapsed() < Duration::from_secs(1));
    without_session
        .expect_none(Duration::from_millis(300))
        .await;
}

/// A session that ends while the changes of its server are not reported ends its stream afterwards.
#[actix_web::test]
async fn logout_during_a_lost_tracking_connection_ends_the_stream() {
    let server = Server::start();
    let site = InboxSite::start_on(&server, Setup::default());
    let other = InboxSite::start_on(&server, Setup::default());
    for _ in 0..ROUNDS {
        let cookies = log_in(&site).await;
        let mut events = open_with(&other, "", &cookies).await;
        counts(&mut events).await;
        let _: u64 = server.run(&[b"CLIENT", b"KILL", b"TYPE", b"pubsub"]);
        // The stream reads the session, and the connection is opened again after up to 100 ms.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let logout = Client::new().get(format!("{}/logout", site.url));
        let response = logout.header("cookie", cookies).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let reset = async { while events.expect_next().await.name != "reset" {} };
        reset.await;
    }
}

/// Whatever a request claims, its stream is that of its own person.
#[actix_web::test]
async fn stream_of_another_person_is_out_of_reach() {
    const QUERIES: [&str; 10] = [
        "",
        "?recipient=user:ada",
        "?recipient=ada",
        "?user=ada",
        "?view=user%3Aada",
        "?view=*",
        "?client=1&session=ada",
        "?owner=ada&id=ada",
        "?view=inbox&view=ada",
        "?last-event-id=1",
    ];
    let mut tried = 0;
    for (site, _server) in sites() {
        site.notify("ada", note("a secret")).await;
        for (query, header) in QUERIES
            .iter()
            .flat_map(|query| IDENTITY_HEADERS.map(|header| (query, header)))
        {
            let request = |cookie: Option<&str>| {
                let url = format!("{}/salver/stream{query}", site.url);
                let request = Client::new().get(url).header(header, "user=ada");
                let request = request.header("accept", "text/event-stream");
                let request = request.header("sec-fetch-site", "same-origin");
                match cookie {
                    Some(cookie) => request.header("cookie", cookie),
                    None => request,
                }
            };
            // A person has few streams at once.
            let eve = format!("user=eve-{tried}");
            let response = request(Some(&eve)).send().await.unwrap();
            tried += 1;
            // No view may have such a name.
            if response.status() == 422 {
                continue;
            }
            let mut events = EventStream::from_response(response).await;
            let first = events.expect_next().await;
            assert_eq!(first.json()["unread"], 0, "{query} {header}: {first:?}");
            let anonymous = request(None).send().await.unwrap();
            assert_eq!(anonymous.status(), 204, "{query} {header}");
            let other_site = request(Some("user=ada")).header("sec-fetch-site", "cross-site");
            let mut other_site = other_site.build().unwrap();
            let cross_site = "cross-site".parse().unwrap();
            other_site
                .headers_mut()
                .insert("sec-fetch-site", cross_site);
            let other_site = Client::new().execute(other_site).await.unwrap();
            assert_eq!(other_site.status(), 403, "{query} {header}");
            tried += 2;
        }
    }
    println!("HOSTILE stream tried={tried} read=0");
}
