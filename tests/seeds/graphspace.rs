//! Notifications of a site for graphs: each stays until its reader has read it.

use std::ops::Deref;
use std::time::Duration;

use salver::mail::{Cadence, Mailer, Profile};
use salver::{Error, InboxFilter, Message, Notification, ReadState, Recipient};
use serde_json::Value;

use super::{on_each_store, print_row};
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::example_programs::start_example_with;
use crate::support::inboxes::{Inboxes, ada, bob};
use crate::support::processes::ChildProcess;
use crate::support::redis::Server;
use crate::support::smtp_server::SmtpServer;

/// The texts of the links of a list, in order.
const LINKS: &str = "return [...document.querySelectorAll('.salver-inbox-list .salver-inbox-link')]
    .map(link => link.textContent)";

/// A running example site, and Bob, who is logged in.
struct GraphSpace {
    bob: Person,
    _site: ChildProcess,
    _server: Option<Server>,
}

impl Deref for GraphSpace {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.bob
    }
}

/// A person with a browser.
struct Person {
    url: String,
    browser: Browser,
}

impl GraphSpace {
    /// Starts the site on the memory store, or on a Redis server of its own.
    async fn start(server: Option<Server>) -> Self {
        let url = server.as_ref().map(Server::url);
        let variables = url.as_deref().map(|url| ("REDIS_URL", url));
        let (url, site) = start_example_with("graphspace", "", variables.as_slice()).await;
        Self {
            bob: Person::log_in_at(url, 2).await,
            _site: site,
            _server: server,
        }
    }

    /// Returns another browser in which a user is logged in.
    async fn other_browser(&self, user: u64) -> Person {
        Person::log_in_at(self.url.clone(), user).await
    }
}

impl Person {
    async fn log_in_at(url: String, user: u64) -> Self {
        let person = Self {
            browser: Browser::start().await,
            url,
        };
        person.log_in(user).await;
        person
    }

    async fn log_in(&self, user: u64) {
        self.browser.open(&self.url).await;
        let log_out = "return document.querySelector('[action=\"/logout\"]') !== null";
        if self.browser.run(log_out).await == true {
            self.browser.click("[action='/logout'] button").await;
        }
        self.browser.click(&format!("button[value='{user}']")).await;
    }

    async fn upload(&self, names: &[&str]) {
        self.browser.open(&self.url).await;
        for name in names {
            self.browser.fill("name", name).await;
            self.browser.click("[action='/graphs'] button").await;
        }
    }

    async fn open(&self, query: &str) {
        self.browser
            .open(&format!("{}/salver/inbox{query}", self.url))
            .await;
    }

    async fn links(&self) -> Vec<String> {
        serde_json::from_value(self.browser.run(LINKS).await).unwrap()
    }

    /// Waits until the text of an element is this one; `None` until the element is gone.
    async fn shows(&self, selector: &str, text: Option<&str>) {
        let expected = text.map_or(Value::Null, Value::from);
        eventually(&format!("{selector} shows {text:?}"), async || {
            (self.text(selector).await == expected).then_some(())
        })
        .await;
    }

    async fn text(&self, selector: &str) -> Value {
        let script = format!("return document.querySelector('{selector}')?.textContent ?? null");
        self.browser.run(&script).await
    }
}

/// Runs the test of a row in Chromium, on each store, and prints its line.
async fn in_browser(name: &str, test: impl AsyncFn(&GraphSpace)) {
    for server in [None, Some(Server::start())] {
        let site = GraphSpace::start(server).await;
        test(&site).await;
        site.bob.browser.quit().await;
    }
    print_row(name, "ok browser");
}

/// A notice about an object, as a site writes it.
fn notice(kind: &str, text: &str, subject: &str) -> Notification {
    let message = Message::success(text).action("Open", format!("/{subject}"));
    Notification::new(kind, message)
        .subject(subject)
        .group(kind)
}

