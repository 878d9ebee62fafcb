//! Requests for the inbox of another person, over HTTP and from a page of another origin in a browser.

use actix_web::{App, HttpServer, web};
use reqwest::{Client, Method, RequestBuilder};
use salver::{InboxFilter, Message, Notification, ReadState, Recipient};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::inbox_site::{InboxSite, Setup};
use crate::support::redis::Server;
use crate::support::site::html;

/// A text that is in no response to anyone but Ada.
const SECRET: &str = "secret-of-ada";
const CHANGES: [&str; 5] = ["read", "unread", "archive", "restore", "delete"];

/// The attempts so far, and what they reached.
#[derive(Default)]
struct Attempts {
    tried: usize,
    read: usize,
    changed: usize,
}

/// The inbox of Ada, and what an attacker knows about it.
struct Victim {
    site: InboxSite,
    ids: Vec<String>,
    position: u64,
    before: String,
}

impl Victim {
    async fn new(site: InboxSite) -> Self {
        for n in 0..4 {
            let message = Message::info(format!("{SECRET} {n}"));
            let message = message
                .title(SECRET)
                .action(SECRET, format!("/objects/{SECRET}"));
            let note = Notification::new("graph.shared", message).subject("graphs/7");
            let note = note.actor(&Recipient::user("bob"), SECRET);
            site.notify("ada", if n < 2 { note.group("graphs") } else { note })
                .await;
        }
        site.notify("eve", Notification::new("test", Message::info("of eve")))
            .await;
        let ids = site.ids("ada", InboxFilter::all()).await;
        let inbox = site.salver.inbox(&Recipient::user("ada"));
        let archived = InboxFilter::all().ids([ids[0].parse().unwrap()]);
        inbox.mark(&archived, ReadState::Archived).await.unwrap();
        let page = inbox.list(&InboxFilter::all(), None).await.unwrap();
        let position = page.rows[0].newest.position();
        let mut victim = Self {
            site,
            ids,
            position,
            before: String::new(),
        };
        victim.before = victim.state().await;
        victim
    }

    /// Returns everything in the inbox of Ada, with the counts.
    async fn state(&self) -> String {
        let inbox = self.site.salver.inbox(&Recipient::user("ada"));
        let counts = inbox.counts().await.unwrap();
        format!("{:?} {counts:?}", self.site.content("ada").await)
    }

    /// Counts attempts, and compares the inbox of Ada with that before them.
    async fn count(&self, attempts: &mut Attempts, tried: usize, name: &str) {
        attempts.tried += tried;
        let state = self.state().await;
        if state != self.before {
            attempts.changed += 1;
            println!("{name} changes: {state}");
        }
    }

