//! The example `wiki` in Chromium, with a real SMTP server.

use serde_json::json;

use crate::seeds::print_row;
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::example_programs::start_example_with;
use crate::support::processes::ChildProcess;
use crate::support::redis::Server;
use crate::support::smtp_server::SmtpServer;

const ADDRESS: &str = "vera@example.org";
/// The texts of a list: of subscriptions, or of notifications.
const ROWS: &str =
    "return [...document.querySelectorAll('.salver-rows p, .salver-inbox-list .salver-inbox-link')]
    .map((row) => row.innerText.replace(/\\s+/g, ' '))";

/// A running example.
struct Wiki {
    url: String,
    smtp: SmtpServer,
    _process: ChildProcess,
    _server: Option<Server>,
}

impl Wiki {
    async fn start(server: Option<Server>) -> Self {
        let smtp = SmtpServer::start();
        let (smtp_url, redis_url) = (smtp.url(), server.as_ref().map(Server::url));
        let mut variables = vec![("SMTP_URL", &*smtp_url)];
        variables.extend(redis_url.as_deref().map(|url| ("REDIS_URL", url)));
        let (url, process) = start_example_with("wiki", "", &variables).await;
        Self {
            url,
            smtp,
            _process: process,
            _server: server,
        }
    }

    async fn open(&self, browser: &Browser, path: &str) {
        browser.open(&format!("{}{path}", self.url)).await;
    }

    async fn log_in(&self, browser: &Browser, user: u64) {
        self.open(browser, "/login").await;
        browser.click(&format!("button[value='{user}']")).await;
    }

    /// Presses the button that watches a document or its language. Returns the message.
    async fn watch(&self, browser: &Browser, document: u32, scope: &str) -> String {
        self.open(browser, &format!("/documents/{document}")).await;
        browser.click(&format!("button[value='{scope}']")).await;
        browser.messages().await.concat()
    }

    async fn edit(&self, browser: &Browser, document: u32, text: &str) {
        self.open(browser, &format!("/documents/{document}")).await;
        browser.fill("text", text).await;
        browser.click("button:has(+ [formaction$='/delete'])").await;
        browser.shows(&["Saved."]).await;
    }

    async fn rows(&self, browser: &Browser, path: &str) -> Vec<String> {
        self.open(browser, path).await;
        serde_json::from_value(browser.run(ROWS).await).unwrap()
    }

    /// Waits for a number of mails. Returns the recipient and the subject of each.
    async fn mails(&self, count: usize) -> Vec<(String, String)> {
        let are_sent = async || (self.smtp.count() >= count).then_some(());
        eventually("the mails are sent", are_sent).await;
        let mails = self.smtp.mails().into_iter();
        let mails = mails.map(|mut mail| (mail.to, mail.headers.remove("subject").unwrap()));
        mails.collect()
    }
}

async fn shows_bell(browser: &Browser, text: &str) {
    eventually(&format!("the bell shows {text:?}"), async || {
        let bell = "return document.querySelector('salver-bell').textContent";
        (browser.run(bell).await == text).then_some(())
    })
    .await;
}

/// Bob watches the document and its language, Ada watches the language and edits, a visitor has given their address.
#[actix_web::test]
async fn wiki_edit_notifies_two_browsers_and_a_mailbox_once() {
    for server in [None, Some(Server::start())] {
        let wiki = Wiki::start(server).await;
        let (ada, bob) = (Browser::start().await, Browser::start().await);
        wiki.open(&ada, "/documents/2").await;
        ada.fill("email", "Vera@Example.org").await;
        ada.click("button[value=language]").await;
        ada.shows(&["Open the link that we have sent you."]).await;
        activate(&wiki, &ada).await;

        wiki.log_in(&ada, 1).await;
        wiki.watch(&ada, 2, "language").await;
        wiki.log_in(&bob, 2).await;
        let message = wiki.watch(&bob, 2, "document").await;
        assert_eq!(message, "You watch edits of “Häfen”.");
        let message = wiki.watch(&bob, 2, "language").await;
        assert_eq!(message, "You watch edits in German.");
        shows_bell(&bob, "").await;
        bob.run("window.isSamePage = true").await;
        bob.wait_for_stream().await;

        wiki.edit(&ada, 2, "Häfen schützen Schiffe.").await;
        shows_bell(&bob, "11 unread").await;
        assert_eq!(bob.run("return window.isSamePage").await, true);
        bob.picture("wiki-bell").await;
        let edited = "Ada edited “Häfen”.";
        assert_eq!(wiki.rows(&bob, "/salver/inbox").await, [edited]);
        let mail = |subject: &str| (ADDRESS.to_owned(), subject.to_owned());
        // A second mail of the first edit would be before that of the second edit.
        wiki.edit(&ada, 3, "Leuchttürme leuchten.").await;
        let second = "Ada edited “Leuchttürme”.";
        let mails = wiki.mails(3).await;
        assert_eq!(mails[1..], [mail(edited), mail(second)]);
        assert_eq!(
            wiki.rows(&bob, "/salver/inbox?tab=all").await,
            [second, edited]
        );
        assert!(wiki.rows(&ada, "/salver/inbox?tab=all").await.is_empty());

        // The visitor registers: what the address watches is the user's, who is notified once.
        wiki.open(&ada, "/").await;
        ada.click("[action='/logout'] button").await;
        wiki.log_in(&ada, 3).await;
        wiki.open(&ada, "/profile").await;
        ada.fill("email", ADDRESS).await;
        ada.click("main form button").await;
        ada.shows(&["Saved."]).await;
        assert_eq!(
            wiki.rows(&ada, "/subscriptions").await,
            ["One language edits in German"]
        );
        wiki.edit(&bob, 2, "Häfen schützen kleine Schiffe.").await;
        shows_bell(&ada, "11 unread").await;
        let mails = wiki.mails(4).await;
        assert_eq!(mails[3..], [mail("Bob edited “Häfen”.")]);
        for browser in [ada, bob] {
            browser.quit().await;
        }
    }
    print_row(
        "wiki_edit_notifies_two_browsers_and_a_mailbox_once",
        "ok browser",
    );
}