/// The site writes the notification itself: it needs no worker, and its store keeps it.
#[actix_web::test]
async fn g01_one_call_notifies_durably_and_the_site_works_without_worker() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let url = server.url();
    for variables in [vec![], vec![("REDIS_URL", &*url)]] {
        let (url, site) = start_example_with("graphspace", "", &variables).await;
        let bob = Person::log_in_at(url, 2).await;
        bob.upload(&["p1"]).await;
        bob.open("").await;
        assert_eq!(bob.links().await, ["Graph p1 uploaded."]);
        if !variables.is_empty() {
            // The form works while the store is down: the failed notification is logged.
            server.kill();
            bob.upload(&["p2"]).await;
            let graphs = "return [...document.querySelectorAll('main li a')].map(link => link.textContent).join()";
            assert_eq!(bob.browser.run(graphs).await, "p1,p2");
            drop(site);
            server.restart();
            let (url, _site) = start_example_with("graphspace", "", &variables).await;
            let bob = Person::log_in_at(url, 2).await;
            bob.open("").await;
            assert_eq!(bob.links().await, ["Graph p1 uploaded."]);
            bob.upload(&["p3"]).await;
            bob.open("").await;
            assert_eq!(bob.links().await[0], "Graph p3 uploaded.");
            bob.browser.quit().await;
        }
        bob.browser.quit().await;
    }
    print_row(
        "g01_one_call_notifies_durably_and_the_site_works_without_worker",
        "ok browser",
    );
}

#[actix_web::test]
async fn g02_owner_gets_eight_notices() {
    on_each_store("g02_owner_gets_eight_notices", async |inboxes| {
        let notices = [
            ("graph.uploaded", "Graph p53 uploaded.", "graphs/7"),
            ("layout.created", "Layout star created.", "layouts/1"),
            ("group.created", "Group lab created.", "groups/2"),
            ("graph.updated", "Graph p53 updated.", "graphs/7"),
            ("layout.updated", "Layout star updated.", "layouts/1"),
            ("graph.deleted", "Graph p53 deleted.", "graphs/7"),
            ("layout.deleted", "Layout star deleted.", "layouts/1"),
            ("group.deleted", "Group lab deleted.", "groups/2"),
        ];
        for (kind, text, subject) in notices {
            inboxes.notify(notice(kind, text, subject)).await;
        }
        let mut texts = inboxes.texts(InboxFilter::all()).await;
        texts.reverse();
        assert_eq!(texts, notices.map(|(_, text, _)| text));
        assert_eq!(
            inboxes.texts(InboxFilter::all().kind("layout")).await.len(),
            3
        );
    })
    .await;
}

#[actix_web::test]
async fn g03_each_member_gets_six_group_notices() {
    on_each_store("g03_each_member_gets_six_group_notices", async |inboxes| {
        let (eve, members) = (Recipient::user("eve"), [ada(), bob()]);
        let share = [
            "graph.shared",
            "layout.shared",
            "graph.unshared",
            "layout.unshared",
        ];
        for kind in share.into_iter().chain(["member.added"]) {
            inboxes
                .salver
                .notify(members.clone(), notice(kind, kind, "graphs/7"))
                .await
                .unwrap();
        }
        // The member who was removed is notified too.
        let to = members.iter().chain([&eve]).cloned();
        let removed = notice("member.removed", "member.removed", "groups/2");
        inboxes.salver.notify(to, removed).await.unwrap();
        for (recipient, expected) in [(ada(), 6), (bob(), 6), (eve, 1)] {
            let counts = inboxes.salver.inbox(&recipient).counts().await.unwrap();
            assert_eq!(counts.unread, expected, "{recipient:?}");
        }
    })
    .await;
}

#[actix_web::test]
async fn g04_new_row_appears_without_reload() {
    in_browser("g04_new_row_appears_without_reload", async |site| {
        site.open("?tab=all").await;
        let before = "window.isSamePage = true; return true";
        site.browser.run(before).await;
        let other = site.other_browser(2).await;
        for (name, rows) in [("p1", 1), ("p2", 2)] {
            other.upload(&[name]).await;
            let expected = format!("Graph {name} uploaded.");
            eventually("the new row is shown first", async || {
                let links = site.links().await;
                (links.first() == Some(&expected) && links.len() == rows).then_some(())
            })
            .await;
        }
        assert_eq!(site.browser.run("return window.isSamePage").await, true);
        // A row that is read in one browser is read in the other.
        other.open("?tab=all").await;
        other.browser.press(".salver-inbox-all button").await;
        site.shows(".salver-inbox-count", None).await;
        site.shows("salver-bell", Some("")).await;
        other.browser.quit().await;
    })
    .await;
}

