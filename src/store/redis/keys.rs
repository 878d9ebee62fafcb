//! How the keys beside the contexts are spelled.

use crate::SessionId;
use crate::context::encode;

/// Spells the key of a session's book, `app!session:{session}`: in the same slot as its contexts, and
/// under no prefix that an application can spell.
pub(super) fn book(app: &str, session: &SessionId) -> String {
    format!("{}!session:{{{}}}", encode(app), encode(session.as_str()))
}

/// Spells the pattern of all contexts of an application. No part of a name is special in it: names are
/// encoded.
pub(super) fn contexts(app: &str) -> String {
    contexts_begin(app) + "*"
}

/// Spells what all contexts of an application begin with.
pub(super) fn contexts_begin(app: &str) -> String {
    format!("{}:{{", encode(app))
}

/// Spells the channel that connections which listen are subscribed to; nothing is said on it.
pub(super) fn beat(app: &str) -> String {
    format!("{}!beat", encode(app))
}

/// Spells a book and a context that nobody has, for trying commands on.
pub(super) fn nobodys(app: &str) -> Vec<String> {
    let app = encode(app);
    vec![
        format!("{app}!check:{{check}}"),
        format!("{app}:{{check}}:!check"),
    ]
}
