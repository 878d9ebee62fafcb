//! The stored form of a subscription.

use serde::{Deserialize, Serialize};

#[cfg(feature = "redis")]
use crate::Error;
use crate::events::pattern::Pattern;
use crate::events::subscription::Subscription;

/// The state of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Active,
    /// It awaits its activation.
    Pending,
}

/// A subscription as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredSubscription {
    // The scripts of Redis read and write these two, which have to come first.
    pub(super) state: State,
    /// When it entered this state, in Unix milliseconds of the store.
    pub(super) at: u64,
    #[serde(flatten)]
    pub(super) fields: Fields,
}

/// What a subscription is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fields {
    #[serde(flatten)]
    pub(super) pattern: Pattern,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
}

impl Fields {
    pub(super) fn of(subscription: &Subscription) -> Self {
        Self {
            pattern: subscription.pattern.clone(),
            description: subscription.description.clone(),
        }
    }

    /// Returns them as JSON.
    ///
    /// # Errors
    ///
    /// `is_invalid` for what is not JSON.
    #[cfg(feature = "redis")]
    pub(super) fn encode(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|cause| {
            Error::invalid("subscription", "cannot be written as JSON").with_source(cause)
        })
    }
}

impl StoredSubscription {
    pub(super) fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Returns it as a caller sees it.
    pub(super) fn into_subscription(self) -> Subscription {
        let mut subscription = Subscription::of(self.fields.pattern);
        subscription.description = self.fields.description;
        subscription
    }
}
