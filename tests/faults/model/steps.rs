//! The proptest strategies for the steps of a run. A step is relative to the state of the run, so
//! that it is valid after any other steps.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Select, select};

use super::call::{Bounds, ContextRef, Migration, ReadMode, SESSIONS};

/// An operation, and the time in milliseconds that passes before it.
#[derive(Clone, Debug)]
pub struct Step {
    pub delay_ms: u64,
    pub operation: Operation,
}

#[derive(Clone, Debug)]
pub enum Operation {
    Add(ContextRef, Vec<Draft>, Bounds),
    Read(ContextRef, ReadScope, ReadMode, u64),
    /// How many claims ago, and the session to which the claim is moved first.
    Confirm(usize, Option<usize>),
    Release(usize, Option<usize>),
    RetractTag(ContextRef, &'static str),
    /// How many messages ago.
    RetractId(usize),
    Clear(ContextRef),
    ClearSession(usize, Option<u64>),
    Migrate(Migration),
    Contexts(usize),
    Put(ContextRef, RawMember, FreshMessage),
    /// How many raw members ago.
    RepeatPut(usize),
}

/// The contexts of one read.
#[derive(Clone, Copy, Debug)]
pub enum ReadScope {
    One,
    /// With [`View::ANY`](salver::View::ANY), as a page does.
    Page,
    All,
}

#[derive(Clone, Debug)]
pub enum Draft {
    FreshMessage(FreshMessage),
    /// How many messages ago, and whether the text differs.
    Repeat {
        ago: usize,
        changed: bool,
    },
}

/// A new message. Its times are relative to the current time, in milliseconds.
#[derive(Clone, Debug)]
pub struct FreshMessage {
    pub created_offset: i64,
    pub tag: Option<&'static str>,
    pub delay: u64,
    pub expires_offset: Option<i64>,
}

/// A member that an external writer adds.
#[derive(Clone, Copy, Debug)]
pub enum RawMember {
    Garbage,
    /// Truncated at the end of the id.
    TruncatedId,
    /// Truncated within the tag.
    TruncatedTag,
    /// With the field `ID` instead of `id`.
    MisspelledId,
    /// A message with a URL that validation rejects.
    UnsafeUrl,
    /// A member of a newer format version.
    NewerVersion,
    /// A valid message with an unknown field.
    UnknownField,
}

/// Selects each choice with its weight. Failures shrink towards the first choice.
fn weighted<T: Clone + Debug + 'static>(choices: &[(usize, T)]) -> Select<T> {
    let all = choices.iter();
    let all = all.flat_map(|(weight, choice)| vec![choice.clone(); *weight]);
    select(all.collect::<Vec<_>>())
}

/// Index of a session or a view. Few and unevenly distributed, so that calls collide.
fn index() -> Select<usize> {
    weighted(&[(5, 0), (2, 1), (1, 2)])
}

fn context() -> impl Strategy<Value = ContextRef> {
    (index(), index()).prop_map(|(session, view)| ContextRef { session, view })
}

/// Distance from the last element.
fn ago() -> Select<usize> {
    weighted(&[(4, 0), (2, 1), (1, 2), (1, 5)])
}

fn tag() -> Select<&'static str> {
    weighted(&[(1, "a"), (1, "b")])
}

/// Step times are even and TTLs odd. Redis keeps a key until the end of the millisecond in which it
/// expires, the memory store until its beginning. No step falls into such a millisecond.
fn bounds() -> impl Strategy<Value = Bounds> {
    let messages = weighted(&[(3, 3), (1, 1), (2, 2), (3, 6)]);
    let contexts = weighted(&[(4, 3), (1, 2), (1, 1)]);
    let reject = weighted(&[(3, false), (1, true)]);
    let ttl = weighted(&[(1, 3_600_001), (2, 60_001)]);
    (messages, contexts, reject, ttl).prop_map(|(messages, contexts, reject, ttl)| Bounds {
        messages,
        contexts,
        reject,
        ttl,
    })
}

fn fresh() -> impl Strategy<Value = FreshMessage> {
    let created_offset = weighted(&[(9, 0), (2, -10_000), (1, 10_000), (1, -100_000_000)]);
    let tag = weighted(&[(2, None), (1, Some("a")), (1, Some("b"))]);
    let delay = weighted(&[(9, 0), (1, 1_000), (1, 5_000), (1, 120_000)]);
    let expires_offset = weighted(&[(10, None), (1, Some(4_000)), (1, Some(-2))]);
    (created_offset, tag, delay, expires_offset).prop_map(
        |(created_offset, tag, delay, expires_offset)| FreshMessage {
            created_offset,
            tag,
            delay,
            expires_offset,
        },
    )
}

