//! Removing old messages when the store runs out of memory.

use std::time::Duration;

use crate::Error;
use crate::handle::salver::Salver;
use crate::store::SweepProgress;

/// Longest duration of one step. Longer than the call timeout, since contexts may be large and no
/// page waits.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);

impl Salver {
    /// Removes the messages of this application that are older than `older_than`, by the time in
    /// their ids.
    ///
    /// Visible, claimed and delayed messages are removed. It runs in many steps of bounded size, so
    /// that other callers are not delayed, and calls `progress` with the total after each step. It
    /// works on a Redis server that is out of memory. Unread messages expire by themselves; use a
    /// sweep when that is not soon enough.
    ///
    /// # Errors
    ///
    /// [`is_unavailable`](Error::is_unavailable), [`is_in_doubt`](Error::is_in_doubt) after 2
    /// seconds without a reply to one step, [`is_denied`](Error::is_denied),
    /// [`is_unreadable`](Error::is_unreadable). The messages that were removed before stay removed.
    /// Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it stops after the current step. Repeating is safe.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// # let salver = salver::Salver::memory("shop")?;
    /// let progress = salver
    ///     .sweep(Duration::from_secs(600), |total| println!("{} removed", total.removed))
    ///     .await?;
    /// assert_eq!(progress.removed, 0);
    /// # Ok(()) }
    /// ```
    pub async fn sweep(
        &self,
        older_than: Duration,
        mut progress: impl FnMut(&SweepProgress) + Send,
    ) -> Result<SweepProgress, Error> {
        let mut total = SweepProgress::default();
        loop {
            let cursor = total.cursor.take();
            let step = self.store.sweep(self.app(), older_than, cursor.as_deref());
            let step = self.write_with_timeout("sweep", STEP_TIMEOUT, step).await?;
            total.contexts += step.contexts;
            total.removed += step.removed;
            total.total_keys = total.total_keys.max(step.total_keys);
            total.cursor = step.cursor;
            progress(&total);
            if total.cursor.is_none() {
                return Ok(total);
            }
        }
    }
}
