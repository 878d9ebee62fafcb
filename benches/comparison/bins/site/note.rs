//! A message as the modes write it that talk to Redis by hand: in Salver's own format.

use comparison::TEXT;
use salver::{Message, wire};

/// What an add by hand lets a context live at least.
pub(crate) const LIFE_MS: u64 = 3_600_000;

pub(crate) fn encoded() -> actix_web::Result<Vec<u8>> {
    Ok(wire::encode(&Message::success(TEXT))?)
}

/// Reads the texts of members; one that cannot be read is left out.
pub(crate) fn texts<'a>(
    members: impl IntoIterator<Item = &'a Vec<u8>>,
) -> impl Iterator<Item = String> {
    let read = |member: &Vec<u8>| wire::decode(member).ok();
    let read = members.into_iter().filter_map(read);
    read.map(|message| message.text().to_owned())
}
