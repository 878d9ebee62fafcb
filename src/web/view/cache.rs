//! Cache of the views of matched routes.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::View;

/// The views of the routes that a worker has matched. Not bounded, because a site has few routes.
#[derive(Default)]
pub(crate) struct ViewCache(RefCell<HashMap<String, Option<View>>>);

impl ViewCache {
    /// Returns the view of a route pattern; `None` if the pattern is not a valid view.
    pub(super) fn view(&self, pattern: String) -> Option<View> {
        let mut views = self.0.borrow_mut();
        if let Some(view) = views.get(&pattern) {
            return view.clone();
        }
        let view = View::new(strip_leading_slash(&pattern)).ok();
        views.insert(pattern, view.clone());
        view
    }
}

/// Returns a path without its leading slash; `/` for the root.
pub(super) fn strip_leading_slash(path: &str) -> String {
    match path.strip_prefix('/').unwrap_or(path) {
        "" => "/".to_owned(),
        rest => rest.to_owned(),
    }
}
