//! The proptest strategies for the steps of a run. A step is relative to the state of the run, so
//! that it is valid after any other steps.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Select, select, subsequence};
use salver::ReadState;

use super::call::{RECIPIENTS, Tab};

/// An operation, and how far the clock moves before it, in milliseconds.
#[derive(Clone, Debug)]
pub struct Step {
    pub clock: i64,
    pub operation: Operation,
}

#[derive(Clone, Debug)]
pub enum Operation {
    Notify(Vec<usize>, Draft),
    /// How many notifications ago.
    Repeat(Vec<usize>, usize),
    /// So many at once, so that a limit is near.
    Fill(usize, usize, Draft),
    List(usize, Conditions),
    Mark(usize, Conditions, ReadState),
    MarkSeen(usize),
    Retract(usize, Conditions),
    Erase(usize),
    Export(usize),
}

/// A new notification. Its time is relative to the current time, in milliseconds.
#[derive(Clone, Debug)]
pub struct Draft {
    pub built_offset: i64,
    pub kind: &'static str,
    pub subject: Option<&'static str>,
    pub group: Option<&'static str>,
    pub tag: Option<&'static str>,
    pub actor: Option<usize>,
    pub is_read: bool,
}

/// The conditions of a filter. Positions are given by their rank, newest first.
#[derive(Clone, Debug)]
pub struct Conditions {
    pub tab: Tab,
    pub condition: Condition,
    pub since: Option<usize>,
    pub until: Option<usize>,
    pub is_grouped: bool,
    pub limit: usize,
}

