//! The endpoints: where deliveries go, and whether they do.

use url::Url;

use crate::broker::page::settings::PageSettings;
use crate::broker::page::table::{button, row, table};
use crate::context::encode;
use crate::events::EndpointState;
use crate::render::Escaped;
use crate::webhooks::RegisteredEndpoint;

/// Returns the address of an endpoint for people: a query may have a secret.
pub(super) fn address(endpoint: &RegisteredEndpoint) -> String {
    match Url::parse(&endpoint.url) {
        Ok(url) if url.scheme() == "action" => function(url.path()),
        Ok(mut url) => {
            url.set_query(None);
            url.set_fragment(None);
            url.into()
        }
        Err(_) => String::new(),
    }
}

/// Returns the description of an [action](crate::jobs::Worker::on). `action`: its type, after its name and a colon if it has
/// one.
pub(super) fn function(action: &str) -> String {
    match action.split_once(':') {
        Some((name, event_type)) => format!("the function {name} of {event_type}"),
        None => format!("the function of {action}"),
    }
}

pub(super) fn section(settings: &PageSettings, endpoints: &[RegisteredEndpoint]) -> String {
    let content = match endpoints {
        [] => r#"<p class="salver-muted">No endpoint is registered.</p>"#.to_owned(),
        endpoints => {
            let rows = endpoints
                .iter()
                .map(|endpoint| endpoint_row(settings, endpoint));
            let columns = ["Address", "Events", "State", "Actions"];
            table("texts", "endpoints", &columns, &rows.collect::<String>())
        }
    };
    format!(
        r#"<section aria-labelledby="endpoints"><h2 id="endpoints">Endpoints</h2>{content}</section>"#
    )
}

fn endpoint_row(settings: &PageSettings, endpoint: &RegisteredEndpoint) -> String {
    let address = address(endpoint);
    let path = |action: &str| action_path(settings, &endpoint.id, action);
    let change = match endpoint.state {
        EndpointState::Enabled => button("post", &path("disable"), "Disable", &address),
        EndpointState::Disabled => button("post", &path("enable"), "Enable", &address),
    };
    let remove = button("get", &path("remove"), "Remove …", &address);
    row(
        &format!("<bdi>{}</bdi>", Escaped(&address)),
        &[
            ("Events", events(endpoint)),
            ("State", state(endpoint)),
            (
                "Actions",
                format!(r#"<div class="salver-row">{change}{remove}</div>"#),
            ),
        ],
    )
}

/// Returns the path of an action on an endpoint.
pub(super) fn action_path(settings: &PageSettings, id: &str, action: &str) -> String {
    format!("{}/endpoints/{}/{action}", settings.base, encode(id))
}

fn events(endpoint: &RegisteredEndpoint) -> String {
    let types = match endpoint.types.as_slice() {
        [] => "all types".to_owned(),
        types => format!("<bdi>{}</bdi>", Escaped(&types.join(", "))),
    };
    match &endpoint.subject {
        Some(subject) => format!("{types}, about <bdi>{}</bdi>", Escaped(subject)),
        None => types,
    }
}

fn state(endpoint: &RegisteredEndpoint) -> String {
    match (endpoint.state, endpoint.reason.as_deref()) {
        (EndpointState::Enabled, _) => "Enabled".to_owned(),
        (EndpointState::Disabled, None) => r#"<strong class="off">Disabled</strong>"#.to_owned(),
        (EndpointState::Disabled, Some(reason)) => format!(
            r#"<strong class="off">Disabled</strong>: <bdi>{}</bdi>"#,
            Escaped(reason)
        ),
    }
}
