//! Events and watches: a wiki with documents in languages, and a forum.

mod activation;
mod delivery;
mod mails;
mod matching;
mod people;
mod unsubscribing;
mod wiki;

use salver::events::{Event, EventType, Subscription};
use salver::jobs::{Profile, Worker};
use salver::mail::{Letter, Mailer};
use salver::{Error, InboxFilter, Message, Recipient, Salver};

use crate::support::mail_pages::{path, post, serve};

const EDIT_DOCUMENT: EventType = EventType::new("wiki.edit.document", &[]);
const EDIT_IN_LANGUAGE: EventType = EventType::new("wiki.edit.language", &["language"]);
const POST_IN_THREAD: EventType = EventType::new("forum.post.thread", &[]);
const POST_IN_FORUM: EventType = EventType::new("forum.post.forum", &[]);

fn user(name: &str) -> Recipient {
    Recipient::user(name)
}

/// A revision of a document, for those who watch the document and for those who watch its language.
fn edited(document: u32, language: &str) -> Event {
    EDIT_DOCUMENT
        .event()
        .subject(format!("documents/{document}"))
        .also(EDIT_IN_LANGUAGE.event().filter("language", language))
        .data(format!("Document {document}"))
}

/// A worker that notifies of edits and posts, each with the number of subscriptions that matched.
fn worker(salver: &Salver) -> Worker {
    let types = [
        EDIT_DOCUMENT,
        EDIT_IN_LANGUAGE,
        POST_IN_THREAD,
        POST_IN_FORUM,
    ];
    types.iter().fold(salver.worker(), |worker, event_type| {
        let name = event_type.name();
        worker.render(event_type, move |event, matched| async move {
            let title: String = event.get_data()?;
            let reasons = matched.subscriptions().len();
            Ok(Message::info(format!("{name}: {title} ({reasons})")))
        })
    })
}

/// Edits in German, as the site describes them.
fn german() -> Subscription {
    let edits = EDIT_IN_LANGUAGE.subscription().filter("language", "de");
    edits.described("edits in German")
}

/// An address without a user.
fn reader(name: &str) -> Recipient {
    Recipient::email(&format!("{name}@example.org")).unwrap()
}

/// Performs all jobs that are due. Returns the mails that were sent.
async fn mails(salver: &Salver) -> Vec<Letter> {
    let mailer = Mailer::memory();
    let worker = worker(salver).mail(mailer.clone()).profiles(profiles);
    worker.drain().await.unwrap();
    mailer.sent()
}

/// Publishes an edit in German. Returns the mails about it.
async fn mails_of_an_edit(salver: &Salver) -> Vec<Letter> {
    worker(salver).publish(edited(7, "de")).await.unwrap();
    mails(salver).await
}

/// Opens the link in a mail that activates a subscription.
async fn activate(salver: &Salver, letter: &Letter) {
    let link = path(letter.activation_url.as_ref().unwrap());
    let (status, page) = post(&format!("{}{link}", serve(salver)), "").await;
    assert_eq!(status, 200, "{page}");
}

/// Subscribes an address to edits in German.
async fn subscribe(salver: &Salver, reader: &Recipient) {
    salver.subscribe(reader, german()).await.unwrap();
    let letter = mails(salver).await.pop().unwrap();
    activate(salver, &letter).await;
}

/// The texts of a person's notifications, newest first.
async fn notified(salver: &Salver, recipient: &Recipient) -> Vec<String> {
    let filter = InboxFilter::all().ungrouped().limit(100);
    let page = salver.inbox(recipient).list(&filter, None).await.unwrap();
    let texts = page.rows.iter().map(|row| row.newest.text().to_owned());
    texts.collect()
}

/// Ada's and Bob's addresses, as the site knows them.
async fn profiles(asked: Vec<Recipient>) -> Result<Vec<Profile>, Error> {
    let known = ["ada", "bob"].map(|name| {
        // A site keeps the spelling of its users.
        let address = format!("{}@Example.org", name.to_uppercase());
        (user(name), address)
    });
    let is_asked = |user: &Recipient, address: &str| {
        asked.contains(user) || asked.contains(&Recipient::email(address).unwrap())
    };
    let known = known.into_iter();
    let known = known.filter(|(user, address)| is_asked(user, address));
    Ok(known
        .map(|(user, address)| Profile::new(user).email(address))
        .collect())
}