#[actix_web::test]
async fn g05_bell_shows_it_on_every_page() {
    in_browser("g05_bell_shows_it_on_every_page", async |site| {
        site.browser.open(&site.url).await;
        assert_eq!(site.text("salver-bell").await, "");
        let other = site.other_browser(2).await;
        other.upload(&["p1"]).await;
        site.shows("salver-bell", Some("11 unread")).await;
        let name = "return document.querySelector('a:has(salver-bell)').computedName ?? ''";
        site.browser.run(name).await;
        // It is in the page that the server sends, too.
        let html = "return fetch('/').then((page) => page.text())";
        let html = site.browser.run(html).await;
        assert!(
            html.as_str().unwrap().contains("data-salver-unread=\"1\""),
            "{html}"
        );
        other.open("?tab=all").await;
        other.browser.press(".salver-inbox-all button").await;
        site.shows("salver-bell", Some("")).await;
        other.browser.quit().await;
    })
    .await;
}

#[actix_web::test]
async fn g06_page_shows_unread_count() {
    in_browser("g06_page_shows_unread_count", async |site| {
        site.upload(&["p1", "p2", "p3"]).await;
        site.open("").await;
        assert_eq!(site.text(".salver-inbox-count").await, "3");
        assert_eq!(
            site.browser.run("return document.title").await,
            "(3) Notifications · GraphSpace"
        );
        // The visible page has marked them as seen.
        let expected = serde_json::json!({ "unseen": 0, "unread": 3, "total": 3 });
        eventually("all are seen", async || {
            site.open("/counts").await;
            let counts = site.text("body").await;
            let counts: Value = serde_json::from_str(counts.as_str()?).ok()?;
            (counts == expected).then_some(())
        })
        .await;
        site.open("").await;
        site.browser.press(".salver-inbox-all button").await;
        site.shows(".salver-inbox-count", None).await;
    })
    .await;
}

#[actix_web::test]
async fn g07_page_has_tabs_paging_and_filters() {
    in_browser("g07_page_has_tabs_paging_and_filters", async |site| {
        site.upload(&["p1", "p2", "p3"]).await;
        // 22 rows, beside that of the uploads.
        let share = "const share = () => fetch('/graphs/2/share', { method: 'POST' });
            return (async () => { for (let n = 0; n < 22; n++) await share(); })()";
        site.browser.run(share).await;
        site.open("").await;
        assert_eq!(site.text("[aria-current]").await, "Unread 25");
        site.browser.click(".salver-inbox-link").await;
        site.open("?tab=all").await;
        assert_eq!(site.links().await.len(), 20);
        site.browser.click("[rel=next]").await;
        assert_eq!(site.text(".salver-inbox-group summary bdi").await, "3 graphs uploaded.");
        assert_eq!(site.links().await.len(), 2 + 3);
        site.browser.click("[rel=prev]").await;
        assert_eq!(site.links().await.len(), 20);
        // By kind, text and time; the form keeps what was chosen.
        for (choice, expected) in [
            ("kind.value = 'graph'", 3),
            ("text.value = 'P3 UP'", 1),
            ("since.value = '2020-01-01'; until.value = '2020-01-02'", 0),
            ("kind.value = 'graph'; until.value = '2999-01-01'", 3),
        ] {
            site.open("?tab=all").await;
            let form = "const { kind, text, since, until } = document.querySelector('.salver-inbox-filter form');";
            let open = "document.querySelector('.salver-inbox-filter').open = true;";
            site.browser.run(&format!("{form} {open} {choice}")).await;
            site.browser.click(".salver-inbox-filter button").await;
            assert_eq!(site.links().await.len(), expected, "{choice}");
            let kept = choice.replace(" = ", " === ").replace(';', " &&");
            assert_eq!(site.browser.run(&format!("{form} return {kept}")).await, true, "{choice}");
        }
        // By resource and by read state.
        site.open("?tab=all&subject=graphs/3").await;
        assert_eq!(site.links().await, ["Graph p3 uploaded."]);
        site.open("?tab=unread&subject=graphs/2&kind=graph").await;
        assert_eq!(site.links().await, ["Graph p2 uploaded."]);
    })
    .await;
}

