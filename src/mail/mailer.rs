//! How mails are sent.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::mail::letter::Letter;

/// Sends the mails of a worker.
///
/// Cheap to clone; clones share what was sent.
#[derive(Clone)]
pub struct Mailer {
    sent: Arc<Mutex<Vec<Letter>>>,
}

impl Mailer {
    /// Creates a mailer that keeps its mails in memory, for tests.
    ///
    /// ```
    /// use salver::mail::Mailer;
    /// use salver::{Message, Notification, Recipient, Salver};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// let (salver, mailer) = (Salver::memory("shop")?, Mailer::memory());
    /// let note = Notification::new("order.sent", Message::info("Your order is on its way."));
    /// salver.notify([Recipient::email("ada@example.com")?], note).await?;
    /// salver.worker().mail(mailer.clone()).drain().await?;
    /// assert_eq!(mailer.sent()[0].subject, "Your order is on its way.");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn memory() -> Self {
        Self {
            sent: Arc::default(),
        }
    }

    /// Returns the mails that were sent, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Letter> {
        self.lock().clone()
    }

    pub(super) fn send(&self, letter: Letter) {
        self.lock().push(letter);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Letter>> {
        // A panic cannot leave the list half changed, so a poisoned lock is safe to use.
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").finish_non_exhaustive()
    }
}
