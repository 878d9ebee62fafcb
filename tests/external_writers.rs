//! Writers in other languages: the tests run the code blocks of the page on the storage format.

use std::process::Command;

use crate::support::browser::target;
use crate::support::example_programs::{Dashboard, known_visitor};
use crate::support::redis::Server;

const STORAGE_FORMAT: &str = include_str!("../src/docs/storage-format.md");

/// Returns the code blocks of a language on that page.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    STORAGE_FORMAT
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
}

#[tokio::test]
async fn message_written_by_shell_is_shown() {
    let server = Server::start();
    let dashboard = Dashboard::start(Some(&server.url()));
    let (visitor, session) = known_visitor(&dashboard, &server).await;
    let port = format!("redis-cli -p {}", server.port);
    let script = blocks("bash")
        .join("\n")
        .replace("redis-cli EVAL", &format!("{port} EVAL"));
    let script = script.replace("redis-cli ZADD", &format!("{port} ZADD"));
    let script = script.replace("redis-cli PEXPIRE", &format!("{port} PEXPIRE"));
    let mut bash = Command::new("bash");
    bash.args(["-euc", &script])
        .env("app", "dashboard")
        .env("session", &session);
    run(bash.current_dir(env!("CARGO_MANIFEST_DIR")));
    let page = visitor
        .get(dashboard.at("/settings"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        page.contains("Written by redis-cli with add.lua."),
        "{page}"
    );
    assert!(page.contains("Written by a bare ZADD.") && page.contains("salver-warning"));
    println!("EXTERNAL writer=redis-cli add_lua=shown bare_zadd=shown");
}

#[tokio::test]
async fn message_written_by_python_is_shown() {
    let server = Server::start();
    let dashboard = Dashboard::start(Some(&server.url()));
    let (visitor, session) = known_visitor(&dashboard, &server).await;
    let python = target().join("venv/bin/python");
    assert!(
        python.exists(),
        "redis-py is missing: `python3 -m venv target/venv && target/venv/bin/pip install redis`, as `tests/run` does"
    );
    let calls = format!(
        r#"
import redis
server = redis.Redis(port={port})
add_lua = open("src/store/redis/scripts/add.lua").read()
context = {{"app": "dashboard", "session": "{session}", "view": "settings"}}
for text in ("10 %", "20 %"):
    reply = add(server, add_lua, context, text, tag="import", level="error", title="ø")
    assert reply[1] == b"ok", reply
key = "dashboard:{{%s}}:*" % quote(context["session"], safe="")
member = '{{"id":"%s","text":"A bare ZADD from Python."}}' % uuid7()
server.zadd(key, {{member: int(time.time() * 1000)}}, nx=True)
server.pexpire(key, 3600000)
"#,
        port = server.port,
    );
    let script = [blocks("python")[0], calls.as_str()].concat();
    run(Command::new(python)
        .args(["-c", &script])
        .current_dir(env!("CARGO_MANIFEST_DIR")));
    let page = visitor
        .get(dashboard.at("/settings"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        page.contains("20 %") && !page.contains("10 %"),
        "the second message replaces the first of its tag: {page}"
    );
    assert!(page.contains("<strong>ø</strong>") && page.contains("A bare ZADD from Python."));
    println!("EXTERNAL writer=redis-py add_lua=shown bare_zadd=shown");
}

/// The derivation of an id on the page is that of the test vectors.
#[test]
fn notification_id_of_page_matches_vectors() {
    let calls = r#"
import json
for case in json.load(open("tests/fixtures/inbox_v1.json"))["ids"]:
    found = notification_id(case["app"], case["message"], case["recipient"])
    assert found == case["id"], (found, case)
"#;
    let script = [blocks("python")[1], calls].concat();
    run(Command::new("python3")
        .args(["-c", &script])
        .current_dir(env!("CARGO_MANIFEST_DIR")));
}
