//! Untrusted bytes for every parser of the crate.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::history::Row;
use crate::support::profile::by_profile;
use fastrand::Rng;

#[path = "../fuzz/fake_redis.rs"]
mod fake_redis;
#[path = "../fuzz/targets.rs"]
mod targets;

/// Name, parser and share of the inputs in percent. The parser behind a socket gets the fewest.
const TARGETS: [(&str, Target, usize); 5] = [
    ("decoder", targets::decoder, 40),
    ("cookie", targets::cookie, 15),
    ("key", targets::key, 5),
    ("address", targets::address, 20),
    ("link", targets::link, 20),
];
/// Maximum length of an input. Real input is bounded before it is parsed: members by Redis's reply,
/// headers by the server.
const MAX_LENGTH: usize = 64 * 1024;
/// Maximum time to parse one input.
const PARSE_TIMEOUT: Duration = Duration::from_millis(100);
/// Byte sequences with a meaning to the parsers.
const TOKENS: [&[u8]; 20] = [
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"%",
    b"%2F",
    b"%00",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b";",
    b"=",
    b"\xff",
    b"\xc3",
    b"\0",
    b"\n",
    b"99999999999999999999",
    b"1e400",
];
/// Characters that replace other characters. Many of the resulting inputs are accepted.
const LETTERS: &[u8] = b"0123456789abcdefABCDEFxyzXYZ";

/// Parses an input, checks the result and returns whether the parser accepted it.
type Target = fn(&[u8]) -> bool;

/// Parses a saved corpus and mutations of it (flips, cuts, splices, repeats). No parser panics or
/// exceeds its time limit, and every accepted input meets the parser's guarantees.
#[test]
fn malformed_inputs_cause_no_panic_or_delay() {
    let (mut row, mut panics) = (Row::default(), 0);
    for (seed, (name, target, share)) in TARGETS.into_iter().enumerate() {
        let (corpus, n) = (corpus(name), by_profile(100_000, 1_000_000) * share / 100);
        let (mut rng, mut accepted) = (Rng::with_seed(seed as u64), 0);
        for n in 0..n {
            let saved = corpus.get(n).cloned();
            let input = saved.unwrap_or_else(|| mutated(&corpus, &mut rng));
            match run(target, &input) {
                Some((is_accepted, time)) => {
                    accepted += usize::from(is_accepted);
                    row.worst_wait = row.worst_wait.max(time);
                }
                None => {
                    panics += 1;
                    println!("{name} panics at \"{}\"", input.escape_ascii());
                }
            }
        }
        assert!(
            (1..n).contains(&accepted),
            "{name} accepts {accepted} of {n}"
        );
        row.verdict.n += n;
        row.more += &format!("{name}={n} {name}_accepted={accepted} ");
    }
    row.test = "malformed_inputs";
    row.more += &format!("panics={panics}");
    println!("{row}");
    assert_eq!(panics, 0);
    assert!(row.worst_wait < PARSE_TIMEOUT, "{:?}", row.worst_wait);
}

/// Returns whether an input is accepted and the time to parse it. `None` if the parser panics.
fn run(target: Target, input: &[u8]) -> Option<(bool, Duration)> {
    let once = || {
        let started = Instant::now();
        let is_accepted = catch_unwind(AssertUnwindSafe(|| target(input))).ok()?;
        Some((is_accepted, started.elapsed()))
    };
    let first = once()?;
    if first.1 < PARSE_TIMEOUT / 2 {
        return Some(first);
    }
    // Other tests used the processor, or the first use initialized something. The shortest time is
    // that of the parser alone.
    let repeats = [once()?, once()?];
    repeats.into_iter().chain([first]).min_by_key(|run| run.1)
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(name);
    let files = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    // Independent of the order in the folder, so that a seed always produces the same inputs.
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn mutated(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut below = |bound: usize| rng.u64(..bound.max(1) as u64) as usize;
    let mut input = corpus[below(corpus.len())].clone();
    // Few changes: parsers reject heavily changed inputs early, always in the same line.
    for _ in 0..=below(3) {
        let at = below(input.len());
        let length = 1 << below(10);
        let until = at + below(length.min(input.len() - at + 1));
        match below(9) {
            0 if at < input.len() => input[at] ^= 1 << below(8),
            1 => input.truncate(at),
            2 => drop(input.drain(at..until)),
            3 => {
                let other = &corpus[below(corpus.len())];
                let from = below(other.len());
                input.splice(at..until, other[from..].iter().copied());
            }
            4 => {
                let times = 1 << below(8);
                let piece = input[at..until].repeat(1 + below(times));
                input.splice(at..until, piece);
            }
            5 => {
                let token = TOKENS[below(TOKENS.len())];
                input.splice(at..at, token.iter().copied());
            }
            // Another letter or digit: parsers accept many inputs that are changed like this.
            _ => {
                if let Some(byte) = input
                    .get_mut(at)
                    .filter(|byte| byte.is_ascii_alphanumeric())
                {
                    *byte = LETTERS[below(LETTERS.len())];
                }
            }
        }
        input.truncate(MAX_LENGTH);
    }
    input
}
