//! The memory of one recipient in Redis: all keys of the inbox.

use comparison::inbox_by_hand as by_hand;
use comparison::{Result, TEXT};
use redis::cmd;
use salver::{Message, Notification};

use crate::fixture::{Fixture, note};

/// Returns the bytes of the first notification, of the first one with a group, and of each of 20.
pub(crate) fn measure(fixture: &mut Fixture) -> Result<String> {
    fixture.server.flush()?;
    fixture.notify_each(std::iter::once(0), note)?;
    fixture.notify_each(std::iter::once(1), grouped)?;
    fixture.notify_each(std::iter::repeat_n(2, 20), note)?;
    fixture.notify_each(std::iter::repeat_n(3, 20), grouped)?;
    let first = bytes(fixture, 0)?;
    let first_grouped = bytes(fixture, 1)?;
    let [each, each_grouped] = [bytes(fixture, 2)? / 20, bytes(fixture, 3)? / 20];
    Ok(format!(
        "MEMORY inbox first={first} first_grouped={first_grouped} each_at_20={each} each_grouped_at_20={each_grouped}"
    ))
}

/// Returns the memory of all keys of a recipient.
fn bytes(fixture: &mut Fixture, recipient: usize) -> Result<u64> {
    let pattern = format!("*{{user%3A{recipient:06}}}");
    let keys: Vec<String> = fixture.server.run(cmd("KEYS").arg(pattern))?;
    if keys.is_empty() {
        return Err("the recipient has no keys".into());
    }
    let mut bytes = 0;
    for key in keys {
        let usage = cmd("MEMORY")
            .arg("USAGE")
            .arg(&key)
            .arg("SAMPLES")
            .arg(0)
            .clone();
        bytes += fixture.server.run::<u64>(&usage)?;
    }
    Ok(bytes)
}

fn grouped(_: usize) -> Notification {
    Notification::new(by_hand::KIND, Message::success(TEXT))
        .subject(by_hand::SUBJECT)
        .group("uploads")
}
