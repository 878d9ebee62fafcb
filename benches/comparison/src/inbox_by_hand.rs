//! The inbox as a site writes it by hand with the redis crate: three structures, three expiries, no limits.

use crate::{Result, TEXT};
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, pipe};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kind and the subject of every notification.
pub const KIND: &str = "graph.uploaded";
pub const SUBJECT: &str = "graphs/7";
/// The lifetime of an inbox, the same as in Salver.
const TTL_MS: u64 = 90 * 24 * 60 * 60 * 1000;

/// The stored fields of a notification, the same as in Salver.
#[derive(Serialize, Deserialize)]
pub struct Note {
    id: String,
    v: u8,
    level: String,
    text: String,
    kind: String,
    subject: String,
}

impl Note {
    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            v: 1,
            level: "success".to_owned(),
            text: TEXT.to_owned(),
            kind: KIND.to_owned(),
            subject: SUBJECT.to_owned(),
        }
    }
}

/// What the keys of inboxes begin with.
pub const PREFIX: &str = "hand!inbox:";

/// Returns the recipient of an inbox, by its key.
#[must_use]
pub fn recipient_of(key: &str) -> Option<usize> {
    let rest = key.strip_prefix(PREFIX)?;
    rest.strip_prefix("{user%3A")?
        .strip_suffix('}')?
        .parse()
        .ok()
}

/// Returns the keys of a recipient: inbox, notifications, unread.
fn keys(recipient: usize) -> [String; 3] {
    let key = |part| format!("hand!{part}:{{user%3A{recipient:06}}}");
    [key("inbox"), key("notifications"), key("unread")]
}

/// Appends the commands that add one notification.
///
/// # Errors
///
/// The notification cannot be written as JSON.
pub fn add(pipeline: &mut Pipeline, recipient: usize, position: u64) -> Result {
    let id = Uuid::now_v7().to_string();
    let [inbox, notifications, unread] = keys(recipient);
    let member = serde_json::to_vec(&Note::new(&id))?;
    pipeline.zadd(&inbox, &id, position).ignore();
    pipeline.hset(&notifications, &id, member).ignore();
    pipeline.zadd(&unread, &id, position).ignore();
    for key in [&inbox, &notifications, &unread] {
        pipeline.cmd("PEXPIRE").arg(key).arg(TTL_MS).ignore();
    }
    Ok(())
}

/// Appends the commands that read the number of unread notifications and the newest position.
pub fn counts(pipeline: &mut Pipeline, recipient: usize) {
    let [inbox, _, unread] = keys(recipient);
    pipeline.zcount(&unread, "-inf", "+inf");
    pipeline.zrevrange_withscores(&inbox, 0, 0);
}

/// Returns the newest notifications, with whether each is unread, and the number of unread ones. Two round
/// trips: the second one needs the ids.
///
/// # Errors
///
/// The server rejects a command, or a notification cannot be read.
pub async fn list(
    connection: &mut MultiplexedConnection,
    recipient: usize,
    rows: usize,
) -> Result<(Vec<(Note, bool)>, u64)> {
    let [inbox, notifications, unread] = keys(recipient);
    let mut first = pipe();
    first.cmd("ZRANGE").arg(&inbox).arg("+inf").arg("-inf");
    first
        .arg("BYSCORE")
        .arg("REV")
        .arg("LIMIT")
        .arg(0)
        .arg(rows);
    first.cmd("ZCOUNT").arg(&unread).arg("-inf").arg("+inf");
    let (ids, count): (Vec<String>, u64) = first.query_async(connection).await?;
    let mut second = pipe();
    second.cmd("HMGET").arg(&notifications).arg(&ids);
    second.cmd("ZMSCORE").arg(&unread).arg(&ids);
    let (members, scores): (Vec<Vec<u8>>, Vec<Option<f64>>) =
        second.query_async(connection).await?;
    let notes = members.iter().zip(scores).map(|(member, score)| {
        let note: Note = serde_json::from_slice(member)?;
        Ok((note, score.is_some()))
    });
    Ok((notes.collect::<Result<_>>()?, count))
}
