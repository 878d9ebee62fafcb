//! The cost of an add and of a claim, as the number of messages in a context grows.

use std::sync::Arc;

use comparison::compare;
use comparison::fixture::{Fixture, micros_each};
use comparison::handle::Operation;
use comparison::statistics::Statistics;
use comparison::visitors::Visitor;
use comparison::{Result, TEXT};
use salver::Message;

/// Messages in a context, up to the default maximum.
const MESSAGES: [usize; 5] = [1, 3, 10, 30, 100];
/// Messages in all contexts together, so that fuller contexts are fewer.
const TOTAL_MESSAGES: usize = 20_000;

/// Prints microseconds of Redis for the last add to a context, and for the claim and confirm of all
/// its messages.
pub(crate) fn measure() -> Result {
    println!(
        "\nMessages in a context: microseconds of Redis for the last add, and for claim and confirm of all"
    );
    println!(
        "{:<10} {:<24} {:<24} {:<20}",
        "messages", "add", "claim + confirm", "per message"
    );
    let mut fixture = Fixture::new()?;
    for messages in MESSAGES {
        let (mut adds, mut claims) = (Vec::new(), Vec::new());
        for _ in 0..compare::rounds()? {
            let (add, claim) = measure_contexts(&mut fixture, messages)?;
            adds.push(add);
            claims.push(claim);
        }
        let per_message = claims.iter().map(|claim| claim / messages as f64).collect();
        println!(
            "{messages:<10} {:<24} {:<24} {:<20}",
            format!("{:.1}", Statistics::of(adds)),
            format!("{:.1}", Statistics::of(claims)),
            format!("{:.1}", Statistics::of(per_message))
        );
    }
    Ok(())
}

fn measure_contexts(fixture: &mut Fixture, messages: usize) -> Result<(f64, f64)> {
    fixture.server.flush()?;
    let contexts = TOTAL_MESSAGES / messages;
    let visitors: Result<Arc<[Visitor]>> = (0..contexts).map(Visitor::nth).collect();
    let visitors = visitors?;
    if messages > 1 {
        for visitor in visitors.iter() {
            let earlier = (1..messages).map(|_| Message::success(TEXT)).collect();
            let added = fixture.salver.add_all(&visitor.context, earlier);
            fixture.runtime.block_on(added)?;
        }
    }
    let (_, add) = fixture.time_operation(&visitors, Operation::Add)?;
    let (_, claim) = fixture.time_operation(&visitors, Operation::Claim)?;
    Ok((
        micros_each(add.cpu_time, visitors.len()),
        micros_each(claim.cpu_time, visitors.len()),
    ))
}
