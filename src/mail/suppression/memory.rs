//! Suppressed addresses in the memory of this process.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::mail::suppression::store_trait::{SuppressionKey, SuppressionStore};
use crate::store::StoreFuture;

/// The hashes of suppressed addresses, with their applications.
#[derive(Default)]
pub(super) struct MemorySuppressions(Mutex<HashSet<(String, String)>>);

impl MemorySuppressions {
    fn lock(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        // A panic cannot leave the set half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn owned(key: SuppressionKey<'_>) -> (String, String) {
    (key.app.to_owned(), key.hash.to_owned())
}

impl SuppressionStore for MemorySuppressions {
    fn suppress<'a>(&'a self, key: SuppressionKey<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.lock().insert(owned(key));
            Ok(())
        })
    }

    fn allow<'a>(&'a self, key: SuppressionKey<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.lock().remove(&owned(key));
            Ok(())
        })
    }

    fn is_suppressed<'a>(&'a self, key: SuppressionKey<'a>) -> StoreFuture<'a, bool> {
        Box::pin(async move { Ok(self.lock().contains(&owned(key))) })
    }
}
