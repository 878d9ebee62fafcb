//! A messenger: letters to one person by their code, to all who are online, and the history of each.

use std::time::{Duration, Instant};

use salver::jobs::DeliveryState;
use salver::mail::{Cadence, Mailer, Profile};
use salver::{Error, Message, Notification, Recipient, Salver};
use serde_json::Value;

use super::{on_each_store, print_row};
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::example_programs::start_example_with;
use crate::support::processes::{ChildProcess, scratch};
use crate::support::redis::Server;
use crate::support::smtp_server::SmtpServer;

/// The heading and the text of each letter, newest first, and whether it is unread.
const LETTERS: &str =
    "return [...document.querySelectorAll('.salver-inbox-list > .salver-inbox-row')].map(row => [
    row.querySelector('.salver-inbox-link, .salver-inbox-title')?.textContent.trim(),
    row.querySelector('.salver-inbox-text')?.textContent.trim(),
    row.classList.contains('salver-inbox-unread')])";
const PEOPLE: &str =
    "return [...document.querySelectorAll('salver-online li')].map(row => row.textContent)";
const PASSWORD: &str = "correct horse";
/// How long a person stays online after their last page has closed, and a page needs to show it.
const OFFLINE_AFTER: Duration = Duration::from_secs(8);

/// A running example site.
struct Messenger {
    url: String,
    /// The file with the people.
    database: String,
    server: Option<Server>,
    _site: ChildProcess,
}

impl Messenger {
    /// Starts the site on the memory store, or on a Redis server of its own.
    async fn start(server: Option<Server>) -> Self {
        let file = scratch("messenger").join("people.db");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        Self::run(format!("sqlite:{}?mode=rwc", file.display()), server).await
    }

    async fn run(database: String, server: Option<Server>) -> Self {
        let redis = server.as_ref().map(Server::url);
        let mut variables = vec![("DATABASE_URL", &*database)];
        variables.extend(redis.as_deref().map(|url| ("REDIS_URL", url)));
        let (url, site) = start_example_with("messenger", "", &variables).await;
        Self {
            url,
            database,
            server,
            _site: site,
        }
    }

    /// Stops the site and starts it again, at another address.
    async fn restart(self) -> Self {
        let Self {
            database, server, ..
        } = self;
        Self::run(database, server).await
    }

    /// Registers a person in a browser of their own.
    async fn register(&self, name: &str) -> Person {
        let browser = Browser::start().await;
        browser.open(&self.url).await;
        browser.fill("name", name).await;
        browser.fill("password", PASSWORD).await;
        browser.click("[name=is_new]").await;
        let code = browser.run("return document.querySelector('header code').textContent");
        let code = code.await.as_str().unwrap().to_owned();
        let person = Person { browser, code };
        // The page is open when its stream is.
        person.sees_online(name).await;
        person
    }

    async fn log_in(&self, browser: &Browser, name: &str, password: &str) {
        browser.open(&self.url).await;
        browser.fill("name", name).await;
        browser.fill("password", password).await;
        browser.click(".enter button").await;
    }
}

/// A person with a browser.
struct Person {
    browser: Browser,
    code: String,
}

type Row = (Option<String>, Option<String>, bool);

impl Person {
    async fn write(&self, to: &str, text: &str) {
        self.browser.fill("to", to).await;
        self.browser.fill("text", text).await;
        self.browser.click(".write button").await;
    }

    async fn write_to_all(&self, text: &str) {
        self.browser.fill("text", text).await;
        self.browser.click("[name=to_all]").await;
    }

    async fn letters(&self) -> Vec<Row> {
        serde_json::from_value(self.browser.run(LETTERS).await).unwrap()
    }

