//! `salver serve` and `salver tokens`, as processes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::site::{STRUCTURED, TOKEN, event};
use crate::support::eventually;
use crate::support::processes::{ChildProcess, scratch, start};
use crate::support::redis::Server;

const TOOL: &str = env!("CARGO_BIN_EXE_salver");
const SECRET: &str = "a-secret-of-the-site-of-32-bytes";

/// A broker in a process of its own.
struct Serve {
    process: ChildProcess,
    /// Host and port.
    address: String,
    first_line: Value,
}

fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(TOOL);
    for variable in ["REDIS_URL", "SALVER_TOKEN", "SALVER_SECRET"] {
        command.env_remove(variable);
    }
    command.args(["--app", "app"]).args(arguments);
    command
}

impl Serve {
    fn start(arguments: &[&str]) -> Self {
        let mut command = tool(&["--json", "serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).env("SALVER_TOKEN", TOKEN);
        command.env("SALVER_SECRET", SECRET).stdout(Stdio::piped());
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let mut process = start(&mut command, "cargo");
        let line = process.lines().next().unwrap().unwrap();
        let first_line: Value = serde_json::from_str(&line).unwrap();
        Self {
            process,
            address: first_line["listen"].as_str().unwrap().to_owned(),
            first_line,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> Response {
        Client::new().get(self.url(path)).send().await.unwrap()
    }

    async fn publish(&self, token: &str, id: &str) -> Response {
        let request = Client::new()
            .post(self.url("/v1/events"))
            .bearer_auth(token);
        let request = request.header("content-type", STRUCTURED);
        request.body(event(id).to_string()).send().await.unwrap()
    }

    /// Returns whether the process ends without an error.
    fn terminate(mut self) -> bool {
        self.process.signal("TERM");
        self.process.wait().success()
    }
}

/// Two commands start a broker: this is the first one, and `curl` the second.
#[tokio::test]
async fn broker_on_memory_accepts_events_from_curl() {
    let serve = Serve::start(&[]);
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

    let health = serve.get("/healthz").await;
    assert_eq!(health.status(), 200);
    assert_eq!(
        health.json::<Value>().await.unwrap(),
        json!({"status": "ok"})
    );
    let metrics = serve.get("/metrics").await;
    assert_eq!(metrics.status(), 200);
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("# TYPE salver_"), "{metrics}");
    assert!(serve.terminate());
}

#[tokio::test]
async fn page_of_the_operator_is_served_at_the_root() {
    let serve = Serve::start(&[]);
    let page = serve.get("/").await.text().await.unwrap();
    assert!(
        page.contains(r#"autocomplete="current-password""#),
        "{page}"
    );
    let client = Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.cookie_store(true).build().unwrap();
    let login = client.post(serve.url("/login")).form(&[("token", TOKEN)]);
    assert_eq!(login.send().await.unwrap().status(), 303);
    assert_eq!(serve.publish(TOKEN, "1").await.status(), 202);
    let page = client.get(serve.url("/")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("this process accepted 1 event,"), "{page}");
    assert!(serve.terminate());
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
        let arguments = [&["--json", "--redis", &url, "tokens"], arguments].concat();
        let output = tool(&arguments).output().unwrap();
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

    let local = ["--allow-http", "--allow-network", "127.0.0.0/8"];
    let serve = Serve::start(&[&["--redis", &url], &local[..]].concat());
    assert_eq!(serve.first_line["is_durable"], true);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = format!("http://{}/hook", listener.local_addr().unwrap());
    let endpoint = Client::new().post(serve.url("/v1/endpoints"));
    let endpoint = endpoint.bearer_auth(TOKEN).json(&json!({ "url": hook }));
    assert_eq!(endpoint.send().await.unwrap().status(), 201);
    assert_eq!(serve.publish(created, "1").await.status(), 202);
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
    assert!(serve.terminate());
}

#[tokio::test]
async fn broker_starts_before_redis_and_accepts_events_when_it_is_up() {
    let mut server = Server::start();
    let url = server.url();
    server.kill();
    let log = scratch("serve").join("log");
    let mut command = tool(&[
        "--json",
        "--redis",
        &url,
        "serve",
        "--listen",
        "127.0.0.1:0",
    ]);
    command
        .env("SALVER_TOKEN", TOKEN)
        .env("SALVER_SECRET", SECRET);
    command
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap());
    let serve = Serve::run(command);
    assert_eq!(serve.get("/healthz").await.status(), 503);
    assert_eq!(serve.publish(TOKEN, "1").await.status(), 503);
    eventually("the log says what the worker waits for", async || {
        let log = std::fs::read_to_string(&log).unwrap();
        log.contains("waits").then_some(())
    })
    .await;
    server.respawn();
    eventually("the event is accepted", async || {
        (serve.publish(TOKEN, "1").await.status() == 202).then_some(())
    })
    .await;
    assert_eq!(serve.get("/healthz").await.status(), 200);
    assert!(serve.terminate());
}

/// The request has begun and its body is missing when the process is told to end.
#[tokio::test]
async fn terminated_broker_finishes_its_requests() {
    let server = Server::start();
    let serve = Serve::start(&["--redis", &server.url()]);
    let body = event("1").to_string();
    let (first, rest) = body.split_at(10);
    let mut stream = TcpStream::connect(&serve.address).unwrap();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: broker\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: {STRUCTURED}\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // A reply on another connection: the process has read the first one by then.
    assert_eq!(serve.get("/healthz").await.status(), 200);
    serve.process.signal("TERM");
    eventually("no more connections are accepted", async || {
        TcpStream::connect(&serve.address).err()
    })
    .await;
    stream.write_all(rest.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 202 "), "{reply}");
    let Serve { mut process, .. } = serve;
    assert!(process.wait().success());
    let events: Vec<String> = server.run(&[b"KEYS", b"app!event:*"]);
    assert_eq!(events.len(), 1);
}

#[test]
fn broker_without_a_safe_token_or_secret_is_not_started() {
    let refused = |command: &mut Command, words: &str| {
        let output = command.output().unwrap();
        assert!(!output.status.success());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(words), "{errors}");
    };
    refused(&mut tool(&["serve"]), "needs a token");
    refused(
        tool(&["serve"]).env("SALVER_TOKEN", "short"),
        "fewer than 16 bytes",
    );
    let redis = ["--redis", "redis://127.0.0.1:1", "serve"];
    refused(tool(&redis).env("SALVER_TOKEN", TOKEN), "needs the secret");
    refused(
        tool(&redis).env("SALVER_SECRET", "short"),
        "fewer than 32 bytes",
    );
    refused(
        &mut tool(&["serve", "--token-file", "/none"]),
        "cannot be read from /none",
    );
}

#[tokio::test]
async fn secrets_are_read_from_files() {
    let folder = scratch("secrets");
    let (token, secret) = (folder.join("token"), folder.join("secret"));
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let mut command = tool(&["--json", "serve", "--listen", "127.0.0.1:0"]);
    command.arg("--token-file").arg(&token);
    command
        .arg("--secret-file")
        .arg(&secret)
        .stdout(Stdio::piped());
    let serve = Serve::run(command);
    assert_eq!(serve.publish(TOKEN, "1").await.status(), 202);
    assert!(serve.terminate());
}
