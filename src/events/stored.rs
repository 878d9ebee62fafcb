//! The stored form of a subscription.

use serde::{Deserialize, Serialize};

#[cfg(feature = "redis")]
use crate::Error;
use crate::Recipient;
use crate::events::pattern::Pattern;
use crate::events::subscription::Subscription;

/// The state of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Active,
    /// It awaits its activation.
    Pending,
    /// It becomes one of another recipient, who may not have it yet. A fan-out notifies that one in place of this one.
    Merging,
    /// It has become one of another recipient. A fan-out that had passed that one by then notifies it here.
    Merged,
}

impl State {
    /// Returns its name in the stored form.
    #[cfg(feature = "redis")]
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Merging => "merging",
            Self::Merged => "merged",
        }
    }
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
    /// The other recipient of a merge, who has it or is about to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) into: Option<Recipient>,
}

impl Fields {
    pub(super) fn of(subscription: &Subscription) -> Self {
        Self {
            pattern: subscription.pattern.clone(),
            description: subscription.description.clone(),
            into: None,
        }
    }

    /// Returns them with the recipient with whom a merge leaves them; `None` for their own.
    pub(super) fn with_into(&self, into: Option<&Recipient>) -> Self {
        Self {
            into: into.cloned(),
            ..self.clone()
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

    /// Returns whether a merge of it has not ended.
    pub(super) fn is_merging(&self) -> bool {
        self.state == State::Merging
    }

    /// Returns whether it was merged.
    pub(super) fn is_merged(&self) -> bool {
        self.state == State::Merged
    }

    /// Returns the recipient who is notified in place of its own.
    pub(super) fn successor(&self) -> Option<&Recipient> {
        match self.state {
            State::Merging | State::Merged => self.fields.into.as_ref(),
            State::Active | State::Pending => None,
        }
    }

    /// Returns it as a caller sees it.
    pub(super) fn into_subscription(self) -> Subscription {
        let mut subscription = Subscription::of(self.fields.pattern);
        subscription.description = self.fields.description;
        subscription
    }
}
