//! What the routes of a broker share.

use actix_web::HttpRequest;
use actix_web::web::Data;

use crate::broker::tokens::FixedToken;
use crate::web::api::problem::Problem;
use crate::webhooks::Validators;
use crate::{Error, Salver};

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) salver: Salver,
    pub(super) token: Option<FixedToken>,
    pub(super) validators: Validators,
}

impl Settings {
    pub(super) fn new(salver: &Salver) -> Self {
        Self {
            salver: salver.clone(),
            token: None,
            validators: Validators::default(),
        }
    }

    /// Returns the settings of the route of a request.
    pub(super) fn of(request: &HttpRequest) -> Result<Data<Self>, Problem> {
        let settings = request.app_data::<Data<Self>>().cloned();
        // `routes.rs` adds them to each route.
        settings.ok_or_else(|| Error::misconfigured("the routes have no settings").into())
    }
}
