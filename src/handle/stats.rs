//! What there is of an application.

use std::time::Duration;

use crate::Error;
use crate::handle::salver::Salver;
use crate::store::StoreStats;

/// How long one step may take: contexts may be long, and nobody waits for it.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);

impl Salver {
    /// Counts what there is of this application, shown or not, and changes nothing.
    ///
    /// In many bounded steps, so that nobody else waits; tells after each what has been counted so far, all together.
    /// What comes or goes meanwhile may be counted or not.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// # use salver::{Message, Salver, SessionId};
    /// # let salver = Salver::memory("shop")?;
    /// # let context = salver.context(SessionId::new("ada")?, "orders")?;
    /// # salver.add(&context, Message::info("Your order has left.")).await?;
    /// let all = salver.survey(|_| ()).await?;
    /// assert_eq!((all.contexts, all.messages), (1, 1));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek), and [`is_setup`](Error::is_setup) for a store that does not count.
    pub async fn stats(
        &self,
        mut progress: impl FnMut(&StoreStats) + Send,
    ) -> Result<StoreStats, Error> {
        let mut total = StoreStats::default();
        loop {
            let from = total.cursor.take();
            let step = self.store.stats(self.app(), from.as_deref());
            total.add(self.read_with_timeout("survey", STEP_TIMEOUT, step).await?);
            progress(&total);
            if total.cursor.is_none() {
                return Ok(total);
            }
        }
    }
}
