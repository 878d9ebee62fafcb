//! `worker`: sends what waits, and ends cleanly when it is asked to.

use std::process::{Command, Stdio};

use salver::events::Subscription;
use salver::jobs::DeliveryState;
use salver::mail::{Cadence, Mailer, Profile};
use salver::store::RedisStore;
use salver::{Error, Message, Notification, Recipient, Salver};
use time::Weekday;

use super::{TOOL, salver};
use crate::support::eventually;
use crate::support::processes::{self, ChildProcess};
use crate::support::redis::Server;
use crate::support::smtp_server::SmtpServer;

fn worker(redis: &Server, smtp: &SmtpServer) -> ChildProcess {
    let mut command = Command::new(TOOL);
    command.args(["worker", "--app", "app"]);
    command.env("REDIS_URL", redis.url());
    command.args([
        "--site",
        "https://shop.example",
        "--from",
        "Shop <notify@shop.example>",
    ]);
    let secret = processes::scratch("worker").join("secret");
    std::fs::write(&secret, format!("{}\n", "7".repeat(32))).unwrap();
    command.arg("--secret-file").arg(secret);
    command.args(["--smtp", &smtp.url()]).stdout(Stdio::piped());
    processes::start(&mut command, "none: it is part of this crate")
}

async fn notify(redis: &Server, address: &str, text: &str) {
    let salver = Salver::builder("app").site("https://shop.example");
    let salver = salver
        .store(RedisStore::new(&redis.url()).unwrap())
        .build()
        .unwrap();
    let to = Recipient::email(address).unwrap();
    salver
        .notify([to], Notification::new("order.sent", Message::info(text)))
        .await
        .unwrap();
}

#[tokio::test]
async fn worker_sends_mails_until_it_is_terminated() {
    let (redis, smtp) = (Server::start(), SmtpServer::start());
    let mut worker = worker(&redis, &smtp);
    let line = worker.lines().next().unwrap().unwrap();
    let expected = "the worker of app runs: it sends mails, and notifies subscribers of events that have a message";
    assert_eq!(line, expected);
    notify(&redis, "ada@example.org", "first").await;
    let sent = async |count| (smtp.mails().len() == count).then_some(());
    eventually("the mail is sent", async || sent(1).await).await;
    // The tool notifies by the settings that the worker has stored.
    let arguments = [
        "notify",
        "--app",
        "app",
        "--to",
        "email:bob@example.org",
        "order.sent",
        "second",
    ];
    salver("notify for a worker", &redis.url(), &arguments);
    eventually("the mail of the tool is sent", async || sent(2).await).await;
    worker.signal("TERM");
    assert!(worker.wait().success());
    assert_eq!(smtp.mails()[1].to, "bob@example.org");
    // It has said that it runs no more.
    let handle = Salver::redis("app", &redis.url()).unwrap();
    notify(&redis, "ada@example.org", "third").await;
    let waiting = handle
        .deliveries()
        .list(DeliveryState::Waiting, None)
        .await
        .unwrap();
    assert_eq!(waiting.len(), 1);
    let health = handle.health().await.to_string();
    assert!(
        health.contains("no_worker: 1 job waits, and no worker runs"),
        "{health}"
    );
}

#[tokio::test]
async fn worker_tells_subscribers_of_events_with_message() {
    let (redis, smtp) = (Server::start(), SmtpServer::start());
    let handle = Salver::redis("app", &redis.url()).unwrap();
    let ada = Recipient::user("ada");
    let document = Subscription::new("wiki.edit").subject("documents/7");
    handle.subscribe(&ada, document).await.unwrap();
    let publish = |arguments: &[&str]| {
        let arguments = [
            &["publish", "wiki.edit", "--subject", "documents/7"],
            arguments,
        ]
        .concat();
        let output = salver("publish for a worker", &redis.url(), &arguments);
        assert_eq!(output.code, 0, "{}", output.text);
    };
    // Only a worker of the site knows what to tell.
    publish(&["--id", "1"]);
    publish(&["--id", "2", "--text", "Edited."]);
    let worker = worker(&redis, &smtp);
    let inbox = handle.inbox(&ada);
    let notified = async || (inbox.counts().await.unwrap().total == 1).then_some(());
    eventually("the subscriber is notified", notified).await;
    let waiting = async || {
        let waiting = handle.deliveries().list(DeliveryState::Waiting, None).await;
        (waiting.unwrap().len() == 1).then_some(())
    };
    eventually("the event without a message waits", waiting).await;
    drop(worker);
}

#[tokio::test]
async fn digests_are_listed_and_sent_before_their_time() {
    let (redis, smtp) = (Server::start(), SmtpServer::start());
    let handle = Salver::builder("app").site("https://shop.example");
    let handle = handle.store(RedisStore::new(&redis.url()).unwrap());
    let handle = handle.secret([7; 32]).build().unwrap();
    let worker = {
        let mailer = Mailer::smtp(&smtp.url()).unwrap();
        let worker = handle
            .worker()
            .mail(mailer.from("Shop <notify@shop.example>"));
        worker.profiles(|who: Vec<Recipient>| async {
            let profile = |who: Recipient| {
                let address = format!("{}@example.org", who.user_id().unwrap());
                Profile::new(who).email(address)
            };
            Ok::<_, Error>(who.into_iter().map(profile).collect())
        })
    };
    for name in ["ada", "bob"] {
        let recipient = Recipient::user(name);
        let weekly = Cadence::Weekly {
            weekday: Weekday::Monday,
            hour: 8,
        };
        handle
            .inbox(&recipient)
            .set_mail("*", weekly)
            .await
            .unwrap();
        let note = Notification::new("order.sent", Message::info("On its way."));
        handle.notify([recipient], note).await.unwrap();
    }
    worker.drain().await.unwrap();
    let due = |arguments: &[&str]| {
        let arguments = [&["due", "--app", "app"], arguments].concat();
        let output = salver("digests that wait", &redis.url(), &arguments);
        assert_eq!(output.code, 0, "{}", output.text);
        let lines = output.text.lines().skip(1).map(str::to_owned);
        lines
            .take_while(|line| !line.starts_with("= "))
            .collect::<Vec<_>>()
    };
    let listed = due(&[]);
    assert_eq!(listed.len(), 2, "{listed:?}");
    for name in ["ada", "bob"] {
        let digest = format!(" user:{name} weekly:monday:8");
        assert!(
            listed.iter().any(|line| line.ends_with(&digest)),
            "{listed:?}"
        );
    }
    assert_eq!(due(&["--to", "user:carol"]), [""; 0]);
    assert!(smtp.mails().is_empty());
    let sent = due(&["--now", "--to", "user:bob"]);
    assert_eq!(sent, ["now user:bob weekly:monday:8"]);
    worker.drain().await.unwrap();
    let mails = smtp.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, "bob@example.org");
    let left = due(&[]);
    assert!(left.len() == 1 && left[0].contains("user:ada"), "{left:?}");
}
