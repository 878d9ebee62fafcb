//! What may happen in a run, as proptest draws it: in words that mean something whatever happened before.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Select, select};

use super::call::{Bounds, Migration, Mode, Place, SESSIONS};

/// What is done, and how many milliseconds pass before it.
#[derive(Clone, Debug)]
pub struct Step {
    pub pass: u64,
    pub deed: Deed,
}

#[derive(Clone, Debug)]
pub enum Deed {
    Add(Place, Vec<Draft>, Bounds),
    Look(Place, Reach, Mode, u64),
    /// How many claims ago, and the session that it follows before.
    Confirm(usize, Option<usize>),
    Release(usize, Option<usize>),
    RetractTag(Place, &'static str),
    /// How many messages ago.
    RetractId(usize),
    Clear(Place),
    ClearSession(usize, Option<u64>),
    Migrate(Migration),
    Contexts(usize),
    Put(Place, Raw, Fresh),
    /// How many raw members ago.
    PutAgain(usize),
}

/// How much one look looks into.
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    One,
    /// With [`View::ANY`](salver::View::ANY), as a page does.
    Page,
    All,
}

#[derive(Clone, Debug)]
pub enum Draft {
    Fresh(Fresh),
    /// How many messages ago, and whether in other words.
    Repeat {
        ago: usize,
        changed: bool,
    },
}

/// A new message; its moments are counted from now.
#[derive(Clone, Debug)]
pub struct Fresh {
    pub written: i64,
    pub tag: Option<&'static str>,
    pub delay: u64,
    pub expires: Option<i64>,
}

/// What a foreign writer puts in.
#[derive(Clone, Copy, Debug)]
pub enum Raw {
    Garbage,
    /// Cut off where the id ends.
    CutId,
    /// Cut off within the tag.
    CutTag,
    /// With a name that only looks like `id`.
    Misspelt,
    /// A message that breaks a rule.
    Unsafe,
    Newer,
    /// A message with a field that nobody here knows.
    Message,
}

/// Draws each as often as its weight says; what fails shrinks towards the first.
fn weighted<T: Clone + Debug + 'static>(choices: &[(usize, T)]) -> Select<T> {
    let all = choices.iter();
    let all = all.flat_map(|(weight, choice)| vec![choice.clone(); *weight]);
    select(all.collect::<Vec<_>>())
}

/// A session or a view. Few and unevenly drawn, so that things collide.
fn index() -> Select<usize> {
    weighted(&[(5, 0), (2, 1), (1, 2)])
}

fn place() -> impl Strategy<Value = Place> {
    (index(), index()).prop_map(|(session, view)| Place { session, view })
}

/// How many before the last.
fn ago() -> Select<usize> {
    weighted(&[(4, 0), (2, 1), (1, 2), (1, 5)])
}

fn tag() -> Select<&'static str> {
    weighted(&[(1, "a"), (1, "b")])
}

/// Times are even and the lives of keys odd: Redis keeps a key to the end of the millisecond in which it
/// expires, memory to the beginning, and no step falls into that one.
fn bounds() -> impl Strategy<Value = Bounds> {
    let messages = weighted(&[(3, 3), (1, 1), (2, 2), (3, 6)]);
    let contexts = weighted(&[(4, 3), (1, 2), (1, 1)]);
    let reject = weighted(&[(3, false), (1, true)]);
    let expiry = weighted(&[(1, 3_600_001), (2, 60_001)]);
    (messages, contexts, reject, expiry).prop_map(|(messages, contexts, reject, expiry)| Bounds {
        messages,
        contexts,
        reject,
        expiry,
    })
}

fn fresh() -> impl Strategy<Value = Fresh> {
    let written = weighted(&[(9, 0), (2, -10_000), (1, 10_000), (1, -100_000_000)]);
    let tag = weighted(&[(2, None), (1, Some("a")), (1, Some("b"))]);
    let delay = weighted(&[(9, 0), (1, 1_000), (1, 5_000), (1, 120_000)]);
    let expires = weighted(&[(10, None), (1, Some(4_000)), (1, Some(-2))]);
    (written, tag, delay, expires).prop_map(|(written, tag, delay, expires)| Fresh {
        written,
        tag,
        delay,
        expires,
    })
}

