//! Routes that a path alone does not find, because guards decide between scopes.

use std::sync::{PoisonError, RwLock};

use actix_web::dev::ResourceDef;

use crate::View;
use crate::web::view::page_url::PageUrl;

/// Maximum number of recorded routes. Host names come from requests, so that they would grow without
/// limit.
const MAX_ROUTES: usize = 256;

/// The routes of served pages to which the path alone does not lead.
///
/// A partial names its requesting page by a URL. The resource map of actix-web, which finds the
/// route of a path, knows no guards and enters only the first scope that matches: of two scopes with
/// a `Host` guard, it does not find the pages of the second. All workers share the routes, since the
/// page and its partial may be served by different ones.
#[derive(Default)]
pub(crate) struct GuardedRoutes(RwLock<Vec<GuardedRoute>>);

struct GuardedRoute {
    pattern: ResourceDef,
    /// The host with its port, if the page names one.
    host: String,
    view: View,
}

impl GuardedRoutes {
    /// Records that a page of this pattern was served on a host.
    pub(crate) fn record(&self, pattern: &str, host: &str, view: &View) {
        if self
            .find(|route| route.host == host && route.view == *view)
            .is_some()
        {
            return;
        }
        let route = GuardedRoute {
            pattern: ResourceDef::new(pattern),
            host: host.to_owned(),
            view: view.clone(),
        };
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if routes.len() < MAX_ROUTES {
            routes.push(route);
        }
    }

    /// Returns the view of a page, if it was served by a recorded route.
    pub(super) fn view(&self, page: &PageUrl) -> Option<View> {
        self.find(|route| {
            let matches = |path: &str| route.pattern.is_match(path).then_some(());
            route.host == page.host() && page.find_path(matches).is_some()
        })
    }

    fn find(&self, is_wanted: impl FnMut(&&GuardedRoute) -> bool) -> Option<View> {
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        routes
            .iter()
            .find(is_wanted)
            .map(|route| route.view.clone())
    }
}
