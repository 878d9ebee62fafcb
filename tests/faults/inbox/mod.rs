//! The inbox under faults. Each test prints one row of the fault table, which begins with
//! `FAULT inbox_<name> n=…`.

mod cluster;
mod concurrent_adds;
mod emptied;
mod failover;
mod kill;
mod load;
mod moved_clock;
mod presence;
mod proxy;
mod refused;
mod repeats;
mod shared_cache;
mod stops;

use std::time::Duration;

use crate::support::history::{Row, Verdict};

/// Prints one row. Panics if a notification was lost, is there twice, came back, or reached another
/// inbox.
fn report(
    test: &'static str,
    verdict: Verdict,
    (worst_wait, recovery): (Duration, Duration),
    more: String,
) {
    let again = verdict.again;
    Row {
        test,
        verdict,
        worst_wait,
        recovery,
        more,
    }
    .report();
    assert_eq!(again, 0, "notifications that came back");
}

/// Adds the classes of one round to those of the rounds before.
pub fn add_up(total: &mut Verdict, round: &Verdict) {
    total.n += round.n;
    total.received += round.received;
    total.delivered += round.delivered;
    total.pending += round.pending;
    total.displaced += round.displaced;
    total.lost += round.lost;
    total.twice += round.twice;
    total.again += round.again;
    total.misdelivered += round.misdelivered;
}
