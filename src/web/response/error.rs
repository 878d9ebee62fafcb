//! The HTTP status and headers of an [`Error`]. No other module maps errors to HTTP.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};

use crate::Error;

/// `Retry-After` of a 503 that a retry within seconds does not solve, such as a full store.
const LONG_RETRY_AFTER: u64 = 60;

impl Error {
    /// Returns the `Retry-After` header of a response with this error, in seconds.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        let is_long = self.status_code() == StatusCode::SERVICE_UNAVAILABLE;
        let wait = self.retry_after().map(|wait| wait.as_secs().max(1));
        wait.or_else(|| is_long.then_some(LONG_RETRY_AFTER))
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        if self.is_anonymous() || self.is_unverified() {
            StatusCode::UNAUTHORIZED
        } else if self.is_invalid() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else if self.is_conflict() {
            StatusCode::CONFLICT
        } else if self.is_misconfigured() {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }

    /// Returns a response without a body: the cause belongs in the log and is not shown to clients.
    ///
    /// The `Retry-After` header of a 503 is [`retry_after`](Error::retry_after), at least 1 second.
    /// It is 60 seconds if the error has none.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after_seconds() {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response.finish()
    }
}