    /// Sends a request and looks for the secret in the whole response.
    async fn attempt(&self, attempts: &mut Attempts, name: &str, request: RequestBuilder) {
        let response = request.send().await.unwrap();
        assert_ne!(response.status(), 500, "{name}");
        let headers = format!("{:?}", response.headers());
        let body = response.text().await.unwrap();
        // The page repeats the conditions of its own URL.
        let body = body.replace(&format!("text={SECRET}"), "");
        let body = body.replace(&format!(r#"name="text" value="{SECRET}""#), "");
        if headers.contains(SECRET) || body.contains(SECRET) {
            attempts.read += 1;
            println!("{name} reads: {headers} {body}");
        }
        self.count(attempts, 1, name).await;
    }
}

/// Tries to read and to change the inbox of Ada as another user, and as a visitor without a login.
async fn over_http(victim: &Victim, attempts: &mut Attempts) {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let site = &victim.site;
    let (position, ids) = (victim.position, &victim.ids);
    for user in ["user=eve", ""] {
        let send = |method: Method, path: &str| {
            client.request(method, site.at(path)).header("cookie", user)
        };
        let mut reads: Vec<String> = ids.iter().map(|id| format!("/{id}")).collect();
        for query in [
            "subject=graphs/7".to_owned(),
            "group=graphs".to_owned(),
            "kind=graph".to_owned(),
            format!("text={SECRET}"),
            format!("after={}", position + 1),
            format!("before={}", position - 5),
            format!("ids={}", ids[1]),
            "user=ada&recipient=ada&recipient=user:ada".to_owned(),
        ] {
            for tab in ["unread", "all", "archived"] {
                reads.push(format!("?tab={tab}&{query}"));
            }
        }
        reads.push("/counts?user=ada".to_owned());
        reads.push(format!("/mark?change=read&ids={}", ids[1]));
        for (n, path) in reads.iter().enumerate() {
            let accept = ["text/html", "application/json"][n % 2];
            let request = send(Method::GET, path).header("accept", accept);
            victim.attempt(attempts, path, request).await;
        }
        for change in CHANGES {
            for (name, form) in [
                ("ids", vec![("ids", ids.join(","))]),
                (
                    "one id",
                    vec![("ids", ids[0].clone()), ("tab", "archived".to_owned())],
                ),
                (
                    "position",
                    vec![("upto", position.to_string()), ("tab", "all".to_owned())],
                ),
                (
                    "group",
                    vec![("group", "graphs".to_owned()), ("tab", "all".to_owned())],
                ),
                (
                    "recipient",
                    vec![("recipient", "ada".to_owned()), ("ids", ids[1].clone())],
                ),
            ] {
                let mut form = form;
                form.push(("change", change.to_owned()));
                let request = send(Method::POST, "/mark").form(&form);
                victim
                    .attempt(attempts, &format!("form {name} {change}"), request)
                    .await;
            }
            let body = json!({ "change": change, "ids": ids, "user": "ada", "recipient": "ada" });
            let request = send(Method::POST, "/mark").json(&body);
            victim
                .attempt(attempts, &format!("json {change}"), request)
                .await;
        }
        let seen = send(Method::POST, "/seen").json(&json!({ "position": position }));
        victim.attempt(attempts, "seen", seen).await;
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = send(method.clone(), &format!("/{}", ids[1]));
            victim.attempt(attempts, method.as_str(), request).await;
        }
        for name in [
            "x-user",
            "x-forwarded-user",
            "salver-recipient",
            "authorization",
        ] {
            let request = send(Method::GET, "?tab=all").header(name, "ada");
            victim.attempt(attempts, name, request).await;
        }
    }
}

/// Opens a page of another origin, on a site where every request is one of Ada's, as on a network
/// that authenticates its machines. The page sends everything that a page can send.
async fn from_other_origin(victim: &Victim, attempts: &mut Attempts, browser: &Browser) {
    let page = "<!doctype html><title>evil</title><body>";
    let hostile = HttpServer::new(move || {
        App::new().route("/", web::get().to(move || async move { html(page) }))
    });
    let hostile = hostile.workers(1).disable_signals();
    let hostile = hostile.bind("127.0.0.1:0").unwrap();
    let port = hostile.addrs()[0].port();
    actix_web::rt::spawn(hostile.run());
    // Another site, and another origin of the same site.
    for host in ["localhost", "127.0.0.1"] {
        browser.open(&format!("http://{host}:{port}/")).await;
        let arguments = vec![
            json!(victim.site.at("")),
            json!(victim.ids),
            json!(victim.position),
        ];
        let script = include_str!("hostile.js");
        let script = format!("const SECRET = '{SECRET}'; {script}");
        browser
            .driver
            .set_script_timeout(std::time::Duration::from_secs(30))
            .await
            .unwrap();
        let report = browser
            .driver
            .execute_async(&script, arguments)
            .await
            .unwrap();
        let report = report.json();
        let read = report["read"].as_array().unwrap();
        attempts.read += read.len();
        assert_eq!(read.len(), 0, "{host}: {read:?}");
        let requests = report["requests"].as_u64().unwrap().try_into().unwrap();
        victim.count(attempts, requests, host).await;
    }
}

/// Another person's inbox, by id, cursor, filter, group, form, JSON, click-through and from a page of
/// another origin: nothing is read and nothing is changed. Every attempt is followed by a look at the
/// inbox; those of a page of another origin have one look together.
#[actix_web::test]
async fn inbox_of_another_person_is_neither_read_nor_changed() {
    let server = Server::start();
    let mut attempts = Attempts::default();
    for site in [
        InboxSite::start(Setup::default()),
        InboxSite::start_on(&server, Setup::default()),
    ] {
        let victim = Victim::new(site).await;
        over_http(&victim, &mut attempts).await;
    }
    let own = Setup {
        default_user: Some("ada"),
        ..Setup::default()
    };
    let victim = Victim::new(InboxSite::start(own)).await;
    let browser = Browser::start().await;
    // The browser of Ada reads the secret, and a form of the page changes her inbox: otherwise the
    // attempts would prove nothing.
    browser.open(&victim.site.at("?tab=all")).await;
    assert!(browser.driver.source().await.unwrap().contains(SECRET));
    from_other_origin(&victim, &mut attempts, &browser).await;
    browser.open(&victim.site.at("?tab=all")).await;
    browser.click(".salver-inbox-actions button").await;
    assert_ne!(victim.state().await, victim.before);
    browser.quit().await;
    let Attempts {
        tried,
        read,
        changed,
    } = attempts;
    println!("HOSTILE inbox tried={tried} read={read} changed={changed}");
    assert!(tried >= 50);
    assert_eq!((read, changed), (0, 0));
}
