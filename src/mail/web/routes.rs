//! The routes of mails.

use std::fmt;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::web::{self, Bytes, Data, Path, PayloadConfig};
use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

use crate::cadence::Cadence;
use crate::mail::unsubscribe::{PATH, Unsubscribe};
use crate::mail::web::page;
use crate::mail::web::page_words::PageWords;
use crate::web::api::allow_only;
use crate::{Error, Salver};

/// Longest body of a request in bytes: a cadence for each kind of a link.
const MAX_BYTES: usize = 4096;

impl Salver {
    /// Returns the routes of mails: `App::new().service(salver.mail_routes())`.
    #[must_use]
    pub fn mail_routes(&self) -> MailRoutes {
        MailRoutes {
            salver: self.clone(),
        }
    }
}

/// The routes of mails. Created by [`Salver::mail_routes`].
///
/// | path | contents |
/// |---|---|
/// | `GET /salver/mail/unsubscribe/{token}` | asks, with one button; changes nothing, since mail scanners open links |
/// | `POST /salver/mail/unsubscribe/{token}` | stops the mails without a login, and offers to undo it; RFC 8058 |
///
/// The token is in each mail. It is signed by [`secret`](crate::SalverBuilder::secret), is valid for one person and
/// the kinds of that mail, and does not expire.
///
/// Inside Salver's middleware the page is translated by
/// [`Middleware::translate`](crate::web::Middleware::translate), by keys that begin with `salver-mail-`.
#[derive(Clone)]
pub struct MailRoutes {
    salver: Salver,
}

impl HttpServiceFactory for MailRoutes {
    fn register(self, config: &mut AppService) {
        let resource = web::resource(format!("{PATH}/{{token}}"))
            .app_data(Data::new(self.salver))
            .app_data(PayloadConfig::new(MAX_BYTES))
            .route(web::get().to(ask))
            .route(web::post().to(change));
        allow_only("GET, POST", resource).register(config);
    }
}

async fn ask(request: HttpRequest, salver: Data<Salver>, token: Path<String>) -> HttpResponse {
    let words = PageWords::of(&request);
    match Unsubscribe::from_token(&salver, &token) {
        Some(unsubscribe) => page::ask(&words, &unsubscribe),
        None => page::invalid(&words),
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
        return page::invalid(&words);
    };
    let undo = form_urlencoded::parse(&body).find(|(name, _)| name == "undo");
    let changed = match undo {
        Some((_, signed)) => {
            let Some(before) = undo_of(&salver, &token, &signed) else {
                return page::invalid(&words);
            };
            let restored = restore(&salver, &unsubscribe, &before).await;
            restored.map(|()| page::undone(&words, &unsubscribe))
        }
        None => stop(&salver, &unsubscribe).await.map(|before| {
            let undo = sign_undo(&salver, &token, &before);
            page::done(&words, &unsubscribe, &undo)
        }),
    };
    changed.unwrap_or_else(|error| {
        error.log();
        page::unavailable(&words)
    })
}

/// Returns what the form that undoes it sends: signed, so that a link sets nothing but what was set before.
fn sign_undo(salver: &Salver, token: &str, before: &str) -> String {
    let secret = salver.config().mail.secret.as_ref();
    let signed = secret.map(|secret| secret.sign(&undo_purpose(token), before));
    signed.unwrap_or_default()
}

fn undo_of(salver: &Salver, token: &str, signed: &str) -> Option<String> {
    let secret = salver.config().mail.secret.as_ref()?;
    secret.verify(&undo_purpose(token), signed)
}

fn undo_purpose(token: &str) -> String {
    format!("undo {token}")
}

/// Sets all kinds to never. Returns what the person had set before: `kind cadence`, in lines.
async fn stop(salver: &Salver, unsubscribe: &Unsubscribe) -> Result<String, Error> {
    let inbox = salver.inbox(&unsubscribe.recipient);
    let preferences = inbox.mail().await?;
    let mut before = Vec::new();
    for kind in &unsubscribe.kinds {
        // A second click: what was set before the first one is not known any more.
        let set = preferences.get(kind).filter(|set| **set != Cadence::Never);
        let set = set.map(Cadence::to_string);
        before.push(format!("{kind} {}", set.unwrap_or_default()));
        inbox.set_mail(kind, Cadence::Never).await?;
    }
    Ok(before.join("\n"))
}

/// Sets the kinds of the link as they were before.
async fn restore(salver: &Salver, unsubscribe: &Unsubscribe, before: &str) -> Result<(), Error> {
    let inbox = salver.inbox(&unsubscribe.recipient);
    let lines = before.lines().filter_map(|line| line.split_once(' '));
    for (kind, cadence) in lines.filter(|(kind, _)| unsubscribe.kinds.iter().any(|own| own == kind))
    {
        match cadence.parse() {
            Ok(cadence) => inbox.set_mail(kind, cadence).await?,
            Err(_) => inbox.reset_mail(kind).await?,
        }
    }
    Ok(())
}

impl fmt::Debug for MailRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailRoutes")
            .field("app", &self.salver.app())
            .finish()
    }
}
