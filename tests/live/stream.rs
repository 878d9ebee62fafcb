//! The frames of a stream: their order, redelivery and release.

use std::time::{Duration, Instant};

use salver::store::{RedisStore, Selector};
use salver::{Message, MessageId, Salver, View};

use super::on_both_stores;
use crate::support::event_stream::{
    Event, EventStream, confirm_request, stream_request, stream_request_with,
};
use crate::support::fault_site::VISITOR_HEADER;
use crate::support::live_site::LiveSite;
use crate::support::profile::by_profile;
use crate::support::redis::external_zadd;
use crate::support::{at, eventually};

const LEASE: Duration = Duration::from_secs(1);

#[actix_web::test]
async fn message_is_streamed_and_removed_after_confirm() {
    for (salver, _server) in on_both_stores(|salver| salver) {
        let site = LiveSite::start(&salver);
        let mut events = EventStream::open(&site, "ada", "p").await;
        for (text, view) in [("to the page", "p"), ("to any page", "*")] {
            let message = Message::success(text).title("Done").tag("import");
            let (id, context) = (message.id().to_string(), at("ada", view));
            salver.add(&context, message).await.unwrap();
            let event = events.expect_next().await;
            assert_eq!((&*event.message_id(), &*event.text()), (&*id, text));
            let (message, html) = (&event.json()["message"], &event.json()["html"]);
            assert_eq!(message["id"], id);
            assert_eq!(message["title"], "Done");
            let item = format!("data-salver-id=\"{id}\" data-salver-level=\"success\"");
            assert!(html.as_str().unwrap().contains(&item), "{html}");
            // Until then the message is hidden from other reads.
            assert_eq!(salver.count(&context).await.unwrap(), 0);
            let confirm = confirm_request(&site, "ada", "p", &[&id]);
            assert_eq!(confirm.send().await.unwrap().status(), 204);
            let retracted = salver.retract(&context, "import").await.unwrap();
            assert_eq!(retracted, 0, "the message is removed");
        }
        site.stop().await;
    }
}

/// One stream serves all tabs of a browser, each with a view of its own.
#[actix_web::test]
async fn stream_sends_messages_of_each_of_its_views() {
    for (salver, _server) in on_both_stores(|salver| salver) {
        let site = LiveSite::start(&salver);
        let views: Vec<_> = (0..33).map(|n| format!("view {n}")).collect();
        let query: Vec<_> = views.iter().map(|view| ("view", view.as_str())).collect();
        let mut events = EventStream::open_with(&site, "ada", &query[..32]).await;
        for view in ["view 3", "view 31", "*"] {
            salver
                .add(&at("ada", view), Message::info(view))
                .await
                .unwrap();
            let event = events.expect_next().await;
            assert_eq!(
                (event.text(), &event.json()["view"]),
                (view.to_owned(), &view.into())
            );
        }
        let other = at("ada", "view 32");
        salver.add(&other, Message::info("other")).await.unwrap();
        events.expect_none(Duration::from_millis(300)).await;
        let request = stream_request_with(&site, "ada", &query);
        assert_eq!(request.send().await.unwrap().status(), 422);
        site.stop().await;
    }
}

/// A browser that opens its stream again, for other views, does not read the one before.
#[actix_web::test]
async fn second_stream_of_browser_ends_the_first() {
    let salver = Salver::memory("app").unwrap();
    let site = LiveSite::start(&salver);
    let open = async |view: &str, client: &str| {
        EventStream::open_with(&site, "ada", &[("view", view), ("client", client)]).await
    };
    let mut first = open("p", "firefox").await;
    let mut other = open("p", "chrome").await;
    let _second = open("q", "firefox").await;
    assert_eq!(first.next().await, None);
    other.expect_none(Duration::from_millis(300)).await;
    site.stop().await;
}

#[actix_web::test]
async fn pending_messages_are_streamed_first_in_order() {
    for (salver, _server) in on_both_stores(|salver| salver) {
        let site = LiveSite::start(&salver);
        for n in 0..3 {
            let message = Message::info(n.to_string());
            salver.add(&at("ada", "p"), message).await.unwrap();
        }
        let mut events = EventStream::open(&site, "ada", "p").await;
        salver
            .add(&at("ada", "p"), Message::info("3"))
            .await
            .unwrap();
        for n in 0..4 {
            assert_eq!(events.expect_next().await.text(), n.to_string());
        }
        assert!((500..=2_000).contains(&events.retry.unwrap()));
        site.stop().await;
    }
}

