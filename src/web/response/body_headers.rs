//! Headers that are wrong once something is inserted into a body.

use actix_web::dev::ResponseHead;

/// Headers that describe the body before something is inserted: its length and its digests (RFC
/// 9530, RFC 3230, RFC 1864), and that ranges of it can be requested.
const BODY_HEADERS: [&str; 6] = [
    "content-length",
    "content-digest",
    "repr-digest",
    "digest",
    "content-md5",
    "accept-ranges",
];

/// Removes the headers that describe the body before something was inserted.
pub(super) fn remove_body_headers(head: &mut ResponseHead) {
    // One pass: responses have few headers, and each removal by name would hash the name.
    head.headers_mut()
        .retain(|name, _| !BODY_HEADERS.contains(&name.as_str()));
    // Without its length, a streamed body ends by its last chunk.
    head.no_chunking(false);
}
