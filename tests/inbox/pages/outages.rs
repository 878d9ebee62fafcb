//! Open pages whose connection, site or store fails, in a real Chromium.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use salver::Recipient;
use salver::store::RedisStore;

use super::reading::rows;
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::inbox_site::{InboxSite, Setup, head_with_script};
use crate::support::inboxes::note;
use crate::support::processes::free_port;
use crate::support::redis::Server;

/// How long an outage lasts: longer than the reconnect delay of a browser.
const OUTAGE: Duration = Duration::from_secs(3);

/// Starts a proxy whose site is down.
fn bad_gateway(address: &str) -> ServerHandle {
    let app = || App::new().default_service(web::to(HttpResponse::BadGateway));
    let server = HttpServer::new(app).workers(1).disable_signals();
    let server = server.bind(address).unwrap().run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    handle
}

/// Counts the rows that are in the list twice at any time.
const WATCH: &str = "window.isSamePage = true; window.twice = 0;
    const look = () => {
        const ids = [...document.querySelectorAll('.salver-inbox-list [id^=salver-n-]')].map(({ id }) => id);
        window.twice += ids.length - new Set(ids).size;
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });";
const BELL: &str = "return document.querySelector('salver-bell [data-salver-unread]')?.dataset.salverUnread ?? '0'";

/// A page with the list and one with the bell, each in a browser of its own.
struct Pages {
    salver: salver::Salver,
    list: Browser,
    home: Browser,
    /// The texts of all notifications, newest first.
    expected: Vec<String>,
}

impl Pages {
    async fn notify(&mut self) {
        let text = format!("notification {}", self.expected.len() + 1);
        let note = note(&text);
        eventually("the store accepts a notification", async || {
            let recipient = [Recipient::user("ada")];
            self.salver.notify(recipient, note.clone()).await.ok()
        })
        .await;
        self.expected.insert(0, text);
    }

    /// Waits until both pages show all notifications, without a reload.
    async fn wait_until_complete(&self, outage: &str) {
        eventually(
            &format!("the list is complete after {outage}"),
            async || (rows(&self.list).await == self.expected).then_some(()),
        )
        .await;
        let unread = self.expected.len().to_string();
        eventually(&format!("the bell is right after {outage}"), async || {
            (self.home.run(BELL).await == *unread).then_some(())
        })
        .await;
    }

    /// Hides both pages for a while.
    async fn hide(&mut self) {
        let mut tabs = Vec::new();
        for browser in [&self.list, &self.home] {
            let first = browser.driver.window().await.unwrap();
            let other = browser.driver.new_tab().await.unwrap();
            browser.driver.switch_to_window(other).await.unwrap();
            tabs.push(first);
        }
        self.notify().await;
        tokio::time::sleep(OUTAGE).await;
        for (browser, first) in [&self.list, &self.home].into_iter().zip(tabs) {
            browser.driver.close_window().await.unwrap();
            browser.driver.switch_to_window(first).await.unwrap();
        }
    }
}

/// What arrives while the page is cut off, the site or Redis restarts, a proxy reports that the site is down,
/// or the page is hidden, is shown afterwards, once.
#[actix_web::test]
async fn notifications_of_an_outage_appear_afterwards() {
    let mut redis = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let address = format!("127.0.0.1:{}", free_port());
    let url = redis.url();
    let salver = || salver::Salver::new("app", RedisStore::new(&url).unwrap()).unwrap();
    let setup = Setup {
        head: Some(head_with_script()),
        ..Setup::default()
    };
    let mut site = InboxSite::serve_at(&address, salver(), setup.clone());
    let mut pages = Pages {
        salver: salver(),
        list: Browser::start().await,
        home: Browser::start().await,
        expected: Vec::new(),
    };
    for (browser, path) in [(&pages.list, "salver/inbox?tab=all"), (&pages.home, "home")] {
        browser.open(&site.login_of("ada")).await;
        browser.open(&format!("{}/{path}", site.url)).await;
        browser.wait_for_stream().await;
        browser.run(WATCH).await;
    }
    for outage in ["offline", "site", "proxy", "redis", "hidden"] {
        pages.notify().await;
        match outage {
            "offline" => {
                pages.list.offline(true).await;
                pages.home.offline(true).await;
                pages.notify().await;
                tokio::time::sleep(OUTAGE).await;
                pages.list.offline(false).await;
                pages.home.offline(false).await;
            }
            "site" => {
                site.stop().await;
                pages.notify().await;
                tokio::time::sleep(OUTAGE).await;
                site = InboxSite::serve_at(&address, salver(), setup.clone());
            }
            "proxy" => {
                site.stop().await;
                let proxy = bad_gateway(&address);
                // The browser gives up its stream, and the script opens another one.
                pages.notify().await;
                tokio::time::sleep(OUTAGE).await;
                proxy.stop(false).await;
                site = InboxSite::serve_at(&address, salver(), setup.clone());
            }
            "redis" => {
                redis.kill();
                tokio::time::sleep(OUTAGE).await;
                redis.restart();
                pages.notify().await;
            }
            _ => pages.hide().await,
        }
        pages.notify().await;
        pages.wait_until_complete(outage).await;
    }
    let twice = pages.list.run("return window.twice").await;
    let (shown, expected) = (rows(&pages.list).await.len(), pages.expected.len());
    println!(
        "LIVE notification_outages shown={shown} expected={expected} twice={twice} lost={}",
        expected - shown
    );
    assert_eq!(twice, 0);
    for browser in [&pages.list, &pages.home] {
        assert_eq!(browser.run("return window.isSamePage").await, true);
    }
    pages.list.quit().await;
    pages.home.quit().await;
}