#[actix_web::test]
async fn scheduled_and_leased_messages_are_streamed_when_due() {
    for (salver, _server) in on_both_stores(|salver| salver.lease(LEASE)) {
        let site = LiveSite::start(&salver);
        let context = at("ada", "p");
        salver.add(&context, Message::info("leased")).await.unwrap();
        // A page claims the message and does not confirm it.
        drop(salver.claim(&context).await.unwrap());
        let later = Message::info("scheduled").after(LEASE / 2);
        salver.add(&context, later).await.unwrap();
        // A page reads before any message is due. The index records the time of the next read,
        // which the stream uses too.
        let request = reqwest::Client::new()
            .get(format!("{}/p", site.url))
            .header(VISITOR_HEADER, "ada");
        assert_eq!(request.send().await.unwrap().status(), 200);
        let mut events = EventStream::open(&site, "ada", "p").await;
        let opened_at = Instant::now();
        assert_eq!(events.expect_next().await.text(), "scheduled");
        assert_eq!(events.expect_next().await.text(), "leased");
        let elapsed = opened_at.elapsed();
        assert!(elapsed < LEASE * 2, "{elapsed:?}");
        site.stop().await;
    }
}

#[actix_web::test]
async fn unconfirmed_message_is_resent_with_same_id() {
    for (salver, _server) in on_both_stores(|salver| salver.lease(LEASE)) {
        let site = LiveSite::start(&salver);
        let mut events = EventStream::open(&site, "ada", "p").await;
        salver
            .add(&at("ada", "p"), Message::info("text"))
            .await
            .unwrap();
        let first = events.expect_next().await;
        let second = events.expect_next().await;
        assert_eq!(first, second);
        let confirm = confirm_request(&site, "ada", "p", &[&first.message_id()]);
        assert_eq!(confirm.send().await.unwrap().status(), 204);
        events.expect_none(LEASE * 2).await;
        site.stop().await;
    }
}

/// A page that does not confirm does not read the stream. The next stream sends the same messages.
#[actix_web::test]
async fn stream_closes_after_three_unconfirmed_deliveries() {
    for (salver, _server) in on_both_stores(|salver| salver.lease(LEASE)) {
        let site = LiveSite::start(&salver);
        let mut events = EventStream::open(&site, "ada", "p").await;
        salver
            .add(&at("ada", "p"), Message::info("text"))
            .await
            .unwrap();
        let first = events.expect_next().await;
        for _ in 1..3 {
            assert_eq!(events.expect_next().await, first);
        }
        assert_eq!(events.next().await, None, "the stream ends");
        let mut events = EventStream::open(&site, "ada", "p").await;
        assert_eq!(events.expect_next().await, first);
        site.stop().await;
    }
}

#[actix_web::test]
async fn closed_stream_releases_unconfirmed_messages() {
    for (salver, _server) in on_both_stores(|salver| salver) {
        let site = LiveSite::start(&salver);
        let mut events = EventStream::open(&site, "ada", "p").await;
        let messages = [Message::info("kept"), Message::info("shown")];
        salver
            .add_all(&at("ada", "p"), messages.into())
            .await
            .unwrap();
        events.expect_next().await;
        let shown = events.expect_next().await;
        drop(events);
        // An unloading page confirms at the last moment, perhaps after the end of its stream: the
        // claim is kept for a grace period.
        let closed_at = Instant::now();
        while closed_at.elapsed() < Duration::from_millis(200) {
            let visible = salver.count(&at("ada", "p")).await.unwrap();
            assert!(
                visible == 0 || closed_at.elapsed() > Duration::from_millis(400),
                "the claim is released too early"
            );
        }
        confirm_request(&site, "ada", "p", &[&shown.message_id()])
            .send()
            .await
            .unwrap();
        let released = eventually("the other message is visible again", async || {
            let pending = salver.peek(&at("ada", "p")).await.unwrap();
            (!pending.is_empty()).then_some(pending)
        });
        let texts: Vec<_> = released
            .await
            .iter()
            .map(|message| message.text().to_owned())
            .collect();
        assert_eq!(texts, ["kept"]);
        site.stop().await;
    }
}

#[actix_web::test]
async fn stream_carries_only_messages_of_its_context() {
    for (salver, _server) in on_both_stores(|salver| salver) {
        let site = LiveSite::start(&salver);
        let mut events = EventStream::open(&site, "ada", "p").await;
        for other in [at("ada", "q"), at("bob", "p"), at("bob", "*")] {
            salver.add(&other, Message::info("other")).await.unwrap();
        }
        let any = at("ada", "p").with_view(View::ANY);
        salver.add(&any, Message::info("own")).await.unwrap();
        assert_eq!(events.expect_next().await.text(), "own");
        events.expect_none(Duration::from_millis(300)).await;
        site.stop().await;
    }
}