fn batch() -> impl Strategy<Value = Vec<Draft>> {
    let repeat = (ago(), any::<bool>());
    let repeat = repeat.prop_map(|(ago, changed)| Draft::Repeat { ago, changed });
    let draft = prop_oneof![3 => fresh().prop_map(Draft::Fresh), 1 => repeat];
    vec(draft, 0..5)
}

fn add() -> impl Strategy<Value = Deed> {
    (place(), batch(), bounds()).prop_map(|(place, batch, bounds)| Deed::Add(place, batch, bounds))
}

fn look() -> impl Strategy<Value = Deed> {
    let reach = weighted(&[(1, Reach::One), (1, Reach::Page), (1, Reach::All)]);
    let claim = |lease| (1, Mode::Claim { lease });
    let mode = weighted(&[
        (1, Mode::Peek),
        claim(1_000),
        claim(5_000),
        claim(60_000),
        (1, Mode::Take),
    ]);
    let age = weighted(&[(3, 86_400_000), (1, 8_000)]);
    (place(), reach, mode, age)
        .prop_map(|(place, reach, mode, age)| Deed::Look(place, reach, mode, age))
}

/// Which claim, and whether it follows a session that has moved, or might have.
fn end() -> impl Strategy<Value = (usize, Option<usize>)> {
    let follow = weighted(&[(18, None), (5, Some(0)), (2, Some(1)), (1, Some(2))]);
    (ago(), follow)
}

fn migrate() -> impl Strategy<Value = Deed> {
    let away = weighted(&[(6, 1), (3, 2), (1, 0)]);
    (index(), away, any::<bool>(), bounds()).prop_map(|(from, away, open, bounds)| {
        Deed::Migrate(Migration {
            from,
            to: (from + away) % SESSIONS.len(),
            open,
            bounds,
        })
    })
}

fn put() -> impl Strategy<Value = Deed> {
    let raw = select(
        &[
            Raw::Message,
            Raw::Garbage,
            Raw::CutId,
            Raw::CutTag,
            Raw::Misspelt,
            Raw::Unsafe,
            Raw::Newer,
        ][..],
    );
    (place(), raw, fresh()).prop_map(|(place, raw, fresh)| Deed::Put(place, raw, fresh))
}

fn clear_session() -> impl Strategy<Value = Deed> {
    let close = weighted(&[(2, None), (2, Some(5_001)), (1, Some(60_001))]);
    (index(), close).prop_map(|(session, close)| Deed::ClearSession(session, close))
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        10 => add(),
        9 => look(),
        4 => end().prop_map(|(ago, follow)| Deed::Release(ago, follow)),
        3 => end().prop_map(|(ago, follow)| Deed::Confirm(ago, follow)),
        2 => migrate(),
        2 => put(),
        1 => ago().prop_map(Deed::PutAgain),
        1 => (place(), tag()).prop_map(|(place, tag)| Deed::RetractTag(place, tag)),
        1 => ago().prop_map(Deed::RetractId),
        1 => place().prop_map(Deed::Clear),
        1 => clear_session(),
        1 => index().prop_map(Deed::Contexts),
    ]
}

/// Draws a run of that many steps.
pub fn run(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    let pass = weighted(&[
        (120, 0),
        (20, 2),
        (32, 1_000),
        (20, 5_000),
        (4, 60_000),
        (1, 3_600_000),
        (1, 86_400_000),
    ]);
    let step = (pass, deed()).prop_map(|(pass, deed)| Step { pass, deed });
    // All happen, until one fails: then it shrinks at first to the few that it needs.
    let happens = vec(prop::bool::weighted(1.0), steps);
    (happens, vec(step, steps)).prop_map(|(happens, steps)| {
        let steps = steps.into_iter().zip(happens);
        let steps = steps.filter(|(_, happens)| *happens);
        steps.map(|(step, _)| step).collect()
    })
}
