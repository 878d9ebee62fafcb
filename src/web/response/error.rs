//! The HTTP status and headers of an [`Error`]. No other module maps errors to HTTP.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};

use crate::Error;

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        if self.is_anonymous() {
            StatusCode::UNAUTHORIZED
        } else if self.is_invalid() {
            StatusCode::UNPROCESSABLE_ENTITY
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
        if let Some(wait) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, wait.as_secs().max(1)));
        } else if self.status_code() == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, 60));
        }
        response.finish()
    }
}
