//! People log out while pages of two processes are open, a mail to them waits, and a message was left to them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::{Client, Response};
use salver::mail::Cadence;
use salver::{Message, Notification, Recipient, SalverBuilder};
use tokio::time::timeout;

use crate::support::event_stream::EventStream;
use crate::support::history::{Row, Verdict};
use crate::support::inbox_site::{InboxSite, Setup};
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::smtp_server::SmtpServer;
use crate::support::worker_process::mail_worker;

/// How long a notification is unread before it is mailed.
const UNREAD: Duration = Duration::from_secs(10 * 60);
/// How long a busy machine may take for one step.
const PATIENCE: Duration = Duration::from_secs(30);

fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder.default_cadence("chat", Cadence::IfUnread(UNREAD))
}

/// A person's browser.
struct Browser<'a> {
    site: &'a InboxSite,
    user: String,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    fn cookies(&self) -> String {
        let cookies = self.cookies.iter();
        let cookies = cookies.map(|(name, value)| format!("; {name}={value}"));
        format!("user={}{}", self.user, cookies.collect::<String>())
    }

    async fn get(&mut self, path: &str) -> String {
        let request = Client::new().get(format!("{}{path}", self.site.url));
        let request = request.header("cookie", self.cookies());
        self.read(request.send().await.unwrap()).await
    }

    /// Sends the form that leaves a message to the next page.
    async fn save(&mut self, text: &str) {
        let request = Client::new().post(format!("{}/home", self.site.url));
        let request = request.header("sec-fetch-site", "same-origin");
        let request = request.header("cookie", self.cookies());
        self.read(request.body(text.to_owned()).send().await.unwrap())
            .await;
    }

    async fn read(&mut self, response: Response) -> String {
        assert_eq!(response.status(), 200);
        for cookie in response.headers().get_all("set-cookie") {
            let (cookie, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response.text().await.unwrap()
    }

    async fn stream(&self, site: &InboxSite) -> EventStream {
        let request = Client::new().get(format!("{}/salver/stream", site.url));
        let request = request
            .header("accept", "text/event-stream")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", self.cookies());
        EventStream::from_response(request.send().await.unwrap()).await
    }
}

#[actix_web::test]
async fn logout_ends_the_pages_of_all_processes_and_keeps_bell_and_mail() {
    let inboxes = Inboxes::redis_with_running_clock(settings, &[]);
    let smtp = SmtpServer::start();
    let start = || InboxSite::serve(inboxes.process(settings), Setup::default());
    let sites = [start(), start()];
    let people = by_profile(20, 400);
    let (mut verdict, mut worst_wait, mut ended) = (Verdict::default(), Duration::ZERO, 0);
    let worker = mail_worker(&inboxes.salver, &smtp.url());
    for number in 0..people {
        let mut browser = Browser {
            site: &sites[0],
            user: format!("p{number}"),
            cookies: BTreeMap::new(),
        };
        browser.get("/renew").await;
        let person = [Recipient::user(&browser.user)];
        let chat = Message::info(format!("Hello {}.", browser.user));
        let chat = Notification::new("chat", chat);
        inboxes.salver.notify(person, chat).await.unwrap();
        let mut streams = Vec::new();
        for site in &sites {
            let mut events = browser.stream(site).await;
            assert_eq!(events.expect_next().await.name, "counts");
            streams.push(events);
        }
        browser.save("A secret.").await;
        let old = browser.cookies.clone();
        let started = Instant::now();
        browser.get("/logout").await;
        for mut events in streams {
            let end = async { while events.next().await.is_some() {} };
            timeout(PATIENCE, end).await.expect("the stream ends");
            ended += 1;
        }
        worst_wait = worst_wait.max(started.elapsed());
        assert_ne!(browser.cookies, old);
        // A form of a tab that is still open belongs to the session that has ended.
        let late = std::mem::replace(&mut browser.cookies, old);
        browser.save("A late secret.").await;
        browser.cookies = late;
        browser.get("/renew").await;
        let page = browser.get("/home").await;
        verdict.misdelivered += usize::from(page.contains("secret"));
        verdict.lost += usize::from(!page.contains("1 unread"));
        worker.drain().await.unwrap();
    }
    assert_eq!(smtp.count(), 0);
    inboxes.advance(UNREAD);
    worker.drain().await.unwrap();
    let mails = smtp.mails();
    for number in 0..people {
        let address = format!("p{number}@example.org");
        let mails = mails.iter().filter(|mail| mail.to == address).count();
        verdict.n += 1;
        verdict.received += mails.min(1);
        verdict.lost += usize::from(mails == 0);
        verdict.twice += mails.saturating_sub(1);
    }
    for site in &sites {
        site.stop().await;
    }
    Row {
        test: "logout_with_all",
        verdict,
        worst_wait,
        more: format!("streams_ended={ended}"),
        ..Row::default()
    }
    .report();
}
