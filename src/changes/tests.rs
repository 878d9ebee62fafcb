//! What is known after rounds, rings, looks and losses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use crate::changes::Changes;
use crate::{Context, SessionId, View};

const APP: &str = "app";
const LATER: Option<Duration> = Some(Duration::from_secs(30));

/// A bell with room for so many marks, which knows that nothing is pending.
fn bell(most: usize) -> Changes {
    let bell = Changes::tracked(most);
    bell.enable_index();
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
fn round(bell: &Changes, there: &[usize], rings: &[usize]) {
    let round = bell.begin_resync().unwrap();
    there.iter().for_each(|n| round.touch(&key(*n)));
    rings.iter().for_each(|n| bell.mark_key_changed(&key(*n)));
    round.finish();
}

fn asks(bell: &Changes, n: usize) -> bool {
    bell.record_heartbeat(bell.now());
    !bell.is_known_empty(APP, &session(n), &View::new("p").unwrap())
}

fn knows(bell: &Changes) -> bool {
    bell.record_heartbeat(bell.now());
    bell.is_synced().unwrap()
}

fn asked(bell: &Changes) -> Vec<usize> {
    (0..10).filter(|n| asks(bell, *n)).collect()
}

#[test]
fn what_a_round_neither_sees_nor_hears_goes() {
    let bell = bell(100);
    round(&bell, &[0, 1, 2], &[3]);
    assert_eq!(asked(&bell), [0, 1, 2, 3]);
    bell.mark_changed(&context(4));
    let second = bell.begin_resync().unwrap();
    assert_eq!(asked(&bell), [0, 1, 2, 3, 4], "a beginning removes nothing");
    second.touch(&key(1));
    bell.mark_key_changed(&key(3));
    bell.mark_changed(&context(5));
    second.finish();
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
        bell.mark_changed(&context(n));
    }
    bell.begin_query(&[context(0)]).finish(LATER);
    round(&bell, &[0, 1], &[]);
    assert_eq!(asked(&bell), [1], "nothing is due yet");
    round(&bell, &[0, 1], &[0]);
    assert_eq!(asked(&bell), [0, 1], "it rang");
    bell.begin_query(&[context(0)]).finish(LATER);
    bell.invalidate_all();
    assert_eq!(asked(&bell).len(), 10, "nothing is known");
    round(&bell, &[0], &[]);
    assert_eq!(asked(&bell), [0], "it may have changed unheard");
}

#[test]
fn what_is_asked_for_during_a_round_stays_asked_for() {
    let bell = bell(100);
    bell.mark_changed(&context(0));
    let (look, second) = (
        bell.begin_query(&[context(0)]),
        bell.begin_resync().unwrap(),
    );
    second.touch(&key(0));
    second.finish();
    assert_eq!(asked(&bell), [0], "there is no answer yet");
    look.finish(None);
    assert_eq!(asked(&bell), [0; 0]);
    for rings in [true, false] {
        bell.mark_changed(&context(0));
        let (look, second) = (
            bell.begin_query(&[context(0)]),
            bell.begin_resync().unwrap(),
        );
        if rings {
            bell.mark_key_changed(&key(0));
            look.finish(None);
        } else {
            drop(look);
        }
        second.finish();
        assert_eq!(asked(&bell), [0], "rang: {rings}, or the look failed");
    }
}

#[test]
fn a_round_during_which_all_was_lost_tells_nothing() {
    let bell = bell(100);
    for all_was_known in [true, false] {
        let broken = bell.begin_resync().unwrap();
        broken.touch(&key(0));
        bell.invalidate_all();
        assert!(!broken.is_current(), "it would be in vain");
        broken.finish();
        assert!(!knows(&bell), "{all_was_known}");
    }
    round(&bell, &[1], &[]);
    assert_eq!(asked(&bell), [1]);
}

#[test]
fn more_marks_than_there_is_room_for_have_every_page_ask_until_they_are_fewer() {
    let bell = bell(4);
    for n in 0..4 {
        bell.mark_changed(&context(n));
    }
    assert_eq!(asked(&bell), [0, 1, 2, 3]);
    bell.mark_changed(&context(4));
    assert_eq!(asked(&bell).len(), 10, "one too many");
    assert!(bell.is_over_capacity() && bell.needs_resync());
    round(&bell, &[0, 1, 2, 3, 4], &[]);
    assert!(
        !knows(&bell) && bell.is_over_capacity(),
        "still one too many"
    );
    round(&bell, &[0, 1, 2, 3], &[]);
    assert_eq!(asked(&bell), [0, 1, 2, 3]);
    assert!(!bell.is_over_capacity());
    // By an answer there may be one too many as well, and by a key that a second round sees.
    bell.begin_query(&[context(5)]).finish(LATER);
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
        (0..to).for_each(|n| bell.mark_changed(&context(n)));
        bell.needs_resync()
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
    let bell = Arc::new(Changes::tracked(4));
    let none = bell.begin_resync().unwrap();
    assert!(!none.is_current(), "there is nothing to mark");
    none.finish();
    (0..100).for_each(|n| bell.mark_key_changed(&key(n)));
    drop(bell.begin_query(&[context(0)]));
    assert!(knows(&bell), "100 marks are more than there is room for");
    bell.enable_index();
    assert!(!knows(&bell), "nothing has been marked");
    let first = bell.begin_resync().unwrap();
    assert!(first.is_current());
    first.touch(&key(0));
    first.finish();
    assert_eq!(asked(&bell), [0]);
    bell.enable_index();
    assert!(knows(&bell), "pages were served already");
}

/// Losing takes its time, and a round may begin before it is over.
#[test]
fn a_round_that_begins_while_all_is_lost_forgets_nothing() {
    const MARKS: usize = 20_000;

    let bell = Arc::new(bell(1 << 20));
    for n in 0..100 {
        (10..MARKS).for_each(|n| bell.mark_changed(&context(n)));
        let losing = Arc::clone(&bell);
        let losing = std::thread::spawn(move || losing.invalidate_all());
        while knows(&bell) {
            std::hint::spin_loop();
        }
        let all: Vec<_> = (0..10).collect();
        round(&bell, &all, &[]);
        losing.join().unwrap();
        assert!(!knows(&bell) || asked(&bell).len() == 10, "{n}");
    }
}