    /// Waits until the page shows these letters: heading, text, whether it is unread.
    async fn sees(&self, expected: &[(&str, &str, bool)]) {
        let started = Instant::now();
        loop {
            let letters = self.letters().await;
            let is_same = |(letter, expected): (&Row, &(&str, &str, bool))| {
                (letter.0.as_deref(), letter.1.as_deref(), letter.2)
                    == (Some(expected.0), Some(expected.1), expected.2)
            };
            let has_length = letters.len() == expected.len();
            if has_length && letters.iter().zip(expected).all(is_same) {
                return;
            }
            let is_late = started.elapsed() > Duration::from_secs(10);
            assert!(!is_late, "{letters:?} instead of {expected:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn people(&self) -> Vec<String> {
        serde_json::from_value(self.browser.run(PEOPLE).await).unwrap()
    }

    async fn sees_online(&self, name: &str) {
        eventually(&format!("{name} is online"), async || {
            let people = self.people().await;
            people.iter().any(|row| row.starts_with(name)).then_some(())
        })
        .await;
    }

    async fn sees_offline(&self, name: &str) {
        eventually(&format!("{name} is offline"), async || {
            let people = self.people().await;
            (!people.iter().any(|row| row.starts_with(name))).then_some(())
        })
        .await;
    }

    /// Sends a letter past the checks of the browser. Returns the message that the page shows then.
    async fn send_unchecked(&self, text: &str) -> Vec<String> {
        let text = Value::from(text);
        let script = format!(
            "const form = document.querySelector('.write'); form.noValidate = true;
             const field = form.querySelector('[name=text]'); field.removeAttribute('maxlength');
             form.querySelector('[name=to]').value = {}; field.value = {text};",
            Value::from(&*self.code)
        );
        self.browser.run(&script).await;
        self.browser.click(".write button").await;
        self.browser.messages().await
    }
}

/// Runs the test of a row in Chromium, on each store, and prints its line.
async fn in_browser(name: &str, test: impl AsyncFn(Messenger)) {
    for server in [None, Some(Server::start())] {
        test(Messenger::start(server).await).await;
    }
    print_row(name, "ok browser");
}

async fn quit(people: impl IntoIterator<Item = Person>) {
    for person in people {
        person.browser.quit().await;
    }
}

#[actix_web::test]
async fn m01_people_register_and_log_in_and_have_a_code() {
    in_browser(
        "m01_people_register_and_log_in_and_have_a_code",
        async |site| {
            let [ada, bob] = [site.register("Ada").await, site.register("Bob").await];
            assert_eq!(ada.code.len(), 8, "{}", ada.code);
            assert_ne!(ada.code, bob.code);
            // A session lasts longer than the browser.
            let cookies = ada.browser.driver.get_all_cookies().await.unwrap();
            let cookie = cookies.iter().find(|cookie| cookie.name == "id").unwrap();
            let seconds = cookie.expiry.unwrap() - i64::try_from(unix_seconds()).unwrap();
            assert!(seconds > 29 * 24 * 3_600, "{seconds}");
            bob.browser.click("header button").await;
            for (name, password, is_new, error) in [
                (
                    "Bob",
                    "wrong horse",
                    false,
                    "Name and password do not match.",
                ),
                ("Eve", PASSWORD, false, "Name and password do not match."),
                ("Ada", PASSWORD, true, "That name is taken."),
            ] {
                bob.browser.fill("name", name).await;
                bob.browser.fill("password", password).await;
                let button = if is_new {
                    "[name=is_new]"
                } else {
                    ".enter button"
                };
                bob.browser.click(button).await;
                bob.browser.shows(&[error]).await;
            }
            site.log_in(&bob.browser, "Bob", PASSWORD).await;
            let code = "return document.querySelector('header code').textContent";
            assert_eq!(bob.browser.run(code).await, *bob.code);
            // The session survives a restart of the site.
            let site = site.restart().await;
            let domain = format!("{}/", site.url);
            ada.browser.open(&domain).await;
            assert_eq!(ada.browser.run(code).await, *ada.code);
            quit([ada, bob]).await;
        },
    )
    .await;
}

fn unix_seconds() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[actix_web::test]
async fn m02_letter_to_a_code_reaches_that_user_alone() {
    in_browser(
        "m02_letter_to_a_code_reaches_that_user_alone",
        async |site| {
            let [ada, bob, cleo] = [
                site.register("Ada").await,
                site.register("Bob").await,
                site.register("Cleo").await,
            ];
            ada.write(&bob.code.to_lowercase(), "Hello Bob").await;
            ada.browser.shows(&["Sent to Bob."]).await;
            bob.sees(&[("Ada", "Hello Bob", true)]).await;
            ada.write("NOCODE", "Is anyone there?").await;
            let error = "No one has the code “NOCODE”. Your letter was: Is anyone there?";
            ada.browser.shows(&[error]).await;
            ada.sees(&[("To Bob", "Hello Bob", false)]).await;
            assert!(cleo.letters().await.is_empty());
            quit([ada, bob, cleo]).await;
        },
    )
    .await;
}

#[actix_web::test]
async fn m03_letter_to_all_reaches_those_online_except_the_sender() {
    in_browser(
        "m03_letter_to_all_reaches_those_online_except_the_sender",
        async |site| {
            let [ada, bob] = [site.register("Ada").await, site.register("Bob").await];
            let [cleo, dan] = [site.register("Cleo").await, site.register("Dan").await];
            // Both have a session, and neither is online.
            cleo.browser.open("about:blank").await;
            dan.browser.click("header button").await;
            tokio::time::sleep(OFFLINE_AFTER).await;
            ada.write_to_all("Lunch?").await;
            ada.browser.shows(&["Sent to all online (1)."]).await;
            bob.sees(&[("Ada", "Lunch?", true)]).await;
            ada.sees(&[("To all online (1)", "Lunch?", false)]).await;
            cleo.browser
                .open(&format!("{}/letters?tab=all", site.url))
                .await;
            cleo.sees_online("Cleo").await;
            assert!(cleo.letters().await.is_empty());
            site.log_in(&dan.browser, "Dan", PASSWORD).await;
            assert!(dan.letters().await.is_empty());
            quit([ada, bob, cleo, dan]).await;
        },
    )
    .await;
}

#[actix_web::test]
async fn m05_page_shows_who_is_online_live() {
    in_browser("m05_page_shows_who_is_online_live", async |site| {
        let ada = site.register("Ada").await;
        ada.browser.run("window.isSamePage = true").await;
        let own = format!("Ada (you) {}", ada.code);
        assert_eq!(ada.people().await, std::slice::from_ref(&own));
        let bob = site.register("Bob").await;
        ada.sees_online("Bob").await;
        assert_eq!(ada.people().await, [own, format!("Bob {}", bob.code)]);
        bob.browser.click("header button").await;
        let started = Instant::now();
        ada.sees_offline("Bob").await;
        assert!(
            started.elapsed() < Duration::from_secs(4),
            "{:?}",
            started.elapsed()
        );
        site.log_in(&bob.browser, "Bob", PASSWORD).await;
        ada.sees_online("Bob").await;
        bob.browser.open("about:blank").await;
        ada.sees_offline("Bob").await;
        assert_eq!(ada.browser.run("return window.isSamePage").await, true);
        // A click addresses a person.
        bob.browser.open(&site.url).await;
        ada.sees_online("Bob").await;
        ada.browser.click("salver-online li:last-child a").await;
        let to = ada
            .browser
            .run("return document.querySelector('[name=to]').value")
            .await;
        assert_eq!(to, *bob.code);
        quit([ada, bob]).await;
    })
    .await;
}

#[actix_web::test]
async fn m06_history_has_the_newest_letters_in_both_directions() {
    in_browser(
        "m06_history_has_the_newest_letters_in_both_directions",
        async |site| {
            let [ada, bob] = [site.register("Ada").await, site.register("Bob").await];
            ada.write(&bob.code, "first").await;
            bob.write(&ada.code, "second").await;
            ada.sees(&[("Bob", "second", true), ("To Bob", "first", false)])
                .await;
            // As the form does, without the page in between.
            let script = format!(
                "for (let number = 3; number <= 22; number++) {{
                     const page = await (await fetch('/letters')).text();
                     const form = new DOMParser().parseFromString(page, 'text/html').querySelector('.write');
                     form.querySelector('[name=to]').value = {:?};
                     form.querySelector('[name=text]').value = `letter ${{number}}`;
                     const body = new URLSearchParams(new FormData(form));
                     await fetch('/send', {{ method: 'POST', body, redirect: 'manual' }});
                 }}",
                bob.code
            );
            ada.browser.run(&format!("return (async () => {{{script}}})()")).await;
            let bob_code = bob.code.clone();
            quit([ada, bob]).await;
            // After the browser was closed and opened again.
            let browser = Browser::start().await;
            site.log_in(&browser, "Bob", PASSWORD).await;
            let bob = Person {
                browser,
                code: bob_code,
            };
            let letters = bob.letters().await;
            assert_eq!(letters.len(), 20);
            assert_eq!(letters[0].1.as_deref(), Some("letter 22"));
            assert_eq!(letters[19].1.as_deref(), Some("letter 3"));
            bob.browser.click("[rel=next]").await;
            bob.sees(&[("To Ada", "second", false), ("Ada", "first", true)])
                .await;
            quit([bob]).await;
        },
    )
    .await;
}

