//! Making room when space runs short.

use std::time::Duration;

use crate::Error;
use crate::handle::salver::Salver;
use crate::store::SweepProgress;

/// How long one step may take: contexts may be long, and nobody waits for it.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);

impl Salver {
    /// Drops the messages of this application that are older than this, shown or not: when space runs short.
    ///
    /// In many bounded steps, so that nobody else waits; tells after each what has been done so far, all
    /// together. Works on a Redis that is out of memory. Messages that nobody asks for expire by themselves:
    /// this is for the day on which that is not soon enough.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// # let salver = salver::Salver::memory("shop")?;
    /// let swept = salver
    ///     .sweep(Duration::from_secs(600), |so_far| println!("{} dropped", so_far.removed))
    ///     .await?;
    /// assert_eq!(swept.removed, 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). What was dropped until then is dropped; repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// Dropped halfway, it stops after the step under way.
    pub async fn sweep(
        &self,
        older_than: Duration,
        mut progress: impl FnMut(&SweepProgress) + Send,
    ) -> Result<SweepProgress, Error> {
        let mut total = SweepProgress::default();
        loop {
            let from = total.cursor.take();
            let step = self.store.sweep(self.app(), older_than, from.as_deref());
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
