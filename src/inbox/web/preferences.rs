//! `POST preferences`: whether the recipient is mailed once a day, from the form of the page.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use crate::cadence::Cadence;
use crate::inbox::web::body;
use crate::inbox::web::caller::{Caller, base_path, require_same_origin, see_other};
use crate::inbox::web::flash::flash;
use crate::inbox::web::page::words::Words;
use crate::inbox::web::refusal::{Destination, refuse};
use crate::inbox::web::selection::Selection;
use crate::inbox::web::settings::Settings;
use crate::kind::ANY_KIND;
use crate::web::api::problem::Problem;
use crate::{Error, Level};

/// Returns whether a recipient is mailed once a day; `None` on a site that does not offer it. Without a reply of
/// the store the page is shown without the form.
pub(super) async fn daily_mail(caller: &Caller, settings: &Settings) -> Option<bool> {
    let is_enabled = caller.state.app_state.salver.config().mail.is_enabled();
    settings.daily_mail.filter(|_| is_enabled)?;
    let preferences = caller.inbox.mail().await.ok()?;
    let cadence = preferences.get(ANY_KIND);
    Some(matches!(cadence, Some(Cadence::Daily { .. })))
}

/// Sets whether the recipient of the request is mailed once a day. The address comes from the site, never from
/// the request.
pub(super) async fn preferences(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    settings: Data<Settings>,
) -> Result<HttpResponse, Problem> {
    require_same_origin(&request)?;
    let base = base_path(&request, "/preferences");
    let to = Destination {
        settings: &settings,
        base: &base,
        selection: &Selection::default(),
        query: "",
    };
    let body = body::parse(&request, body)?;
    let is_daily = body.get("daily").is_some();
    let caller = match Caller::of(&request) {
        Ok(caller) => caller,
        Err(error) => return refuse(&request, error, &to),
    };
    if let Err(error) = save(&caller, &settings, is_daily).await {
        return refuse(&request, error, &to);
    }
    let words = Words::new(caller.state.translator(&request));
    flash(
        &request,
        &caller.state,
        &base,
        Level::Success,
        words.saved(),
    )
    .await;
    Ok(see_other(&base))
}

async fn save(caller: &Caller, settings: &Settings, is_daily: bool) -> Result<(), Error> {
    match settings.daily_mail.filter(|_| is_daily) {
        Some(hour) => {
            caller
                .inbox
                .set_mail(ANY_KIND, Cadence::Daily { hour })
                .await
        }
        // A choice of no mails at all stays.
        None if daily_mail(caller, settings).await != Some(true) => Ok(()),
        None => caller.inbox.reset_mail(ANY_KIND).await,
    }
}