#[actix_web::test]
async fn m07_sender_of_a_letter_is_shown() {
    in_browser("m07_sender_of_a_letter_is_shown", async |site| {
        let hostile = "<b>Eve</b> & co";
        let [eve, bob] = [site.register(hostile).await, site.register("Bob").await];
        eve.write(&bob.code, "Guess who").await;
        bob.sees(&[(hostile, "Guess who", true)]).await;
        // The link of a letter answers it.
        bob.browser.click(".salver-inbox-link").await;
        let to = bob
            .browser
            .run("return document.querySelector('[name=to]').value")
            .await;
        assert_eq!(to, *eve.code);
        quit([eve, bob]).await;
    })
    .await;
}

#[actix_web::test]
async fn m08_letter_is_read_or_unread_for_each_recipient() {
    in_browser(
        "m08_letter_is_read_or_unread_for_each_recipient",
        async |site| {
            let [ada, bob, cleo] = [
                site.register("Ada").await,
                site.register("Bob").await,
                site.register("Cleo").await,
            ];
            ada.write_to_all("News").await;
            bob.sees(&[("Ada", "News", true)]).await;
            cleo.sees(&[("Ada", "News", true)]).await;
            bob.browser.press(".salver-inbox-list [value=read]").await;
            bob.sees(&[("Ada", "News", false)]).await;
            cleo.sees(&[("Ada", "News", true)]).await;
            ada.sees(&[("To all online (2)", "News", false)]).await;
            for (person, unread) in [(&ada, ""), (&bob, ""), (&cleo, "11 unread")] {
                let bell = "return document.querySelector('salver-bell').textContent";
                eventually("the bell is that of the person", async || {
                    (person.browser.run(bell).await == *unread).then_some(())
                })
                .await;
            }
            quit([ada, bob, cleo]).await;
        },
    )
    .await;
}

