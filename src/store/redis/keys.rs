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
    SessionIndex(&'a str, &'a SessionId),
}

impl<'a> Key<'a> {
    pub(crate) fn context(context: &'a Context) -> Self {
        Self::Context(context.app(), context.session(), context.view())
    }

    /// The book of the session that a context is of.
    pub(crate) fn session_index(context: &'a Context) -> Self {
        Self::SessionIndex(context.app(), context.session())
    }

    fn write_key(self, put: impl FnMut(&str)) {
        match self {
            Self::Context(app, session, view) => context::write_key(app, session, view, put),
            Self::SessionIndex(app, session) => write_session_index_key(app, session, put),
        }
    }
}

/// Writes the key of a session index, `app!session:{session}`, piece by piece.
fn write_session_index_key(app: &str, session: &SessionId, mut put: impl FnMut(&str)) {
    encode_into(app, &mut put);
    put("!session:{");
    encode_into(session.as_str(), &mut put);
    put("}");
}

impl ToRedisArgs for Key<'_> {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, out: &mut W) {
        let mut writer = out.writer_for_next_arg();
        self.write_key(|part| {
            // Into memory: it takes all.
            let _ = writer.write_all(part.as_bytes());
        });
    }
}

impl ToSingleRedisArg for Key<'_> {}

/// Spells the pattern of all contexts of an application. No part of a name is special in it: names are
/// encoded.
pub(crate) fn contexts_pattern(app: &str) -> String {
    contexts_prefix(app) + "*"
}

/// Spells what all contexts of an application begin with.
pub(crate) fn contexts_prefix(app: &str) -> String {
    format!("{}:{{", encode(app))
}

/// Spells the channel that connections which listen are subscribed to; nothing is said on it.
pub(crate) fn heartbeat_channel(app: &str) -> String {
    format!("{}!beat", encode(app))
}

/// Spells a book and a context that nobody has, for trying commands on.
pub(crate) fn probe_keys(app: &str) -> Vec<String> {
    let app = encode(app);
    vec![
        format!("{app}!check:{{check}}"),
        format!("{app}:{{check}}:!check"),
    ]
}
