//! The words of the mails and pages of subscriptions, in other languages.

use actix_web::test::TestRequest;
use salver::mail::{Letter, Mailer, Profile};
use salver::store::RedisStore;
use salver::{Error, Message, Recipient, Salver, Translation};

use super::{DAY, ask, edit, eve, german, mails, settings};
use crate::support::arguments::argument;
use crate::support::inboxes::Inboxes;
use crate::support::mail_pages::{path, undo};
use crate::support::redis::Server;
use crate::support::site::{TestResponse, site};

/// Encloses each text in brackets with its key and its arguments.
fn marked(message: &Message) -> Option<Translation> {
    let text = match message.get_key()? {
        "salver-mail-language" => "eo".to_owned(),
        "salver-mail-direction" => "ltr".to_owned(),
        key => {
            let names = ["subscription", "subscriptions", "address", "site", "count"];
            let arguments = names.map(|name| argument(message, name));
            format!("⟦{key} {}⟧", arguments.join(" "))
        }
    };
    Some(text.into())
}

async fn send(salver: &Salver, request: TestRequest) -> TestResponse {
    let site = site(salver.middleware().translate(|_| marked), |app| {
        app.service(salver.mail_routes());
    });
    site.await.send(request).await
}

/// Returns the texts of a page that are not enclosed.
fn untranslated(page: &str) -> String {
    let body = page.split_once("<body ").unwrap().1;
    let texts = body
        .split('<')
        .map(|tag| tag.split_once('>').map_or("", |(_, text)| text));
    let texts = texts.flat_map(|text| text.split('⟦').map(|text| text.split('⟧').next_back()));
    texts.flatten().collect()
}

#[tokio::test]
async fn every_word_of_the_pages_of_subscriptions_is_translated() {
    let inboxes = Inboxes::memory_with(settings);
    let salver = &inboxes.salver;
    let get = async |link: &str| send(salver, TestRequest::get().uri(&path(link))).await.body;
    let post = async |link: &str, body: &str| {
        let request = TestRequest::post().uri(&path(link));
        send(salver, request.set_payload(body.to_owned()))
            .await
            .body
    };
    let link = ask(salver, german()).await;
    let mut pages = vec![get(&link).await];
    inboxes.advance(8 * DAY);
    pages.push(post(&link, "").await);
    pages.push(post(&link, "again=1").await);
    let link = mails(salver).await.remove(0).activation_url.unwrap();
    pages.push(post(&link, "").await);
    salver.publish(edit("de")).await.unwrap();
    let end = mails(salver).await.remove(0).unsubscribe_url.unwrap();
    pages.push(get(&end).await);
    let done = post(&end, "").await;
    pages.push(get(&end).await);
    pages.push(post(&end, &undo(&done)).await);
    pages.push(done);
    salver.unsubscribe(&eve(), &german()).await.unwrap();
    let unknown = get(&link).await.replace(">app.example</a>", "></a>");
    pages.push(unknown);
    // A site whose store does not reply.
    let store = RedisStore::new(&Server::start().url()).unwrap();
    let builder = Salver::builder("app").site("https://app.example");
    let broken = builder.secret([7; 32]).store(store).build().unwrap();
    for link in [&link, &end] {
        let page = send(&broken, TestRequest::get().uri(&path(link))).await;
        assert_eq!(page.status, 503);
        pages.push(page.body);
    }
    for page in &pages {
        assert!(page.contains(r#"<html lang="eo" dir="ltr">"#), "{page}");
        assert!(page.matches('⟦').count() > 2, "{page}");
        let own = untranslated(page).replace("edits in German", "");
        assert_eq!(own, "", "{page}");
    }
    println!("MAIL subscription_pages={} untranslated=0", pages.len());
}

/// In the language of the profile; the mails to addresses are in that of the site.
#[tokio::test]
async fn mail_of_a_subscription_is_translated() {
    let inboxes = Inboxes::memory_with(settings);
    let (salver, ada) = (&inboxes.salver, Recipient::user("ada"));
    salver.subscribe(&ada, german()).await.unwrap();
    salver.publish(edit("de")).await.unwrap();
    let mailer = Mailer::memory();
    let worker = salver
        .worker()
        .events()
        .mail(mailer.clone().translate(|_| marked));
    let worker = worker.profiles(async |who: Vec<Recipient>| {
        let profile = |who| Profile::new(who).email("ada@example.org").locale("eo");
        Ok::<_, Error>(who.into_iter().map(profile).collect())
    });
    worker.drain().await.unwrap();
    let Letter { text, html, .. } = mailer.sent().remove(0);
    let because = "⟦salver-mail-follows  edits in German   ⟧";
    assert!(text.contains(because), "{text}");
    assert!(
        html.contains("⟦salver-mail-follows  \u{2068}edits in German\u{2069}   ⟧"),
        "{html}"
    );
}
