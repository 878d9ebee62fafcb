//! Stops after a call to the store, as a crash of the process would: for tests of a store.

use crate::Salver;

impl Salver {
    /// Returns how many calls to the store this handle and its clones have finished.
    ///
    /// Pages and settlements count too. Health checks do not, nor does a call that the circuit
    /// breaker rejects.
    #[must_use]
    pub fn finished_calls(&self) -> u64 {
        self.calls.counter().finished()
    }

    /// Lets `calls` more calls to the store finish. Then nothing that uses this handle continues,
    /// as after a crash of the process.
    ///
    /// `calls`: at least 1. Handles of other applications and of replicated adds, made from this one,
    /// stop too. Calls that are already running when the last one finishes may still reach the store,
    /// as those of a process that crashes may.
    ///
    /// The caller of the last call never receives its reply. A test drops it, and checks through
    /// another handle of the same store what the crash has left.
    ///
    /// # Examples
    ///
    /// ```
    /// use salver::{Message, Salver, SessionId};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// let salver = Salver::memory("shop")?;
    /// let context = salver.context(SessionId::new("ada")?, "orders")?;
    /// salver.stop_after(1);
    /// tokio::select! {
    ///     _ = salver.add(&context, Message::info("Your order has left.")) => unreachable!(),
    ///     () = salver.stopped() => {}
    /// }
    /// assert_eq!(salver.finished_calls(), 1);
    /// # Ok(()) }
    /// ```
    pub fn stop_after(&self, calls: u64) {
        self.calls.counter().stop_after(calls);
    }

    /// Makes each call to the store yield once before it begins, so that a test can poll several futures in any order of
    /// their calls.
    pub fn yield_before_calls(&self) {
        self.calls.counter().yield_before_calls();
    }

    /// Waits until the last call of [`stop_after`](Self::stop_after) has finished. For one waiter.
    /// Cancel safe.
    pub async fn stopped(&self) {
        self.calls.counter().stopped().await;
    }
}