#[actix_web::test]
async fn g08_many_similar_notices_are_one_row_that_opens() {
    in_browser("g08_many_similar_notices_are_one_row_that_opens", async |site| {
        site.upload(&["p1", "p2", "p3", "p4"]).await;
        site.open("").await;
        let rows = "return document.querySelectorAll('.salver-inbox > .salver-inbox-list > li').length";
        assert_eq!(site.browser.run(rows).await, 1);
        assert_eq!(site.text(".salver-inbox-group summary bdi").await, "4 graphs uploaded.");
        let open = "document.querySelector('.salver-inbox-group summary').click();
            return document.querySelector('.salver-inbox-group .salver-inbox-link').checkVisibility()";
        assert_eq!(site.browser.run(open).await, true);
        let expected = ["p4", "p3", "p2", "p1"].map(|name| format!("Graph {name} uploaded."));
        assert_eq!(site.links().await, expected);
        // Opening has marked all of them as read.
        site.shows(".salver-inbox-empty", Some("You have read everything. Show all notifications")).await;
    })
    .await;
}

#[actix_web::test]
async fn g09_one_a_range_a_kind_a_group_and_all_are_marked_read() {
    let name = "g09_one_a_range_a_kind_a_group_and_all_are_marked_read";
    on_each_store(name, async |inboxes| {
        for number in 0..4 {
            inboxes
                .notify(notice("graph.uploaded", &number.to_string(), "graphs/7"))
                .await;
            inboxes
                .notify(notice("group.shared", &number.to_string(), "groups/2"))
                .await;
        }
        let inbox = inboxes.inbox();
        let page = inbox
            .list(&InboxFilter::all().ungrouped(), None)
            .await
            .unwrap();
        let mark = async |filter| inbox.mark(&filter, ReadState::Read).await.unwrap();
        let one = page.rows[0].newest.id();
        assert_eq!(mark(InboxFilter::all().ids([one])).await, 1);
        let range = time::OffsetDateTime::now_utc() - Duration::from_secs(60);
        assert_eq!(mark(InboxFilter::all().until(range)).await, 0);
        let fifth = page.rows[5].newest.position();
        let range = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(fifth) * 1_000_000);
        assert_eq!(mark(InboxFilter::all().until(range.unwrap())).await, 3);
        assert_eq!(mark(InboxFilter::all().kind("graph")).await, 2);
        assert_eq!(mark(InboxFilter::all().group("group.shared")).await, 2);
        inboxes
            .notify(notice("graph.uploaded", "new", "graphs/7"))
            .await;
        assert_eq!(mark(InboxFilter::all()).await, 1);
        assert_eq!(inbox.counts().await.unwrap().unread, 0);
    })
    .await;
}

#[actix_web::test]
async fn g10_click_marks_read_and_leads_to_the_resource() {
    in_browser(
        "g10_click_marks_read_and_leads_to_the_resource",
        async |site| {
            site.upload(&["p1"]).await;
            site.open("").await;
            site.browser.click(".salver-inbox-link").await;
            assert_eq!(site.text("h1").await, "Graph");
            site.open("").await;
            assert_eq!(site.links().await, Vec::<String>::new());
            // Bob follows a link to a graph that Ada has deleted.
            site.log_in(1).await;
            site.upload(&["p2"]).await;
            site.browser.click("[formaction='/graphs/2/share']").await;
            site.browser.click("[formaction='/graphs/2/delete']").await;
            site.log_in(2).await;
            site.open("").await;
            assert_eq!(site.links().await, ["Graph p2 was shared by Ada."]);
            site.browser.click(".salver-inbox-link").await;
            assert_eq!(site.text("h1").await, "Notifications");
            site.browser.shows(&["That is no longer there."]).await;
        },
    )
    .await;
}

