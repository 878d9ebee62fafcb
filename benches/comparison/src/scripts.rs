//! The scripts of the Redis store as plain commands, with the keys and arguments that Salver sends.

use std::fs;

use redis::{Cmd, FromRedisValue, RedisResult, Script, Value, cmd, from_redis_value};
use salver::store::ADD_SCRIPT;

use crate::Result;

const READ_SCRIPT: &str = include_str!("../../../src/store/redis/scripts/read.lua");
const CONFIRM_SCRIPT: &str = include_str!("../../../src/store/redis/scripts/confirm.lua");

// The defaults of Salver.
const TTL_MS: u64 = 3_600_000;
const MAX_MESSAGES: u64 = 100;
const MAX_CONTEXTS: u64 = 64;
const LEASE_MS: u64 = 15_000;
const MAX_AGE_MS: u64 = 86_400_000;

/// Whether a read leases the messages that it returns, or removes them.
#[derive(Clone, Copy, Debug)]
pub enum ReadMode {
    Claim,
    Take,
}

/// The SHA-1 digests of the scripts, as `EVALSHA` takes them.
#[derive(Debug)]
pub struct Scripts {
    add: String,
    read: String,
    confirm: String,
}

impl Default for Scripts {
    fn default() -> Self {
        Self::of_sources([ADD_SCRIPT, READ_SCRIPT, CONFIRM_SCRIPT])
    }
}

impl Scripts {
    fn of_sources(sources: [&str; 3]) -> Self {
        let [add, read, confirm] = sources.map(|source| Script::new(source).get_hash().to_owned());
        Self { add, read, confirm }
    }

    /// Returns the scripts in a directory, such as those of an earlier commit, and the commands that
    /// load them into a server.
    ///
    /// # Errors
    ///
    /// The directory has not all three files.
    pub fn in_directory(directory: &str) -> Result<(Self, Vec<Cmd>)> {
        let read = |name| fs::read_to_string(format!("{directory}/{name}.lua"));
        let sources = [read("add")?, read("read")?, read("confirm")?];
        let sources = sources.each_ref().map(String::as_str);
        Ok((Self::of_sources(sources), sources.map(load_command).into()))
    }

    /// Returns the commands that load the scripts into a server.
    pub fn load_commands() -> impl Iterator<Item = Cmd> {
        [ADD_SCRIPT, READ_SCRIPT, CONFIRM_SCRIPT]
            .into_iter()
            .map(load_command)
    }

    pub fn add(&self, session_index: &str, context: &str, member: &[u8]) -> Cmd {
        let mut add = cmd("EVALSHA");
        add.arg(&self.add).arg(2).arg(context).arg(session_index);
        add.arg(TTL_MS)
            .arg(MAX_MESSAGES)
            .arg(MAX_CONTEXTS)
            .arg("drop");
        add.arg(0).arg(member);
        add
    }

    pub fn read(&self, mode: ReadMode, session_index: &str, contexts: &[String]) -> Cmd {
        let mut read = cmd("EVALSHA");
        read.arg(&self.read)
            .arg(contexts.len() + 1)
            .arg(session_index);
        read.arg(contexts);
        match mode {
            ReadMode::Claim => read.arg("claim").arg(LEASE_MS),
            ReadMode::Take => read.arg("take").arg(0),
        };
        read.arg(MAX_AGE_MS);
        read
    }

    /// Confirms the members of each context. Contexts without members are left out.
    pub fn confirm(
        &self,
        session_index: &str,
        contexts: &[String],
        members: &[Vec<Vec<u8>>],
    ) -> Cmd {
        let claimed = || {
            let pairs = contexts.iter().zip(members);
            pairs.filter(|(_, members)| !members.is_empty())
        };
        let mut confirm = cmd("EVALSHA");
        confirm
            .arg(&self.confirm)
            .arg(claimed().count() + 1)
            .arg(session_index);
        for (context, _) in claimed() {
            confirm.arg(context);
        }
        for (_, members) in claimed() {
            confirm.arg(members.len()).arg(members);
        }
        confirm
    }
}

fn load_command(source: &str) -> Cmd {
    let mut load = cmd("SCRIPT");
    load.arg("LOAD").arg(source);
    load
}

/// Parses the reply of a read into the members of each of the contexts.
///
/// # Errors
///
/// The reply does not have the format of `read.lua`.
pub fn parse_members(reply: Value, contexts: &[String]) -> RedisResult<Vec<Vec<Vec<u8>>>> {
    let values: Vec<Value> = parse(reply)?;
    let mut members = vec![Vec::new(); contexts.len()];
    // The first two values are the session index and the time.
    let mut values = values.into_iter().skip(2);
    while let Some(key) = values.next() {
        let key: String = parse(key)?;
        // After the time of the next message. Negative if three counts follow.
        let count: i64 = parse(values.nth(1).unwrap_or(Value::Nil))?;
        let count = if count < 0 {
            values.by_ref().take(3).for_each(drop);
            -1 - count
        } else {
            count
        };
        let count = usize::try_from(count).unwrap_or_default();
        let of_context: RedisResult<_> = values.by_ref().take(count).map(parse).collect();
        if let Some(at) = contexts.iter().position(|context| *context == key) {
            members[at] = of_context?;
        }
    }
    Ok(members)
}

fn parse<T: FromRedisValue>(value: Value) -> RedisResult<T> {
    Ok(from_redis_value(value)?)
}
