//! Numbered visitors, each with a session, a context and a message.

use std::time::Duration;

use redis::{Cmd, cmd};
use salver::{Context, Message, Salver, SalverBuilder, SessionId, View, wire};

use crate::scripts::{ReadMode, Scripts};
use crate::{Result, TEXT};

const APP: &str = "portal";
/// Timeout of each store call, long enough that no page is sent without its messages because the
/// machine is busy. The compared libraries have no timeout.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// One visitor of one page.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub context: Context,
    session_index: String,
    keys: Vec<String>,
    member: Vec<u8>,
}

impl Visitor {
    /// Returns the visitor with a number, with a new message.
    ///
    /// # Errors
    ///
    /// Never fails: every number is valid.
    pub fn nth(number: usize) -> Result<Self> {
        let context = context(number)?;
        Ok(Self {
            session_index: format!("{APP}!session:{{{}}}", name(number)),
            keys: context
                .contexts_to_read()
                .iter()
                .map(Context::key)
                .collect(),
            member: wire::encode(&Message::success(TEXT))?,
            context,
        })
    }

    /// Returns the key of the context.
    pub fn key(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    /// Returns plain commands that add a member, read all members, and remove the member. They
    /// measure the cost of accessing a key among many, without a script.
    #[must_use]
    pub fn plain_commands(&self) -> [Cmd; 3] {
        let [mut add, mut read, mut remove] = ["ZADD", "ZRANGE", "ZREM"].map(cmd);
        add.arg(self.key()).arg(0).arg("plain");
        read.arg(self.key()).arg(0).arg(-1);
        remove.arg(self.key()).arg("plain");
        [add, read, remove]
    }

    pub fn add(&self, scripts: &Scripts) -> Cmd {
        scripts.add(&self.session_index, self.key(), &self.member)
    }

    pub fn read(&self, scripts: &Scripts, mode: ReadMode) -> Cmd {
        scripts.read(mode, &self.session_index, &self.keys)
    }

    /// Confirms the message, whether or not it is claimed.
    pub fn confirm(&self, scripts: &Scripts) -> Cmd {
        scripts.confirm(
            &self.session_index,
            &self.keys,
            &[vec![self.member.clone()]],
        )
    }
}

/// Returns the context of a visitor on the page.
///
/// # Errors
///
/// Never fails: every number is valid.
pub fn context(number: usize) -> Result<Context> {
    let session = SessionId::new(name(number))?;
    Ok(Context::new(APP, session, View::new("page")?)?)
}

/// Returns a `ZADD` to a visitor's context, as a program without Salver sends it.
///
/// # Errors
///
/// Never fails: every number is valid.
pub fn plain_add(number: usize, time: u64, member: &[u8]) -> Result<Cmd> {
    let mut add = cmd("ZADD");
    add.arg(context(number)?.key()).arg(time).arg(member);
    Ok(add)
}

/// Returns the session id of a visitor, as long as an id that Salver derives from a token.
#[must_use]
pub fn name(number: usize) -> String {
    format!("{number:022}")
}

/// Returns a handle for the app of the visitors.
///
/// # Errors
///
/// The URL is invalid.
pub fn salver(url: &str) -> Result<Salver> {
    Ok(builder(url).build()?)
}

/// Returns a builder for the app of the visitors.
#[must_use]
pub fn builder(url: &str) -> SalverBuilder {
    let builder = Salver::builder(APP).redis(url);
    builder
        .page_timeout(CALL_TIMEOUT)
        .call_timeout(CALL_TIMEOUT)
}
