//! JSON in the canonical form of RFC 8785, which all languages write with the same bytes.

use serde::Serialize;
use serde_json::{Number, Value};

use crate::Error;

/// Greatest integer that every language reads exactly: 2^53 - 1, that of a double.
const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;

/// Writes a part of an event.
///
/// # Errors
///
/// `is_invalid` for what is not JSON, and for an integer that is not exact as a double.
pub(in crate::events) fn to_canonical(part: &impl Serialize) -> Result<Vec<u8>, Error> {
    let unreadable = |cause: serde_json::Error| {
        Error::invalid("event", "cannot be written as JSON").with_source(cause)
    };
    let value = serde_json::to_value(part).map_err(unreadable)?;
    if !is_exact(&value) {
        return Err(Error::invalid(
            "event",
            "has an integer beyond 2^53 - 1, which not every language reads exactly: write it as text",
        ));
    }
    let written = match is_written_alike(&value) {
        true => serde_json::to_vec(&value),
        false => serde_json_canonicalizer::to_vec(&value),
    };
    written.map_err(unreadable)
}

/// Returns whether `serde_json`, which is several times faster, writes the canonical form too. It writes fractions in another
/// way, and names of fields in the order of the map: that of their UTF-8, or of their insertion.
fn is_written_alike(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::Array(items) => items.iter().all(is_written_alike),
        Value::Object(fields) => {
            // Below U+E000 the orders of UTF-8 and UTF-16 are the same.
            let is_low = |name: &str| name.bytes().all(|byte| byte < 0xee);
            fields.keys().is_sorted()
                && fields
                    .iter()
                    .all(|(name, value)| is_low(name) && is_written_alike(value))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => is_exact_number(number),
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(fields) => fields.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn is_exact_number(number: &Number) -> bool {
    match (number.as_u64(), number.as_i64()) {
        (Some(positive), _) => positive <= MAX_EXACT_INTEGER,
        (None, Some(negative)) => negative.unsigned_abs() <= MAX_EXACT_INTEGER,
        (None, None) => true,
    }
}

/// Turns integers of a stored event that are not exact into the doubles that they were: the canonical form writes
/// both alike, and only doubles were accepted.
pub(in crate::events) fn restore_doubles(value: &mut Value) {
    match value {
        Value::Number(number) if !is_exact_number(number) => {
            if let Some(double) = number.as_f64().and_then(Number::from_f64) {
                *number = double;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(restore_doubles),
        Value::Object(fields) => fields.values_mut().for_each(restore_doubles),
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn canonical(value: &Value) -> Option<String> {
        String::from_utf8(to_canonical(value).ok()?).ok()
    }

    #[test]
    fn canonical_form_depends_on_value_alone() {
        let value = json!({"b": [1.0, -0.0, 1e21, 1e20], "a": {"\u{ffff}": 1, "\u{1f600}": 2}});
        let expected =
            "{\"a\":{\"\u{1f600}\":2,\"\u{ffff}\":1},\"b\":[1,0,1e+21,100000000000000000000]}";
        assert_eq!(canonical(&value).as_deref(), Some(expected));
    }

    #[test]
    fn both_ways_of_writing_are_the_same() {
        let text = (0..0x300).filter_map(char::from_u32).collect::<String>();
        let values = [
            json!({
                "": MAX_EXACT_INTEGER,
                "a": {"\u{7f}": "\u{2028}\u{1f600}", "\u{d7ff}": text},
                "b": [-7, null, true, {}, []],
            }),
            json!({"a": -0.0}),
            json!({"a": {"\u{e000}": 1}}),
            json!({"\u{1f600}": [1]}),
        ];
        let are_alike = values.map(|value| {
            let alike = serde_json::to_vec(&value).ok();
            let canonical = serde_json_canonicalizer::to_vec(&value).ok();
            (is_written_alike(&value), alike == canonical)
        });
        assert_eq!(are_alike[0], (true, true));
        assert!(are_alike[1..].iter().all(|(is_alike, _)| !is_alike));
    }

    #[test]
    fn stored_double_is_written_again_with_the_same_bytes() {
        for double in [1e17, -1e17, 9_007_199_254_740_992.0, 1.8e19, 0.5, 1e300] {
            let text = canonical(&json!({ "a": [double] })).unwrap_or_default();
            let mut stored: Value = serde_json::from_str(&text).unwrap_or_default();
            restore_doubles(&mut stored);
            assert_eq!(canonical(&stored), Some(text));
        }
    }

    #[test]
    fn integer_that_is_not_exact_is_invalid() {
        for exact in [json!(MAX_EXACT_INTEGER), json!(-9_007_199_254_740_991_i64)] {
            assert_eq!(canonical(&exact), Some(exact.to_string()));
        }
        for other in [json!(1_u64 << 53), json!(-(1_i64 << 53)), json!(u64::MAX)] {
            let error = to_canonical(&json!({"a": [other]})).err();
            assert!(error.is_some_and(|error| error.is_invalid()), "{other}");
        }
    }
}
