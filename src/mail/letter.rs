//! One mail.

use crate::inbox::InboxRow;

/// One mail, as a [`Mailer`](super::Mailer) sends it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Letter {
    /// The left part of `Message-ID`: the same for each attempt of one delivery, so that a mail server can
    /// recognise a repeat.
    pub id: String,
    /// The address of the recipient.
    pub to: String,
    /// The name of the recipient; `None` if it is not known.
    pub name: Option<String>,
    /// The language of the recipient, such as `de`; `None` if it is not known.
    pub locale: Option<String>,
    /// The notifications of the recipient, newest first.
    pub rows: Vec<InboxRow>,
    /// One line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML document.
    pub html: String,
    /// What the recipient has subscribed to and is notified for, such as "edits in German": the descriptions, else the
    /// types. Empty for what came from no event.
    pub subscriptions: Vec<String>,
    /// The link by which the recipient unsubscribes; `None` if all kinds are critical, and in a mail that
    /// activates. It is also in the headers
    /// `List-Unsubscribe`.
    pub unsubscribe_url: Option<String>,
    /// The link that activates the only one of `subscriptions`, which the mail is about; `None` for a mail about
    /// notifications.
    pub activation_url: Option<String>,
}
