//! What is known after rounds, rings, looks and losses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use crate::changes::Changes;
use crate::{Context, SessionId, View};

const APP: &str = "app";
const LATER: Option<Duration> = Some(Duration::from_secs(30));

/// A bell with room for so many marks, which knows that nothing is pending.
fn changes(most: usize) -> Changes {
    let changes = Changes::tracked(most);
    changes.enable_index();
    round(&changes, &[], &[]);
    changes
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
fn round(changes: &Changes, there: &[usize], rings: &[usize]) {
    let round = changes.begin_resync().unwrap();
    there.iter().for_each(|n| round.touch(&key(*n)));
    rings
        .iter()
        .for_each(|n| changes.mark_key_changed(&key(*n)));
    round.finish();
}

fn asks(changes: &Changes, n: usize) -> bool {
    changes.record_heartbeat(changes.now());
    !changes.is_known_empty(APP, &session(n), &View::new("p").unwrap())
}

fn knows(changes: &Changes) -> bool {
    changes.record_heartbeat(changes.now());
    changes.is_synced().unwrap()
}

fn asked(changes: &Changes) -> Vec<usize> {
    (0..10).filter(|n| asks(changes, *n)).collect()
}

#[test]
fn what_a_round_neither_sees_nor_hears_goes() {
    let changes = changes(100);
    round(&changes, &[0, 1, 2], &[3]);
    assert_eq!(asked(&changes), [0, 1, 2, 3]);
    changes.mark_changed(&context(4));
    let second = changes.begin_resync().unwrap();
    assert_eq!(
        asked(&changes),
        [0, 1, 2, 3, 4],
        "a beginning removes nothing"
    );
    second.touch(&key(1));
    changes.mark_key_changed(&key(3));
    changes.mark_changed(&context(5));
    second.finish();
    assert_eq!(asked(&changes), [1, 3, 5]);
    for n in 0..5 {
        round(&changes, &[7], &[n]);
        assert_eq!(asked(&changes), [n, 7], "round {n}");
    }
    round(&changes, &[], &[]);
    assert_eq!(asked(&changes), [0; 0]);
}

#[test]
fn what_is_known_of_a_key_survives_a_round_and_no_loss() {
    let changes = changes(100);
    for n in [0, 1] {
        changes.mark_changed(&context(n));
    }
    changes.begin_query(&[context(0)]).finish(LATER);
    round(&changes, &[0, 1], &[]);
    assert_eq!(asked(&changes), [1], "nothing is due yet");
    round(&changes, &[0, 1], &[0]);
    assert_eq!(asked(&changes), [0, 1], "it rang");
    changes.begin_query(&[context(0)]).finish(LATER);
    changes.invalidate_all();
    assert_eq!(asked(&changes).len(), 10, "nothing is known");
    round(&changes, &[0], &[]);
    assert_eq!(asked(&changes), [0], "it may have changed unheard");
}

#[test]
fn what_is_asked_for_during_a_round_stays_asked_for() {
    let changes = changes(100);
    changes.mark_changed(&context(0));
    let (look, second) = (
        changes.begin_query(&[context(0)]),
        changes.begin_resync().unwrap(),
    );
    second.touch(&key(0));
    second.finish();
    assert_eq!(asked(&changes), [0], "there is no answer yet");
    look.finish(None);
    assert_eq!(asked(&changes), [0; 0]);
    for rings in [true, false] {
        changes.mark_changed(&context(0));
        let (look, second) = (
            changes.begin_query(&[context(0)]),
            changes.begin_resync().unwrap(),
        );
        if rings {
            changes.mark_key_changed(&key(0));
            look.finish(None);
        } else {
            drop(look);
        }
        second.finish();
        assert_eq!(asked(&changes), [0], "rang: {rings}, or the look failed");
    }
}

#[test]
fn a_round_during_which_all_was_lost_tells_nothing() {
    let changes = changes(100);
    for all_was_known in [true, false] {
        let broken = changes.begin_resync().unwrap();
        broken.touch(&key(0));
        changes.invalidate_all();
        assert!(!broken.is_current(), "it would be in vain");
        broken.finish();
        assert!(!knows(&changes), "{all_was_known}");
    }
    round(&changes, &[1], &[]);
    assert_eq!(asked(&changes), [1]);
}

#[test]
fn more_marks_than_there_is_room_for_have_every_page_ask_until_they_are_fewer() {
    let changes = changes(4);
    for n in 0..4 {
        changes.mark_changed(&context(n));
    }
    assert_eq!(asked(&changes), [0, 1, 2, 3]);
    changes.mark_changed(&context(4));
    assert_eq!(asked(&changes).len(), 10, "one too many");
    assert!(changes.is_over_capacity() && changes.needs_resync());
    round(&changes, &[0, 1, 2, 3, 4], &[]);
    assert!(
        !knows(&changes) && changes.is_over_capacity(),
        "still one too many"
    );
    round(&changes, &[0, 1, 2, 3], &[]);
    assert_eq!(asked(&changes), [0, 1, 2, 3]);
    assert!(!changes.is_over_capacity());
    // By an answer there may be one too many as well, and by a key that a second round sees.
    changes.begin_query(&[context(5)]).finish(LATER);
    assert!(!knows(&changes));
    round(&changes, &[0, 1, 2, 3], &[]);
    assert!(knows(&changes));
    round(&changes, &[0, 1, 2, 3, 6], &[]);
    assert!(!knows(&changes));
}

#[test]
fn marks_want_room_when_half_of_what_a_round_left_is_taken() {
    let changes = changes(16);
    let fill = |to: usize| {
        (0..to).for_each(|n| changes.mark_changed(&context(n)));
        changes.needs_resync()
    };
    assert!(!fill(7) && fill(8));
    let all: Vec<_> = (0..8).collect();
    round(&changes, &all, &[]);
    assert!(!fill(11) && fill(12), "eight of sixteen are in use");
    round(&changes, &[], &[]);
    assert!(!fill(7) && fill(8), "all were of no use");
}

#[test]
fn who_only_watches_keeps_no_marks() {
    let changes = Arc::new(Changes::tracked(4));
    let none = changes.begin_resync().unwrap();
    assert!(!none.is_current(), "there is nothing to mark");
    none.finish();
    (0..100).for_each(|n| changes.mark_key_changed(&key(n)));
    drop(changes.begin_query(&[context(0)]));
    assert!(knows(&changes), "100 marks are more than there is room for");
    changes.enable_index();
    assert!(!knows(&changes), "nothing has been marked");
    let first = changes.begin_resync().unwrap();
    assert!(first.is_current());
    first.touch(&key(0));
    first.finish();
    assert_eq!(asked(&changes), [0]);
    changes.enable_index();
    assert!(knows(&changes), "pages were served already");
}

/// Losing takes its time, and a round may begin before it is over.
#[test]
fn a_round_that_begins_while_all_is_lost_forgets_nothing() {
    const MARKS: usize = 20_000;

    let changes = Arc::new(changes(1 << 20));
    for n in 0..100 {
        (10..MARKS).for_each(|n| changes.mark_changed(&context(n)));
        let guard = Arc::clone(&changes);
        let guard = std::thread::spawn(move || guard.invalidate_all());
        while knows(&changes) {
            std::hint::spin_loop();
        }
        let all: Vec<_> = (0..10).collect();
        round(&changes, &all, &[]);
        guard.join().unwrap();
        assert!(!knows(&changes) || asked(&changes).len() == 10, "{n}");
    }
}