fn batch() -> impl Strategy<Value = Vec<Draft>> {
    let repeat = (ago(), any::<bool>());
    let repeat = repeat.prop_map(|(ago, changed)| Draft::Repeat { ago, changed });
    let draft = prop_oneof![3 => fresh().prop_map(Draft::FreshMessage), 1 => repeat];
    vec(draft, 0..5)
}

fn add() -> impl Strategy<Value = Operation> {
    (context(), batch(), bounds())
        .prop_map(|(context, batch, bounds)| Operation::Add(context, batch, bounds))
}

fn read() -> impl Strategy<Value = Operation> {
    let scope = weighted(&[
        (1, ReadScope::One),
        (1, ReadScope::Page),
        (1, ReadScope::All),
    ]);
    let claim = |lease| (1, ReadMode::Claim { lease });
    let mode = weighted(&[
        (1, ReadMode::Peek),
        claim(1_000),
        claim(5_000),
        claim(60_000),
        (1, ReadMode::Take),
    ]);
    let age = weighted(&[(3, 86_400_000), (1, 8_000)]);
    (context(), scope, mode, age)
        .prop_map(|(context, scope, mode, age)| Operation::Read(context, scope, mode, age))
}

/// Which claim to settle, and the session to which it is moved first, whether or not that session
/// migrated.
fn settle() -> impl Strategy<Value = (usize, Option<usize>)> {
    let follow = weighted(&[(18, None), (5, Some(0)), (2, Some(1)), (1, Some(2))]);
    (ago(), follow)
}

fn migrate() -> impl Strategy<Value = Operation> {
    let distance = weighted(&[(6, 1), (3, 2), (1, 0)]);
    (index(), distance, any::<bool>(), bounds()).prop_map(|(from, distance, open, bounds)| {
        Operation::Migrate(Migration {
            from,
            to: (from + distance) % SESSIONS.len(),
            open,
            bounds,
        })
    })
}

fn put() -> impl Strategy<Value = Operation> {
    let raw = select(
        &[
            RawMember::UnknownField,
            RawMember::Garbage,
            RawMember::TruncatedId,
            RawMember::TruncatedTag,
            RawMember::MisspelledId,
            RawMember::UnsafeUrl,
            RawMember::NewerVersion,
        ][..],
    );
    (context(), raw, fresh()).prop_map(|(context, raw, fresh)| Operation::Put(context, raw, fresh))
}

fn clear_session() -> impl Strategy<Value = Operation> {
    let close = weighted(&[(2, None), (2, Some(5_001)), (1, Some(60_001))]);
    (index(), close).prop_map(|(session, close)| Operation::ClearSession(session, close))
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        10 => add(),
        9 => read(),
        4 => settle().prop_map(|(ago, follow)| Operation::Release(ago, follow)),
        3 => settle().prop_map(|(ago, follow)| Operation::Confirm(ago, follow)),
        2 => migrate(),
        2 => put(),
        1 => ago().prop_map(Operation::RepeatPut),
        1 => (context(), tag()).prop_map(|(context, tag)| Operation::RetractTag(context, tag)),
        1 => ago().prop_map(Operation::RetractId),
        1 => context().prop_map(Operation::Clear),
        1 => clear_session(),
        1 => index().prop_map(Operation::Contexts),
    ]
}

/// Generates a run of `steps` steps.
pub fn run(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    let delay_ms = weighted(&[
        (120, 0),
        (20, 2),
        (32, 1_000),
        (20, 5_000),
        (4, 60_000),
        (1, 3_600_000),
        (1, 86_400_000),
    ]);
    let step = (delay_ms, operation()).prop_map(|(delay_ms, operation)| Step {
        delay_ms,
        operation,
    });
    // All steps are included. A failure shrinks first to the few steps that it needs.
    let included = vec(prop::bool::weighted(1.0), steps);
    (included, vec(step, steps)).prop_map(|(included, steps)| {
        let steps = steps.into_iter().zip(included);
        let steps = steps.filter(|(_, included)| *included);
        steps.map(|(step, _)| step).collect()
    })
}
