//! Counting the stored messages of an application.

use std::time::Duration;

use crate::Error;
use crate::handle::salver::Salver;
use crate::store::StoreStats;

/// Longest duration of one step. Longer than the call timeout, since contexts may be large and no
/// page waits.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);

impl Salver {
    /// Counts the stored messages of this application, and changes nothing.
    ///
    /// Visible, claimed and delayed messages count. It runs in many steps of bounded size, so that
    /// other callers are not delayed, and calls `progress` with the total after each step. Messages
    /// that are added or removed meanwhile may be counted or not.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek), with a timeout of 2 seconds for each step. Also
    /// [`is_misconfigured`](Error::is_misconfigured) for a store that does not implement
    /// [`Store::stats`](crate::store::Store::stats).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// # use salver::{Message, Salver, SessionId};
    /// # let salver = Salver::memory("shop")?;
    /// # let context = salver.context(SessionId::new("ada")?, "orders")?;
    /// # salver.add(&context, Message::info("Your order has left.")).await?;
    /// let stats = salver.stats(|_| ()).await?;
    /// assert_eq!((stats.contexts, stats.messages), (1, 1));
    /// # Ok(()) }
    /// ```
    pub async fn stats(
        &self,
        mut progress: impl FnMut(&StoreStats) + Send,
    ) -> Result<StoreStats, Error> {
        let mut total = StoreStats::default();
        loop {
            let cursor = total.cursor.take();
            let step = self.store.stats(self.app(), cursor.as_deref());
            total.add(self.read_with_timeout("stats", STEP_TIMEOUT, step).await?);
            progress(&total);
            if total.cursor.is_none() {
                return Ok(total);
            }
        }
    }
}
