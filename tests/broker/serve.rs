//! `salver serve` and `salver tokens`, as processes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;

use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::site::{STRUCTURED, TOKEN, event};
use crate::support::broker_process::{BrokerProcess, secret, tool};
use crate::support::eventually;
use crate::support::processes::scratch;
use crate::support::redis::Server;
use crate::support::webhook_receiver::WebhookReceiver;

async fn get(broker: &BrokerProcess, path: &str) -> Response {
    Client::new().get(broker.url(path)).send().await.unwrap()
}

async fn publish(broker: &BrokerProcess, token: &str, id: &str) -> Response {
    let request = Client::new().post(broker.url("/v1/events"));
    let request = request.bearer_auth(token);
    let request = request.header("content-type", STRUCTURED);
    request.body(event(id).to_string()).send().await.unwrap()
}

/// Registers an endpoint, and returns its secret.
async fn register(broker: &BrokerProcess, url: &str) -> String {
    let request = Client::new().post(broker.url("/v1/endpoints"));
    let request = request.bearer_auth(TOKEN).json(&json!({ "url": url }));
    let added = request.send().await.unwrap();
    assert_eq!(added.status(), 201);
    let added: Value = added.json().await.unwrap();
    added["secret"].as_str().unwrap().to_owned()
}

/// Two commands start a broker: this is the first one, and `curl` the second.
#[tokio::test]
async fn broker_on_memory_accepts_events_from_curl() {
    let serve = BrokerProcess::run(&mut BrokerProcess::command(&[]));
    assert_eq!(serve.first_line["is_durable"], false);
    let curl = Command::new("curl")
        .args([
            "-sS",
            &serve.url("/v1/events"),
            "-H",
            &format!("authorization: Bearer {TOKEN}"),
        ])
        .args([
            "-H",
            "ce-specversion: 1.0",
            "-H",
            "ce-id: 1",
            "-H",
            "ce-source: /shop",
        ])
        .args(["-H", "ce-type: order.created", "--json", "{\"total\": 7}"])
        .output();
    let curl = curl.expect("install it, on Debian by `apt-get install curl`");
    assert_eq!(String::from_utf8_lossy(&curl.stdout), "{\"ids\":[\"1\"]}");

    let health = get(&serve, "/healthz").await;
    assert_eq!(health.status(), 200);
    assert_eq!(
        health.json::<Value>().await.unwrap(),
        json!({"status": "ok"})
    );
    let metrics = get(&serve, "/metrics").await;
    assert_eq!(metrics.status(), 200);
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("# TYPE salver_"), "{metrics}");
    serve.stop();
}

