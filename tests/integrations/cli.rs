//! The command-line tool, against a server with messages, an empty one, a dead one, a wrong one and a protected one.
//! What it says is kept under `target/cli`, and checked by snapshots.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use insta::{Settings, assert_snapshot};
use salver::store::RedisStore;
use salver::{Message, Salver};

use crate::support::browser::target;
use crate::support::processes::{free_port, start};
use crate::support::redis::Server;
use crate::support::{at, eventually};

const TOOL: &str = env!("CARGO_BIN_EXE_salver");
const PAGE: &str = "app:{ada}:uploads";

/// What came of a command.
struct Said {
    code: i32,
    text: String,
}

/// Runs a command; keeps what it says.
fn salver(name: &str, url: &str, arguments: &[&str]) -> Said {
    let ran = Command::new(TOOL)
        .args(arguments)
        .env("REDIS_URL", url)
        .env("SALVER_APP", "app")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, errors) = (
        String::from_utf8(ran.stdout).unwrap(),
        String::from_utf8(ran.stderr).unwrap(),
    );
    let code = ran.status.code().expect("it was killed");
    let text = format!("$ salver {}\n{out}{errors}= {code}\n", arguments.join(" "));
    let folder = target().join("cli");
    std::fs::create_dir_all(&folder).unwrap();
    let mut kept = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(format!("{name}.txt")))
        .unwrap();
    kept.write_all(text.as_bytes()).unwrap();
    Said { code, text }
}

/// Runs all of these against one server; gives what they say, after one another.
fn session(name: &str, url: &str, commands: &[&[&str]]) -> String {
    let _ = std::fs::remove_file(target().join(format!("cli/{name}.txt")));
    let said = commands
        .iter()
        .map(|arguments| salver(name, url, arguments).text);
    said.collect::<Vec<_>>().join("\n")
}

/// Compares with what is kept, but for what is another each time.
fn check(name: &str, said: &str) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, instead) in [
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
            "<id>",
        ),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
        (r"\d+s ago", "<age> ago"),
        (r#""oldest":\d+"#, r#""oldest":<time>"#),
        (r"127\.0\.0\.1:\d+", "<server>"),
        (r"\d+ us", "<n> us"),
        (r#""(p50|p99)":\d+"#, r#""$1":<n>"#),
    ] {
        settings.add_filter(pattern, instead);
    }
    settings.bind(|| assert_snapshot!(name, said));
}

const EVERY: [&[&str]; 9] = [
    &["peek", PAGE],
    &["peek", PAGE, "--json"],
    &["peek", "app:{ada}"],
    &["stats"],
    &["stats", "--json"],
    &["sweep", "--older-than", "1d"],
    &["sweep", "--older-than", "1d", "--json"],
    &["doctor"],
    &["doctor", "--json"],
];

#[tokio::test]
async fn what_is_there_is_told() {
    // As the deployment page says: else there is a hint.
    let server = Server::start_with(&["--zset-max-listpack-value", "512"]);
    let salver = Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap();
    let page = at("ada", "uploads");
    let import = Message::success("120 icons\nare ready.")
        .title("Import")
        .tag("import");
    salver.add(&page, import).await.unwrap();
    for n in 0..5 {
        let several = at(&format!("visitor {n}"), "orders/{id}");
        salver
            .add(&several, Message::warning("Your plan ends soon."))
            .await
            .unwrap();
    }
    let url = server.url();
    let json = r#"{"app":"app","session":"ada","view":"uploads"}"#;
    let added = [
        "add",
        json,
        "Added as JSON.",
        "--json",
        "--tag",
        "t",
        "--action",
        "Look",
        "/uploads",
    ];
    let mut commands = vec![
        &["add", "app:{ada}:*", "For any page.", "--level", "error"][..],
        &added,
        &["add", PAGE, "Later.", "--after", "1h"],
    ];
    commands.extend(EVERY);
    commands.push(&["sweep", "--older-than", "0s"]);
    commands.push(&["peek", PAGE]);
    check("full", &session("full", &url, &commands));
}

/// Who sweeps at a terminal sees how far it is; a file has the outcome alone.
#[tokio::test]
async fn a_sweep_shows_how_far_it_is() {
    let server = Server::start();
    let url = server.url();
    salver("sweep", &url, &["add", PAGE, "text"]);
    let sweep = format!("{TOOL} --redis {url} sweep --app app --older-than 0s");
    let mut terminal = Command::new("script");
    let shown = terminal.args(["-qec", &sweep, "/dev/null"]).output();
    let shown = shown.expect("`script` is missing: `apt-get install bsdutils`");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("of about 2 keys") && shown.contains("1 removed"),
        "{shown:?}"
    );
    let piped = salver("sweep", &url, &["sweep", "--older-than", "0s"]);
    assert!(!piped.text.contains("of about"), "{}", piped.text);
}

