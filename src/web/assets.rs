//! The files that pages load from Salver.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::STYLESHEET;

/// How many characters of a file's hash stand in its name: 72 bits.
const HASH_LEN: usize = 12;
/// A name with the hash of its content means the same for ever.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Under any other name a file changes with the next version of the crate.
const ONE_HOUR: &str = "public, max-age=3600";

/// The stylesheet.
pub(crate) static CSS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", STYLESHEET));

/// A file, `salver.` with an ending, which also goes by a name that holds the hash of its content.
pub(crate) struct Asset {
    extension: &'static str,
    content_type: &'static str,
    content: Bytes,
    hash: String,
}

impl Asset {
    pub(crate) fn new(
        extension: &'static str,
        content_type: &'static str,
        content: impl Into<Bytes>,
    ) -> Self {
        let content = content.into();
        let mut hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&content));
        hash.truncate(HASH_LEN);
        Self {
            extension,
            content_type,
            content,
            hash,
        }
    }

    /// Gives the name to load it by, to be kept for ever.
    pub(crate) fn file_name(&self) -> String {
        format!("salver.{}.{}", self.hash, self.extension)
    }

    /// Answers who asks for it, by the hash that the name has, if any.
    pub(crate) fn respond(&self, hash: Option<&str>) -> HttpResponse {
        // A page of an older version finds something by its name too, and does not keep it.
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
