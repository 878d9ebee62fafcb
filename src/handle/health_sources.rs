//! What the layers above the handle check for its health.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

use crate::store::Issue;
use crate::{Error, Salver};

/// A check of a layer above.
pub(crate) trait HealthSource: Send + Sync {
    /// Returns the issues that it finds.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn issues<'a>(&'a self, salver: &'a Salver) -> BoxFuture<'a, Result<Vec<Issue>, Error>>;
}

/// The checks, one of each type.
#[derive(Default)]
pub(super) struct HealthSources(Mutex<HashMap<TypeId, Arc<dyn HealthSource>>>);

impl HealthSources {
    fn lock(&self) -> MutexGuard<'_, HashMap<TypeId, Arc<dyn HealthSource>>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Salver {
    /// Adds a check to [`health`](Self::health), once.
    pub(crate) fn add_health_source<T: HealthSource + Any + Default>(&self) {
        let sources = self.extension::<HealthSources>();
        let mut sources = sources.lock();
        let source = sources.entry(TypeId::of::<T>());
        source.or_insert_with(|| Arc::new(T::default()));
    }

    /// Returns the issues that the layers above find, while the store replies.
    pub(super) async fn issues_of_sources(&self) -> Vec<Issue> {
        let sources = self.extension::<HealthSources>();
        let sources: Vec<_> = sources.lock().values().cloned().collect();
        let mut issues = Vec::new();
        for source in sources {
            issues.extend(source.issues(self).await.unwrap_or_default());
        }
        issues
    }
}
