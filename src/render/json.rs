//! Messages as JSON that is safe inside HTML.

use crate::Message;

/// Returns messages as JSON without characters that are special in HTML, for use in a script
/// element. There `</script>` and `<!--` have an effect even within a string.
///
/// The escaped characters occur only in JSON strings, where `\u003c` means `<`. U+2028 and U+2029
/// are line terminators in older versions of JavaScript.
pub(crate) fn json(messages: &[Message]) -> String {
    // Messages consist of JSON values, so serialising them cannot fail.
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
