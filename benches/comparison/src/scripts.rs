//! The scripts of the Redis store as commands written by hand, with the keys and arguments that Salver sends.

use redis::{Cmd, FromRedisValue, RedisResult, Script, Value, cmd, from_redis_value};
use salver::store::ADD_SCRIPT;

const LOOK: &str = include_str!("../../../src/store/redis/scripts/read.lua");
const CONFIRM: &str = include_str!("../../../src/store/redis/scripts/confirm.lua");

const EXPIRY_MS: u64 = 3_600_000;
const MESSAGES: u64 = 100;
const CONTEXTS: u64 = 64;
const LEASE_MS: u64 = 15_000;
const AGE_MS: u64 = 86_400_000;

/// What a look does to what it finds.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    Claim,
    Take,
}

/// The hashes by which a server that has loaded the scripts knows them.
#[derive(Debug)]
pub struct Scripts {
    add: String,
    look: String,
    confirm: String,
}

impl Default for Scripts {
    fn default() -> Self {
        let hash = |source| Script::new(source).get_hash().to_owned();
        Self {
            add: hash(ADD_SCRIPT),
            look: hash(LOOK),
            confirm: hash(CONFIRM),
        }
    }
}

impl Scripts {
    /// Gives what makes a server know the scripts.
    pub fn loads() -> impl Iterator<Item = Cmd> {
        [ADD_SCRIPT, LOOK, CONFIRM].into_iter().map(|source| {
            let mut load = cmd("SCRIPT");
            load.arg("LOAD").arg(source);
            load
        })
    }

    pub fn add(&self, book: &str, context: &str, member: &[u8]) -> Cmd {
        let mut add = cmd("EVALSHA");
        add.arg(&self.add).arg(2).arg(context).arg(book);
        add.arg(EXPIRY_MS).arg(MESSAGES).arg(CONTEXTS).arg("drop");
        add.arg(0).arg(member);
        add
    }

    pub fn look(&self, look: Look, book: &str, contexts: &[String]) -> Cmd {
        let mut command = cmd("EVALSHA");
        command.arg(&self.look).arg(contexts.len() + 1).arg(book);
        command.arg(contexts);
        match look {
            Look::Claim => command.arg("claim").arg(LEASE_MS),
            Look::Take => command.arg("take").arg(0),
        };
        command.arg(AGE_MS);
        command
    }

    /// Confirms what was found in each context; of those where nothing was, no word.
    pub fn confirm(&self, book: &str, contexts: &[String], found: &[Vec<Vec<u8>>]) -> Cmd {
        let held = || {
            let both = contexts.iter().zip(found);
            both.filter(|(_, members)| !members.is_empty())
        };
        let mut confirm = cmd("EVALSHA");
        confirm.arg(&self.confirm).arg(held().count() + 1).arg(book);
        for (context, _) in held() {
            confirm.arg(context);
        }
        for (_, members) in held() {
            confirm.arg(members.len()).arg(members);
        }
        confirm
    }
}

/// Reads the members of each context out of a look's reply; none where nothing was there.
///
/// # Errors
///
/// A reply that is not that of a look.
pub fn found(reply: Value) -> RedisResult<Vec<Vec<Vec<u8>>>> {
    let parts: Vec<Value> = read(reply)?;
    // The book, the time, and the end of the lease stand before the contexts.
    parts.into_iter().skip(3).map(members).collect()
}

fn members(context: Value) -> RedisResult<Vec<Vec<u8>>> {
    let mut parts: Vec<Value> = read(context)?;
    read(parts.pop().unwrap_or(Value::Nil))
}

fn read<T: FromRedisValue>(value: Value) -> RedisResult<T> {
    Ok(from_redis_value(value)?)
}
