//! What comes down a stream, when, and what becomes of it.

use std::time::{Duration, Instant};

use salver::store::{RedisStore, Selector};
use salver::{Message, MessageId, Salver, View};

use super::client::{Event, Events, confirm, listen};
use super::{Site, both};
use crate::faults::column;
use crate::faults::site::WHO;
use crate::index::foreign_zadd;
use crate::support::{at, eventually};

const LEASE: Duration = Duration::from_secs(1);

#[actix_web::test]
async fn a_message_comes_to_an_open_page_and_goes_when_it_says_so() {
    for (salver, _server) in both(|salver| salver) {
        let site = Site::start(&salver);
        let mut events = Events::open(&site, "ada", "p").await;
        for (text, place) in [("to the page", "p"), ("to any page", "*")] {
            let message = Message::success(text).title("Done").tag("import");
            let (id, place) = (message.id().to_string(), at("ada", place));
            salver.add(&place, message).await.unwrap();
            let event = events.soon().await;
            assert_eq!((&*event.id, &*event.text()), (&*id, text));
            let (message, html) = (&event.json()["message"], &event.json()["html"]);
            assert_eq!(message["id"], id);
            assert_eq!(message["title"], "Done");
            let item = format!("data-salver-id=\"{id}\" data-salver-level=\"success\"");
            assert!(html.as_str().unwrap().contains(&item), "{html}");
            // Nobody else is shown it meanwhile.
            assert_eq!(salver.count(&place).await.unwrap(), 0);
            let answer = confirm(&site, "ada", "p", &[&id]).send().await.unwrap();
            assert_eq!(answer.status(), 204);
            assert_eq!(
                salver.retract(&place, "import").await.unwrap(),
                0,
                "it is gone"
            );
        }
        site.stop().await;
    }
}

#[actix_web::test]
async fn what_was_there_before_comes_first_and_in_order() {
    for (salver, _server) in both(|salver| salver) {
        let site = Site::start(&salver);
        for n in 0..3 {
            let message = Message::info(n.to_string());
            salver.add(&at("ada", "p"), message).await.unwrap();
        }
        let mut events = Events::open(&site, "ada", "p").await;
        salver
            .add(&at("ada", "p"), Message::info("3"))
            .await
            .unwrap();
        for n in 0..4 {
            assert_eq!(events.soon().await.text(), n.to_string());
        }
        assert!((500..=2_000).contains(&events.retry.unwrap()));
        site.stop().await;
    }
}

#[actix_web::test]
async fn what_falls_due_comes_by_itself() {
    for (salver, _server) in both(|salver| salver.lease(LEASE)) {
        let site = Site::start(&salver);
        let page = at("ada", "p");
        salver.add(&page, Message::info("leased")).await.unwrap();
        // Claimed by a page that was never shown.
        drop(salver.claim(&page).await.unwrap());
        let later = Message::info("scheduled").after(LEASE / 2);
        salver.add(&page, later).await.unwrap();
        // A page has looked, and found nothing yet: it knows when to ask again, and so does its stream.
        let page = reqwest::Client::new()
            .get(format!("{}/p", site.url))
            .header(WHO, "ada");
        assert_eq!(page.send().await.unwrap().status(), 200);
        let (mut events, opened) = (Events::open(&site, "ada", "p").await, Instant::now());
        assert_eq!(events.soon().await.text(), "scheduled");
        assert_eq!(events.soon().await.text(), "leased");
        assert!(opened.elapsed() < LEASE * 2, "{:?}", opened.elapsed());
        site.stop().await;
    }
}

#[actix_web::test]
async fn what_a_page_does_not_confirm_comes_again_as_the_same() {
    for (salver, _server) in both(|salver| salver.lease(LEASE)) {
        let site = Site::start(&salver);
        let mut events = Events::open(&site, "ada", "p").await;
        salver
            .add(&at("ada", "p"), Message::info("text"))
            .await
            .unwrap();
        let first = events.soon().await;
        let second = events.soon().await;
        assert_eq!(first, second);
        let said = confirm(&site, "ada", "p", &[&first.id]).send().await;
        assert_eq!(said.unwrap().status(), 204);
        events.silence(LEASE * 2).await;
        site.stop().await;
    }
}

/// Nobody reads where nobody confirms: the stream ends, and the next one has what it gave.
#[actix_web::test]
async fn a_page_that_confirms_nothing_is_cut_off_and_catches_up() {
    for (salver, _server) in both(|salver| salver.lease(LEASE)) {
        let site = Site::start(&salver);
        let mut events = Events::open(&site, "ada", "p").await;
        salver
            .add(&at("ada", "p"), Message::info("text"))
            .await
            .unwrap();
        let first = events.soon().await;
        for _ in 1..3 {
            assert_eq!(events.soon().await, first);
        }
        assert_eq!(events.next().await, None, "three times are enough");
        let mut events = Events::open(&site, "ada", "p").await;
        assert_eq!(events.soon().await, first);
        site.stop().await;
    }
}

