//! How keys are spelled, into requests.

use std::io::Write;

use ::redis::{RedisWrite, ToRedisArgs, ToSingleRedisArg};

use crate::context;
use crate::context::{encode, encode_into};
use crate::{Context, SessionId, View};

/// A key on its way into a request, which it spells itself into.
#[derive(Clone, Copy)]
pub(crate) enum Key<'a> {
    /// The context of a view.
    Context(&'a str, &'a SessionId, &'a View),
    /// The session book, `app!session:{session}`: in the same slot as its contexts, and under no prefix that
    /// an application can spell.
    Book(&'a str, &'a SessionId),
}

impl<'a> Key<'a> {
    pub(crate) fn of(context: &'a Context) -> Self {
        Self::Context(context.app(), context.session(), context.view())
    }

    /// The book of the session that a context is of.
    pub(crate) fn book_of(context: &'a Context) -> Self {
        Self::Book(context.app(), context.session())
    }

    fn spell(self, put: impl FnMut(&str)) {
        match self {
            Self::Context(app, session, view) => context::write_key(app, session, view, put),
            Self::Book(app, session) => spell_book(app, session, put),
        }
    }
}

/// Writes the key of a session index, `app!session:{session}`, piece by piece.
fn spell_book(app: &str, session: &SessionId, mut put: impl FnMut(&str)) {
    encode_into(app, &mut put);
    put("!session:{");
    encode_into(session.as_str(), &mut put);
    put("}");
}

impl ToRedisArgs for Key<'_> {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, out: &mut W) {
        let mut writer = out.writer_for_next_arg();
        self.spell(|part| {
            // Into memory: it takes all.
            let _ = writer.write_all(part.as_bytes());
        });
    }
}

impl ToSingleRedisArg for Key<'_> {}

/// Spells the pattern of all contexts of an application. No part of a name is special in it: names are
/// encoded.
pub(crate) fn contexts(app: &str) -> String {
    contexts_begin(app) + "*"
}

/// Spells what all contexts of an application begin with.
pub(crate) fn contexts_begin(app: &str) -> String {
    format!("{}:{{", encode(app))
}

/// Spells the channel that connections which listen are subscribed to; nothing is said on it.
pub(crate) fn beat(app: &str) -> String {
    format!("{}!beat", encode(app))
}

/// Spells a book and a context that nobody has, for trying commands on.
pub(crate) fn nobodys(app: &str) -> Vec<String> {
    let app = encode(app);
    vec![
        format!("{app}!check:{{check}}"),
        format!("{app}:{{check}}:!check"),
    ]
}