/// What is not wrong and could be better is a hint, and no failure.
#[tokio::test]
async fn a_form_that_is_too_large_is_hinted_at() {
    let server = Server::start();
    let salver = Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap();
    let message = Message::info("a member of more than 64 bytes");
    salver.add(&at("ada", "uploads"), message).await.unwrap();
    let commands: [&[&str]; 2] = [&["doctor"], &["doctor", "--json"]];
    check("hint", &session("hint", &server.url(), &commands));
}

#[tokio::test]
async fn nothing_is_told_as_such() {
    let server = Server::start();
    check("empty", &session("empty", &server.url(), &EVERY));
}

#[tokio::test]
async fn what_a_server_is_not_is_told() {
    let mut commands: Vec<&[&str]> = vec![
        &["add", PAGE, "text"],
        &["add", PAGE, "text", "--json"],
        &["tail", PAGE],
    ];
    commands.extend(EVERY);
    let dead = format!("redis://ada:secret@127.0.0.1:{}", free_port());
    check("dead", &session("dead", &dead, &commands));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let wrong = format!("redis://127.0.0.1:{port}");
    check("wrong", &session("wrong", &wrong, &commands));

    let server = Server::start_with(&["--requirepass", "another"]);
    let protected = format!("redis://:secret@127.0.0.1:{}", server.port);
    check("protected", &session("protected", &protected, &commands));
    for name in ["dead", "wrong", "protected"] {
        let kept: PathBuf = target().join(format!("cli/{name}.txt"));
        assert!(!std::fs::read_to_string(kept).unwrap().contains("secret"));
    }
}

#[test]
fn what_is_wrong_with_a_command_is_told() {
    let long = "x".repeat(4_097);
    let dead = "redis://127.0.0.1:1";
    let said = session(
        "use",
        dead,
        &[
            &["--help"],
            &["add", "--help"],
            &["peek", "uploads"],
            &["peek", "{\"app\":\"app\"}"],
            &["add", "app:{ada}", "text"],
            &["add", PAGE, "text", "--tag", "a b"],
            &["add", PAGE, "text", "--level", "loud"],
            &["sweep", "--older-than", "yesterday"],
            &["--redis", "http://127.0.0.1", "stats"],
            &["man", "nothing"],
        ],
    );
    check("use", &said);
    let refused = salver("use", dead, &["add", PAGE, &long]);
    assert_eq!(refused.code, 65, "{}", refused.text);
}

/// What comes while it watches is said at once, once, and is there all the same.
#[tokio::test]
async fn what_comes_is_followed() {
    let server = Server::start();
    let salver = Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap();
    let page = at("ada", "uploads");
    salver.add(&page, Message::info("before")).await.unwrap();
    let mut command = Command::new(TOOL);
    command
        .args(["tail", PAGE, "--json"])
        .env("REDIS_URL", server.url())
        .stdout(Stdio::piped());
    let mut process = start(&mut command, "cargo");
    let lines = process.lines();
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.for_each(|line| said.send(line.unwrap()).unwrap()));
    let hears = async |text: &str| {
        let what = format!("it says {text:?}");
        let line = eventually(&what, async || heard.try_recv().ok()).await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["message"]["text"], &line["address"]),
            (&text.into(), &PAGE.into())
        );
    };
    hears("before").await;
    salver.add(&page, Message::info("while")).await.unwrap();
    hears("while").await;
    let later = Message::info("due").after(Duration::from_millis(300));
    salver.add(&page, later).await.unwrap();
    hears("due").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(heard.try_recv().is_err(), "once");
    assert_eq!(salver.count(&page).await.unwrap(), 3);
}

/// Whoever completes commands and reads manuals gets what those programs take.
#[test]
fn shells_and_manuals_are_served() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = salver("completions", "", &["completions", shell]);
        assert_eq!(script.code, 0);
        for command in ["peek", "doctor", "older-than"] {
            assert!(script.text.contains(command), "{shell} {command}");
        }
    }
    let script = Command::new(TOOL).args(["completions", "bash"]).output();
    let mut bash = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = bash.stdin.take().unwrap();
    stdin.write_all(&script.unwrap().stdout).unwrap();
    drop(stdin);
    assert!(bash.wait().unwrap().success(), "bash reads it");
    for (arguments, title) in [
        (&["man"][..], ".TH salver 1"),
        (&["man", "sweep"], ".TH salver-sweep 1"),
    ] {
        let page = salver("man", "", arguments);
        assert!(page.text.contains(title), "{}", page.text);
    }
}
