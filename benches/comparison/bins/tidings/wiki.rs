//! What a site writes to tell people of edits: the same as `tidings/wiki`, without its documents and forms.

use actix_web::web::ServiceConfig;
use salver::events::{Event, EventType, Subscribed, Subscription};
use salver::jobs::{Profile, Worker};
use salver::mail::Mailer;
use salver::{Error, Message, Recipient, Salver};
use serde::{Deserialize, Serialize};

const EDIT_DOCUMENT: EventType = EventType::new("wiki.edit.document", &[]);
const EDIT_IN_LANGUAGE: EventType = EventType::new("wiki.edit.language", &["language"]);
const LANGUAGES: [(&str, &str); 3] = [("en", "English"), ("de", "German"), ("fr", "French")];

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Revision {
    pub(crate) document: u32,
    pub(crate) title: String,
    pub(crate) language: String,
    pub(crate) editor: String,
}

/// Returns one event for both ways to watch.
pub(crate) fn edited(revision: &Revision) -> Event {
    let subject = format!("documents/{}", revision.document);
    let language = EDIT_IN_LANGUAGE.event();
    let language = language.filter("language", &revision.language);
    let event = EDIT_DOCUMENT.event().subject(subject).data(revision);
    event.also(language)
}

/// Returns the worker that notifies people.
pub(crate) fn worker(salver: &Salver, mailer: Mailer) -> Worker {
    let worker = salver.worker().mail(mailer).profiles(profiles);
    worker.render(&EDIT_DOCUMENT, |event, _matched| async move {
        let revision: Revision = event.get_data()?;
        let text = format!("{} edited “{}”.", revision.editor, revision.title);
        let path = format!("/documents/{}", revision.document);
        Ok(Message::info(text).action("Read it", path))
    })
}

/// Returns the profiles of users, by their ids and by their addresses. A site has a database.
async fn profiles(asked: Vec<Recipient>) -> Result<Vec<Profile>, Error> {
    let profile = |asked: Recipient| {
        let number = match asked.address() {
            Some(address) => address.strip_prefix("user")?.strip_suffix("@example.org")?,
            None => asked.user_id()?,
        };
        let address = format!("user{number}@example.org");
        Some(Profile::new(Recipient::user(number)).email(address))
    };
    Ok(asked.into_iter().filter_map(profile).collect())
}

/// Adds the pages by which an address is confirmed, and by which people unsubscribe.
pub(crate) fn pages(salver: &Salver, config: &mut ServiceConfig) {
    config.service(salver.mail_routes());
}

pub(crate) async fn watch_document(
    salver: &Salver,
    recipient: &Recipient,
    document: u32,
    title: &str,
) -> Result<Subscribed, Error> {
    let watch = EDIT_DOCUMENT.subscription();
    let watch = watch.subject(format!("documents/{document}"));
    let watch = watch.described(format!("edits of “{title}”"));
    salver.subscribe(recipient, watch).await
}

pub(crate) async fn watch_language(
    salver: &Salver,
    recipient: &Recipient,
    language: &str,
) -> Result<Subscribed, Error> {
    let watch = EDIT_IN_LANGUAGE.subscription().filter("language", language);
    let name = LANGUAGES.iter().find(|(code, _)| *code == language);
    let name = name.map_or(language, |(_, name)| name);
    let watch = watch.described(format!("edits in {name}"));
    salver.subscribe(recipient, watch).await
}

/// Returns the subscriptions of a user, each with its description.
pub(crate) async fn subscriptions(
    salver: &Salver,
    user: &Recipient,
) -> Result<Vec<Subscription>, Error> {
    salver.subscriptions(user).await
}

pub(crate) async fn end(
    salver: &Salver,
    user: &Recipient,
    watch: &Subscription,
) -> Result<bool, Error> {
    salver.unsubscribe(user, watch).await
}

pub(crate) async fn remove_document(salver: &Salver, document: u32) -> Result<(), Error> {
    let subject = format!("documents/{document}");
    salver.remove_subject(&subject).await
}

pub(crate) async fn register(
    salver: &Salver,
    address: &Recipient,
    user: &Recipient,
) -> Result<(), Error> {
    salver.merge(address, user).await
}
