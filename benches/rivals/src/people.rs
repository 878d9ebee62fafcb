//! Visitors by number, each with the addresses and a message of its own.

use redis::Cmd;
use salver::{Context, Message, Salver, SessionId, View, wire};

use crate::scripts::{Look, Scripts};
use crate::{Outcome, TEXT};

const APP: &str = "people";

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
        // As long as an id that is derived from a visitor's token.
        let session = format!("{number:022}");
        let context = Context::new(APP, SessionId::new(session.as_str())?, View::new("page")?)?;
        Ok(Self {
            book: format!("{APP}!session:{{{session}}}"),
            keys: context.looked_into().iter().map(Context::key).collect(),
            member: wire::encode(&Message::success(TEXT))?,
            context,
        })
    }

    /// The key of the context itself.
    pub fn key(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    pub fn member(&self) -> &[u8] {
        &self.member
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

/// Gives the handle for the site whose visitors they are.
///
/// # Errors
///
/// A URL that is none.
pub fn salver(url: &str) -> Outcome<Salver> {
    Ok(Salver::redis(APP, url)?)
}
