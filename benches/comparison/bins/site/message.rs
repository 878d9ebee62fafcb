//! A message in Salver's wire format, for the modes that send Redis commands themselves.

use comparison::TEXT;
use salver::{Message, wire};

/// TTL of a context after an add, equal to Salver's default.
pub(crate) const TTL_MS: u64 = 3_600_000;

pub(crate) fn encoded() -> actix_web::Result<Vec<u8>> {
    Ok(wire::encode(&Message::success(TEXT))?)
}

/// Decodes members and returns their texts. Undecodable members are skipped.
pub(crate) fn texts<'a>(
    members: impl IntoIterator<Item = &'a Vec<u8>>,
) -> impl Iterator<Item = String> {
    let decode = |member: &Vec<u8>| wire::decode(member).ok();
    let messages = members.into_iter().filter_map(decode);
    messages.map(|message| message.text().to_owned())
}
