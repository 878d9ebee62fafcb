//! The command-line tool, against five servers: with messages, empty, unreachable, of another
//! protocol, and protected by a password. Snapshots check its output, which is also kept under
//! `target/cli`.

mod events;
mod inbox;
mod worker;

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

/// The result of a command.
struct CommandOutput {
    code: i32,
    text: String,
}

/// Runs a command, and appends its output to `target/cli/{name}.txt`.
fn salver(name: &str, url: &str, arguments: &[&str]) -> CommandOutput {
    let output = Command::new(TOOL)
        .args(arguments)
        .env("REDIS_URL", url)
        .env("SALVER_APP", "app")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, errors) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    let code = output.status.code().expect("the command exits");
    let text = format!("$ salver {}\n{out}{errors}= {code}\n", arguments.join(" "));
    let folder = target().join("cli");
    std::fs::create_dir_all(&folder).unwrap();
    let mut log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(format!("{name}.txt")))
        .unwrap();
    log.write_all(text.as_bytes()).unwrap();
    CommandOutput { code, text }
}

/// Runs commands against one server. Returns their output, joined.
fn run_all(name: &str, url: &str, commands: &[&[&str]]) -> String {
    let _ = std::fs::remove_file(target().join(format!("cli/{name}.txt")));
    let outputs = commands
        .iter()
        .map(|arguments| salver(name, url, arguments).text);
    outputs.collect::<Vec<_>>().join("\n")
}

/// Compares an output with its snapshot. Values that differ in each run are replaced first.
fn check(name: &str, output: &str) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, replacement) in [
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
            "<id>",
        ),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
        (r"\d+s ago", "<age> ago"),
        (r#""(oldest|position)":\d+"#, r#""$1":<time>"#),
        (r#"("next":"|--after )\d{13}\.\d{13}"#, "$1<cursor>"),
        (r"127\.0\.0\.1:\d+", "<server>"),
        (r"\d+ us", "<n> us"),
        (r#""(p50|p99)":\d+"#, r#""$1":<n>"#),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings.bind(|| assert_snapshot!(name, output));
}

/// Commands that every server is tested with.
const COMMON_COMMANDS: [&[&str]; 9] = [
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
async fn commands_report_pending_messages() {
    // The setting of the deployment page. Without it `doctor` prints a hint.
    let server = Server::start_with(&["--zset-max-listpack-value", "512"]);
    let salver = Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap();
    let uploads = at("ada", "uploads");
    let import = Message::success("120 icons\nare ready.")
        .title("Import")
        .tag("import");
    salver.add(&uploads, import).await.unwrap();
    for n in 0..5 {
        let context = at(&format!("visitor {n}"), "orders/{id}");
        salver
            .add(&context, Message::warning("Your plan ends soon."))
            .await
            .unwrap();
    }
    let url = server.url();
    let json = r#"{"app":"app","session":"ada","view":"uploads"}"#;
    let add_as_json = [
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
        &add_as_json,
        &["add", PAGE, "Later.", "--after", "1h"],
    ];
    commands.extend(COMMON_COMMANDS);
    commands.push(&["sweep", "--older-than", "0s"]);
    commands.push(&["peek", PAGE]);
    check("pending", &run_all("pending", &url, &commands));
}

/// `sweep` shows a progress bar on a terminal, and only the result in a pipe.
#[tokio::test]
async fn sweep_shows_progress_on_terminal_only() {
    let server = Server::start();
    let url = server.url();
    salver("sweep", &url, &["add", PAGE, "text"]);
    let sweep = format!("{TOOL} sweep --app app --older-than 0s");
    let mut terminal = Command::new("script");
    terminal.env("REDIS_URL", &url);
    let output = terminal.args(["-qec", &sweep, "/dev/null"]).output();
    let output = output.expect("`script` is missing: `apt-get install bsdutils`");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("of about 2 keys") && text.contains("1 removed"),
        "{text:?}"
    );
    let piped = salver("sweep", &url, &["sweep", "--older-than", "0s"]);
    assert!(!piped.text.contains("of about"), "{}", piped.text);
}

/// `doctor` needs no application; `--app` stands before or after the command.
#[tokio::test]
async fn app_is_global_and_optional_for_doctor() {
    let server = Server::start();
    let run = |arguments: &[&str]| {
        let output = Command::new(TOOL)
            .args(arguments)
            .env("REDIS_URL", server.url())
            .env_remove("SALVER_APP")
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), errors)
    };
    for arguments in [
        &["doctor"][..],
        &["--app", "shop", "doctor"],
        &["--app", "shop", "stats"],
        &["stats", "--app", "shop"],
    ] {
        assert_eq!(run(arguments), (0, String::new()), "{arguments:?}");
    }
    for command in [&["stats"][..], &["sweep", "--older-than", "1d"]] {
        let (code, errors) = run(command);
        assert!(code == 2 && errors.contains("--app <APP>"), "{errors}");
    }
}

