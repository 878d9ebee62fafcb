//! A shell publishes by curl, and a program in Python subscribes.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Broker, TOKEN};
use crate::seeds::print_row;
use crate::support::inboxes::Inboxes;
use crate::support::processes::{self, free_port, scratch};
use crate::support::redis::Server;
use crate::support::subscriber::Subscriber;
use crate::support::webhooks::{deliver, webhook_settings};

/// Sends a request, and returns the body of the response.
async fn curl(broker: &Broker, path: &str, headers: &[&str], body: &Value) -> String {
    let mut command = Command::new("curl");
    command.args(["-fsS", &format!("{}{path}", broker.url)]);
    command.args(["-H", &format!("authorization: Bearer {TOKEN}")]);
    for header in headers {
        command.args(["-H", header]);
    }
    command.args(["--json", &body.to_string()]);
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.unwrap();
    let output = output.expect("install curl, on Debian by `apt-get install curl`");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[actix_web::test]
async fn k08_curl_publishes_and_a_python_program_subscribes() {
    for inboxes in [
        Inboxes::memory_with(webhook_settings),
        Inboxes::redis_with(webhook_settings),
    ] {
        let broker = Broker::serve(&inboxes.salver, |routes| routes);
        let mut subscriber = Subscriber::start().await;
        let endpoint =
            json!({"url": subscriber.url, "types": ["counter.increment"], "handshake": true});
        let registered = curl(&broker, "/endpoints", &[], &endpoint).await;
        let registered: Value = serde_json::from_str(&registered).unwrap();
        subscriber.save_secret(registered["secret"].as_str().unwrap());
        let headers = [
            "ce-specversion: 1.0",
            "ce-id: 1",
            "ce-source: /shop",
            "ce-type: counter.increment",
        ];
        let accepted = curl(&broker, "/events", &headers, &json!({"by": 2})).await;
        assert_eq!(accepted, r#"{"ids":["1"]}"#);
        deliver(&inboxes.salver).await;
        assert_eq!(subscriber.events(1), [r#"counter.increment {"by": 2}"#]);
    }
    print_row("k08_curl_publishes_and_a_python_program_subscribes", "ok");
}

/// Returns the commands of the README that start a broker, a subscriber and the counter. `redis`: the URL of the server in
/// which the broker stores.
fn commands_of_readme(redis: Option<&str>, ports: [u16; 2]) -> String {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("\n## Tell another program\n").unwrap();
    let (_, block) = section.split_once("\n```sh\n").unwrap();
    let (block, _) = block.split_once("\n```\n").unwrap();
    // The command that starts the broker says in its comment with which option it stores in Redis.
    let (in_memory, option) = (
        "&   # in memory; with ",
        "--redis redis://127.0.0.1, in Redis",
    );
    assert!(block.contains(&format!("{in_memory}{option}")));
    let commands = match redis {
        Some(url) => block.replace(in_memory, &format!("--redis {url} {in_memory}")),
        None => block.to_owned(),
    };
    let [broker, subscriber] = ports.map(|port| format!(":{port}/"));
    commands
        .replace(":8090/", &broker)
        .replace(":5000/", &subscriber)
}

/// Runs the commands in a shell, and returns the events that the subscriber prints.
fn count_by(redis: Option<&str>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = scratch("readme");
    std::os::unix::fs::symlink(root.join("examples"), folder.join("examples")).unwrap();
    let tool = Path::new(env!("CARGO_BIN_EXE_salver")).parent().unwrap();
    let python = root.join("target/venv/bin");
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{}:{path}", tool.display(), python.display());
    let ports = [free_port(), free_port()];
    let [broker, subscriber] = ports;
    let mut shell = Command::new("bash");
    shell
        .arg("-ec")
        .arg(format!(
            "trap 'printf \"\\nended %s\\n\" $?' EXIT\n{}",
            commands_of_readme(redis, ports)
        ))
        .current_dir(&folder)
        .env("PATH", path)
        .env("SALVER_LISTEN", format!("127.0.0.1:{broker}"))
        .env("PORT", subscriber.to_string())
        .env("no_proxy", "localhost")
        .env_remove("REDIS_URL")
        .stdout(Stdio::piped());
    let mut shell = processes::start(&mut shell, "bash");
    let mut events = Vec::new();
    for line in shell.lines().map(Result::unwrap) {
        assert!(!line.starts_with("ended ") || line == "ended 0", "{line}");
        // The reply of the broker may stand before an event in the same line.
        if let Some(start) = line.find("counter.") {
            events.push(line[start..].to_owned());
        }
        if events.len() == 2 {
            break;
        }
    }
    events
}

#[test]
fn k14_counter_of_the_readme_comes_back_as_an_event() {
    let server = Server::start();
    for redis in [None, Some(server.url())] {
        assert_eq!(
            count_by(redis.as_deref()),
            [
                r#"counter.increment {"by": 2}"#,
                r#"counter.changed {"value": 2}"#
            ]
        );
    }
    print_row("k14_counter_of_the_readme_comes_back_as_an_event", "ok");
}
