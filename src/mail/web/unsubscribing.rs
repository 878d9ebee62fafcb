//! The page by which people unsubscribe.

use actix_web::web::{self, Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse, Resource};
use url::form_urlencoded;

use crate::cadence::Cadence;
use crate::mail::unsubscribe::{PATH, Unsubscribe};
use crate::mail::web::document;
use crate::mail::web::page;
use crate::mail::web::page_words::PageWords;
use crate::mail::web::shown::Shown;
use crate::mail::web::subscriptions::{self, Ended};
use crate::secret::Secret;
use crate::web::api::allow_only;
use crate::{Error, MessageId, Salver};

pub(super) fn resource() -> Resource {
    let resource = web::resource(format!("{PATH}/{{token}}"))
        .route(web::get().to(ask))
        .route(web::post().to(change));
    allow_only("GET, POST", resource)
}

async fn ask(request: HttpRequest, salver: Data<Salver>, token: Path<String>) -> HttpResponse {
    let words = PageWords::of(&request);
    let Some(unsubscribe) = Unsubscribe::from_token(&salver, &token) else {
        return document::invalid(&words);
    };
    match shown(&salver, &words, &unsubscribe).await {
        Ok(shown) if shown.count() == 0 => page::ended(&words, &unsubscribe),
        Ok(shown) => page::ask(&words, &shown),
        Err(error) => {
            error.log();
            document::unavailable(&words)
        }
    }
}

/// Any POST unsubscribes: mail programs send `List-Unsubscribe=One-Click`, in either encoding of forms.
async fn change(
    request: HttpRequest,
    salver: Data<Salver>,
    token: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let words = PageWords::of(&request);
    let Some(unsubscribe) = Unsubscribe::from_token(&salver, &token) else {
        return document::invalid(&words);
    };
    let undo = form_urlencoded::parse(&body).find(|(name, _)| name == "undo");
    let changed = match undo {
        Some((_, signed)) => {
            let Some(before) = undo_of(&salver, &token, &signed) else {
                return document::invalid(&words);
            };
            let restored = restore(&salver, &unsubscribe, &before).await;
            restored.map(|()| page::undone(&words, &unsubscribe))
        }
        None => stop(&salver, &words, &unsubscribe)
            .await
            .map(|(shown, before)| {
                if shown.count() == 0 {
                    return page::ended(&words, &unsubscribe);
                }
                let undo = sign_undo(&salver, &token, &before);
                page::done(&words, &shown, &undo)
            }),
    };
    changed.unwrap_or_else(|error| {
        error.log();
        document::unavailable(&words)
    })
}

/// Returns what the form that undoes it sends: signed, so that a link sets nothing but what was set before.
fn sign_undo(salver: &Salver, token: &str, before: &str) -> String {
    let secret = salver.config().mail.secret.as_ref();
    let signed = secret.map(|secret| secret.sign(&undo_purpose(token, this_hour()), before));
    signed.unwrap_or_default()
}

/// Who has had the page can undo it in this hour and the next one: later, the person may have decided otherwise.
fn undo_of(salver: &Salver, token: &str, signed: &str) -> Option<String> {
    let secret = salver.config().mail.secret.as_ref()?;
    verify_undo(secret, token, signed, this_hour())
}

fn verify_undo(secret: &Secret, token: &str, signed: &str, hour: u64) -> Option<String> {
    let mut hours = [hour, hour.saturating_sub(1)].into_iter();
    hours.find_map(|hour| secret.verify(&undo_purpose(token, hour), signed))
}

fn undo_purpose(token: &str, hour: u64) -> String {
    format!("undo {token} {hour}")
}

fn this_hour() -> u64 {
    MessageId::new().unix_ms() / 3_600_000
}

/// Returns what the page shows. Changes nothing.
async fn shown<'a>(
    salver: &Salver,
    words: &PageWords,
    unsubscribe: &'a Unsubscribe,
) -> Result<Shown<'a>, Error> {
    let subscriptions = subscriptions::names(salver, words, unsubscribe).await?;
    Ok(Shown {
        unsubscribe,
        subscriptions,
    })
}

/// Ends the subscriptions, and sets all kinds to never. Returns what has ended, and what the person had before, in lines:
/// `kind cadence`, or a subscription as JSON.
async fn stop<'a>(
    salver: &Salver,
    words: &PageWords,
    unsubscribe: &'a Unsubscribe,
) -> Result<(Shown<'a>, String), Error> {
    let mut before = stop_kinds(salver, unsubscribe).await?;
    let Ended { names, stored } = subscriptions::end(salver, words, unsubscribe).await?;
    before.extend(stored);
    let shown = Shown {
        unsubscribe,
        subscriptions: names,
    };
    Ok((shown, before.join("\n")))
}

async fn stop_kinds(salver: &Salver, unsubscribe: &Unsubscribe) -> Result<Vec<String>, Error> {
    let mut before = Vec::new();
    if unsubscribe.kinds.is_empty() {
        return Ok(before);
    }
    let inbox = salver.inbox(&unsubscribe.recipient);
    let preferences = inbox.mail().await?;
    for kind in &unsubscribe.kinds {
        // A second click: what was set before the first one is not known any more.
        let set = preferences.get(kind).filter(|set| **set != Cadence::Never);
        let set = set.map(Cadence::to_string);
        before.push(format!("{kind} {}", set.unwrap_or_default()));
        inbox.set_mail(kind, Cadence::Never).await?;
    }
    Ok(before)
}

/// Sets the kinds of the link, and makes its subscriptions active, as they were before.
async fn restore(salver: &Salver, unsubscribe: &Unsubscribe, before: &str) -> Result<(), Error> {
    let inbox = salver.inbox(&unsubscribe.recipient);
    for line in before.lines() {
        // No kind begins so.
        if line.starts_with('{') {
            subscriptions::restore(salver, unsubscribe, line).await?;
            continue;
        }
        let Some((kind, cadence)) = line.split_once(' ') else {
            continue;
        };
        if !unsubscribe.kinds.iter().any(|own| own == kind) {
            continue;
        }
        match cadence.parse() {
            Ok(cadence) => inbox.set_mail(kind, cadence).await?,
            Err(_) => inbox.reset_mail(kind).await?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undo_is_valid_in_its_hour_and_the_next_one() {
        let secret = Secret::new(&[7; 32]);
        let signed = secret.sign(&undo_purpose("t", 10), "news daily:8");
        let undone = |token, hour| verify_undo(&secret, token, &signed, hour);
        for hour in [10, 11] {
            assert_eq!(undone("t", hour).as_deref(), Some("news daily:8"));
        }
        assert_eq!(
            (undone("t", 9), undone("t", 12), undone("u", 10)),
            (None, None, None)
        );
    }
}
