//! Every state of the page.

use salver::{InboxFilter, Message, Notification, ReadState, Recipient};

use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::inbox_site::{InboxSite, Setup, graph};
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

/// Starts a site whose users have notifications of every form.
pub async fn filled_site(setup: Setup) -> InboxSite {
    let site = InboxSite::start(setup);
    for notification in notifications() {
        site.notify("ada", notification).await;
    }
    let archived = InboxFilter::all().subject("yeast");
    let inbox = site.salver.inbox(&Recipient::user("ada"));
    inbox.mark(&archived, ReadState::Archived).await.unwrap();
    for n in 1..=45 {
        let note = Notification::new("letter", Message::info(format!("Letter {n}")));
        site.notify("bob", note).await;
    }
    site
}

/// Starts a site whose store does not reply.
pub fn failed_site() -> InboxSite {
    let server = Server::start();
    InboxSite::start_on(&server, Setup::default())
}

fn notifications() -> Vec<Notification> {
    let uploads = ["Ada", "Bob", "Cem", "Dua", "Eve"].map(|actor| {
        let note = graph(&format!("{actor}-7")).group("graphs");
        note.actor(&Recipient::user(actor), actor)
    });
    let note = |kind: &str, message| Notification::new(kind, message);
    let folder = "icons-and-more-icons".repeat(12);
    let path = format!("/srv/import/2026-11-28/{folder}");
    let mut all = vec![
        note("site", Message::info("Welcome to GraphSpace.")).already_read(),
        note("group.deleted", Message::info("Group yeast was deleted.")).subject("yeast"),
        note(
            "plan",
            Message::warning("Your plan ends in **three** days, see [the prices](/prices).")
                .markdown()
                .title("Plan"),
        ),
        note(
            "import.failed",
            Message::error(format!("The file {path} cannot be read."))
                .title("Import failed")
                .action("Open", "/imports/1"),
        ),
        note("letter", Message::info("שלום, הגרף ‎p53‎ מוכן. נתראה מחר!"))
            .actor(&Recipient::user("noa"), "נועה"),
    ];
    all.extend(uploads);
    all.push(graph("p53"));
    all
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
