//! A shared HTTP cache in front of pages with a bell.

use std::time::{Duration, Instant};

use actix_web::{App, HttpServer};
use fastrand::Rng;
use futures_util::future::join;
use reqwest::{Client, StatusCode};
use salver::{InboxFilter, Message, Notification, ReadState, Recipient, Salver};

use super::report;
use crate::faults::shared_cache::{
    CONDITIONS, Cache, CachedResponse, add_pages, conditional, path,
};
use crate::support::history::Verdict;
use crate::support::profile::{by_profile, salver};
use crate::support::redis::Server;

const PAGE: &str = "<!doctype html><title>Page</title><a href=\"/salver/inbox\">Notifications \
    <salver-bell></salver-bell></a><main><salver-messages></salver-messages></main>";

/// Two people read the same pages through nginx, which caches for ten seconds. A page with a filled bell
/// reaches its own person and no cache.
#[actix_web::test]
async fn shared_cache_stores_no_page_with_filled_bell() {
    let server = Server::start();
    let salver = salver(&server.url());
    let cache = Cache::start(serve(&salver)).await;
    // The bell of each shows another number.
    let people = [Person::new(&cache, "ada", 1), Person::new(&cache, "bob", 2)];
    let (mut verdict, mut totals) = (Verdict::default(), [0; 4]);
    let mut worst_wait = Duration::ZERO;
    let mut rng = Rng::with_seed(1);
    let mut record = |person: &Person, response: &CachedResponse| {
        let [pages, hits, filled, not_modified] = &mut totals;
        let unread = unread(&response.body);
        *pages += 1;
        *hits += usize::from(response.cache == "HIT");
        *filled += usize::from(unread.is_some());
        *not_modified += usize::from(response.status == StatusCode::NOT_MODIFIED);
        worst_wait = worst_wait.max(response.wait);
        assert_eq!(
            response.is_cacheable(),
            unread.is_none(),
            "{}",
            response.body
        );
        verdict.n += 1;
        match unread {
            Some(unread) if unread != person.unread => verdict.misdelivered += 1,
            _ => verdict.received += 1,
        }
    };
    for round in 0..by_profile(500, 10_000) / 4 {
        for person in &people {
            person.change(&salver, rng.bool()).await;
        }
        let [ada, bob] = &people;
        let path = path(round);
        let mut condition = || CONDITIONS[rng.u64(..4) as usize];
        let (first, second) = join(ada.get(&path, condition()), bob.get(&path, None)).await;
        record(ada, &first);
        record(bob, &second);
        for person in [bob, ada] {
            record(person, &person.get(&path, condition()).await);
        }
    }
    let [pages, hits, filled, not_modified] = totals;
    report(
        "inbox_shared_cache",
        verdict,
        (worst_wait, Duration::ZERO),
        format!("pages={pages} hits={hits} filled={filled} not_modified={not_modified}"),
    );
    assert!(
        hits > pages / 5 && not_modified > 0,
        "nginx caches no pages"
    );
    assert!(filled > pages / 5, "{filled} pages with a number");
}

fn serve(salver: &Salver) -> u16 {
    let salver = salver.clone();
    let server = HttpServer::new(move || {
        let middleware = salver.middleware().recipient(|request| {
            let user = request.cookie("user")?;
            Some(Recipient::user(user.value()))
        });
        App::new()
            .wrap(middleware)
            .service(salver.inbox_routes())
            .configure(|config| add_pages(config, PAGE))
    });
    let server = server.workers(1).disable_signals();
    let server = server.bind("127.0.0.1:0").unwrap();
    let port = server.addrs()[0].port();
    actix_web::rt::spawn(server.run());
    port
}

/// Returns the number in the bell of a page.
fn unread(page: &str) -> Option<usize> {
    let (_, rest) = page.split_once("data-salver-unread=\"")?;
    rest.split_once('"')?.0.parse().ok()
}

struct Person {
    url: String,
    name: &'static str,
    client: Client,
    /// The number of notifications while there are any.
    unread: usize,
}

impl Person {
    fn new(cache: &Cache, name: &'static str, unread: usize) -> Self {
        Self {
            url: cache.url.clone(),
            name,
            client: Client::new(),
            unread,
        }
    }

    /// Makes all notifications read, or adds `unread` ones.
    async fn change(&self, salver: &Salver, is_filled: bool) {
        let recipient = Recipient::user(self.name);
        let inbox = salver.inbox(&recipient);
        let all = InboxFilter::all();
        inbox.mark(&all, ReadState::Read).await.unwrap();
        for _ in 0..if is_filled { self.unread } else { 0 } {
            let note = Notification::new("news", Message::info("text"));
            salver.notify([recipient.clone()], note).await.unwrap();
        }
    }

    async fn get(&self, path: &str, condition: Option<(&str, &str)>) -> CachedResponse {
        let started = Instant::now();
        let request = self.client.get(format!("{}{path}", self.url));
        let request = request.header("cookie", format!("user={}", self.name));
        let response = conditional(request, condition).send().await.unwrap();
        CachedResponse::read(response, started).await
    }
}
