//! Messages as JSON that may stand in HTML.

use crate::Message;

/// Writes messages as JSON in which no character means anything in HTML, so that it may stand in a script
/// element: there `</script>` and `<!--` count even within a string.
///
/// What is escaped can stand in strings alone, where `\u003c` is `<`. U+2028 and U+2029 end lines of older
/// JavaScript.
pub(crate) fn json(messages: &[Message]) -> String {
    // Words and numbers: there is nothing that could not be written.
    let json = serde_json::to_string(messages).unwrap_or_default();
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\'' => out.push_str("\\u0027"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}
