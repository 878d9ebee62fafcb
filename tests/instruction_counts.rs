//! Instruction counts of small functions. Unlike times, counts are reproducible.
//!
//! Callgrind counts the instructions of this test binary, which is not optimised. It emulates a
//! processor without the newest instructions. The counts are therefore comparable only with the
//! baseline in `instructions.txt`.

use std::fs;
use std::hint::black_box;
use std::process::Command;

use actix_web::test::init_service;
use actix_web::{App, web};
use futures_util::FutureExt;
use salver::{Context, Message, Pending, Salver, View, wire};

use crate::support::eventually;
use crate::support::processes::scratch;
use crate::support::redis::Server;
use crate::support::session;
use crate::support::site::{PAGE, WebTestSite, html, site};

/// Calls of each subject in one count.
const REPETITIONS: u64 = 20;
/// Accepted relative difference from the baseline. Hash tables have random seeds.
const TOLERANCE: f64 = 0.03;
/// Accepted relative difference if the baseline is of another compiler version.
const OTHER_COMPILER_TOLERANCE: f64 = 0.25;
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions.txt");
const SUBJECTS: [&str; 6] = [
    "encode",
    "decode",
    "key",
    "fragment",
    "page_bare",
    "page_idle",
];

/// Each subject is a function that is not inlined, so that callgrind can name it.
mod counted {
    use super::{Context, Message, wire};

    #[inline(never)]
    pub fn encode(message: &Message) -> usize {
        wire::encode(message).unwrap().len()
    }

    #[inline(never)]
    pub fn decode(member: &[u8]) -> Message {
        wire::decode(member).unwrap()
    }

    #[inline(never)]
    pub fn key(context: &Context) -> String {
        context.key()
    }

    #[inline(never)]
    pub fn fragment(messages: &[Message]) -> String {
        salver::fragment(messages, 0)
    }

    #[inline(never)]
    pub fn page_bare(page: impl Fn() -> bool) -> bool {
        page()
    }

    #[inline(never)]
    pub fn page_idle(page: impl Fn() -> bool) -> bool {
        page()
    }
}

#[actix_web::test]
#[ignore = "the test below runs it under callgrind"]
async fn subjects() {
    let message = Message::success("120 icons are ready.").tag("import");
    let member = wire::encode(&message).unwrap();
    let view = View::new("orders/{id}").unwrap();
    let context = Context::new("shop", session(&"A".repeat(22)), view).unwrap();
    let messages = [message];
    for _ in 0..REPETITIONS {
        black_box(counted::encode(&messages[0]));
        black_box(counted::decode(&member));
        black_box(counted::key(&context));
        black_box(counted::fragment(&messages));
    }

    let server = Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    let extractor_page = |pending: Pending| async move {
        assert!(pending.is_empty());
        html(PAGE)
    };
    let slot_page = || async { html(PAGE) };
    let bare =
        WebTestSite::of(init_service(App::new().route("/p", web::get().to(slot_page))).await);
    let middleware = salver.middleware().without_explanations();
    let site = site(middleware, |app| {
        _ = app.route("/p", web::get().to(extractor_page));
    })
    .await;
    let cookie = format!("salver-app={}", "A".repeat(43));
    site.set_cookie(Some(cookie.clone()));
    bare.set_cookie(Some(cookie));
    for _ in 0..REPETITIONS {
        eventually("pages are served without a query", async || {
            site.get("/p").now_or_never().map(|_| ())
        })
        .await;
        assert!(counted::page_idle(|| site
            .get("/p")
            .now_or_never()
            .is_some()));
        assert!(counted::page_bare(|| bare
            .get("/p")
            .now_or_never()
            .is_some()));
    }
}

#[test]
fn counts_match_baseline() {
    let counts = count();
    let find = |name: &str| {
        let function = format!("counted::{name} ");
        let lines = counts.lines().filter(|line| line.contains(&function));
        let first = lines.map(|line| {
            line.trim_start()
                .split(' ')
                .next()
                .unwrap()
                .replace(',', "")
        });
        let max = first.map(|count| count.parse::<u64>().unwrap()).max();
        max.unwrap_or_else(|| panic!("callgrind did not count {name}:\n{counts}")) / REPETITIONS
    };
    let counts: Vec<_> = SUBJECTS.iter().map(|name| (*name, find(name))).collect();
    for (name, count) in &counts {
        println!("INSTRUCTIONS {name} {count}");
    }
    if std::env::var_os("SALVER_UPDATE_INSTRUCTION_COUNTS").is_some() {
        let lines = counts
            .iter()
            .map(|(name, count)| format!("{name} {count}\n"));
        fs::write(BASELINE, compiler() + lines.collect::<String>().as_str()).unwrap();
    }
    let baseline = fs::read_to_string(BASELINE).unwrap();
    let tolerance = match baseline.starts_with(&compiler()) {
        true => TOLERANCE,
        false => OTHER_COMPILER_TOLERANCE,
    };
    let mut differ = Vec::new();
    for (name, count) in counts {
        let line = baseline
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} ")));
        let baseline: u64 = line.map_or(0, |count| count.parse().unwrap());
        println!("COUNT {name} instructions={count} baseline={baseline} tolerance={tolerance}");
        if (count as f64 - baseline as f64).abs() > baseline as f64 * tolerance {
            differ.push(name);
        }
    }
    assert!(
        differ.is_empty(),
        "the counts of {differ:?} differ from the baseline; if that is intended, run `SALVER_UPDATE_INSTRUCTION_COUNTS=1 tests/run instructions`"
    );
}

/// Returns the name and version of the compiler, with the end of the line.
fn compiler() -> String {
    let version = Command::new("rustc").arg("--version").output().unwrap();
    String::from_utf8(version.stdout).unwrap()
}

/// Counts the subjects in a separate process. Returns callgrind's table of functions.
fn count() -> String {
    let folder = scratch("callgrind");
    let out = folder.join("out");
    let binary = std::env::current_exe().unwrap();
    let mut valgrind = Command::new("valgrind");
    valgrind
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(binary).args([
        "--exact",
        "instruction_counts::subjects",
        "--ignored",
        "--test-threads=1",
    ]);
    let output = valgrind.output();
    let output =
        output.expect("tests/run needs valgrind: on Debian 'sudo apt-get install valgrind'");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let mut annotate = Command::new("callgrind_annotate");
    let table = annotate
        .args(["--inclusive=yes", "--threshold=100", "--auto=no"])
        .arg(out)
        .output();
    String::from_utf8(table.unwrap().stdout).unwrap()
}
