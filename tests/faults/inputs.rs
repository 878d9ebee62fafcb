//! What strangers' bytes do to what reads them.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use super::column;
use crate::support::history::Row;
use fastrand::Rng;

#[path = "../fuzz/answers.rs"]
mod answers;
#[path = "../fuzz/targets.rs"]
mod targets;

/// Who reads, and how many of a hundred inputs are for him: the one behind a socket gets the fewest.
const TARGETS: [(&str, Target, usize); 5] = [
    ("decoder", targets::decoder, 40),
    ("cookie", targets::cookie, 15),
    ("key", targets::key, 5),
    ("address", targets::address, 20),
    ("link", targets::link, 20),
];
/// Longest input. What comes in is bounded before it is read: members by Redis's reply, headers by the server.
const LONGEST: usize = 64 * 1024;
/// Longest that reading one input may take.
const PATIENCE: Duration = Duration::from_millis(100);
/// Bytes at which readers turn.
const WORDS: [&[u8]; 20] = [
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
const LETTERS: &[u8] = b"0123456789abcdefABCDEFxyzXYZ";

type Target = fn(&[u8]) -> bool;

/// A saved corpus, and what becomes of it by flips, cuts, splices and repeats: nobody panics, nobody takes
/// long, and what is taken keeps what its reader promises.
#[test]
fn inputs() {
    let (mut row, mut panics) = (Row::default(), 0);
    for (seed, (name, target, share)) in TARGETS.into_iter().enumerate() {
        let (corpus, n) = (corpus(name), column(100_000, 1_000_000) * share / 100);
        let (mut rng, mut taken) = (Rng::with_seed(seed as u64), 0);
        for n in 0..n {
            let saved = corpus.get(n).cloned();
            let input = saved.unwrap_or_else(|| mutated(&corpus, &mut rng));
            match read(target, &input) {
                Some((is_taken, time)) => {
                    taken += usize::from(is_taken);
                    row.worst_wait = row.worst_wait.max(time);
                }
                None => {
                    panics += 1;
                    println!("{name} panics at \"{}\"", input.escape_ascii());
                }
            }
        }
        assert!((1..n).contains(&taken), "{name} takes {taken} of {n}");
        row.verdict.n += n;
        row.more += &format!("{name}={n} {name}_taken={taken} ");
    }
    row.test = "inputs";
    row.more += &format!("panics={panics}");
    println!("{row}");
    assert_eq!(panics, 0);
    assert!(row.worst_wait < PATIENCE, "{:?}", row.worst_wait);
}

/// Tells whether an input is taken and how long that takes; nothing when it panics.
fn read(target: Target, input: &[u8]) -> Option<(bool, Duration)> {
    let once = || {
        let started = Instant::now();
        let is_taken = catch_unwind(AssertUnwindSafe(|| target(input))).ok()?;
        Some((is_taken, started.elapsed()))
    };
    let first = once()?;
    if first.1 < PATIENCE / 2 {
        return Some(first);
    }
    // Other tests had the processor, or something was made on first use: the shortest time is the reader's own.
    let again = [once()?, once()?];
    again.into_iter().chain([first]).min_by_key(|read| read.1)
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(name);
    let files = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    // Whatever the order of the folder: the same seed makes the same inputs.
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn mutated(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut below = |sides: usize| rng.u64(..sides.max(1) as u64) as usize;
    let mut input = corpus[below(corpus.len())].clone();
    // Mostly little: what is changed a lot is refused at once, by the same line.
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
                let word = WORDS[below(WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
            // Another letter or digit: what is changed like this is often taken.
            _ => {
                if let Some(byte) = input
                    .get_mut(at)
                    .filter(|byte| byte.is_ascii_alphanumeric())
                {
                    *byte = LETTERS[below(LETTERS.len())];
                }
            }
        }
        input.truncate(LONGEST);
    }
    input
}