#[derive(Clone, Debug)]
pub enum Condition {
    None,
    Kind(&'static str),
    Subject(&'static str),
    Group(&'static str),
    Text(&'static str),
    /// How many notifications ago, each.
    Ids(Vec<usize>),
}

/// Selects each choice with its weight. Failures shrink towards the first choice.
fn weighted<T: Clone + Debug + 'static>(choices: &[(usize, T)]) -> Select<T> {
    let all = choices.iter();
    let all = all.flat_map(|(weight, choice)| vec![choice.clone(); *weight]);
    select(all.collect::<Vec<_>>())
}

/// Unevenly distributed, so that calls collide.
fn recipient() -> Select<usize> {
    weighted(&[(5, 0), (2, 1), (1, 2)])
}

fn recipients() -> impl Strategy<Value = Vec<usize>> {
    let several = subsequence((0..RECIPIENTS).collect::<Vec<_>>(), 1..=RECIPIENTS);
    prop_oneof![2 => recipient().prop_map(|one| vec![one]), 1 => several]
}

/// Distance from the last notification.
fn ago() -> Select<usize> {
    weighted(&[(4, 0), (2, 1), (2, 3), (1, 7), (1, 20)])
}

fn draft() -> impl Strategy<Value = Draft> {
    let built_offset = weighted(&[(9, 0), (2, -10_000), (1, 10_000), (1, -100_000_000)]);
    let kind = weighted(&[
        (2, "graph.uploaded"),
        (1, "graph"),
        (1, "graphics"),
        (1, "letter"),
    ]);
    let subject = weighted(&[(2, None), (1, Some("graphs/7"))]);
    let group = weighted(&[(2, None), (2, Some("g")), (1, Some("h"))]);
    let tag = weighted(&[(3, None), (1, Some("a")), (1, Some("b"))]);
    let actor = weighted(&[(4, None), (1, Some(0)), (1, Some(1))]);
    let is_read = weighted(&[(6, false), (1, true)]);
    (built_offset, kind, subject, group, tag, actor, is_read).prop_map(
        |(built_offset, kind, subject, group, tag, actor, is_read)| Draft {
            built_offset,
            kind,
            subject,
            group,
            tag,
            actor,
            is_read,
        },
    )
}

/// Fills a group or an inbox. Without a tag, so that all of them stay.
fn fill(sizes: &'static [(usize, usize)]) -> impl Strategy<Value = Operation> {
    let size = weighted(sizes);
    (recipient(), size, draft()).prop_map(|(recipient, size, draft)| {
        let group = if size == 95 { Some("g") } else { None };
        let (tag, built_offset) = (None, draft.built_offset.min(0));
        let draft = Draft {
            group,
            tag,
            built_offset,
            ..draft
        };
        Operation::Fill(recipient, size, draft)
    })
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let tab = weighted(&[(3, Tab::All), (2, Tab::Unread), (1, Tab::Archived)]);
    let condition = prop_oneof![
        4 => Just(Condition::None),
        1 => weighted(&[(1, "graph"), (1, "letter"), (1, "graph.up")]).prop_map(Condition::Kind),
        1 => Just(Condition::Subject("graphs/7")),
        1 => weighted(&[(1, "g"), (1, "h")]).prop_map(Condition::Group),
        1 => weighted(&[(1, "ada"), (1, "NUMBER 1"), (1, "you")]).prop_map(Condition::Text),
        3 => vec(ago(), 0..4).prop_map(Condition::Ids),
    ];
    let rank = || weighted(&[(8, None), (1, Some(0)), (1, Some(2)), (1, Some(30))]);
    let limit = weighted(&[(2, 20), (2, 3), (1, 1), (1, 100)]);
    (tab, condition, rank(), rank(), any::<bool>(), limit).prop_map(
        |(tab, condition, since, until, is_grouped, limit)| Conditions {
            tab,
            condition,
            since,
            until,
            is_grouped,
            limit,
        },
    )
}

fn state() -> Select<ReadState> {
    weighted(&[
        (2, ReadState::Read),
        (1, ReadState::Unread),
        (1, ReadState::Archived),
    ])
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        100 => (recipients(), draft()).prop_map(|(to, draft)| Operation::Notify(to, draft)),
        40 => (recipients(), ago()).prop_map(|(to, ago)| Operation::Repeat(to, ago)),
        1 => fill(&[(3, 95), (1, 230)]),
        60 => (recipient(), conditions()).prop_map(|(of, which)| Operation::List(of, which)),
        60 => (recipient(), conditions(), state())
            .prop_map(|(of, which, state)| Operation::Mark(of, which, state)),
        20 => recipient().prop_map(Operation::MarkSeen),
        20 => (recipient(), conditions()).prop_map(|(of, which)| Operation::Retract(of, which)),
        6 => recipient().prop_map(Operation::Erase),
        10 => recipient().prop_map(Operation::Export),
    ]
}

/// Times that do not add up to a limit to the millisecond. Redis keeps a key until the end of the
/// millisecond in which it expires, the memory store until its beginning.
fn clock() -> Select<i64> {
    weighted(&[
        (100, 0),
        (30, 2),
        (30, 1_000),
        (4, -3_600_002),
        (6, 86_400_004),
        (2, 8 * 86_400_006),
        (5, 31 * 86_400_008),
        (1, 91 * 86_400_000),
    ])
}

/// Generates a run of `steps` steps. Some runs begin with a group or an inbox that is nearly full.
pub fn run(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (clock(), operation());
    let step = step.prop_map(|(clock, operation)| Step { clock, operation });
    // All steps are included. A failure shrinks first to the few steps that it needs.
    let included = vec(prop::bool::weighted(1.0), steps);
    let full = fill(&[(6, 95), (1, 995)]);
    let full = full.prop_map(|operation| Step {
        clock: 0,
        operation,
    });
    (
        included,
        vec(step, steps),
        prop::option::weighted(0.4, full),
    )
        .prop_map(|(included, mut steps, full)| {
            if let (Some(full), Some(first)) = (full, steps.first_mut()) {
                *first = full;
            }
            let steps = steps.into_iter().zip(included);
            let steps = steps.filter(|(_, included)| *included);
            steps.map(|(step, _)| step).collect()
        })
}
