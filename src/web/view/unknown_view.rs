//! Notices messages for views that no page has: the usual reason why a message does not appear.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::View;

/// Most views that are remembered. Views taken from paths would grow without end.
pub(crate) const MAX_VIEWS: usize = 1024;
/// How long a message may wait for its page before it looks lost.
const WARN_AFTER: Duration = Duration::from_secs(60);

/// One for all workers: a message added by one may be read by another.
pub(crate) static UNKNOWN_VIEWS: LazyLock<UnknownViewDetector> =
    LazyLock::new(UnknownViewDetector::default);

/// What this process added to, and which of it was read.
#[derive(Debug, Default)]
pub(crate) struct UnknownViewDetector(Mutex<HashMap<ViewKey, State>>);

/// A view of an application.
type ViewKey = (String, View);

#[derive(Debug)]
enum State {
    Seen,
    AddedAt(Instant),
    Warned,
}

impl UnknownViewDetector {
    /// Notes a page of a view.
    pub(crate) fn record_page(&self, app: &str, view: &View) {
        let page = (app.to_owned(), view.clone());
        let mut views = self.views();
        if views.len() < MAX_VIEWS || views.contains_key(&page) {
            views.insert(page, State::Seen);
        }
    }

    /// Notes an add; says so once when a message for the view has waited for a page that never came.
    pub(crate) fn record_add(&self, app: &str, view: &View) {
        if view.is_any() {
            return;
        }
        let page = (app.to_owned(), view.clone());
        let mut views = self.views();
        match views.get(&page) {
            Some(State::AddedAt(since)) if since.elapsed() > WARN_AFTER => {
                tracing::warn!(
                    "messages wait for view `{view}`, but no page of that view was requested; a view is the route pattern \
                     without its leading slash"
                );
                views.insert(page, State::Warned);
            }
            Some(_) => {}
            None if views.len() < MAX_VIEWS => {
                views.insert(page, State::AddedAt(Instant::now()));
            }
            None => {}
        }
    }

    fn views(&self) -> MutexGuard<'_, HashMap<ViewKey, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
