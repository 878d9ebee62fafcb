//! What is asked of a server.

use ::redis::{Arg, Cmd, ToRedisArgs, cmd};

/// What a request may change, which says what may be done when its reply is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idempotency {
    /// Nothing.
    ReadOnly,
    /// Something, and doing it twice is the same as once.
    Idempotent,
    /// Something that must not be asked for twice.
    NonIdempotent,
}

/// A script: known to a server by its hash, or sent whole.
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

/// Which argument of the command is the first key: after the command's word, the script and how many keys.
const FIRST_KEY: usize = 3;
/// Room for the arguments and the bytes of most requests, so that putting one together does not allocate again.
const ARGS_CAPACITY: usize = 16;
const BYTES_CAPACITY: usize = 512;

/// One request: a script with its keys, all of one slot, and its arguments. Its reply is a list whose first
/// part names the first key, so that no reply is ever taken for another's.
#[derive(Clone)]
pub(crate) struct Request {
    script: &'static Script,
    pub(crate) idempotency: Idempotency,
    command: Cmd,
}

impl Request {
    /// Begins a request with so many keys, which come next, and before the arguments.
    pub(crate) fn new(script: &'static Script, idempotency: Idempotency, keys: usize) -> Self {
        let mut command = Cmd::with_capacity(ARGS_CAPACITY, BYTES_CAPACITY);
        command.arg("EVALSHA").arg(&script.hash).arg(keys);
        Self {
            script,
            idempotency,
            command,
        }
    }

    /// Appends a key or an argument, or several.
    pub(crate) fn arg(&mut self, arg: impl ToRedisArgs) -> &mut Self {
        self.command.arg(arg);
        self
    }

    /// Tells whether it may change something.
    pub(crate) fn is_write(&self) -> bool {
        self.idempotency != Idempotency::ReadOnly
    }

    /// Gives a key, counted from 0.
    pub(crate) fn key(&self, epoch: usize) -> Option<&[u8]> {
        match self.command.args_iter().nth(FIRST_KEY + epoch)? {
            Arg::Simple(key) => Some(key),
            _ => None,
        }
    }

    pub(crate) fn evalsha(&self) -> &Cmd {
        &self.command
    }

    /// For a server that does not know the script. It does from then on.
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
