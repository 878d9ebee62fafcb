//! `worker`: sends what waits, and ends cleanly when it is told to.

use std::process::{Command, Stdio};

use salver::jobs::DeliveryState;
use salver::store::RedisStore;
use salver::{Message, Notification, Recipient, Salver};

use super::{TOOL, salver};
use crate::support::eventually;
use crate::support::processes::{self, ChildProcess};
use crate::support::redis::Server;
use crate::support::smtp_server::SmtpServer;

fn worker(redis: &Server, smtp: &SmtpServer) -> ChildProcess {
    let mut command = Command::new(TOOL);
    command.args(["worker", "--app", "app", "--redis", &redis.url()]);
    command.args([
        "--site",
        "https://shop.example",
        "--from",
        "Shop <notify@shop.example>",
    ]);
    command.env("SALVER_SECRET", "7".repeat(32));
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
    assert_eq!(line, "the worker of app runs");
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
        health.contains("no_worker: 1 jobs wait, and no worker runs"),
        "{health}"
    );
}
