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
        // The empty pattern is that of the root, too.
        let view = match pattern.as_str() {
            "" => View::new("/"),
            pattern => View::new(pattern),
        };
        let view = view.ok();
        views.insert(pattern, view.clone());
        view
    }
}
