//! Changes of endpoints. Each is repeated if another process has changed the endpoint meanwhile.

use crate::events::endpoints::cache::endpoints;
use crate::events::endpoints::record::EndpointRecord;
use crate::events::endpoints::store;
use crate::events::endpoints::store_trait::{Change, Changed};
use crate::{Error, MessageId, Salver};

/// Most attempts of a change. Each that fails means that another one succeeded.
const MAX_ATTEMPTS: usize = 16;

/// The endpoints of an application, to change them.
pub(crate) struct Registry<'a> {
    pub(crate) salver: &'a Salver,
}

impl Registry<'_> {
    /// Changes an endpoint. `change` gets it as it is, `None` if there is none, and returns it as it should be; `None` to
    /// remove it. Returns what it was before and is now.
    ///
    /// # Errors
    ///
    /// That of `change`, `is_full` for too many endpoints, and those of the store. Repeating is safe.
    pub(crate) async fn change(
        &self,
        id: &str,
        change: impl Fn(Option<EndpointRecord>) -> Result<Option<EndpointRecord>, Error>,
    ) -> Result<Option<EndpointRecord>, Error> {
        let (store, app) = (store::of(self.salver)?, self.salver.app());
        for _ in 0..MAX_ATTEMPTS {
            let before = endpoints(self.salver).await?;
            let before = before.by_id.get(id).cloned();
            let (record, json) = before.unzip();
            let after = change(record)?;
            let written = after.as_ref().map(encode).transpose()?;
            let version = MessageId::new().to_string();
            let change = Change {
                id,
                before: json.as_deref(),
                after: written.as_deref(),
                version: &version,
            };
            let write = || store.change_endpoint(app, change);
            let changed = self
                .salver
                .write_idempotent("change_endpoint", write)
                .await?;
            if changed == Changed::Written {
                return Ok(after);
            }
        }
        Err(Error::unavailable(
            "other processes change the endpoint all the time",
        ))
    }

    /// Returns all endpoints, oldest first.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) async fn list(&self) -> Result<Vec<(String, EndpointRecord)>, Error> {
        let endpoints = endpoints(self.salver).await?;
        let all = endpoints.by_id.iter();
        let mut all: Vec<_> = all
            .map(|(id, (record, _))| (id.clone(), record.clone()))
            .collect();
        all.sort_by(|(a, one), (b, other)| (one.created, a).cmp(&(other.created, b)));
        Ok(all)
    }
}

fn encode(record: &EndpointRecord) -> Result<String, Error> {
    serde_json::to_string(record)
        .map_err(|cause| Error::invalid("endpoint", "cannot be written as JSON").with_source(cause))
}
