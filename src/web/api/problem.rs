//! Error responses of the API. (RFC 9457, "Problem Details for HTTP APIs".)

use std::fmt;

use actix_web::error::JsonPayloadError;
use actix_web::http::StatusCode;
#[cfg(feature = "webhooks")]
use actix_web::http::header::WWW_AUTHENTICATE;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;

use crate::Error;

/// An error response. Contains what the caller can act on, and no internal details.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Option<String>,
    field: Option<&'static str>,
    /// In seconds.
    retry_after: Option<u64>,
    /// Whether the request needs a token of the `Bearer` scheme. (RFC 6750)
    #[cfg(feature = "webhooks")]
    needs_token: bool,
    /// Which part of a batch it is about, counted from 0.
    #[cfg(feature = "webhooks")]
    index: Option<usize>,
}

/// The body of an error response.
#[derive(Serialize)]
struct ProblemDocument<'a> {
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    #[cfg(feature = "webhooks")]
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: Some(detail.into()),
            field: None,
            retry_after: None,
            #[cfg(feature = "webhooks")]
            needs_token: false,
            #[cfg(feature = "webhooks")]
            index: None,
        }
    }

    /// Sets after how many seconds the request may be repeated.
    #[cfg(feature = "webhooks")]
    pub(crate) fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Sets which part of a batch it is about.
    #[cfg(feature = "webhooks")]
    pub(crate) fn with_index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// Returns the error for a request without a valid token.
    #[cfg(feature = "webhooks")]
    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self {
            needs_token: true,
            ..Self::new(StatusCode::UNAUTHORIZED, detail)
        }
    }

    /// Returns the error for a request from a page of another origin.
    pub(crate) fn cross_origin() -> Self {
        Self::new(StatusCode::FORBIDDEN, "cross-origin request")
    }

    /// Returns the error for a page that this site does not have.
    #[cfg(feature = "mail")]
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "this site sends no e-mails")
    }

    /// Returns the error for a body of another content type than the route reads.
    #[cfg(feature = "inbox")]
    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body is neither a form nor JSON",
        )
    }

    /// Returns the error for a body that was not read, such as one that is too large.
    #[cfg(feature = "inbox")]
    pub(crate) fn unreadable_body(error: &actix_web::Error, limit: usize) -> Self {
        let status = error.as_response_error().status_code();
        Self::new(
            status,
            format!("the body cannot be read, or is over {limit} bytes"),
        )
    }

    /// Returns the error for a request that needs a session and has none.
    pub(crate) fn no_session() -> Self {
        Self::new(StatusCode::FORBIDDEN, "the visitor has no session")
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.is_session_closed() {
            true => StatusCode::CONFLICT,
            false => error.status_code(),
        };
        // Details of internal failures stay out of the response.
        let is_caller_error = error.is_invalid()
            || error.is_session_closed()
            || error.is_full()
            || error.is_conflict()
            || error.is_anonymous();
        Self {
            status,
            detail: is_caller_error.then(|| error.to_string()),
            field: error.field(),
            retry_after: error.retry_after_seconds(),
            #[cfg(feature = "webhooks")]
            needs_token: false,
            #[cfg(feature = "webhooks")]
            index: None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or("not possible"))
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let content = ProblemDocument {
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
            field: self.field,
            #[cfg(feature = "webhooks")]
            index: self.index,
        };
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        #[cfg(feature = "webhooks")]
        if self.needs_token {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        response
            .insert_header((CONTENT_TYPE, "application/problem+json"))
            .json(content)
    }
}

/// Converts an error in reading a JSON body.
pub(crate) fn from_body_error(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    let problem = match error {
        JsonPayloadError::ContentType => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body is not application/json",
        ),
        JsonPayloadError::Overflow { limit }
        | JsonPayloadError::OverflowKnownLength { limit, .. } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is over {limit} bytes"),
        ),
        JsonPayloadError::Deserialize(error) => {
            Problem::new(StatusCode::BAD_REQUEST, error.to_string())
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "the body cannot be read"),
    };
    problem.into()
}
