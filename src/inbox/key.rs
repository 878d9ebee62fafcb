//! What identifies an inbox.

use crate::Recipient;

/// The inbox of one recipient of one application.
#[derive(Clone, Copy)]
pub(crate) struct InboxKey<'a> {
    pub(crate) app: &'a str,
    pub(crate) recipient: &'a Recipient,
}
