//! How many instructions the small things take: they repeat where times do not.
//!
//! Callgrind counts them in this very program, which is not optimised, and on a processor without the newest
//! instructions: the counts that are kept in `instructions.txt` are compared with themselves alone.

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
use crate::web::site::{PAGE, Site, html, site};

/// How often each is done while it is counted.
const ROUNDS: u64 = 20;
/// By which part a count may differ from the one that is kept: hash tables are seeded by chance.
const TOLERANCE: f64 = 0.03;
/// The same where another compiler made the program than the one whose counts are kept.
const WIDE: f64 = 0.25;
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions.txt");
const SUBJECTS: [&str; 6] = [
    "encode",
    "decode",
    "key",
    "fragment",
    "page_bare",
    "page_idle",
];

/// Each is a function of its own, that callgrind can name.
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
#[ignore = "run under callgrind by the test below"]
async fn subjects() {
    let message = Message::success("120 icons are ready.").tag("import");
    let member = wire::encode(&message).unwrap();
    let view = View::new("orders/{id}").unwrap();
    let context = Context::new("shop", session(&"A".repeat(22)), view).unwrap();
    let messages = [message];
    for _ in 0..ROUNDS {
        black_box(counted::encode(&messages[0]));
        black_box(counted::decode(&member));
        black_box(counted::key(&context));
        black_box(counted::fragment(&messages));
    }

    let server = Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    let read = |pending: Pending| async move {
        assert!(pending.is_empty());
        html(PAGE)
    };
    let unread = || async { html(PAGE) };
    let bare = Site::of(init_service(App::new().route("/p", web::get().to(unread))).await);
    let site = site(salver.middleware(), |app| {
        _ = app.route("/p", web::get().to(read));
    })
    .await;
    let cookie = format!("salver={}", "A".repeat(43));
    site.set_cookie(Some(cookie.clone()));
    bare.set_cookie(Some(cookie));
    for _ in 0..ROUNDS {
        eventually("pages know without asking", async || {
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
fn instructions_are_as_many_as_are_kept() {
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
        let most = first.map(|count| count.parse::<u64>().unwrap()).max();
        most.unwrap_or_else(|| panic!("callgrind saw no {name}:\n{counts}")) / ROUNDS
    };
    let counts: Vec<_> = SUBJECTS.iter().map(|name| (*name, find(name))).collect();
    if std::env::var_os("SALVER_UPDATE_INSTRUCTION_COUNTS").is_some() {
        let lines = counts
            .iter()
            .map(|(name, count)| format!("{name} {count}\n"));
        fs::write(KEPT, compiler() + lines.collect::<String>().as_str()).unwrap();
    }
    let kept = fs::read_to_string(KEPT).unwrap();
    let tolerance = match kept.starts_with(&compiler()) {
        true => TOLERANCE,
        false => WIDE,
    };
    let mut differ = Vec::new();
    for (name, count) in counts {
        let line = kept
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} ")));
        let kept: u64 = line.map_or(0, |count| count.parse().unwrap());
        println!("COUNT {name} instructions={count} kept={kept} tolerance={tolerance}");
        if (count as f64 - kept as f64).abs() > kept as f64 * tolerance {
            differ.push(name);
        }
    }
    assert!(
        differ.is_empty(),
        "{differ:?} take more or less than is kept; if that is meant: SALVER_UPDATE_INSTRUCTION_COUNTS=1 tests/run counts"
    );
}

/// Gives the compiler's name and version, and the end of the line.
fn compiler() -> String {
    let version = Command::new("rustc").arg("--version").output().unwrap();
    String::from_utf8(version.stdout).unwrap()
}

/// Counts the subjects in a process of their own; gives callgrind's table of functions.
fn count() -> String {
    let folder = scratch("callgrind");
    let out = folder.join("out");
    let this = std::env::current_exe().unwrap();
    let mut valgrind = Command::new("valgrind");
    valgrind
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(this).args([
        "--exact",
        "counts::subjects",
        "--ignored",
        "--test-threads=1",
    ]);
    let ran = valgrind.output();
    let ran = ran.expect("tests/run needs valgrind: on Debian 'sudo apt-get install valgrind'");
    assert!(
        ran.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    let mut annotate = Command::new("callgrind_annotate");
    let table = annotate
        .args(["--inclusive=yes", "--threshold=100", "--auto=no"])
        .arg(out)
        .output();
    String::from_utf8(table.unwrap().stdout).unwrap()
}
