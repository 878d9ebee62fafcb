//! The static files that pages load: the stylesheet and the page script.

use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpResponse, Resource, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::STYLESHEET;

/// Number of characters of the content hash in the name of a file: 72 bits.
const HASH_LEN: usize = 12;
/// `Cache-Control` of a name with the current content hash, whose content never changes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// `Cache-Control` of any other name, whose content changes with the version of the crate.
const ONE_HOUR: &str = "public, max-age=3600";

/// The stylesheet.
pub(crate) static CSS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("salver", "css", "text/css; charset=utf-8", STYLESHEET));

/// A file named `{name}.{extension}`, which also has a name that contains the hash of its content.
pub(crate) struct Asset {
    name: &'static str,
    extension: &'static str,
    content_type: &'static str,
    content: Bytes,
    hash: String,
}

impl Asset {
    pub(crate) fn new(
        name: &'static str,
        extension: &'static str,
        content_type: &'static str,
        content: impl Into<Bytes>,
    ) -> Self {
        let content = content.into();
        let mut hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&content));
        hash.truncate(HASH_LEN);
        Self {
            name,
            extension,
            content_type,
            content,
            hash,
        }
    }

    /// Returns the name with the content hash, which browsers cache as immutable.
    pub(crate) fn file_name(&self) -> String {
        format!("{}.{}.{}", self.name, self.hash, self.extension)
    }

    /// Returns the response with the file. `hash`: the hash in the requested name, if it has one.
    pub(crate) fn respond(&self, hash: Option<&str>) -> HttpResponse {
        // A page of another crate version receives the file too, but does not cache it as
        // immutable.
        let cache_control = if hash == Some(&self.hash) {
            IMMUTABLE
        } else {
            ONE_HOUR
        };
        HttpResponse::Ok()
            .content_type(self.content_type)
            .insert_header((header::CACHE_CONTROL, cache_control))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(self.content.clone())
    }
}

/// Returns the routes of an asset: under its short name and under its name with the hash.
pub(crate) fn resources(
    path: &str,
    asset: &'static LazyLock<Asset>,
) -> impl Iterator<Item = Resource> + use<> {
    let by_short_name = web::get().to(move || async { asset.respond(None) });
    let hashed =
        web::get().to(move |hash: web::Path<String>| async move { asset.respond(Some(&hash)) });
    let (name, extension) = (asset.name, asset.extension);
    let names = [
        format!("{name}.{extension}"),
        format!("{name}.{{hash}}.{extension}"),
    ];
    let resources = names.map(|name| web::resource(format!("{path}/{name}")));
    let routes = [by_short_name, hashed];
    resources
        .into_iter()
        .zip(routes)
        .map(|(resource, route)| resource.route(route))
}
