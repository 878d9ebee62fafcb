//! What a token may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// What a [`Token`](super::Token) may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Right {
    /// Publish events.
    Publish,
    /// Register, list and change endpoints, and read their secrets once.
    Endpoints,
    /// List deliveries, with their recipients, and retry or cancel them.
    Deliveries,
    /// Add notifications for any recipient, and messages for any session.
    Notify,
}

impl Right {
    /// All rights.
    pub(in crate::broker) const ALL: [Self; 4] = [
        Self::Publish,
        Self::Endpoints,
        Self::Deliveries,
        Self::Notify,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Endpoints => "endpoints",
            Self::Deliveries => "deliveries",
            Self::Notify => "notify",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Right {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|right| right.name() == name);
        found.ok_or_else(|| {
            Error::invalid("right", "is none of publish, endpoints, deliveries, notify")
        })
    }
}
