//! Every state of the page.

use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::inbox_site::{InboxSite, Setup};
use crate::support::redis::Server;

/// A state of the page: who opens it, and its query.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pub name: &'static str,
    user: &'static str,
    query: &'static str,
}

const fn screen(name: &'static str, user: &'static str, query: &'static str) -> Screen {
    Screen { name, user, query }
}

/// The states of a page whose store replies.
pub const SCREENS: [Screen; 12] = [
    screen("unread", "ada", ""),
    screen("all", "ada", "?tab=all"),
    screen("archived", "ada", "?tab=archived"),
    screen("group-open", "ada", "?tab=all&kind=graph"),
    screen("filtered", "ada", "?tab=all&text=plan"),
    screen("nothing-matches", "ada", "?tab=all&text=xyz"),
    screen("everything-read", "eve", ""),
    screen("nothing-yet", "eve", "?tab=all"),
    screen("nothing-archived", "eve", "?tab=archived"),
    screen("second-page", "bob", "?tab=all"),
    screen("marked", "ada", "?tab=all&text=welcome"),
    screen("anonymous", "", ""),
];
/// The state of a page whose store does not reply.
pub const FAILED: Screen = screen("store-failed", "ada", "?tab=all");

/// Returns a screen by its name.
pub fn named(name: &str) -> Screen {
    *SCREENS.iter().find(|screen| screen.name == name).unwrap()
}

/// Starts a site whose users have all kinds of rows: single ones, groups, long texts.
pub async fn filled_site(setup: Setup) -> InboxSite {
    let site = InboxSite::start(setup);
    site.fill().await;
    site
}

/// Starts a site whose store does not reply.
pub fn failed_site() -> InboxSite {
    let server = Server::start();
    InboxSite::start_on(&server, Setup::default())
}

/// Opens a screen. A group on it is opened.
pub async fn open(browser: &Browser, site: &InboxSite, screen: Screen) {
    let cookie = browser.driver.get_named_cookie("user").await;
    let user = cookie.map_or_else(|_| String::new(), |cookie| cookie.value);
    if user != screen.user {
        match screen.user {
            "" => browser.driver.delete_all_cookies().await.unwrap(),
            user => browser.open(&site.login_of(user)).await,
        }
    }
    browser.open(&site.at(screen.query)).await;
    match screen.name {
        "group-open" => {
            let open = "document.querySelector('.salver-inbox-list details').open = true";
            browser.run(open).await;
        }
        "second-page" => browser.click("a[rel=next]").await,
        "marked" => {
            // Twice, so that the notification has the same state for the next test.
            for next in ["read", "unread"] {
                let button = ".salver-inbox-actions button[name=change]";
                browser.press(button).await;
                let value = format!("return document.querySelector('{button}')?.value");
                eventually("the notification is marked", async || {
                    (browser.run(&value).await == next).then_some(())
                })
                .await;
            }
        }
        _ => {}
    }
}
