//! A letter in the format of mails.

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use crate::Error;
use crate::mail::body::{MAX_SUBJECT, one_line};
use crate::mail::letter::Letter;

/// Longest name of a recipient in characters. Names come from the people themselves.
const MAX_NAME: usize = 100;

/// The header of RFC 3834: no person wrote the mail, so mail programs of absent people do not reply.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Encodes a letter. Names and subjects become one line, and are encoded where they are not ASCII, so that
/// they can begin no other header.
///
/// # Errors
///
/// `is_invalid` for an address that is none.
pub(super) fn encode(letter: &Letter, from: &Mailbox) -> Result<Message, Error> {
    let address: Address = letter
        .to
        .parse()
        .map_err(|cause| Error::invalid("email", "is not an e-mail address").with_source(cause))?;
    let name = letter.name.as_deref();
    let name = name.map(|name| header_text(name, MAX_NAME));
    let name = name.filter(|name| !name.is_empty());
    let id = format!("<{}@{}>", letter.id, from.email.domain());
    let body = MultiPart::alternative()
        // The same for each attempt.
        .boundary(format!("salver-{}", letter.id))
        .singlepart(SinglePart::plain(letter.text.clone()))
        .singlepart(SinglePart::html(letter.html.clone()));
    let message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(name, address))
        .subject(header_text(&letter.subject, MAX_SUBJECT))
        .date_now()
        .message_id(Some(id))
        .header(AutoSubmitted)
        .multipart(body);
    message.map_err(|cause| Error::invalid("mail", "cannot be encoded").with_source(cause))
}

/// Returns one line that mail programs show as it is. What looks like an encoded word of RFC 2047 would be
/// decoded by them, so a zero-width space divides its beginning.
fn header_text(text: &str, limit: usize) -> String {
    one_line(text, limit).replace("=?", "=\u{200b}?")
}
