//! Messages on pages that are already open: a stream of frames to the page script, and its word that they are
//! shown.

use std::sync::LazyLock;

use actix_web::{Scope, web};

use super::assets::Asset;

mod confirm;
mod frame;
mod given;
mod origin;
mod signals;
mod stream;
mod streams;

pub(super) use self::streams::STREAMS;

/// How many streams of a worker ask the store at once. Stops those that all wake together from keeping pages
/// waiting.
pub(super) const TURNS: usize = 64;

/// The page script: a custom element without dependencies.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("salver.js");
    Asset::new("js", "text/javascript; charset=utf-8", content)
});

/// Adds the routes of open pages.
pub(super) fn mount(scope: Scope) -> Scope {
    scope
        .route("/stream", web::get().to(stream::open))
        .service(confirm::resource())
}
