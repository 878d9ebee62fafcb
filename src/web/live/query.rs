//! The query of a stream: what the open pages of a browser show.

use crate::{Error, View};

/// Maximum length of a client id, in bytes. Stops clients from filling the memory with long ids.
const MAX_CLIENT_ID: usize = 40;
/// Maximum number of views of one stream, more than the tabs that one browser has open. Bounds the
/// cost of a read.
const MAX_VIEWS: usize = 32;

#[derive(Default)]
pub(super) struct StreamQuery {
    pub(super) views: Vec<View>,
    /// The id of the browser, if the browser keeps one stream.
    pub(super) client: Option<String>,
    /// Whether an open page shows who is online.
    #[cfg(feature = "inbox")]
    pub(super) shows_online: bool,
}

impl StreamQuery {
    /// Ignores parameters that it does not know, an id that is too long, and views that are not valid: the
    /// other tabs of the browser share the stream.
    ///
    /// # Errors
    ///
    /// `is_invalid` for too many views.
    pub(super) fn parse(query_string: &str) -> Result<Self, Error> {
        let mut query = Self::default();
        for (name, value) in url::form_urlencoded::parse(query_string.as_bytes()) {
            match &*name {
                "view" if query.views.len() == MAX_VIEWS => {
                    return Err(Error::invalid(
                        "view",
                        format!("occurs over {MAX_VIEWS} times"),
                    ));
                }
                "view" => match View::try_from(value.into_owned()) {
                    Ok(view) => query.views.push(view),
                    Err(error) => tracing::debug!(%error, "view of a stream ignored"),
                },
                "client" if (1..=MAX_CLIENT_ID).contains(&value.len()) => {
                    query.client = Some(value.into_owned());
                }
                #[cfg(feature = "inbox")]
                "online" => query.shows_online = true,
                _ => {}
            }
        }
        query.views.sort();
        query.views.dedup();
        Ok(query)
    }
}