#[tokio::test]
async fn page_of_the_operator_is_served_at_the_root() {
    let serve = BrokerProcess::run(&mut BrokerProcess::command(&[]));
    let page = get(&serve, "/").await.text().await.unwrap();
    assert!(
        page.contains(r#"autocomplete="current-password""#),
        "{page}"
    );
    let client = Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.cookie_store(true).build().unwrap();
    let login = client.post(serve.url("/login")).form(&[("token", TOKEN)]);
    assert_eq!(login.send().await.unwrap().status(), 303);
    assert_eq!(publish(&serve, TOKEN, "1").await.status(), 202);
    let page = client.get(serve.url("/")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("this process accepted 1 event,"), "{page}");
    serve.stop();
}

/// Receives one webhook, and returns its head and its body.
fn receive_one(listener: &TcpListener) -> (String, Value) {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while reader.read_line(&mut head).unwrap() > 2 {
        let line = head.lines().last().unwrap().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let reply = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    reader.get_mut().write_all(reply).unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn event_of_a_created_token_is_delivered_to_an_endpoint() {
    let server = Server::start();
    let url = server.url();
    let token = |arguments: &[&str]| -> Value {
        let mut command = tool(&[&["--json", "tokens"], arguments].concat());
        let output = command.env("REDIS_URL", &url).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let created = token(&[
        "create",
        "--right",
        "publish",
        "--right",
        "deliveries",
        "--source",
        "/shop",
    ]);
    let created = created["token"].as_str().unwrap();
    let (id, secret) = created.split_once('.').unwrap();
    let listed = token(&["list"]);
    assert_eq!(listed["id"], id);
    assert!(!listed.to_string().contains(secret));

    let serve = BrokerProcess::start(&url);
    assert_eq!(serve.first_line["is_durable"], true);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = format!("http://{}/hook", listener.local_addr().unwrap());
    register(&serve, &hook).await;
    assert_eq!(publish(&serve, created, "1").await.status(), 202);
    let received = tokio::task::spawn_blocking(move || receive_one(&listener));
    let (head, body) = received.await.unwrap();
    assert!(
        head.starts_with("POST /hook ") && head.contains("webhook-signature: v1,"),
        "{head}"
    );
    assert_eq!(
        (&body["id"], &body["data"]),
        (&json!("1"), &json!({"total": 7}))
    );
    assert_eq!(token(&["revoke", id]), json!({"revoked": true}));
    assert_eq!(token(&["revoke", id]), json!({"revoked": false}));
    assert_eq!(token(&["revoke", "-other"]), json!({"revoked": false}));
    serve.stop();
}

#[tokio::test]
async fn broker_starts_before_redis_and_accepts_events_when_it_is_up() {
    let mut server = Server::start();
    let url = server.url();
    server.kill();
    let log = scratch("serve").join("log");
    let mut command = BrokerProcess::command_on(&url);
    command.stderr(std::fs::File::create(&log).unwrap());
    let serve = BrokerProcess::run(&mut command);
    assert_eq!(get(&serve, "/healthz").await.status(), 503);
    assert_eq!(publish(&serve, TOKEN, "1").await.status(), 503);
    eventually("the log says what the worker waits for", async || {
        let log = std::fs::read_to_string(&log).unwrap();
        log.contains("waits").then_some(())
    })
    .await;
    server.respawn();
    eventually("the event is accepted", async || {
        (publish(&serve, TOKEN, "1").await.status() == 202).then_some(())
    })
    .await;
    assert_eq!(get(&serve, "/healthz").await.status(), 200);
    serve.stop();
}

/// Both settings are wrong. The worker would refuse the second one when it is started.
#[test]
fn broker_whose_port_is_in_use_starts_no_worker() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = tool(&["serve", "--listen", &address, "--concurrency", "0"]);
    let output = command.env("SALVER_TOKEN", TOKEN).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{errors}");
    let problem = format!("{address} cannot be listened on");
    assert!(errors.contains(&problem), "{errors}");
}

#[test]
fn broker_without_a_safe_token_or_secret_is_not_started() {
    // A broker that accepts the settings ends here with another error.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = || tool(&["serve", "--listen", &address]);
    let on_redis = || {
        let mut command = serve();
        command.env("REDIS_URL", "redis://127.0.0.1:1");
        command
    };
    let refused = |command: &mut Command, words: &str| {
        let output = command.output().unwrap();
        assert!(!output.status.success());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(words), "{errors}");
    };
    refused(&mut serve(), "needs a token");
    let token = |token: &str| {
        let mut command = serve();
        command.env("SALVER_TOKEN", token);
        command
    };
    refused(&mut token("short"), "fewer than 16 bytes");
    refused(&mut token("a token of the operator"), "white space");
    refused(on_redis().env("SALVER_TOKEN", TOKEN), "needs the secret");
    refused(
        on_redis().env("SALVER_SECRET", "short"),
        "fewer than 32 bytes",
    );
    refused(
        serve().args(["--token-file", "/none"]),
        "cannot be read from /none",
    );
}

/// Writes secrets into files, with the end of a line as an editor does, and returns their paths.
fn write_secrets<const N: usize>(secrets: [&str; N]) -> [String; N] {
    let folder = scratch("secrets");
    let mut number = 0;
    secrets.map(|secret| {
        number += 1;
        let path = folder.join(number.to_string());
        std::fs::write(&path, format!("{secret}\n")).unwrap();
        path.to_str().unwrap().to_owned()
    })
}

#[tokio::test]
async fn secrets_are_read_from_files() {
    let [token, secret] = write_secrets([TOKEN, secret()]);
    let mut command = BrokerProcess::serve(&["--token-file", &token, "--secret-file", &secret]);
    let serve = BrokerProcess::run(&mut command);
    assert_eq!(publish(&serve, TOKEN, "1").await.status(), 202);
    serve.stop();
}

#[tokio::test]
async fn endpoints_verify_deliveries_while_the_secret_of_the_site_is_changed() {
    let (server, receiver) = (Server::start(), WebhookReceiver::start());
    let serve = BrokerProcess::start(&server.url());
    let own = register(&serve, &receiver.url("/hook")).await;
    receiver.set_secrets("/hook", &[&own]);
    serve.stop();
    let [old] = write_secrets([secret()]);
    let mut command = BrokerProcess::command_on(&server.url());
    command.env("SALVER_SECRET", "8".repeat(32));
    command.args(["--old-secret-file", &old]);
    let serve = BrokerProcess::run(&mut command);
    eventually("the event is accepted", async || {
        (publish(&serve, TOKEN, "1").await.status() == 202).then_some(())
    })
    .await;
    let arrived = eventually("the event arrives", async || receiver.requests().pop()).await;
    assert!(arrived.verified, "{arrived:?}");
    serve.stop();
}
