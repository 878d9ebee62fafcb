//! The proptest strategies for the steps of a run. Each step is valid after any others.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

pub const PEOPLE: usize = 2;
pub const KINDS: [&str; 2] = ["chat", "news"];
pub const LANGUAGES: [&str; 2] = ["de", "en"];

/// An operation, and how far the clock moves before it, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub millis: u64,
    pub operation: Operation,
}

/// The cadences that a person chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Never,
    AtOnce,
    IfUnread,
}

/// What happens. People, kinds and languages are given by their index.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// Leaves a message to a person's next page.
    Add(usize),
    /// Leaves a message to the session that a person had before the last login or logout.
    AddLate(usize),
    Page(usize),
    LogIn(usize),
    LogOut(usize),
    Notify(usize, usize),
    /// Repeats the notification that was so many ago.
    Repeat(usize),
    ReadAll(usize),
    Subscribe(usize, usize),
    Unsubscribe(usize, usize),
    Publish(usize),
    /// Publishes the last event again.
    Republish,
    /// A worker performs what is due.
    Work,
    Prefer(usize, usize, Choice),
    Erase(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let person = || 0..PEOPLE;
    let choice = || select(vec![Choice::Never, Choice::AtOnce, Choice::IfUnread]);
    prop_oneof![
        6 => person().prop_map(Operation::Add),
        2 => person().prop_map(Operation::AddLate),
        4 => person().prop_map(Operation::Page),
        3 => person().prop_map(Operation::LogIn),
        2 => person().prop_map(Operation::LogOut),
        8 => (person(), 0..KINDS.len()).prop_map(|(who, kind)| Operation::Notify(who, kind)),
        2 => (0..4_usize).prop_map(Operation::Repeat),
        2 => person().prop_map(Operation::ReadAll),
        6 => (person(), 0..LANGUAGES.len()).prop_map(|(who, of)| Operation::Subscribe(who, of)),
        2 => (person(), 0..LANGUAGES.len()).prop_map(|(who, of)| Operation::Unsubscribe(who, of)),
        6 => (0..LANGUAGES.len()).prop_map(Operation::Publish),
        1 => Just(Operation::Republish),
        8 => Just(Operation::Work),
        4 => (person(), 0..=KINDS.len(), choice())
            .prop_map(|(who, kind, choice)| Operation::Prefer(who, kind, choice)),
        1 => person().prop_map(Operation::Erase),
    ]
}

/// Generates a run of so many steps. All of them together take less than the hour after which messages expire.
pub fn run(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    let millis = select([vec![2; 12], vec![1_000; 4], vec![61_000; 2]].concat());
    let step = (millis, operation());
    let step = step.prop_map(|(millis, operation)| Step { millis, operation });
    // All steps are included. A failure shrinks first to the few steps that it needs.
    let included = vec(prop::bool::weighted(1.0), steps);
    (included, vec(step, steps)).prop_map(|(included, steps)| {
        let steps = steps.into_iter().zip(included);
        let steps = steps.filter(|(_, included)| *included);
        steps.map(|(step, _)| step).collect()
    })
}
