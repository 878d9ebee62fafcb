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
    parameters: usize,
    /// The host with its port, if the page names one.
    host: String,
    view: View,
}

impl GuardedRoutes {
    /// Records that a page of this pattern was served on a host.
    pub(crate) fn record(&self, pattern: &str, host: &str, view: &View) {
        if self.contains(host, view) {
            return;
        }
        let route = GuardedRoute {
            pattern: ResourceDef::new(pattern),
            parameters: parameters(pattern),
            host: host.to_owned(),
            view: view.clone(),
        };
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if routes.len() < MAX_ROUTES {
            routes.push(route);
        }
    }

    fn contains(&self, host: &str, view: &View) -> bool {
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        routes
            .iter()
            .any(|route| route.host == host && route.view == *view)
    }

    /// Returns the view of a page, if it was served by a recorded route with at most so many
    /// parameters. Of several routes, the one with the fewest counts.
    pub(super) fn view(&self, page: &PageUrl, max_parameters: Option<usize>) -> Option<View> {
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let matching = routes.iter().filter(|route| {
            let matches = |path: &str| route.pattern.is_match(path).then_some(());
            route.host == page.host() && page.find_path(matches).is_some()
        });
        let best = matching.min_by_key(|route| route.parameters)?;
        let is_better = max_parameters.is_none_or(|max| best.parameters <= max);
        is_better.then(|| best.view.clone())
    }
}

/// Returns the number of parameters of a pattern. Of several patterns that match a path, sites put the
/// one with the fewest first.
pub(super) fn parameters(pattern: &str) -> usize {
    pattern.matches('{').count()
}