/// Once a day at their hour, people who have asked for it are mailed what they have not read, as text and HTML. A
/// crash after the server has accepted a mail repeats that mail alone.
#[actix_web::test]
async fn g11_daily_mail_has_what_is_unread_and_not_yet_mailed() {
    for inboxes in [Inboxes::memory(), Inboxes::redis_with_clock()] {
        let (smtp, salver) = (SmtpServer::start(), &inboxes.salver);
        let people = ["ada", "bob", "lost+eve"].map(Recipient::user);
        for person in [&people[0], &people[2]] {
            let daily = Cadence::Daily { hour: 8 };
            salver.inbox(person).set_mail("graph", daily).await.unwrap();
        }
        for text in ["Graph p1 uploaded.", "Graph p2 uploaded."] {
            let note = notice("graph.uploaded", text, "graphs/7");
            salver.notify(people.clone(), note).await.unwrap();
        }
        let read = InboxFilter::all().text("p1");
        salver
            .inbox(&people[0])
            .mark(&read, ReadState::Read)
            .await
            .unwrap();
        let mailer = Mailer::smtp(&smtp.url())
            .unwrap()
            .from("GraphSpace <notify@example.org>");
        let worker = salver
            .worker()
            .mail(mailer)
            .profiles(|who: Vec<Recipient>| async {
                let address = |who: &Recipient| format!("{}@example.org", who.user_id().unwrap());
                let profile = |who: Recipient| {
                    let address = address(&who);
                    Profile::new(who)
                        .email(address)
                        .time_zone("America/New_York")
                };
                Ok::<_, Error>(who.into_iter().map(profile).collect())
            });
        worker.drain().await.unwrap();
        assert!(smtp.mails().is_empty(), "not before the hour");
        for _ in 0..3 {
            inboxes.advance(Duration::from_secs(25 * 60 * 60));
            worker.drain().await.unwrap();
        }
        let mails = smtp.mails();
        let to = |name: &str| {
            let address = format!("{name}@example.org");
            mails
                .iter()
                .filter(move |mail| mail.to == address)
                .collect::<Vec<_>>()
        };
        assert!(to("bob").is_empty(), "Bob has not asked for mails");
        let [ada] = &to("ada")[..] else {
            panic!("Ada got {} mails", to("ada").len());
        };
        assert!(
            ada.text.contains("Graph p2 uploaded.") && !ada.text.contains("p1"),
            "{}",
            ada.text
        );
        assert!(ada.html.contains("Graph p2 uploaded."), "{}", ada.html);
        let eve = to("lost+eve");
        assert!(eve.len() > 1, "the reply to each of her mails was lost");
        assert!(
            eve.iter()
                .all(|mail| mail.headers["message-id"] == eve[0].headers["message-id"])
        );
        assert!(eve.iter().all(|mail| mail.text == eve[0].text));
        // It stays unread in the inbox.
        assert_eq!(salver.inbox(&people[0]).counts().await.unwrap().unread, 1);
    }
    print_row("g11_daily_mail_has_what_is_unread_and_not_yet_mailed", "ok");
}

/// A checkbox on the page; the address comes from the site, never from the request.
#[actix_web::test]
async fn g12_checkbox_asks_for_the_daily_mail() {
    let smtp = SmtpServer::start();
    for server in [None, Some(Server::start())] {
        let (smtp_url, redis_url) = (smtp.url(), server.as_ref().map(Server::url));
        let mut variables = vec![("SMTP_URL", &*smtp_url)];
        variables.extend(redis_url.as_deref().map(|url| ("REDIS_URL", url)));
        let (url, _site) = start_example_with("graphspace", "", &variables).await;
        let bob = Person::log_in_at(url.clone(), 2).await;
        let checkbox = "return document.querySelector('[name=daily]').checked";
        bob.open("").await;
        assert_eq!(bob.browser.run(checkbox).await, false);
        bob.browser.picture("inbox-daily-mail").await;
        bob.browser.press("[name=daily]").await;
        bob.browser.click(".salver-inbox-mail button").await;
        bob.browser.shows(&["Saved."]).await;
        assert_eq!(bob.browser.run(checkbox).await, true);
        let (violations, _) = bob.browser.axe().await;
        assert!(violations.is_empty(), "{violations:?}");
        // Ada's is her own, whatever a request names.
        let ada = Person::log_in_at(url, 1).await;
        ada.open("").await;
        assert_eq!(ada.browser.run(checkbox).await, false);
        let forged = "return fetch('/salver/inbox/preferences', { method: 'POST', body: new URLSearchParams({
            daily: 'on', recipient: 'user:3', email: 'eve@example.org' }) }).then(response => response.status)";
        ada.browser.run(forged).await;
        let eve = Person::log_in_at(ada.url.clone(), 3).await;
        eve.open("").await;
        assert_eq!(eve.browser.run(checkbox).await, false);
        bob.browser.press("[name=daily]").await;
        bob.browser.click(".salver-inbox-mail button").await;
        assert_eq!(bob.browser.run(checkbox).await, false);
        for person in [bob, ada, eve] {
            person.browser.quit().await;
        }
    }
    print_row("g12_checkbox_asks_for_the_daily_mail", "ok browser");
}