#[actix_web::test]
async fn m09_letter_arrives_without_reload() {
    in_browser("m09_letter_arrives_without_reload", async |site| {
        let [ada, bob] = [site.register("Ada").await, site.register("Bob").await];
        bob.browser.run("window.isSamePage = true").await;
        for (number, text) in ["one", "two", "three"].into_iter().enumerate() {
            ada.write(&bob.code, text).await;
            eventually("the letter arrives", async || {
                let letters = bob.letters().await;
                let newest = letters.first()?.1.clone()?;
                (newest == text && letters.len() == number + 1).then_some(())
            })
            .await;
        }
        assert_eq!(bob.browser.run("return window.isSamePage").await, true);
        for (person, name) in [(&ada, "messenger-ada"), (&bob, "messenger-bob")] {
            let (violations, _) = person.browser.axe().await;
            assert!(violations.is_empty(), "{violations:#?}");
            person.browser.picture(name).await;
        }
        bob.browser.width(360).await;
        bob.browser.dark(true).await;
        bob.browser.picture("messenger-phone-dark").await;
        quit([ada, bob]).await;
    })
    .await;
}

#[actix_web::test]
async fn m10_letter_has_one_to_thousand_characters() {
    in_browser("m10_letter_has_one_to_thousand_characters", async |site| {
        let ada = site.register("Ada").await;
        let error = "A letter has 1 to 1000 characters. It was not sent.";
        for text in ["", " \n ", &"ü".repeat(1_001)] {
            assert_eq!(ada.send_unchecked(text).await, [error]);
            assert!(ada.letters().await.is_empty());
        }
        let longest = "😀".repeat(1_000);
        ada.send_unchecked(&longest).await;
        assert_eq!(ada.letters().await[0].1.as_deref(), Some(&*longest));
        quit([ada]).await;
    })
    .await;
}

