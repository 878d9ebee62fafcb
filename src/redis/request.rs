//! What is asked of a server.

use ::redis::{Arg, Cmd, Script, ToRedisArgs, cmd};

/// What a request may change, which says what may be done when its reply is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Reads,
    /// Something, and doing it twice is the same as once.
    Writes,
    /// Something that must not be asked for twice.
    WritesOnce,
}

/// A script: known to a server by its hash, or sent whole.
pub(crate) struct Lua {
    source: &'static str,
    hash: String,
}

impl Lua {
    pub(crate) fn new(source: &'static str) -> Self {
        let hash = Script::new(source).get_hash().to_owned();
        Self { source, hash }
    }
}

/// Which argument of the command is the first key: after the command's word, the script and how many keys.
const FIRST_KEY: usize = 3;
/// Room for the arguments and the bytes of most requests, so that putting one together does not allocate again.
const ARGUMENTS: usize = 16;
const BYTES: usize = 512;

/// One request: a script with its keys, all of one slot, and its arguments. Its reply is a list whose first
/// part names the first key, so that no reply is ever taken for another's.
#[derive(Clone)]
pub(crate) struct Ask {
    script: &'static Lua,
    pub(crate) effect: Effect,
    command: Cmd,
}

impl Ask {
    /// Begins a request with so many keys, which come next, and before the arguments.
    pub(crate) fn new(script: &'static Lua, effect: Effect, keys: usize) -> Self {
        let mut command = Cmd::with_capacity(ARGUMENTS, BYTES);
        command.arg("EVALSHA").arg(&script.hash).arg(keys);
        Self {
            script,
            effect,
            command,
        }
    }

    /// Appends a key or an argument, or several.
    pub(crate) fn arg(&mut self, arg: impl ToRedisArgs) -> &mut Self {
        self.command.arg(arg);
        self
    }

    /// Tells whether it may change something.
    pub(crate) fn changes(&self) -> bool {
        self.effect != Effect::Reads
    }

    /// Gives a key, counted from 0.
    pub(crate) fn key(&self, number: usize) -> Option<&[u8]> {
        match self.command.args_iter().nth(FIRST_KEY + number)? {
            Arg::Simple(key) => Some(key),
            _ => None,
        }
    }

    pub(crate) fn by_hash(&self) -> &Cmd {
        &self.command
    }

    /// For a server that does not know the script. It does from then on.
    pub(crate) fn whole(&self) -> Cmd {
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