#[actix_web::test]
async fn g13_person_reads_and_marks_only_their_own() {
    in_browser("g13_person_reads_and_marks_only_their_own", async |site| {
        site.upload(&["p1"]).await;
        site.open("").await;
        let id = site.browser.run("return document.querySelector('.salver-inbox-link').id").await;
        let id = id.as_str().unwrap().trim_start_matches("salver-n-").to_owned();
        site.log_in(3).await;
        site.open("?tab=all").await;
        assert_eq!(site.text(".salver-inbox-empty").await, "Nothing yet.");
        let counts = format!(
            "return (async () => {{
                const mark = (change) => fetch('/salver/inbox/mark', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }},
                    body: JSON.stringify({{ change, ids: ['{id}'] }}) }}).then(response => response.json());
                const changed = [];
                for (const change of ['read', 'unread', 'archive', 'restore', 'delete']) changed.push((await mark(change)).changed);
                return changed;
            }})()"
        );
        assert_eq!(site.browser.run(&counts).await, serde_json::json!([0, 0, 0, 0, 0]));
        site.open(&format!("/{id}")).await;
        assert_eq!(site.text("h1").await, "Notifications");
        site.log_in(2).await;
        site.open("").await;
        assert_eq!(site.links().await, ["Graph p1 uploaded."]);
    })
    .await;
}

#[actix_web::test]
async fn g14_page_catches_up_after_a_broken_connection() {
    in_browser(
        "g14_page_catches_up_after_a_broken_connection",
        async |site| {
            site.open("?tab=all").await;
            site.browser.wait_for_stream().await;
            site.browser.run("window.isSamePage = true").await;
            let other = site.other_browser(2).await;
            for names in [["p1", "p2"], ["p3", "p4"]] {
                site.browser.offline(true).await;
                other.upload(&names).await;
                // Longer than the reconnect delay, so that an attempt fails too.
                tokio::time::sleep(Duration::from_secs(3)).await;
                site.browser.offline(false).await;
                let newest = format!("Graph {} uploaded.", names[1]);
                eventually("the page catches up", async || {
                    (site.links().await.first() == Some(&newest)).then_some(())
                })
                .await;
            }
            assert_eq!(site.links().await.len(), 4);
            site.shows("salver-bell", Some("44 unread")).await;
            assert_eq!(site.browser.run("return window.isSamePage").await, true);
            other.browser.quit().await;
        },
    )
    .await;
}

#[actix_web::test]
async fn g15_one_command_runs_it() {
    let (url, _site) = start_example_with("graphspace", "", &[]).await;
    let page = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(page.contains("Log in as Ada"));
    let readme = include_str!("../../README.md");
    assert!(readme.contains("cargo run --example graphspace"));
    print_row("g15_one_command_runs_it", "ok");
}

#[actix_web::test]
async fn g16_wording_is_that_of_the_reader() {
    in_browser("g16_wording_is_that_of_the_reader", async |site| {
        site.upload(&["p1"]).await;
        site.browser.click("[formaction='/graphs/1/share']").await;
        site.open("").await;
        assert!(
            site.links()
                .await
                .contains(&"Graph p1 was shared by you.".to_owned())
        );
        site.log_in(1).await;
        site.open("").await;
        assert_eq!(site.links().await, ["Graph p1 was shared by Bob."]);
    })
    .await;
}
