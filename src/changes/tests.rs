//! Tests of the pending index: resync passes, changes, queries and invalidations.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, advance};

use crate::changes::Changes;
use crate::{Context, SessionId, View};

const APP: &str = "app";
const LATER: Option<Duration> = Some(Duration::from_secs(30));

/// Returns an index of this capacity, synced with an empty store.
fn changes(capacity: usize) -> Changes {
    let changes = Changes::tracked(capacity);
    changes.enable_index();
    resync(&changes, &[], &[]);
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

/// Runs a resync pass that scans the keys `existing`, while the keys `changed` change.
fn resync(changes: &Changes, existing: &[usize], changed: &[usize]) {
    let pass = changes.begin_resync().unwrap();
    existing.iter().for_each(|n| pass.touch(&key(*n)));
    changed
        .iter()
        .for_each(|n| changes.mark_key_changed(&key(*n)));
    pass.finish();
}

fn needs_query(changes: &Changes, n: usize) -> bool {
    changes.record_heartbeat(Instant::now());
    !changes.is_known_empty(APP, &session(n), &View::new("p").unwrap())
}

fn is_synced(changes: &Changes) -> bool {
    changes.record_heartbeat(Instant::now());
    changes.is_synced().unwrap()
}

fn dirty_contexts(changes: &Changes) -> Vec<usize> {
    (0..10).filter(|n| needs_query(changes, *n)).collect()
}

#[test]
fn resync_removes_entries_neither_scanned_nor_changed() {
    let changes = changes(100);
    resync(&changes, &[0, 1, 2], &[3]);
    assert_eq!(dirty_contexts(&changes), [0, 1, 2, 3]);
    changes.mark_changed(&context(4));
    let pass = changes.begin_resync().unwrap();
    assert_eq!(
        dirty_contexts(&changes),
        [0, 1, 2, 3, 4],
        "the beginning of a pass removes nothing"
    );
    pass.touch(&key(1));
    changes.mark_key_changed(&key(3));
    changes.mark_changed(&context(5));
    pass.finish();
    assert_eq!(dirty_contexts(&changes), [1, 3, 5]);
    for n in 0..5 {
        resync(&changes, &[7], &[n]);
        assert_eq!(dirty_contexts(&changes), [n, 7], "pass {n}");
    }
    resync(&changes, &[], &[]);
    assert_eq!(dirty_contexts(&changes), [0; 0]);
}

#[test]
fn query_result_survives_resync_but_not_invalidation() {
    let changes = changes(100);
    for n in [0, 1] {
        changes.mark_changed(&context(n));
    }
    changes.begin_query(&[context(0)]).finish(LATER);
    resync(&changes, &[0, 1], &[]);
    assert_eq!(dirty_contexts(&changes), [1], "key 0 is not due yet");
    resync(&changes, &[0, 1], &[0]);
    assert_eq!(dirty_contexts(&changes), [0, 1], "key 0 changed");
    changes.begin_query(&[context(0)]).finish(LATER);
    changes.invalidate_all();
    assert_eq!(
        dirty_contexts(&changes).len(),
        10,
        "the index is not synced"
    );
    resync(&changes, &[0], &[]);
    assert_eq!(
        dirty_contexts(&changes),
        [0],
        "a change may have been missed"
    );
}

#[test]
fn entry_queried_during_resync_stays_dirty() {
    let changes = changes(100);
    changes.mark_changed(&context(0));
    let (query, pass) = (
        changes.begin_query(&[context(0)]),
        changes.begin_resync().unwrap(),
    );
    pass.touch(&key(0));
    pass.finish();
    assert_eq!(dirty_contexts(&changes), [0], "the query has no result yet");
    query.finish(None);
    assert_eq!(dirty_contexts(&changes), [0; 0]);
    for key_changes in [true, false] {
        changes.mark_changed(&context(0));
        let (query, pass) = (
            changes.begin_query(&[context(0)]),
            changes.begin_resync().unwrap(),
        );
        if key_changes {
            changes.mark_key_changed(&key(0));
            query.finish(None);
        } else {
            drop(query);
        }
        pass.finish();
        assert_eq!(
            dirty_contexts(&changes),
            [0],
            "key changed: {key_changes}; otherwise the query failed"
        );
    }
}

#[test]
fn older_query_does_not_finish_a_newer_one() {
    for next in [None, LATER] {
        let changes = changes(100);
        changes.mark_changed(&context(0));
        let older = changes.begin_query(&[context(0)]);
        changes.mark_key_changed(&key(0));
        let newer = changes.begin_query(&[context(0)]);
        older.finish(next);
        assert_eq!(
            dirty_contexts(&changes),
            [0],
            "the result of the older one may be without the change"
        );
        newer.finish(next);
        assert_eq!(dirty_contexts(&changes), [0; 0]);
    }
}

#[test]
fn resync_interrupted_by_invalidation_does_not_sync() {
    let changes = changes(100);
    for was_synced in [true, false] {
        let interrupted = changes.begin_resync().unwrap();
        interrupted.touch(&key(0));
        changes.invalidate_all();
        assert!(!interrupted.is_current(), "its result would be discarded");
        interrupted.finish();
        assert!(!is_synced(&changes), "was synced: {was_synced}");
    }
    resync(&changes, &[1], &[]);
    assert_eq!(dirty_contexts(&changes), [1]);
}

#[test]
fn index_over_capacity_is_unsynced_until_entries_fit() {
    let changes = changes(4);
    for n in 0..4 {
        changes.mark_changed(&context(n));
    }
    assert_eq!(dirty_contexts(&changes), [0, 1, 2, 3]);
    changes.mark_changed(&context(4));
    assert_eq!(
        dirty_contexts(&changes).len(),
        10,
        "one entry over capacity"
    );
    assert!(changes.is_over_capacity() && changes.needs_resync());
    resync(&changes, &[0, 1, 2, 3, 4], &[]);
    assert!(
        !is_synced(&changes) && changes.is_over_capacity(),
        "still one entry over capacity"
    );
    resync(&changes, &[0, 1, 2, 3], &[]);
    assert_eq!(dirty_contexts(&changes), [0, 1, 2, 3]);
    assert!(!changes.is_over_capacity());
    // A query result can exceed the capacity too, and so can a key that a later pass scans.
    changes.begin_query(&[context(5)]).finish(LATER);
    assert!(!is_synced(&changes));
    resync(&changes, &[0, 1, 2, 3], &[]);
    assert!(is_synced(&changes));
    resync(&changes, &[0, 1, 2, 3, 6], &[]);
    assert!(!is_synced(&changes));
}

#[test]
fn resync_is_needed_when_half_of_free_capacity_is_used() {
    let changes = changes(16);
    let fill = |to: usize| {
        (0..to).for_each(|n| changes.mark_changed(&context(n)));
        changes.needs_resync()
    };
    assert!(!fill(7) && fill(8));
    let all: Vec<_> = (0..8).collect();
    resync(&changes, &all, &[]);
    assert!(
        !fill(11) && fill(12),
        "the pass left eight of sixteen entries free"
    );
    resync(&changes, &[], &[]);
    assert!(!fill(7) && fill(8), "the pass removed all entries");
}

#[test]
fn disabled_index_stores_no_entries() {
    let changes = Arc::new(Changes::tracked(4));
    let disabled = changes.begin_resync().unwrap();
    assert!(!disabled.is_current(), "no entries are stored");
    disabled.finish();
    (0..100).for_each(|n| changes.mark_key_changed(&key(n)));
    drop(changes.begin_query(&[context(0)]));
    assert!(is_synced(&changes), "100 entries would exceed the capacity");
    changes.enable_index();
    assert!(!is_synced(&changes), "no key has been scanned");
    let first = changes.begin_resync().unwrap();
    assert!(first.is_current());
    first.touch(&key(0));
    first.finish();
    assert_eq!(dirty_contexts(&changes), [0]);
    changes.enable_index();
    assert!(is_synced(&changes), "the index was enabled already");
}

/// An invalidation takes time, and a pass can begin before it ends.
#[test]
fn resync_started_during_invalidation_loses_no_entry() {
    const ENTRIES: usize = 20_000;

    let changes = Arc::new(changes(1 << 20));
    for n in 0..100 {
        (10..ENTRIES).for_each(|n| changes.mark_changed(&context(n)));
        let invalidated = Arc::clone(&changes);
        let invalidation = std::thread::spawn(move || invalidated.invalidate_all());
        while is_synced(&changes) {
            std::hint::spin_loop();
        }
        let all: Vec<_> = (0..10).collect();
        resync(&changes, &all, &[]);
        invalidation.join().unwrap();
        assert!(
            !is_synced(&changes) || dirty_contexts(&changes).len() == 10,
            "{n}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn index_is_out_of_sync_700_milliseconds_after_last_heartbeat() {
    let changes = changes(10);
    changes.record_heartbeat(Instant::now());
    advance(Duration::from_millis(700)).await;
    assert_eq!(changes.is_synced(), Some(true));
    advance(Duration::from_millis(1)).await;
    assert_eq!(changes.is_synced(), Some(false));
}