/// Opens the link of the first mail and confirms.
async fn activate(wiki: &Wiki, browser: &Browser) {
    let mails = wiki.mails(1).await;
    assert_eq!(mails[0].0, ADDRESS);
    let text = wiki.smtp.mails().remove(0).text;
    let path = format!("{}/salver/mail/activate/", wiki.url);
    let link = text.split_whitespace().find(|word| word.starts_with(&path));
    browser.open(link.expect(&text)).await;
    browser.click("main button").await;
    let page = browser.run("return document.body.innerText").await;
    assert!(page.as_str().unwrap().contains("edits in German"), "{page}");
}

/// With JavaScript and without.
#[actix_web::test]
async fn wiki_page_of_subscriptions_lists_describes_and_ends_each() {
    for browser in [
        Browser::start().await,
        Browser::start_without_javascript().await,
    ] {
        let wiki = Wiki::start(None).await;
        wiki.log_in(&browser, 2).await;
        assert!(wiki.rows(&browser, "/subscriptions").await.is_empty());
        for (document, scope) in [(2, "document"), (2, "language"), (4, "document")] {
            wiki.watch(&browser, document, scope).await;
        }
        let (harbours, german) = (
            "One document edits of “Häfen” Open it",
            "One language edits in German",
        );
        let lights = "One document edits of “Phares” Open it";
        assert_eq!(
            wiki.rows(&browser, "/subscriptions").await,
            [harbours, german, lights]
        );
        // Ended in another tab before.
        let key = "return document.querySelector('li:nth-child(2) [name=subscription]').value";
        let key = browser.run(key).await;
        browser.click(".salver-rows li:nth-child(2) button").await;
        browser
            .shows(&["You no longer watch edits in German."])
            .await;
        let again =
            format!("document.querySelector('[name=subscription]').value = {key}; return true");
        browser.run(&again).await;
        browser.click(".salver-rows li:first-child button").await;
        browser.shows(&["That had ended before."]).await;
        assert_eq!(
            wiki.rows(&browser, "/subscriptions").await,
            [harbours, lights]
        );
        browser.click(".salver-rows li:first-child a").await;
        let heading = browser
            .run("return document.querySelector('h1').textContent")
            .await;
        assert_eq!(heading, "Häfen");
        // The buttons of the document say what they do.
        let buttons = "return [...document.querySelectorAll('[name=scope]')].map((button) => button.textContent)";
        let expected = ["Stop watching this document", "Watch edits in German"];
        assert_eq!(browser.run(buttons).await, json!(expected));
        browser.click("[value=document]").await;
        browser
            .shows(&["You no longer watch edits of “Häfen”."])
            .await;
        // A document that is deleted leaves the list.
        wiki.open(&browser, "/documents/4").await;
        browser.click("[formaction$='/delete']").await;
        browser
            .shows(&["“Phares” is deleted, and its subscriptions have ended."])
            .await;
        assert!(wiki.rows(&browser, "/subscriptions").await.is_empty());
        browser.quit().await;
    }
    print_row(
        "wiki_page_of_subscriptions_lists_describes_and_ends_each",
        "ok browser",
    );
}

/// No violation of axe-core and no sideways scrolling, on a desktop, on a phone and in the dark.
#[actix_web::test]
async fn wiki_pages_are_accessible_at_every_width() {
    let wiki = Wiki::start(None).await;
    let browser = Browser::start().await;
    let pages = [
        ("documents", "/"),
        ("document", "/documents/2"),
        ("login", "/login"),
        ("profile", "/profile"),
        ("subscriptions", "/subscriptions"),
        ("inbox", "/salver/inbox"),
    ];
    let (mut screens, mut lowest) = (0, f64::INFINITY);
    let mut check = async |name: &str, path: &str| {
        for (appearance, dark, width) in [
            ("light", false, 1280),
            ("dark", true, 1280),
            ("phone", false, 320),
            ("phone-dark", true, 320),
        ] {
            browser.dark(dark).await;
            browser.width(width).await;
            wiki.open(&browser, path).await;
            let (violations, contrast) = browser.axe().await;
            assert!(
                violations.is_empty() && contrast >= 4.5,
                "{name} {appearance}: {contrast} {violations:#?}"
            );
            let wide = "return document.documentElement.scrollWidth";
            let wide = browser.run(wide).await.as_u64().unwrap();
            assert!(wide <= u64::from(width), "{name} {appearance}: {wide}");
            browser.picture(&format!("wiki-{name}-{appearance}")).await;
            (screens, lowest) = (screens + 1, contrast.min(lowest));
        }
    };
    for (name, path) in &pages[..3] {
        check(&format!("{name}-of-visitors"), path).await;
    }
    wiki.log_in(&browser, 2).await;
    check("no-subscriptions", "/subscriptions").await;
    for (document, scope) in [(2, "document"), (2, "language"), (4, "document")] {
        let message = wiki.watch(&browser, document, scope).await;
        assert!(message.starts_with("You watch "), "{message}");
    }
    for (name, path) in &pages {
        check(name, path).await;
    }
    println!(
        "WIKI axe_violations=0 sideways_scroll_at_320=0 screens={screens} lowest_contrast={lowest}"
    );
    browser.quit().await;
    print_row("wiki_pages_are_accessible_at_every_width", "ok browser");
}