#[actix_web::test]
async fn a_stream_that_ends_gives_back_what_was_not_confirmed() {
    for (salver, _server) in both(|salver| salver) {
        let site = Site::start(&salver);
        let mut events = Events::open(&site, "ada", "p").await;
        let messages = [Message::info("kept"), Message::info("shown")];
        salver
            .add_all(&at("ada", "p"), messages.into())
            .await
            .unwrap();
        events.soon().await;
        let shown = events.soon().await;
        drop(events);
        // A page that is left says so at the last moment: its word may come after the end of its stream.
        let left = Instant::now();
        while left.elapsed() < Duration::from_millis(200) {
            let visible = salver.count(&at("ada", "p")).await.unwrap();
            assert!(
                visible == 0 || left.elapsed() > Duration::from_millis(400),
                "too soon"
            );
        }
        confirm(&site, "ada", "p", &[&shown.id])
            .send()
            .await
            .unwrap();
        let back = eventually("it is there again", async || {
            let pending = salver.peek(&at("ada", "p")).await.unwrap();
            (!pending.is_empty()).then_some(pending)
        });
        let back: Vec<_> = back
            .await
            .iter()
            .map(|message| message.text().to_owned())
            .collect();
        assert_eq!(back, ["kept"]);
        site.stop().await;
    }
}

#[actix_web::test]
async fn a_stream_has_what_is_for_its_page_alone() {
    for (salver, _server) in both(|salver| salver) {
        let site = Site::start(&salver);
        let mut events = Events::open(&site, "ada", "p").await;
        for other in [at("ada", "q"), at("bob", "p"), at("bob", "*")] {
            salver.add(&other, Message::info("not hers")).await.unwrap();
        }
        let mine = at("ada", "p").with_view(View::ANY);
        salver.add(&mine, Message::info("hers")).await.unwrap();
        assert_eq!(events.soon().await.text(), "hers");
        events.silence(Duration::from_millis(300)).await;
        site.stop().await;
    }
}

/// What was displaced is told once, and what cannot be read is removed, though no page ever says that it shows it.
#[actix_web::test]
async fn what_cannot_be_shown_is_told_or_goes() {
    for (salver, server) in both(|salver| salver.max_messages(2).lease(LEASE)) {
        let site = Site::start(&salver);
        for n in 0..5 {
            let message = Message::info(n.to_string());
            salver.add(&at("ada", "p"), message).await.unwrap();
        }
        let mut events = Events::open(&site, "ada", "p").await;
        assert_eq!(events.soon().await.text(), "3");
        assert_eq!(events.soon().await.text(), "4");
        let more = Event {
            name: "more".to_owned(),
            data: r#"{"count":3,"text":"and 3 more"}"#.to_owned(),
            ..Event::default()
        };
        assert_eq!(events.soon().await, more);
        if let Some(server) = server {
            let context = at("bob", "p");
            foreign_zadd(&server, &context, "good");
            server.run::<u64>(&[b"ZADD", context.key().as_bytes(), b"1", b"no message"]);
            let mut events = Events::open(&site, "bob", "p").await;
            assert_eq!(events.soon().await.text(), "good");
            eventually("what cannot be read goes", async || {
                let left: u64 = server.run(&[b"ZCARD", context.key().as_bytes()]);
                (left == 1).then_some(())
            })
            .await;
        }
        site.stop().await;
    }
}

/// Redis goes and comes back: the stream stays, and catches up.
#[actix_web::test]
async fn a_stream_survives_the_store() {
    let [_, (salver, server)] = both(|salver| salver);
    let mut server = server.unwrap();
    let site = Site::start(&salver);
    let mut events = Events::open(&site, "ada", "p").await;
    for n in 0..3 {
        server.kill();
        server.start_again();
        let text = format!("after {n} restarts");
        let add = async || {
            let added = salver.add(&at("ada", "p"), Message::info(&text)).await;
            added.ok()
        };
        eventually("the server takes messages again", add).await;
        let event = events.soon().await;
        assert_eq!(event.text(), text);
        let which = Selector::from(event.id.parse::<MessageId>().unwrap());
        salver.retract(&at("ada", "p"), which).await.unwrap();
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_session_has_so_many_streams_and_no_more() {
    let salver = Salver::memory("app").unwrap();
    let site = Site::start_as_actix_comes(&salver);
    let mut open = Vec::new();
    for n in 0..32 {
        open.push(Events::open(&site, "ada", &n.to_string()).await);
    }
    let refused = listen(&site, "ada", "one too many").send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(Events::open(&site, "bob", "p").await);
    open.pop();
    // A page that has gone is found out by what is written to it.
    let last = at("ada", "31");
    eventually("its place is free again", async || {
        salver
            .add(&last, Message::info("anybody there?"))
            .await
            .unwrap();
        let answer = listen(&site, "ada", "another").send().await.unwrap();
        (answer.status() == 200).then_some(())
    })
    .await;
    site.stop().await;
}

/// From the beginning of an add in another process to its frame at the page: the server's share of a toast.
#[actix_web::test]
async fn frames_come_as_soon_as_messages_are_added() {
    let [_, (salver, server)] = both(|salver| salver);
    let url = server.as_ref().unwrap().url();
    let job = Salver::new("app", RedisStore::new(&url).unwrap()).unwrap();
    let site = Site::start(&salver);
    let mut events = Events::open(&site, "ada", "p").await;
    let mut delays = Vec::new();
    for n in 0..column(1_000, 20_000) {
        let began = Instant::now();
        job.add(&at("ada", "p"), Message::info(n.to_string()))
            .await
            .unwrap();
        let event = events.soon().await;
        delays.push(began.elapsed().as_micros());
        assert_eq!(event.text(), n.to_string());
        let said = confirm(&site, "ada", "p", &[&event.id]).send().await;
        assert_eq!(said.unwrap().status(), 204);
    }
    delays.sort_unstable();
    let (p50, p99) = (delays[delays.len() / 2], delays[delays.len() * 99 / 100]);
    println!("LIVE frame_alone_p50_us {p50}");
    println!("LIVE frame_alone_p99_us {p99}");
    site.stop().await;
}
