//! What an add and a claim cost as messages pile up in a context.

use std::sync::Arc;

use comparison::compare;
use comparison::fixture::{Setting, micros_each};
use comparison::handle::Wish;
use comparison::statistics::Figures;
use comparison::visitors::Person;
use comparison::{Outcome, TEXT};
use salver::Message;

/// Up to as many as a context keeps.
const MESSAGES: [usize; 5] = [1, 3, 10, 30, 100];
/// How many messages there are in all, in as many contexts as that makes.
const IN_ALL: usize = 20_000;

/// Prints microseconds of the server, for the add that makes a context so full and for its claim and confirm.
pub(crate) fn grow() -> Outcome {
    println!(
        "\nMessages in a context: microseconds of Redis for the last add, and for claim and confirm of all"
    );
    println!(
        "{:<10} {:<24} {:<24} {:<20}",
        "messages", "add", "claim + confirm", "of that, each message"
    );
    let mut setting = Setting::new()?;
    for messages in MESSAGES {
        let (mut adds, mut claims) = (Vec::new(), Vec::new());
        for _ in 0..compare::rounds()? {
            let (add, claim) = measure(&mut setting, messages)?;
            adds.push(add);
            claims.push(claim);
        }
        let each = claims.iter().map(|claim| claim / messages as f64).collect();
        println!(
            "{messages:<10} {:<24} {:<24} {:<20}",
            format!("{:.1}", Figures::of(adds)),
            format!("{:.1}", Figures::of(claims)),
            format!("{:.1}", Figures::of(each))
        );
    }
    Ok(())
}

fn measure(setting: &mut Setting, messages: usize) -> Outcome<(f64, f64)> {
    setting.server.empty()?;
    let people: Outcome<Arc<[Person]>> = (0..IN_ALL / messages).map(Person::nth).collect();
    let people = people?;
    if messages > 1 {
        for person in people.iter() {
            let before = (1..messages).map(|_| Message::success(TEXT)).collect();
            let added = setting.salver.add_all(&person.context, before);
            setting.runtime.block_on(added)?;
        }
    }
    let (_, add) = setting.time(&people, Wish::Add)?;
    let (_, claim) = setting.time(&people, Wish::Claim)?;
    Ok((
        micros_each(add.busy, people.len()),
        micros_each(claim.busy, people.len()),
    ))
}
