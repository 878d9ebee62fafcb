//! What a row of several notifications says, on the page and in mails. The translator of the site can
//! replace each text by its key.

use crate::Message;
use crate::inbox::results::InboxRow;

/// Returns the text of a message in the language of the reader.
pub(crate) type Translate<'a> = dyn Fn(&Message) -> String + 'a;

/// Returns the sentence of the site for a row of several notifications, which has the key
/// `salver-inbox-group-` and the kind. The default is none: the newest one stands for the row.
pub(crate) fn group(row: &InboxRow, translate: &Translate<'_>) -> Option<String> {
    let key = format!("salver-inbox-group-{}", row.newest.kind());
    let actors = actors(&row.actors, translate).unwrap_or_default();
    let message = Message::info("-").key(key);
    let message = message.arg("count", row.count).arg("actors", actors);
    let text = translate(&message);
    (text != "-").then_some(text)
}

/// Returns the text about the other notifications of a row.
pub(crate) fn more(count: u64, translate: &Translate<'_>) -> String {
    let text = format!("and {count} more");
    translate(
        &Message::info(text)
            .key("salver-inbox-more")
            .arg("count", count),
    )
}

/// Returns the people who caused a row: "by Ada, Bob and 3 others".
pub(crate) fn actors(names: &[String], translate: &Translate<'_>) -> Option<String> {
    let (text, key) = match names {
        [] => return None,
        [one] => (format!("by {one}"), "by-one"),
        [one, two] => (format!("by {one} and {two}"), "by-two"),
        [one, two, third] => (format!("by {one}, {two} and {third}"), "by-three"),
        [one, two, others @ ..] => {
            let count = others.len();
            (format!("by {one}, {two} and {count} others"), "by-many")
        }
    };
    let mut message = Message::info(text).key(format!("salver-inbox-{key}"));
    for (argument, name) in ["first", "second", "third"].iter().zip(names) {
        message = message.arg(*argument, name);
    }
    message = message.arg("others", names.len().saturating_sub(2));
    Some(translate(&message))
}