/// The request writes the inbox itself and waits for no worker. A refused write is an error, and a repeat makes
/// one notification and one mail.
#[actix_web::test]
async fn m04_request_waits_for_no_job_and_a_repeat_makes_one() {
    let (mut server, mailer) = (Server::start(), Mailer::memory());
    let salver = Salver::builder("app").redis(&server.url());
    let salver = salver.site("https://app.example").secret([7; 32]);
    let salver = salver
        .default_cadence("letter", Cadence::AtOnce)
        .build()
        .unwrap();
    let bob = || [Recipient::user("bob")];
    let letter = Notification::new("letter", Message::info("Hello Bob"));
    let started = Instant::now();
    // No worker runs.
    salver.notify(bob(), letter.clone()).await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    server.kill();
    let refused = Notification::new("letter", Message::info("Are you there?"));
    assert!(salver.notify(bob(), refused.clone()).await.is_err());
    server.respawn();
    let repeat = async || salver.notify(bob(), refused.clone()).await.ok();
    eventually("a repeat succeeds", repeat).await;
    salver.notify(bob(), refused).await.unwrap();
    let profiles = |who: Vec<Recipient>| async {
        let profile = |who| Profile::new(who).email("bob@example.org");
        Ok::<_, Error>(who.into_iter().map(profile).collect())
    };
    let worker = salver.worker().mail(mailer.clone()).profiles(profiles);
    worker.drain().await.unwrap();
    let mut subjects: Vec<_> = mailer
        .sent()
        .into_iter()
        .map(|letter| letter.subject)
        .collect();
    subjects.sort();
    // The server was killed without persistence: the first letter may be gone, the second is there once.
    subjects.retain(|subject| subject == "Are you there?");
    assert_eq!(subjects.len(), 1);
    print_row("m04_request_waits_for_no_job_and_a_repeat_makes_one", "ok");
}

/// What waits and what has failed, by the tool and by the health of the site.
#[actix_web::test]
async fn m11_worker_can_be_watched() {
    on_each_store("m11_worker_can_be_watched", async |inboxes| {
        let (smtp, salver) = (SmtpServer::start(), &inboxes.salver);
        let to = ["ada@example.org", "r554+bob@example.org"];
        let to = to.map(|address| Recipient::email(address).unwrap());
        salver
            .notify(to, Notification::new("letter", Message::info("Hello")))
            .await
            .unwrap();
        assert_eq!(salver.deliveries().counts().await.unwrap().due, 2);
        let health = salver.health().await.to_string();
        assert!(
            health.contains("no_worker: 2 jobs wait, and no worker runs"),
            "{health}"
        );
        let mailer = Mailer::smtp(&smtp.url())
            .unwrap()
            .from("Messenger <letters@example.org>");
        salver.worker().mail(mailer).drain().await.unwrap();
        let health = salver.health().await.to_string();
        assert!(
            health.contains("dead_jobs: 1 job has failed for good"),
            "{health}"
        );
        let dead = salver
            .deliveries()
            .list(DeliveryState::Dead, None)
            .await
            .unwrap();
        assert_eq!(dead[0].task["recipient"], "email:r554+bob@example.org");
        assert_eq!(
            dead[0].attempts[0].error,
            "SMTP RCPT: 554 refused by the test"
        );
    })
    .await;
}
