//! A letter in the format of mails.

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use crate::Error;
use crate::jobs::JobId;
use crate::mail::body::{MAX_SUBJECT, one_line};
use crate::mail::letter::Letter;

/// Longest name of a recipient in characters. Names come from the people themselves.
const MAX_NAME: usize = 100;

/// Defines a header with a value that needs no encoding.
macro_rules! ascii_header {
    ($(#[$doc:meta])* $type:ident, $name:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        struct $type(String);

        impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }

            fn parse(value: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(value.to_owned()))
            }

            fn display(&self) -> HeaderValue {
                // Not folded: mail programs read the whole line.
                HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
            }
        }
    };
}

ascii_header! {
    /// The header of RFC 3834: no person wrote the mail, so mail programs of absent people do not reply.
    AutoSubmitted, "Auto-Submitted"
}
ascii_header! {
    /// The headers of RFC 2369 and RFC 8058: a mail program offers to unsubscribe, by one click.
    ListUnsubscribe, "List-Unsubscribe"
}
ascii_header!(ListUnsubscribePost, "List-Unsubscribe-Post");

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
        .boundary(boundary(letter))
        .singlepart(SinglePart::plain(letter.text.clone()))
        .singlepart(SinglePart::html(letter.html.clone()));
    let mut message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(name, address))
        .subject(header_text(&letter.subject, MAX_SUBJECT))
        .date_now()
        .message_id(Some(id))
        .header(AutoSubmitted("auto-generated".to_owned()));
    if let Some(url) = &letter.unsubscribe_url {
        message = message
            .header(ListUnsubscribe(format!("<{url}>")))
            .header(ListUnsubscribePost("List-Unsubscribe=One-Click".to_owned()));
    }
    let message = message.multipart(body);
    message.map_err(|cause| Error::invalid("mail", "cannot be encoded").with_source(cause))
}

/// Returns the line between the parts: the same for each attempt, and none that a text can contain, since it depends on
/// the whole text. A text with it would add a part.
fn boundary(letter: &Letter) -> String {
    let fields = [&letter.id, &letter.text, &letter.html].map(String::as_str);
    format!("salver-{}", JobId::derive("boundary", &fields))
}

/// Returns one line that mail programs show as it is. What looks like an encoded word of RFC 2047 would be
/// decoded by them, so a zero-width space divides its beginning.
fn header_text(text: &str, limit: usize) -> String {
    one_line(text, limit).replace("=?", "=\u{200b}?")
}
