//! What is known after rounds, rings, looks and losses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use crate::changes::Doorbell;
use crate::{Context, SessionId, View};

const APP: &str = "app";
const LATER: Option<Duration> = Some(Duration::from_secs(30));

/// A bell with room for so many marks, which knows that nothing is pending.
fn bell(most: usize) -> Doorbell {
    let bell = Doorbell::of_connection(most);
    bell.serve_pages();
    round(&bell, &[], &[]);
    bell
}

fn session(n: usize) -> SessionId {
    SessionId::new(format!("visitor{n}")).unwrap()
}

fn context(n: usize) -> Context {
    Context::new(APP, session(n), View::new("p").unwrap()).unwrap()
}

fn key(n: usize) -> Vec<u8> {
    context(n).key().into_bytes()
}

/// Goes through all: these are there, and for those it rings meanwhile.
fn round(bell: &Doorbell, there: &[usize], rings: &[usize]) {
    let round = bell.begin_round().unwrap();
    there.iter().for_each(|n| round.seen(&key(*n)));
    rings.iter().for_each(|n| bell.ring_key(&key(*n)));
    round.end();
}

fn asks(bell: &Doorbell, n: usize) -> bool {
    bell.heard_all_before(bell.now());
    !bell.is_quiet(APP, &session(n), &View::new("p").unwrap())
}

fn knows(bell: &Doorbell) -> bool {
    bell.heard_all_before(bell.now());
    bell.is_complete().unwrap()
}

fn asked(bell: &Doorbell) -> Vec<usize> {
    (0..10).filter(|n| asks(bell, *n)).collect()
}

#[test]
fn what_a_round_neither_sees_nor_hears_goes() {
    let bell = bell(100);
    round(&bell, &[0, 1, 2], &[3]);
    assert_eq!(asked(&bell), [0, 1, 2, 3]);
    bell.ring(&context(4));
    let second = bell.begin_round().unwrap();
    assert_eq!(asked(&bell), [0, 1, 2, 3, 4], "a beginning removes nothing");
    second.seen(&key(1));
    bell.ring_key(&key(3));
    bell.ring(&context(5));
    second.end();
    assert_eq!(asked(&bell), [1, 3, 5]);
    for n in 0..5 {
        round(&bell, &[7], &[n]);
        assert_eq!(asked(&bell), [n, 7], "round {n}");
    }
    round(&bell, &[], &[]);
    assert_eq!(asked(&bell), [0; 0]);
}

#[test]
fn what_is_known_of_a_key_survives_a_round_and_no_loss() {
    let bell = bell(100);
    for n in [0, 1] {
        bell.ring(&context(n));
    }
    bell.look(&[context(0)]).answered(LATER);
    round(&bell, &[0, 1], &[]);
    assert_eq!(asked(&bell), [1], "nothing is due yet");
    round(&bell, &[0, 1], &[0]);
    assert_eq!(asked(&bell), [0, 1], "it rang");
    bell.look(&[context(0)]).answered(LATER);
    bell.lose();
    assert_eq!(asked(&bell).len(), 10, "nothing is known");
    round(&bell, &[0], &[]);
    assert_eq!(asked(&bell), [0], "it may have changed unheard");
}

#[test]
fn what_is_asked_for_during_a_round_stays_asked_for() {
    let bell = bell(100);
    bell.ring(&context(0));
    let (look, second) = (bell.look(&[context(0)]), bell.begin_round().unwrap());
    second.seen(&key(0));
    second.end();
    assert_eq!(asked(&bell), [0], "there is no answer yet");
    look.answered(None);
    assert_eq!(asked(&bell), [0; 0]);
    for rings in [true, false] {
        bell.ring(&context(0));
        let (look, second) = (bell.look(&[context(0)]), bell.begin_round().unwrap());
        if rings {
            bell.ring_key(&key(0));
            look.answered(None);
        } else {
            drop(look);
        }
        second.end();
        assert_eq!(asked(&bell), [0], "rang: {rings}, or the look failed");
    }
}

#[test]
fn a_round_during_which_all_was_lost_tells_nothing() {
    let bell = bell(100);
    for all_was_known in [true, false] {
        let broken = bell.begin_round().unwrap();
        broken.seen(&key(0));
        bell.lose();
        assert!(!broken.goes_on(), "it would be in vain");
        broken.end();
        assert!(!knows(&bell), "{all_was_known}");
    }
    round(&bell, &[1], &[]);
    assert_eq!(asked(&bell), [1]);
}

#[test]
fn more_marks_than_there_is_room_for_have_every_page_ask_until_they_are_fewer() {
    let bell = bell(4);
    for n in 0..4 {
        bell.ring(&context(n));
    }
    assert_eq!(asked(&bell), [0, 1, 2, 3]);
    bell.ring(&context(4));
    assert_eq!(asked(&bell).len(), 10, "one too many");
    assert!(bell.is_crowded() && bell.wants_room());
    round(&bell, &[0, 1, 2, 3, 4], &[]);
    assert!(!knows(&bell) && bell.is_crowded(), "still one too many");
    round(&bell, &[0, 1, 2, 3], &[]);
    assert_eq!(asked(&bell), [0, 1, 2, 3]);
    assert!(!bell.is_crowded());
    // By an answer there may be one too many as well, and by a key that a second round sees.
    bell.look(&[context(5)]).answered(LATER);
    assert!(!knows(&bell));
    round(&bell, &[0, 1, 2, 3], &[]);
    assert!(knows(&bell));
    round(&bell, &[0, 1, 2, 3, 6], &[]);
    assert!(!knows(&bell));
}

#[test]
fn marks_want_room_when_half_of_what_a_round_left_is_taken() {
    let bell = bell(16);
    let fill = |to: usize| {
        (0..to).for_each(|n| bell.ring(&context(n)));
        bell.wants_room()
    };
    assert!(!fill(7) && fill(8));
    let all: Vec<_> = (0..8).collect();
    round(&bell, &all, &[]);
    assert!(!fill(11) && fill(12), "eight of sixteen are in use");
    round(&bell, &[], &[]);
    assert!(!fill(7) && fill(8), "all were of no use");
}

#[test]
fn who_only_watches_keeps_no_marks() {
    let bell = Arc::new(Doorbell::of_connection(4));
    let none = bell.begin_round().unwrap();
    assert!(!none.goes_on(), "there is nothing to mark");
    none.end();
    (0..100).for_each(|n| bell.ring_key(&key(n)));
    drop(bell.look(&[context(0)]));
    assert!(knows(&bell), "100 marks are more than there is room for");
    bell.serve_pages();
    assert!(!knows(&bell), "nothing has been marked");
    let first = bell.begin_round().unwrap();
    assert!(first.goes_on());
    first.seen(&key(0));
    first.end();
    assert_eq!(asked(&bell), [0]);
    bell.serve_pages();
    assert!(knows(&bell), "pages were served already");
}

/// Losing takes its time, and a round may begin before it is over.
#[test]
fn a_round_that_begins_while_all_is_lost_forgets_nothing() {
    const MARKS: usize = 20_000;

    let bell = Arc::new(bell(1 << 20));
    for n in 0..100 {
        (10..MARKS).for_each(|n| bell.ring(&context(n)));
        let losing = Arc::clone(&bell);
        let losing = std::thread::spawn(move || losing.lose());
        while knows(&bell) {
            std::hint::spin_loop();
        }
        let all: Vec<_> = (0..10).collect();
        round(&bell, &all, &[]);
        losing.join().unwrap();
        assert!(!knows(&bell) || asked(&bell).len() == 10, "{n}");
    }
}
