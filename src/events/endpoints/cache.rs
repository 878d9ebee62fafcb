//! The endpoints of an application in the memory of a process, and whether they are still current.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;

use crate::events::endpoints::record::EndpointRecord;
use crate::events::endpoints::shared_reads::SharedReads;
use crate::events::endpoints::store;
use crate::events::endpoints::store_trait::Listing;
use crate::{Error, Salver};

/// The endpoints of an application at one time.
#[derive(Default)]
pub(crate) struct Endpoints {
    version: String,
    /// Each with its id, and with its JSON as it is stored.
    pub(crate) by_id: HashMap<String, (EndpointRecord, String)>,
}

/// The last endpoints that this process has read, by application.
#[derive(Default)]
pub(crate) struct EndpointCache(Mutex<HashMap<Box<str>, Arc<Endpoints>>>);

/// The reads of endpoints in progress, by application.
type EndpointReads = SharedReads<Box<str>, Arc<Endpoints>>;

impl EndpointCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Endpoints>>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, app: &str) -> Arc<Endpoints> {
        self.lock().get(app).cloned().unwrap_or_default()
    }
}

/// Returns the endpoints of the application. One round trip, which brings them only if they have changed.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn endpoints(salver: &Salver) -> Result<Arc<Endpoints>, Error> {
    let (store, cache) = (store::of(salver)?, salver.extension::<EndpointCache>());
    let known = cache.get(salver.app());
    let listing = store.endpoints(salver.app(), &known.version);
    let Listing::Changed { version, endpoints } = salver.read("endpoints", listing).await? else {
        return Ok(known);
    };
    let mut by_id = HashMap::new();
    for (id, json) in endpoints {
        // One that a newer version has written is left to it.
        if let Ok(record) = serde_json::from_str(&json) {
            by_id.insert(id, (record, json));
        }
    }
    let read = Arc::new(Endpoints { version, by_id });
    cache.lock().insert(salver.app().into(), Arc::clone(&read));
    Ok(read)
}

/// Returns an endpoint; `None` if it was removed. One round trip, which those share who ask at the same time.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn endpoint(salver: &Salver, id: &str) -> Result<Option<EndpointRecord>, Error> {
    let reads = salver.extension::<EndpointReads>();
    let read = || {
        let salver = salver.clone();
        async move { endpoints(&salver).await }.boxed()
    };
    let endpoints = reads.join(salver.app().into(), read).await?;
    let found = endpoints.by_id.get(id);
    Ok(found.map(|(record, _)| record.clone()))
}
