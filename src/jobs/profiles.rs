//! The profiles of recipients, asked from the site for many at once.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::Recipient;
use crate::jobs::profile::Profile;
use crate::jobs::worker::Worker;

/// Most recipients of one call. Bounds the size of the site's query.
const MAX_BATCH: usize = 500;
/// How long a question waits for others. A mail takes longer.
const BATCH_DELAY: Duration = Duration::from_millis(5);
/// The error of a recipient for whom the closure of the site panics.
const PANICKED: &str = "the closure of `Worker::profiles` has panicked";

type Load =
    dyn Fn(Vec<Recipient>) -> BoxFuture<'static, Result<Vec<Profile>, String>> + Send + Sync;
type Answer = Result<Option<Profile>, String>;
type Question = (Recipient, oneshot::Sender<Answer>);

/// The profiles of a worker.
#[derive(Default)]
pub(crate) struct Profiles {
    load: OnceLock<Box<Load>>,
    /// The questions of the next batch.
    waiting: Mutex<Vec<Question>>,
}

impl Worker {
    /// Sets where the worker finds the addresses of [users](Recipient::user). Without it, only recipients that
    /// are addresses are mailed; mails to users wait for a worker that has it.
    ///
    /// `load` gets up to 500 recipients, and returns the profiles of those that it knows, in any order. With the feature
    /// `events` it is also asked for recipients that are addresses: then it returns the profile of the user who has the
    /// address, if any, so that a person who has subscribed as both is notified once. It may
    /// block: the worker has a thread of its own. If it fails, the mails are attempted again later. If it panics, it
    /// is asked for fewer recipients at once, so that one of them does not stop the mails to others. A second call
    /// has no effect.
    ///
    /// ```
    /// use salver::jobs::Profile;
    /// use salver::mail::Mailer;
    /// use salver::{Error, Recipient, Salver};
    ///
    /// async fn load(who: Vec<Recipient>) -> Result<Vec<Profile>, Error> {
    ///     // One query of the site for all of them.
    ///     let profile = |who: Recipient| Profile::new(who).email("ada@example.com").name("Ada");
    ///     Ok(who.into_iter().map(profile).collect())
    /// }
    /// # fn main() -> Result<(), Error> {
    /// let salver = Salver::builder("shop").site("https://shop.example").secret([7; 32]).build()?;
    /// let worker = salver.worker().mail(Mailer::memory()).profiles(load);
    /// # let _ = worker;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn profiles<F, L, E>(self, load: F) -> Self
    where
        F: Fn(Vec<Recipient>) -> L + Send + Sync + 'static,
        L: Future<Output = Result<Vec<Profile>, E>> + Send + 'static,
        E: fmt::Display,
    {
        let load = move |recipients: Vec<Recipient>| {
            let loading = load(recipients);
            async move { loading.await.map_err(|error| error.to_string()) }.boxed()
        };
        let profiles = self.extensions().get::<Profiles>();
        // A second one is left.
        let _ = profiles.load.set(Box::new(load));
        self
    }
}

impl Profiles {
    pub(crate) fn is_set(&self) -> bool {
        self.load.get().is_some()
    }

    /// Returns the profile of a recipient; `None` if the site knows none. Asks for those of all questions of
    /// 5 ms at once.
    ///
    /// # Errors
    ///
    /// The error of the site.
    pub(crate) async fn get(self: &Arc<Self>, recipient: &Recipient) -> Answer {
        let (sender, answer) = oneshot::channel();
        let is_first = {
            let mut waiting = self.lock();
            waiting.push((recipient.clone(), sender));
            waiting.len() == 1
        };
        // Not a part of this future, which may be dropped, while others wait for the same batch.
        if is_first {
            let profiles = Arc::clone(self);
            tokio::spawn(async move {
                sleep(BATCH_DELAY).await;
                profiles.answer().await;
            });
        }
        // The runtime ends.
        let dropped = || Err("the worker has ended".to_owned());
        answer.await.unwrap_or_else(|_| dropped())
    }

    /// Returns which of some recipients are the same person as another recipient: of an address the user who has it, of a
    /// user the address.
    ///
    /// # Errors
    ///
    /// The error of the site.
    #[cfg(feature = "events")]
    pub(crate) async fn same_people(
        &self,
        recipients: Vec<Recipient>,
    ) -> Result<Vec<(Recipient, Recipient)>, String> {
        let Some(load) = self.load.get() else {
            return Ok(Vec::new());
        };
        let mut same = Vec::new();
        for asked in recipients.chunks(MAX_BATCH) {
            let asking = AssertUnwindSafe(async { load(asked.to_vec()).await });
            let loaded = asking
                .catch_unwind()
                .await
                .map_err(|_| PANICKED.to_owned())?;
            for profile in loaded? {
                let address = profile.email.as_deref();
                let Some(Ok(address)) = address.map(Recipient::email) else {
                    continue;
                };
                let user = profile.recipient;
                if user == address {
                    continue;
                }
                for recipient in asked {
                    if *recipient == user {
                        same.push((user.clone(), address.clone()));
                    } else if *recipient == address {
                        same.push((address.clone(), user.clone()));
                    }
                }
            }
        }
        Ok(same)
    }

    async fn answer(&self) {
        let Some(load) = self.load.get() else { return };
        let mut batches = vec![mem::take(&mut *self.lock())];
        while let Some(mut questions) = batches.pop() {
            let rest = questions.split_off(questions.len().min(MAX_BATCH));
            if !rest.is_empty() {
                batches.push(rest);
            }
            match ask(load, &questions).await {
                // One person may be the cause: the others get their mails.
                Err(Panicked) if questions.len() > 1 => {
                    batches.push(questions.split_off(questions.len() / 2));
                    batches.push(questions);
                }
                loaded => {
                    let loaded = loaded.unwrap_or_else(|Panicked| Err(PANICKED.to_owned()));
                    for (recipient, sender) in questions {
                        let profile = |profiles: &HashMap<_, _>| profiles.get(&recipient).cloned();
                        // The attempt may have ended.
                        let _ = sender.send(loaded.as_ref().map(profile).map_err(Clone::clone));
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Question>> {
        // A panic cannot leave the list half changed, so a poisoned lock is safe to use.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The closure of the site has panicked. The panic hook has reported it.
struct Panicked;

/// Asks the site for the profiles of all questions at once.
async fn ask(
    load: &Load,
    questions: &[Question],
) -> Result<Result<HashMap<Recipient, Profile>, String>, Panicked> {
    let mut recipients: Vec<_> = questions.iter().map(|(who, _)| who.clone()).collect();
    recipients.sort_unstable();
    recipients.dedup();
    let loading = AssertUnwindSafe(async { load(recipients).await });
    let loaded = loading.catch_unwind().await.map_err(|_| Panicked)?;
    let by_recipient = |profile: Profile| (profile.recipient.clone(), profile);
    Ok(loaded.map(|profiles| profiles.into_iter().map(by_recipient).collect()))
}