/// `why` gives each reason in the words of the guide.
#[tokio::test]
async fn why_gives_reason_for_missing_message() {
    let server = Server::start();
    let handle = Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap();
    let add = async |view: &str, message: Message| {
        handle.add(&at("ada", view), message).await.unwrap();
    };
    add("pending", Message::info("text")).await;
    add(
        "later",
        Message::info("text").after(Duration::from_secs(3600)),
    )
    .await;
    add("claimed", Message::info("text")).await;
    let _claim = handle.claim(&at("ada", "claimed")).await.unwrap();
    let _: i64 = server.run(&[b"ZADD", b"app:{ada}:malformed", b"1", b"no JSON"]);
    let command = |context| salver("why", &server.url(), &["why", context]).text;
    for (context, expected) in [
        (
            "app:{ada}:pending",
            "pending=1; view=\"pending\"\nthe next page of this view shows them",
        ),
        (
            "app:{ada}:later",
            "skipped; reason=\"claimed or delayed\"; view=\"later\"\nthe next message is visible in at most 1h",
        ),
        (
            "app:{ada}:claimed",
            "skipped; reason=\"claimed or delayed\"; view=\"claimed\"",
        ),
        (
            "app:{ada}:malformed",
            "skipped; reason=\"malformed\"; view=\"malformed\"\n1 malformed, not shown",
        ),
        (
            "app:{ada}:none",
            "skipped; reason=\"nothing pending\"; view=\"none\"\nmessages wait for other views: `pending`",
        ),
        (
            "app:{eve}:none",
            "skipped; reason=\"nothing pending\"; view=\"none\"\nthe session has no visible message",
        ),
    ] {
        let text = command(context);
        assert!(text.contains(expected) && text.ends_with("= 0\n"), "{text}");
    }
    let json = salver("why", &server.url(), &["why", "app:{ada}:none", "--json"]).text;
    assert!(json.contains(r#"{"pending":0,"reason":"nothing pending","view":"none","next_due_in_ms":null,"other_views":["pending"]}"#), "{json}");
}

/// A setting that wastes memory is reported as a hint, and `doctor` exits with 0.
#[tokio::test]
async fn doctor_hints_at_skiplist_encoding() {
    let server = Server::start();
    let salver = Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap();
    let message = Message::info("a member of more than 64 bytes");
    salver.add(&at("ada", "uploads"), message).await.unwrap();
    let commands: [&[&str]; 2] = [&["doctor"], &["doctor", "--json"]];
    check("hint", &run_all("hint", &server.url(), &commands));
}

#[tokio::test]
async fn commands_report_empty_store() {
    let server = Server::start();
    check("empty", &run_all("empty", &server.url(), &COMMON_COMMANDS));
}

#[tokio::test]
async fn commands_diagnose_unusable_servers() {
    let mut commands: Vec<&[&str]> = vec![
        &["add", PAGE, "text"],
        &["add", PAGE, "text", "--json"],
        &["tail", PAGE],
    ];
    commands.extend(COMMON_COMMANDS);
    let url = format!("redis://ada:secret@127.0.0.1:{}", free_port());
    check("unreachable", &run_all("unreachable", &url, &commands));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let url = format!("redis://127.0.0.1:{port}");
    check(
        "other_protocol",
        &run_all("other_protocol", &url, &commands),
    );

    let server = Server::start_with(&["--requirepass", "another"]);
    let url = format!("redis://:secret@127.0.0.1:{}", server.port);
    check("protected", &run_all("protected", &url, &commands));
    for name in ["unreachable", "other_protocol", "protected"] {
        let log: PathBuf = target().join(format!("cli/{name}.txt"));
        assert!(!std::fs::read_to_string(log).unwrap().contains("secret"));
    }
}

/// Other users of the machine see arguments.
#[test]
fn passwords_are_refused_in_arguments() {
    let redis = "redis://ada:hidden@127.0.0.1:1";
    let smtp = "smtp://ada:hidden@127.0.0.1:1";
    let worker = [
        "worker",
        "--site",
        "https://shop.example",
        "--from",
        "shop@shop.example",
    ];
    for (arguments, variable) in [
        (&["stats", "--redis", redis][..], "REDIS_URL"),
        (&["--redis", redis, "stats", "--json"], "REDIS_URL"),
        (
            &["inbox", "counts", "user:7", "--redis", redis],
            "REDIS_URL",
        ),
        (&[&worker[..], &["--smtp", smtp]].concat(), "SALVER_SMTP"),
    ] {
        let mut command = Command::new(TOOL);
        let command = command.args(arguments).env("SALVER_APP", "app");
        let output = command.env_remove("REDIS_URL").output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(65), "{errors}");
        let problem = format!("can see: set {variable} instead");
        assert!(
            errors.contains(&problem) && !errors.contains("hidden"),
            "{errors}"
        );
    }
    let secret = salver(
        "usage",
        "",
        &[&worker[..], &["--secret", "hidden"]].concat(),
    );
    assert_eq!(secret.code, 2, "{}", secret.text);
}

#[test]
fn usage_errors_are_explained() {
    let too_long = "x".repeat(4_097);
    let unreachable = "redis://127.0.0.1:1";
    let output = run_all(
        "usage",
        unreachable,
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
    check("usage", &output);
    let refused = salver("usage", unreachable, &["add", PAGE, &too_long]);
    assert_eq!(refused.code, 65, "{}", refused.text);
}

/// `tail` prints each message once, immediately, and claims nothing.
#[tokio::test]
async fn tail_prints_each_message_once() {
    let server = Server::start();
    let salver = Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap();
    let context = at("ada", "uploads");
    salver.add(&context, Message::info("before")).await.unwrap();
    let mut command = Command::new(TOOL);
    command
        .args(["tail", PAGE, "--json"])
        .env("REDIS_URL", server.url())
        .stdout(Stdio::piped());
    let mut process = start(&mut command, "cargo");
    let lines = process.lines();
    let (sender, printed) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.for_each(|line| sender.send(line.unwrap()).unwrap()));
    let expect_line = async |text: &str| {
        let condition = format!("a line with {text:?}");
        let line = eventually(&condition, async || printed.try_recv().ok()).await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["message"]["text"], &line["context"]),
            (&text.into(), &PAGE.into())
        );
    };
    expect_line("before").await;
    salver.add(&context, Message::info("while")).await.unwrap();
    expect_line("while").await;
    let scheduled = Message::info("due").after(Duration::from_millis(300));
    salver.add(&context, scheduled).await.unwrap();
    expect_line("due").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(printed.try_recv().is_err(), "each message once");
    assert_eq!(salver.count(&context).await.unwrap(), 3);
}

/// Shells accept the completion scripts, and `man` the manual pages.
#[test]
fn completions_and_man_pages_are_generated() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = salver("completions", "", &["completions", shell]);
        assert_eq!(script.code, 0);
        for command in ["peek", "doctor", "older-than", "notify", "retract"] {
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
    assert!(bash.wait().unwrap().success(), "bash parses the script");
    for (arguments, title) in [
        (&["man"][..], ".TH salver 1"),
        (&["man", "sweep"], ".TH salver-sweep 1"),
    ] {
        let page = salver("man", "", arguments);
        assert!(page.text.contains(title), "{}", page.text);
    }
}
