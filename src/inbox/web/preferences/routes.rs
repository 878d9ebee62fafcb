//! `GET preferences` and `POST preferences`. The address of mails comes from the site, never from a request.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use crate::inbox::web::body;
use crate::inbox::web::caller::{
    Caller, base_path, html, list_path, require_same_origin, see_other, wants_json,
};
use crate::inbox::web::flash::flash;
use crate::inbox::web::page::PageOf;
use crate::inbox::web::page::words::Words;
use crate::inbox::web::preferences::choices::{CADENCE_FIELD, MailPreferences, is_offered};
use crate::inbox::web::preferences::daily;
use crate::inbox::web::preferences::document::document;
use crate::inbox::web::preferences::submission::Submission;
use crate::inbox::web::refusal::refuse_with;
use crate::inbox::web::settings::Settings;
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;
use crate::{Error, Level};

/// Path of the page below the list.
const PATH: &str = "/preferences";

/// Shows the preferences: a page for a browser, JSON for a script. Changes nothing.
pub(in crate::inbox::web) async fn show(
    request: HttpRequest,
    settings: Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let read = async {
        let caller = Caller::of(&request)?;
        if !is_offered(&caller) {
            return Ok(None);
        }
        let preferences = MailPreferences::read(&caller, &settings).await?;
        let preferences = preferences.with_contact(&caller, &settings).await;
        Ok(Some((caller, preferences)))
    };
    let (caller, preferences) = match read.await {
        Ok(read) => read.ok_or_else(Problem::not_found)?,
        Err(error) => return refuse(&request, error, &settings),
    };
    if wants_json(&request) {
        let words = Words::new(caller.state.translator(&request));
        return Ok(json(StatusCode::OK, document(&preferences, &words)));
    }
    let base = base_path(&request, PATH);
    let page = PageOf::new(&request, &caller.state, &settings, &base);
    Ok(html(HttpResponse::Ok(), page.preferences(&preferences)))
}

/// Saves the preferences of the recipient of the request. A form gets a redirect to its page, JSON the preferences.
pub(in crate::inbox::web) async fn save(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    settings: Data<Settings>,
) -> Result<HttpResponse, Problem> {
    require_same_origin(&request)?;
    let is_form = body::is_form(&request);
    let caller = match Caller::of(&request) {
        Ok(caller) => caller,
        Err(error) if is_form => return refuse(&request, error, &settings),
        Err(error) => return Err(error.into()),
    };
    if !is_offered(&caller) {
        return Err(Problem::not_found());
    }
    let body = body::parse(&request, body)?;
    let saved = match is_form && !is_form_of_page(&body) {
        true => daily::save(&caller, &settings, body.get("daily").is_some()).await,
        false => save_all(&caller, &settings, &body, is_form).await,
    };
    match (saved, is_form) {
        (Ok(()), true) => {
            let base = base_path(&request, PATH);
            let path = match is_form_of_page(&body) {
                true => base + PATH,
                false => list_path(&base).to_owned(),
            };
            let saved = Words::new(caller.state.translator(&request)).saved();
            flash(&request, &caller.state, &path, Level::Success, saved).await;
            Ok(see_other(&path))
        }
        (Ok(()), false) => {
            let preferences = MailPreferences::read(&caller, &settings).await?;
            let preferences = preferences.with_contact(&caller, &settings).await;
            let words = Words::new(caller.state.translator(&request));
            Ok(json(StatusCode::OK, document(&preferences, &words)))
        }
        (Err(error), true) => refuse(&request, error, &settings),
        (Err(error), false) => Err(error.into()),
    }
}

/// Returns whether the page of preferences has sent a form. The one of the page of the inbox has a checkbox alone,
/// which sends nothing if it is not checked.
fn is_form_of_page(body: &Value) -> bool {
    let mut names = body.as_object().into_iter().flatten();
    names.any(|(name, _)| name == "hour" || name == "weekday" || name.starts_with(CADENCE_FIELD))
}

async fn save_all(
    caller: &Caller,
    settings: &Settings,
    body: &Value,
    is_form: bool,
) -> Result<(), Error> {
    let preferences = MailPreferences::read(caller, settings).await?;
    let submission = Submission::parse(body, is_form, &preferences);
    let submission = submission.map_err(|error| error.with_operation("save_preferences"))?;
    submission.save(caller).await
}

fn refuse(
    request: &HttpRequest,
    error: Error,
    settings: &Settings,
) -> Result<HttpResponse, Problem> {
    let base = base_path(request, PATH);
    let failed = |page: &PageOf<'_>| page.preferences_failed();
    refuse_with(request, error, (settings, &base), failed)
}
