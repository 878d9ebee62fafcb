//! One value of each type: the state of a higher layer, kept by a lower one that does not know it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One value of each type. The first request creates it. Its owner shares it with its clones.
#[derive(Default)]
pub(crate) struct Extensions(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Extensions {
    pub(crate) fn get<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::<T>::default());
        // The key is the type of the value, so the type always matches.
        Arc::clone(value).downcast().unwrap_or_default()
    }
}
