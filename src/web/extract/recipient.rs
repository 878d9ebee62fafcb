//! The recipient of a request, for a handler.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::web::request::state::RequestState;
use crate::{Error, Recipient};

impl FromRequest for Recipient {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(RequestState::of(request).and_then(|state| {
            let recipient = state.app_state.recipient.find(request);
            recipient.ok_or_else(Error::anonymous)
        }))
    }
}
