//! Detection of messages for views without a page: the usual reason why a message does not appear.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::View;

/// Maximum number of recorded views. Views that are taken from paths would grow without limit.
pub(crate) const MAX_VIEWS: usize = 1024;
/// How long a message may wait for a page of its view before a warning is logged.
const WARN_AFTER: Duration = Duration::from_secs(60);

/// The views to which a handle has added messages or of which it has served pages.
#[derive(Debug, Default)]
pub(crate) struct UnknownViewDetector {
    views: Mutex<HashMap<ViewKey, State>>,
    /// Number of views in the state [`State::AddedAt`].
    awaited: AtomicUsize,
}

/// A view of an application.
type ViewKey = (String, View);

#[derive(Debug)]
enum State {
    /// A page of the view was requested.
    Seen,
    /// The first message was added at this time, and no page was requested since.
    AddedAt(Instant),
    /// The warning was logged.
    Warned,
}

impl UnknownViewDetector {
    /// Returns whether messages wait for the first page of a view.
    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed) > 0
    }

    /// Records that a page of a view was requested.
    pub(crate) fn record_page(&self, app: &str, view: &View) {
        let page = (app.to_owned(), view.clone());
        let mut views = self.views();
        if views.len() < MAX_VIEWS || views.contains_key(&page) {
            self.insert(&mut views, page, State::Seen);
        }
    }

    /// Records an add. Logs one warning for a view if its messages have waited too long for a page.
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
                self.insert(&mut views, page, State::Warned);
            }
            Some(_) => {}
            None if views.len() < MAX_VIEWS => {
                self.insert(&mut views, page, State::AddedAt(Instant::now()));
            }
            None => {}
        }
    }

    /// Returns whether messages wait for a page of a view, and no warning was logged.
    pub(crate) fn is_unknown(&self, app: &str, view: &View) -> bool {
        let page = (app.to_owned(), view.clone());
        matches!(self.views().get(&page), Some(State::AddedAt(_)))
    }

    /// Records that a warning about a view was logged.
    pub(crate) fn record_warning(&self, app: &str, view: &View) {
        let page = (app.to_owned(), view.clone());
        self.insert(&mut self.views(), page, State::Warned);
    }

    fn insert(&self, views: &mut HashMap<ViewKey, State>, page: ViewKey, state: State) {
        views.insert(page, state);
        let awaited = views
            .values()
            .filter(|state| matches!(state, State::AddedAt(_)));
        self.awaited.store(awaited.count(), Ordering::Relaxed);
    }

    fn views(&self) -> MutexGuard<'_, HashMap<ViewKey, State>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
