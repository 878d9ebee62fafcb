//! Encoding of keys into requests.

use std::io::Write;

use ::redis::{RedisWrite, ToRedisArgs, ToSingleRedisArg};

use crate::context;
use crate::context::{encode, encode_into};
use crate::{Context, SessionId, View};

/// A key that encodes itself into a request.
#[derive(Clone, Copy)]
pub(crate) enum Key<'a> {
    /// The context of a view.
    Context(&'a str, &'a SessionId, &'a View),
    /// The session index, `app!session:{session}`. It is in the same hash slot as its contexts,
    /// under a prefix that no application name can produce.
    SessionIndex(&'a str, &'a SessionId),
    /// What a migration between hash slots has copied to a session from an old one, `app!copied:{session}:old`.
    #[cfg(feature = "cluster")]
    Copied(&'a str, &'a SessionId, &'a SessionId),
    /// What was confirmed in an old session after it was copied, `app!confirmed:{session}`.
    #[cfg(feature = "cluster")]
    Confirmed(&'a str, &'a SessionId),
}

impl<'a> Key<'a> {
    pub(crate) fn context(context: &'a Context) -> Self {
        Self::Context(context.app(), context.session(), context.view())
    }

    /// Returns the session index of the context's session.
    pub(crate) fn session_index(context: &'a Context) -> Self {
        Self::SessionIndex(context.app(), context.session())
    }

    fn write_key(self, put: impl FnMut(&str)) {
        match self {
            Self::Context(app, session, view) => context::write_key(app, session, view, put),
            Self::SessionIndex(app, session) => write_session_index_key(app, session, put),
            #[cfg(feature = "cluster")]
            Self::Copied(app, session, old) => write_copied_key(app, session, old, put),
            #[cfg(feature = "cluster")]
            Self::Confirmed(app, session) => write_session_key(app, "!confirmed:{", session, put),
        }
    }
}

/// Writes the key of a session index, `app!session:{session}`, piece by piece.
fn write_session_index_key(app: &str, session: &SessionId, put: impl FnMut(&str)) {
    write_session_key(app, "!session:{", session, put);
}

#[cfg(feature = "cluster")]
fn write_copied_key(app: &str, session: &SessionId, old: &SessionId, mut put: impl FnMut(&str)) {
    write_session_key(app, "!copied:{", session, &mut put);
    put(":");
    encode_into(old.as_str(), put);
}

fn write_session_key(app: &str, name: &str, session: &SessionId, mut put: impl FnMut(&str)) {
    encode_into(app, &mut put);
    put(name);
    encode_into(session.as_str(), &mut put);
    put("}");
}

impl ToRedisArgs for Key<'_> {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, out: &mut W) {
        let mut writer = out.writer_for_next_arg();
        self.write_key(|part| {
            // The writer is in memory, so the write cannot fail.
            let _ = writer.write_all(part.as_bytes());
        });
    }
}

impl ToSingleRedisArg for Key<'_> {}

/// Returns the pattern of the keys of all contexts of an application. The encoding of the name
/// leaves no special characters of patterns.
pub(crate) fn contexts_pattern(app: &str) -> String {
    contexts_prefix(app) + "*"
}

/// Returns the common prefix of the session indexes of an application.
#[cfg(all(feature = "inbox", feature = "live"))]
pub(crate) fn sessions_prefix(app: &str) -> String {
    format!("{}!session:{{", encode(app))
}

/// Returns the key of a session index.
#[cfg(all(feature = "inbox", feature = "live"))]
pub(crate) fn session_index_key(app: &str, session: &SessionId) -> String {
    let mut key = String::new();
    write_session_index_key(app, session, |part| key.push_str(part));
    key
}

/// Returns the common prefix of the keys of all contexts of an application.
pub(crate) fn contexts_prefix(app: &str) -> String {
    format!("{}:{{", encode(app))
}

/// Returns the channel that tracking connections subscribe to, so that the server limits what it
/// buffers for them. Nothing is published on it.
pub(crate) fn buffer_limit_channel(app: &str) -> String {
    format!("{}!beat", encode(app))
}

/// Returns the keys of a session index and a context that do not exist, to test permissions on
/// them.
pub(crate) fn probe_keys(app: &str) -> Vec<String> {
    let app = encode(app);
    vec![
        format!("{app}!check:{{check}}"),
        format!("{app}:{{check}}:!check"),
    ]
}
