//! The URL of a page that a request names.

use actix_web::HttpRequest;
use actix_web::http::Uri;
use url::{Position, Url};

/// The URL of a page, without its scheme and fragment.
pub(crate) struct PageUrl {
    /// The host with its port, in lower case.
    host: String,
    path_and_query: Uri,
    /// The path, decoded as actix-web decodes that of a request.
    path: String,
}

impl PageUrl {
    /// Returns the URL of a page that a header names; `None` if it has no valid path.
    pub(crate) fn new(url: &Url) -> Option<Self> {
        let path_and_query = &url[Position::BeforePath..Position::AfterQuery];
        let host = &url[Position::BeforeHost..Position::AfterPort];
        Some(Self::from_parts(host, path_and_query.parse().ok()?))
    }

    /// Returns the URL of a request.
    pub(crate) fn of_request(request: &HttpRequest) -> Self {
        let host = request.connection_info().host().to_owned();
        Self::from_parts(&host, request.uri().clone())
    }

    fn from_parts(host: &str, path_and_query: Uri) -> Self {
        let path = actix_web::dev::Url::new(path_and_query.clone());
        Self {
            host: host.to_ascii_lowercase(),
            path: path.path().to_owned(),
            path_and_query,
        }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.path_and_query.query()
    }

    /// Returns the path as it was sent.
    pub(crate) fn raw_path(&self) -> &str {
        self.path_and_query.path()
    }

    /// Returns the first result for the path, or else for the path as `NormalizePath` rewrites it.
    pub(super) fn find_path<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        find(&self.path).or_else(|| {
            let segments = self.path.split('/').filter(|segment| !segment.is_empty());
            let segments: Vec<_> = segments.collect();
            let trimmed = format!("/{}", segments.join("/"));
            let with_slash = format!("{trimmed}/");
            [trimmed, with_slash].iter().find_map(|path| find(path))
        })
    }
}
