//! The id of a job, derived from what the job does.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Error;
use crate::digest::short_digest;

/// The id of a job. A step that runs twice derives the same id, so that the job exists once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JobId([u8; 16]);

impl JobId {
    /// Derives an id. `name`: the kind of step; `fields`: all that distinguishes it from others.
    pub(crate) fn derive(name: &str, fields: &[&str]) -> Self {
        Self(short_digest(name, fields))
    }

    /// Returns the partition of the job, of so many.
    pub(crate) fn partition(self, partitions: usize) -> usize {
        let [a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d]) as usize % partitions
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for JobId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let id = bytes.and_then(|bytes| bytes.try_into().ok());
        id.map(Self)
            .ok_or_else(|| Error::invalid("id", "is not the id of a job"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_id_is_parsed() {
        let id = JobId::derive("delivery", &["1", "mail"]);
        assert_eq!(id.to_string().len(), 22);
        assert_eq!(id.to_string().parse::<JobId>().ok(), Some(id));
        for text in ["", "a", &"a".repeat(23), "!!!!!!!!!!!!!!!!!!!!!!"] {
            let error = text.parse::<JobId>().err();
            assert!(error.is_some_and(|error| error.is_invalid()), "{text}");
        }
    }

    #[test]
    fn fields_are_kept_apart() {
        assert_ne!(JobId::derive("a", &["bc"]), JobId::derive("a", &["b", "c"]));
        assert_ne!(JobId::derive("a", &["b"]), JobId::derive("ab", &[]));
    }
}
