//! A request to a Redis server: a script with its keys and arguments.

use ::redis::{Arg, Cmd, ToRedisArgs, cmd};

/// What a request may change. It decides whether the request may be repeated when its reply is
/// lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idempotency {
    /// Changes nothing.
    ReadOnly,
    /// Changes data; running it twice has the same effect as running it once.
    Idempotent,
    /// Changes data and must not run twice.
    NonIdempotent,
}

/// A Lua script, run by its SHA-1 hash, or by its source if the server has not cached it.
pub(crate) struct Script {
    source: &'static str,
    hash: String,
}

impl Script {
    pub(crate) fn new(source: &'static str) -> Self {
        let hash = ::redis::Script::new(source).get_hash().to_owned();
        Self { source, hash }
    }
}

/// Index of the first key among the arguments of the command: after the command name, the script
/// and the number of keys.
const FIRST_KEY: usize = 3;
/// Initial capacity in arguments: most requests are built without a second allocation.
const ARGS_CAPACITY: usize = 16;
/// Initial capacity in bytes, for the same reason.
const BYTES_CAPACITY: usize = 512;

/// One request: a script with its keys, all in one hash slot, and its arguments. Its reply is an
/// array whose first element is the first key, so that a reply is never attributed to another
/// request.
#[derive(Clone)]
pub(crate) struct Request {
    script: &'static Script,
    pub(crate) idempotency: Idempotency,
    command: Cmd,
}

impl Request {
    /// Creates a request with `keys` keys. The keys are appended first, then the arguments.
    pub(crate) fn new(script: &'static Script, idempotency: Idempotency, keys: usize) -> Self {
        let mut command = Cmd::with_capacity(ARGS_CAPACITY, BYTES_CAPACITY);
        command.arg("EVALSHA").arg(&script.hash).arg(keys);
        Self {
            script,
            idempotency,
            command,
        }
    }

    /// Appends one or more keys or arguments.
    pub(crate) fn arg(&mut self, arg: impl ToRedisArgs) -> &mut Self {
        self.command.arg(arg);
        self
    }

    /// Returns whether the request may change data.
    pub(crate) fn is_write(&self) -> bool {
        self.idempotency != Idempotency::ReadOnly
    }

    /// Returns the key with this index, counted from 0.
    pub(crate) fn key(&self, index: usize) -> Option<&[u8]> {
        match self.command.args_iter().nth(FIRST_KEY + index)? {
            Arg::Simple(key) => Some(key),
            _ => None,
        }
    }

    /// Returns the command that runs the script by its hash.
    pub(crate) fn evalsha(&self) -> &Cmd {
        &self.command
    }

    /// Returns the command that sends the script's source. The server caches the script from then
    /// on.
    pub(crate) fn eval(&self) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(self.script.source);
        for arg in self.command.args_iter().skip(FIRST_KEY - 1) {
            if let Arg::Simple(arg) = arg {
                command.arg(arg);
            }
        }
        command
    }
}
