//! A step of a fan-out by itself, for tests of its order among those of other processes.

use crate::events::fan_out::matched::active_of;
use crate::events::subscription::Subscription;
use crate::{Error, Recipient, Salver};

impl Salver {
    /// Does what a fan-out does that has found a recipient in the index of a subscription: removes the recipient from it
    /// if the subscription is not active.
    ///
    /// # Errors
    ///
    /// Those of the store.
    #[doc(hidden)]
    pub async fn clean_subscribers(
        &self,
        recipient: &Recipient,
        subscription: &Subscription,
    ) -> Result<(), Error> {
        let patterns = std::slice::from_ref(&subscription.pattern);
        active_of(self, &[(recipient, patterns)], true)
            .await
            .map(drop)
    }
}
