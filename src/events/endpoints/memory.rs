//! Endpoints in the memory of this process. Each operation does what the script of the same name does in Redis.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Error;
use crate::events::endpoints::limits::MAX_ENDPOINTS;
use crate::events::endpoints::store_trait::{Change, Changed, EndpointStore, Listing};
use crate::store::StoreFuture;

/// The endpoints of a memory store, by application.
#[derive(Default)]
pub(super) struct MemoryEndpoints(Mutex<HashMap<Box<str>, Endpoints>>);

#[derive(Default)]
struct Endpoints {
    version: String,
    by_id: BTreeMap<String, String>,
}

impl MemoryEndpoints {
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Endpoints>> {
        // A panic cannot leave the maps half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EndpointStore for MemoryEndpoints {
    fn endpoints<'a>(&'a self, app: &'a str, known: &'a str) -> StoreFuture<'a, Listing> {
        Box::pin(async move {
            let all = self.lock();
            let Some(Endpoints { version, by_id }) = all.get(app) else {
                return Ok(Listing::Unchanged);
            };
            if version == known {
                return Ok(Listing::Unchanged);
            }
            let endpoints = by_id.iter().map(|(id, json)| (id.clone(), json.clone()));
            Ok(Listing::Changed {
                version: version.clone(),
                endpoints: endpoints.collect(),
            })
        })
    }

    fn change_endpoint<'a>(&'a self, app: &'a str, change: Change<'a>) -> StoreFuture<'a, Changed> {
        Box::pin(async move {
            let mut all = self.lock();
            let Endpoints { version, by_id } = all.entry(app.into()).or_default();
            let current = by_id.get(change.id).map(String::as_str);
            if current == change.after {
                return Ok(Changed::Written);
            }
            if current != change.before {
                return Ok(Changed::Differs);
            }
            if current.is_none() && by_id.len() >= MAX_ENDPOINTS {
                return Err(Error::full("the application has too many endpoints"));
            }
            match change.after {
                Some(json) => by_id.insert(change.id.to_owned(), json.to_owned()),
                None => by_id.remove(change.id),
            };
            change.version.clone_into(version);
            Ok(Changed::Written)
        })
    }
}
