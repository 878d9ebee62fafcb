//! The program of examples/broker, which users copy: it consents, verifies, and answers with an event.

use std::path::Path;
use std::process::{Command, Stdio};

use salver::events::Event;
use salver::webhooks::Endpoint;
use serde_json::{Value, json};

use crate::inbox_tests;
use crate::support::eventually;
use crate::support::processes::{self, free_port, scratch};
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{deliver, register, webhook_settings};

inbox_tests! {
    (webhook_settings)

    async fn python_subscriber_answers_with_an_event(inboxes: Inboxes) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/venv/bin/python");
        assert!(python.exists(), "Python is missing: run tests/setup.sh");
        let (port, file) = (free_port(), scratch("subscriber").join("secret"));
        let mut command = Command::new(python);
        command
            .arg(root.join("examples/broker/subscriber.py"))
            .env("PORT", port.to_string())
            .env("WEBHOOK_SECRET_FILE", &file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = processes::start(&mut command, "python3");
        eventually("the subscriber listens", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;

        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let url = format!("http://127.0.0.1:{port}/hook");
        let endpoint = Endpoint::new(&url).types(["counter.increment"]).results(["counter.changed"]);
        let (_, secret) = salver.endpoints().add(endpoint.handshake()).await.unwrap();
        std::fs::write(&file, secret + "\n").unwrap();
        register(salver, &receiver, "/changed", |endpoint| endpoint.types(["counter.changed"])).await;
        for by in [2, 3] {
            let event = Event::new("counter.increment").data(json!({ "by": by }));
            salver.publish(event).await.unwrap();
            deliver(salver).await;
        }
        let deliveries = receiver.deliveries();
        let data = deliveries.iter().map(|one| {
            let mut event: Value = serde_json::from_str(&one.body).unwrap();
            event["data"].take()
        });
        assert_eq!(data.collect::<Vec<_>>(), [json!({"value": 2}), json!({"value": 5})]);

        // A stranger does not count.
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let forged = client
            .post(&url)
            .header("webhook-id", "1")
            .header("webhook-timestamp", "1")
            .header("webhook-signature", "v1,AAAA")
            .json(&json!({"type": "counter.increment", "data": {"by": 1}}));
        assert_eq!(forged.send().await.unwrap().status(), 401);
        let lines = process.lines().map(Result::unwrap);
        let counted = lines.filter(|line| line.starts_with("counter.increment"));
        let counted: Vec<_> = counted.take(2).collect();
        assert_eq!(counted, [r#"counter.increment {"by": 2}"#, r#"counter.increment {"by": 3}"#]);
    }
}
