//! How the keys beside the contexts are spelled.

use crate::SessionId;
use crate::context::encode;

/// Spells the key of a session's book, `app!session:{session}`: in the same slot as its contexts, and
/// under no prefix that an application can spell.
pub(super) fn book(app: &str, session: &SessionId) -> String {
    format!("{}!session:{{{}}}", encode(app), encode(session.as_str()))
}
