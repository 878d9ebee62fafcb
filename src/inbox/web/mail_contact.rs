//! Where a recipient is mailed, as the module above this one finds it.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use crate::{Recipient, Salver};

/// Where and when a recipient is mailed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailContact {
    /// `None` if the site knows none.
    pub(crate) address: Option<String>,
    /// Whether mails to the address are stopped.
    pub(crate) is_suppressed: bool,
    /// The name of the time zone of digests.
    pub(crate) time_zone: String,
}

/// Returns the contact of a recipient, or why it is not known.
pub(crate) type FindMailContact =
    Rc<dyn Fn(Salver, Recipient) -> LocalBoxFuture<'static, Result<MailContact, String>>>;
