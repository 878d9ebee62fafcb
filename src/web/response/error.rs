//! What an error means in HTTP: the only place that says so.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};

use crate::Error;

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        if self.is_invalid() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else if self.is_misconfigured() {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }

    /// Answers without content: what went wrong is for the log, not for strangers.
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
