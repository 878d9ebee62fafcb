//! Routes that a path alone does not find, because guards decide between scopes.

use std::sync::{PoisonError, RwLock};

use actix_web::dev::ResourceDef;

use crate::View;
use crate::web::view::page_url::PageUrl;

/// Maximum number of recorded routes. Host names come from requests, so that they would grow without
/// limit.
const MAX_ROUTES: usize = 256;
/// Maximum number of parameters that actix-web compiles into one pattern.
const MAX_PARAMETERS: usize = 16;

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
        // A compiled pattern is never freed.
        if !self.accepts(host, view) || !is_compilable(pattern) {
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

    /// Returns whether there is room for the route, and it is not recorded.
    fn accepts(&self, host: &str, view: &View) -> bool {
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_same = |route: &GuardedRoute| route.host == host && route.view == *view;
        routes.len() < MAX_ROUTES && !routes.iter().any(is_same)
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
    parameter_names(pattern).count()
}

/// Returns whether actix-web compiles a pattern, and does not panic. It compiles those of nested scopes
/// one by one, so that together they may have two parameters of one name.
fn is_compilable(pattern: &str) -> bool {
    let mut names: Vec<_> = parameter_names(pattern).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    names.len() == count && count <= MAX_PARAMETERS
}

/// Returns the names of the parameters of a pattern. The regular expression of a parameter may contain
/// braces too.
fn parameter_names(pattern: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    pattern
        .match_indices(['{', '}'])
        .filter_map(move |(at, brace)| {
            let is_outer = depth == 0;
            match brace {
                "{" => depth += 1,
                _ => depth = depth.saturating_sub(1),
            }
            let rest = pattern.get(at + 1..)?;
            let name = rest.split([':', '}']).next()?;
            (brace == "{" && is_outer).then_some(name)
        })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn routes(routes: &GuardedRoutes) -> usize {
        routes.0.read().unwrap().len()
    }

    #[test]
    fn pattern_of_nested_scopes_that_does_not_compile_is_not_recorded() {
        let guarded = GuardedRoutes::default();
        let many: String = (0..17).map(|n| format!("/{{p{n}}}")).collect();
        for pattern in ["/{id}/articles/{id}", &many] {
            guarded.record(pattern, "b.example", &View::new(pattern).unwrap());
        }
        assert_eq!(routes(&guarded), 0);
        let compilable = r"/{year:\d{4}}/{month:\d{2}}/{day:\d{2}}";
        guarded.record(compilable, "b.example", &View::new("day").unwrap());
        assert_eq!((routes(&guarded), parameters(compilable)), (1, 3));
    }

    #[test]
    fn routes_of_more_hosts_than_the_limit_are_not_compiled() {
        let (guarded, view) = (GuardedRoutes::default(), View::new("page").unwrap());
        for host in 0..=MAX_ROUTES {
            let host = format!("{host}.example");
            assert_eq!(guarded.accepts(&host, &view), routes(&guarded) < MAX_ROUTES);
            guarded.record("/page/{id}", &host, &view);
        }
        assert_eq!(routes(&guarded), MAX_ROUTES);
    }
}