/// The number of displaced messages is sent once. Undecodable members are removed, although no page
/// can confirm them.
#[actix_web::test]
async fn displaced_count_is_streamed_and_undecodable_removed() {
    for (salver, server) in on_both_stores(|salver| salver.max_messages(2).lease(LEASE)) {
        let site = LiveSite::start(&salver);
        for n in 0..5 {
            let message = Message::info(n.to_string());
            salver.add(&at("ada", "p"), message).await.unwrap();
        }
        let mut events = EventStream::open(&site, "ada", "p").await;
        assert_eq!(events.expect_next().await.text(), "3");
        assert_eq!(events.expect_next().await.text(), "4");
        let more = Event {
            name: "more".to_owned(),
            data: r#"{"count":3,"text":"and 3 more","html":"<ul class=\"salver-messages\" data-turbo-temporary><li class=\"salver-more\">and 3 more</li></ul>","view":"p"}"#.to_owned(),
            ..Event::default()
        };
        assert_eq!(events.expect_next().await, more);
        if let Some(server) = server {
            let context = at("bob", "p");
            external_zadd(&server, &context, "decodable");
            server.run::<u64>(&[b"ZADD", context.key().as_bytes(), b"1", b"no message"]);
            let mut events = EventStream::open(&site, "bob", "p").await;
            assert_eq!(events.expect_next().await.text(), "decodable");
            eventually("the undecodable member is removed", async || {
                let members: u64 = server.run(&[b"ZCARD", context.key().as_bytes()]);
                (members == 1).then_some(())
            })
            .await;
        }
        site.stop().await;
    }
}

/// A browser has one stream for all its tabs: each shows how many messages of its own view were displaced.
#[actix_web::test]
async fn displaced_count_names_its_view() {
    for (salver, _server) in on_both_stores(|salver| salver.max_messages(1)) {
        let site = LiveSite::start(&salver);
        for (view, messages) in [("p", 1), ("q", 3), ("*", 2)] {
            for _ in 0..messages {
                let message = Message::info("text");
                salver.add(&at("ada", view), message).await.unwrap();
            }
        }
        let views = [("view", "p"), ("view", "q")];
        let mut events = EventStream::open_with(&site, "ada", &views).await;
        let mut counts = Vec::new();
        while counts.len() < 2 {
            let event = events.expect_next().await;
            if event.name == "more" {
                let more = event.json();
                counts.push((more["view"].clone(), more["count"].clone()));
            }
        }
        counts.sort_by_key(|(view, _)| view.to_string());
        assert_eq!(counts, [("*".into(), 1.into()), ("q".into(), 2.into())]);
        site.stop().await;
    }
}

/// Redis restarts: the stream stays open, and sends the messages added since.
#[actix_web::test]
async fn stream_survives_store_restarts() {
    let [_, (salver, server)] = on_both_stores(|salver| salver);
    let mut server = server.unwrap();
    let site = LiveSite::start(&salver);
    let mut events = EventStream::open(&site, "ada", "p").await;
    for n in 0..3 {
        server.kill();
        server.restart();
        let text = format!("after {n} restarts");
        let add = async || {
            let added = salver.add(&at("ada", "p"), Message::info(&text)).await;
            added.ok()
        };
        eventually("the server accepts messages again", add).await;
        let event = events.expect_next().await;
        assert_eq!(event.text(), text);
        let selector = Selector::from(event.message_id().parse::<MessageId>().unwrap());
        salver.retract(&at("ada", "p"), selector).await.unwrap();
    }
    site.stop().await;
}

#[actix_web::test]
async fn streams_of_one_session_are_limited() {
    let salver = Salver::memory("app").unwrap();
    let site = LiveSite::start_with_actix_default(&salver);
    let mut open = Vec::new();
    for n in 0..32 {
        open.push(EventStream::open(&site, "ada", &n.to_string()).await);
    }
    let request = stream_request(&site, "ada", "one too many");
    let refused = request.send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(EventStream::open(&site, "bob", "p").await);
    open.pop();
    // The server notices a closed connection when it writes to it.
    let last = at("ada", "31");
    eventually("the closed stream no longer counts", async || {
        salver.add(&last, Message::info("probe")).await.unwrap();
        let request = stream_request(&site, "ada", "another");
        let response = request.send().await.unwrap();
        (response.status() == 200).then_some(())
    })
    .await;
    site.stop().await;
}

/// The time from the start of an add, on other connections, to the frame at the client: the part of
/// the delay of a toast that the server causes.
#[actix_web::test]
async fn frames_arrive_promptly_after_add() {
    let [_, (salver, server)] = on_both_stores(|salver| salver);
    let url = server.as_ref().unwrap().url();
    let job = Salver::new("app", RedisStore::new(&url).unwrap()).unwrap();
    let site = LiveSite::start(&salver);
    let mut events = EventStream::open(&site, "ada", "p").await;
    let mut delays = Vec::new();
    for n in 0..by_profile(1_000, 20_000) {
        let started_at = Instant::now();
        job.add(&at("ada", "p"), Message::info(n.to_string()))
            .await
            .unwrap();
        let event = events.expect_next().await;
        delays.push(started_at.elapsed().as_micros());
        assert_eq!(event.text(), n.to_string());
        let confirm = confirm_request(&site, "ada", "p", &[&event.message_id()]);
        assert_eq!(confirm.send().await.unwrap().status(), 204);
    }
    delays.sort_unstable();
    let (p50, p99) = (delays[delays.len() / 2], delays[delays.len() * 99 / 100]);
    println!("LIVE single_stream_frame_p50_us {p50}");
    println!("LIVE single_stream_frame_p99_us {p99}");
    site.stop().await;
}
