//! What is asked of a server.

use redis::{Cmd, Script, cmd};

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

/// One request: a script with its keys, all of one slot, and its arguments. Its reply is a list whose first
/// part names the first key, so that no reply is ever taken for another's.
pub(crate) struct Ask {
    pub(crate) script: &'static Lua,
    pub(crate) keys: Vec<String>,
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) effect: Effect,
}

impl Ask {
    /// The first key, which the reply has to name.
    pub(super) fn name(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    /// For a server that does not know the script. It does from then on.
    pub(super) fn whole(&self) -> Cmd {
        self.command("EVAL", self.script.source)
    }

    fn command(&self, word: &str, script: &str) -> Cmd {
        let mut command = cmd(word);
        command.arg(script).arg(self.keys.len()).arg(&self.keys);
        for arg in &self.args {
            command.arg(arg.as_slice());
        }
        command
    }
}
