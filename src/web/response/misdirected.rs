//! Hints for developers: messages that the page after a response does not show. Debug builds only.

use actix_web::HttpRequest;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::LOCATION;
use url::Url;

use crate::View;
use crate::web::request::state::{AddedView, RequestState};
use crate::web::view::page_url::PageUrl;

/// Logs one hint for each view to which this request has added messages and of which no page was
/// served, if the response or the routes show why the messages do not appear.
pub(super) fn warn<B>(state: &RequestState, response: &ServiceResponse<B>) {
    let (app, unknown_views) = (state.app_state.salver.app(), &state.app_state.unknown_views);
    for AddedView { view, is_own } in &state.take_unknown_views() {
        // A page of the view may have been served, or the hint logged, since the add.
        if !unknown_views.is_unknown(app, view) {
            continue;
        }
        let is_logged = match is_own {
            true => warn_of_redirect(state, response, view),
            false => warn_of_missing_route(state, response.request(), view),
        };
        if is_logged {
            unknown_views.record_warning(app, view);
        }
    }
}

/// Logs that a handler has added to its own view, and redirects to a page of another view.
fn warn_of_redirect<B>(state: &RequestState, response: &ServiceResponse<B>, view: &View) -> bool {
    let Some(location) = redirect_target(response) else {
        return false;
    };
    let request = response.request();
    let target = state.app_state.view_of_page(request, &location);
    // Behind a guard, the path may lead to another route than the request did.
    let is_same_path = location.raw_path() == request.uri().path();
    if target.as_ref() == Some(view) || is_same_path {
        return false;
    }
    let location = location.raw_path();
    let target = target.map_or("the view of that page".to_owned(), |target| {
        format!("\"{target}\"")
    });
    tracing::warn!(
        %view,
        location,
        "a message was added to view `{view}`, of which no page was served, and the response redirects to `{location}`, \
         which does not show it: add it by `messages.to({target})`"
    );
    true
}

/// Returns the URL of the page of this site to which the response redirects.
fn redirect_target<B>(response: &ServiceResponse<B>) -> Option<PageUrl> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    if !response.status().is_redirection() {
        return None;
    }
    let request = response.request();
    let (host, path) = (request.connection_info(), request.path());
    let base = Url::parse(&format!("http://{}", host.host())).ok()?;
    let target = base.join(path).ok()?.join(location).ok()?;
    let port = Url::port_or_known_default;
    let is_same_site = target.host() == base.host() && port(&target) == port(&base);
    is_same_site.then(|| PageUrl::new(&target)).flatten()
}

/// Logs that the name of a view is probably misspelled, since no route has this pattern.
fn warn_of_missing_route(state: &RequestState, request: &HttpRequest, view: &View) -> bool {
    // A path that matches a parameter with a regular expression is not known.
    let has_expression = view.as_str().contains('{') && view.as_str().contains(':');
    if !state.app_state.view.is_route() || has_expression {
        return false;
    }
    let path = format!("/{}", view.as_str().trim_start_matches('/'));
    let pattern = request.resource_map().match_pattern(&path);
    let matched = match &pattern {
        Some(pattern)
            if pattern.trim_start_matches('/') == view.as_str().trim_start_matches('/') =>
        {
            return false;
        }
        // Routes with the same parameters under other names, perhaps behind other guards.
        Some(_) if view.as_str().contains('{') => return false,
        Some(pattern) => format!("only the route `{pattern}`"),
        None => "no route".to_owned(),
    };
    tracing::warn!(
        %view,
        "a message was added to view `{view}`, of which no page was served; the path `{path}` matches {matched}. A view \
         is the route pattern without its leading slash: unless a guard hides the route, no page shows the message"
    );
    true
}
