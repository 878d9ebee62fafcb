//! One mail.

/// One mail, as a [`Mailer`](super::Mailer) sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Letter {
    /// The address of the recipient.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The left part of `Message-ID`: the same for each attempt of one delivery, so that a mail server can
    /// recognise a repeat.
    pub id: String,
}
