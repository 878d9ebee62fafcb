//! Which generations of the secret of an endpoint sign its deliveries.

use std::iter::once;
use std::time::Duration;

use crate::Error;
use crate::events::Generation;
use crate::store::millis;
use crate::webhooks::limits::{MAX_OLD_SECRETS, OLD_SECRET_TTL};

/// How long a repeated rotation returns the same secret. A rotation whose reply was lost is repeated.
const SAME_ROTATION: Duration = Duration::from_secs(5 * 60);

/// Returns the generation after a rotation, `current` if the rotation is a repeat.
///
/// # Errors
///
/// `is_full` for a rotation after which more than [`MAX_OLD_SECRETS`] would still sign.
pub(super) fn rotate(current: &Generation, now: u64) -> Result<Generation, Error> {
    let number = current.number;
    if number > 0 && now < current.since + millis(SAME_ROTATION) {
        return Ok(current.clone());
    }
    let began = began(current).take_while(|began| signs_before(*began, now));
    let earlier: Vec<_> = began.take(number as usize).collect();
    // The current one becomes old too.
    if earlier.len() >= MAX_OLD_SECRETS {
        return Err(Error::full(
            "four secrets of the endpoint were replaced within 24 hours and still sign",
        ));
    }
    Ok(Generation {
        number: number + 1,
        since: now,
        earlier,
    })
}

/// Returns the numbers of the generations that sign at a time, the current one first.
pub(super) fn signing(current: &Generation, now: u64) -> impl Iterator<Item = u32> {
    let old = (0..current.number).rev().zip(began(current));
    let old = old.take_while(move |(_, began)| signs_before(*began, now));
    once(current.number).chain(old.map(|(number, _)| number))
}

/// Returns when the generations began, the current one first.
fn began(current: &Generation) -> impl Iterator<Item = u64> {
    once(current.since).chain(current.earlier.iter().copied())
}

/// Returns whether the generation still signs that another one has replaced at a time.
fn signs_before(began: u64, now: u64) -> bool {
    now < began + millis(OLD_SECRET_TTL)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * 60 * 1_000;

    fn numbers(generation: &Generation, now: u64) -> Vec<u32> {
        signing(generation, now).collect()
    }

    /// Returns the generation after rotations at some times.
    fn rotated(times: &[u64]) -> Option<Generation> {
        let first = Some(Generation::first(0));
        times
            .iter()
            .fold(first, |generation, now| rotate(&generation?, *now).ok())
    }

    #[test]
    fn each_replaced_secret_signs_for_a_day_after_its_own_rotation() {
        let times = [1, 10, 20].map(|hour| hour * HOUR);
        let Some(generation) = rotated(&times) else {
            unreachable!("three rotations are allowed");
        };
        assert_eq!(numbers(&generation, 20 * HOUR), [3, 2, 1, 0]);
        assert_eq!(numbers(&generation, 25 * HOUR - 1), [3, 2, 1, 0]);
        assert_eq!(numbers(&generation, 25 * HOUR), [3, 2, 1]);
        assert_eq!(numbers(&generation, 34 * HOUR), [3, 2]);
        assert_eq!(numbers(&generation, 44 * HOUR), [3]);
        let later = rotate(&generation, 40 * HOUR).ok();
        let later = later.map(|later| numbers(&later, 40 * HOUR));
        assert_eq!(later, Some(vec![4, 3, 2]));
    }

    #[test]
    fn rotation_is_refused_while_four_replaced_secrets_sign() {
        let times = [1, 2, 3, 4].map(|hour| hour * HOUR);
        let generation = rotated(&times);
        assert!(generation.is_some());
        let again = |now| rotate(generation.as_ref()?, now).ok();
        assert_eq!(again(4 * HOUR + 1), generation);
        assert_eq!(again(5 * HOUR), None);
        assert_eq!(again(25 * HOUR - 1), None);
        assert_eq!(again(25 * HOUR).map(|again| again.number), Some(5));
    }
}
