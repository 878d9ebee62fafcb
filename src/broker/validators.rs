//! What a publisher gets whose event is not accepted by the validators of a site.

use actix_web::http::StatusCode;

use crate::Salver;
use crate::events::{Event, PreparedEvent};
use crate::web::api::problem::Problem;
use crate::webhooks::{Validators, Verdict};

/// `Retry-After` when a validator has not answered, in seconds.
const RETRY_AFTER: u64 = 5;

/// Asks the validators of the type of an event, unless the event is known.
///
/// # Errors
///
/// 422 for an event that is refused, 503 if a validator does not answer, 409 for an event of whose id another one is
/// known, and those of the store.
pub(super) async fn validate(
    validators: &Validators,
    salver: &Salver,
    event: &Event,
    prepared: &PreparedEvent,
) -> Result<(), Problem> {
    validators.check_number()?;
    match validators.ask(salver, event, prepared).await? {
        Verdict::Accepted => Ok(()),
        Verdict::Refused(reason) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason)),
        Verdict::Silent => {
            let detail = "a validator of the event has not answered";
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
            Err(problem.with_retry_after(RETRY_AFTER))
        }
    }
}
