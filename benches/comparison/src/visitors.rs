//! Visitors by number, each with the addresses and a message of its own.

use std::time::Duration;

use redis::{Cmd, cmd};
use salver::{Context, Message, Salver, SalverBuilder, SessionId, View, wire};

use crate::scripts::{Look, Scripts};
use crate::{Outcome, TEXT};

const APP: &str = "people";
/// Long enough that nothing goes out without its messages because the machine is busy: the rivals wait as long
/// as it takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// One visitor on one page.
#[derive(Clone, Debug)]
pub struct Person {
    pub context: Context,
    book: String,
    keys: Vec<String>,
    member: Vec<u8>,
}

impl Person {
    /// Gives the visitor of a number, with a new message.
    ///
    /// # Errors
    ///
    /// None that a number can cause.
    pub fn nth(number: usize) -> Outcome<Self> {
        let context = context(number)?;
        Ok(Self {
            book: format!("{APP}!session:{{{}}}", name(number)),
            keys: context.read_contexts().iter().map(Context::key).collect(),
            member: wire::encode(&Message::success(TEXT))?,
            context,
        })
    }

    /// The key of the context itself.
    pub fn key(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    /// Adds a member, reads all and removes it again by plain commands: what the server needs for no more than
    /// finding its way to a key.
    #[must_use]
    pub fn by_hand(&self) -> [Cmd; 3] {
        let [mut add, mut read, mut remove] = ["ZADD", "ZRANGE", "ZREM"].map(cmd);
        add.arg(self.key()).arg(0).arg("by hand");
        read.arg(self.key()).arg(0).arg(-1);
        remove.arg(self.key()).arg("by hand");
        [add, read, remove]
    }

    pub fn add(&self, scripts: &Scripts) -> Cmd {
        scripts.add(&self.book, self.key(), &self.member)
    }

    pub fn look(&self, scripts: &Scripts, look: Look) -> Cmd {
        scripts.look(look, &self.book, &self.keys)
    }

    /// Confirms the message, which nobody need have claimed.
    pub fn confirm(&self, scripts: &Scripts) -> Cmd {
        scripts.confirm(&self.book, &self.keys, &[vec![self.member.clone()]])
    }
}

/// Gives the context of a visitor on the page.
///
/// # Errors
///
/// None that a number can cause.
pub fn context(number: usize) -> Outcome<Context> {
    let session = SessionId::new(name(number))?;
    Ok(Context::new(APP, session, View::new("page")?)?)
}

/// Gives the add of a message to a visitor's page by somebody who knows nothing of Salver.
///
/// # Errors
///
/// None that a number can cause.
pub fn add_bare(number: usize, time: u64, member: &[u8]) -> Outcome<Cmd> {
    let mut add = cmd("ZADD");
    add.arg(context(number)?.key()).arg(time).arg(member);
    Ok(add)
}

/// Names a visitor's session: as long as an id that is derived from a token.
#[must_use]
pub fn name(number: usize) -> String {
    format!("{number:022}")
}

/// Gives the handle for the site whose visitors they are.
///
/// # Errors
///
/// A URL that is none.
pub fn salver(url: &str) -> Outcome<Salver> {
    Ok(builder(url).build()?)
}

/// Begins that handle.
#[must_use]
pub fn builder(url: &str) -> SalverBuilder {
    let builder = Salver::builder(APP).redis(url);
    builder.page_timeout(PATIENCE).call_timeout(PATIENCE)
}
