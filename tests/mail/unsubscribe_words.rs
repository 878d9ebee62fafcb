//! The page by which people unsubscribe, in other languages.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::http::header::ACCEPT_LANGUAGE;
use actix_web::{App, HttpRequest, HttpServer};
use salver::mail::{Cadence, Letter, Mailer};
use salver::store::RedisStore;
use salver::{Message, Notification, Salver, Translation};

use crate::mail::unsubscribing::{link, with_profiles};
use crate::support::arguments::argument;
use crate::support::browser::Browser;
use crate::support::inboxes::Inboxes;
use crate::support::mail_pages::post;
use crate::support::redis::Server;

/// Serves the page, in the language that a request asks for.
fn serve(salver: &Salver, translate: fn(&str, &Message) -> Option<Translation>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let salver = salver.clone();
    let app = move || {
        let middleware = salver.middleware().translate(move |request: &HttpRequest| {
            let language = request.headers().get(ACCEPT_LANGUAGE);
            let language = language.map(|language| language.to_str().unwrap().to_owned());
            move |message: &Message| translate(language.as_deref()?, message)
        });
        App::new().wrap(middleware).service(salver.mail_routes())
    };
    let server = HttpServer::new(app).workers(1).listen(listener).unwrap();
    actix_rt::spawn(server.run());
    url
}

/// Returns the mail about notifications of these kinds.
async fn mail(kinds: &[&str]) -> (Inboxes, Letter) {
    let inboxes = Inboxes::memory_with(|builder| {
        builder.default_cadence("*", Cadence::IfUnread(Duration::from_secs(1)))
    });
    for kind in kinds {
        let note = Notification::new(*kind, Message::info("It is on its way."));
        inboxes.notify(note).await;
    }
    inboxes.advance(Duration::from_secs(2));
    let mailer = Mailer::memory();
    let worker = with_profiles(inboxes.salver.worker().mail(mailer.clone()));
    worker.drain().await.unwrap();
    (inboxes, mailer.sent().remove(0))
}

async fn get(url: &str, language: &str) -> String {
    let client = reqwest::Client::new();
    let request = client.get(url).header("accept-language", language);
    request.send().await.unwrap().text().await.unwrap()
}

fn in_hebrew(language: &str, message: &Message) -> Option<Translation> {
    let address = argument(message, "address");
    let text = match message.get_key()?.strip_prefix("salver-mail-")? {
        _ if !language.starts_with("he") => return None,
        "language" => "he".to_owned(),
        "direction" => "rtl".to_owned(),
        "unsubscribe" => "ביטול הרשמה".to_owned(),
        "unsubscribe-from" => match argument(message, "count").as_str() {
            "1" => format!("להפסיק לשלוח אל {address} הודעות על:"),
            // Hebrew has a form for two.
            "2" => format!("להפסיק לשלוח אל {address} הודעות על שני סוגים:"),
            count => format!("להפסיק לשלוח אל {address} הודעות על {count} סוגים:"),
        },
        "kind-order.sent" => "משלוחים".to_owned(),
        _ => return None,
    };
    Some(text.into())
}

/// The language is that of the visitor: that of the mail may be another one.
#[actix_web::test]
async fn page_to_unsubscribe_has_the_language_and_plural_forms_of_the_visitor() {
    for (kinds, hebrew, english) in [
        (&["order.sent"][..], "הודעות על:", "about this:"),
        (
            &["order.sent", "order.paid"],
            "שני סוגים:",
            "about these 2 kinds:",
        ),
        (
            &["a", "b", "order.sent"],
            "על 3 סוגים:",
            "about these 3 kinds:",
        ),
    ] {
        let (inboxes, letter) = mail(kinds).await;
        let url = link(&serve(&inboxes.salver, in_hebrew), &letter);
        let page = get(&url, "he-IL").await;
        assert!(page.contains(r#"<html lang="he" dir="rtl">"#), "{page}");
        assert!(
            page.contains("<h1>ביטול הרשמה</h1>") && page.contains(hebrew),
            "{page}"
        );
        assert!(page.contains("<li><bdi>משלוחים</bdi></li>"), "{page}");
        // The address has its own direction in the sentence.
        assert!(
            page.contains("\u{2068}a…\u{2060}@example.org\u{2069}"),
            "{page}"
        );
        let page = get(&url, "en").await;
        assert!(page.contains(r#"<html lang="en" dir="ltr">"#), "{page}");
        assert!(
            page.contains(english) && page.contains("<li><bdi>order.sent</bdi></li>"),
            "{page}"
        );
    }
}

/// Encloses each text in brackets with its key.
fn marked(_: &str, message: &Message) -> Option<Translation> {
    let text = match message.get_key()? {
        "salver-mail-language" => "eo".to_owned(),
        "salver-mail-direction" => "ltr".to_owned(),
        key => format!("⟦{key}⟧"),
    };
    Some(text.into())
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

#[actix_web::test]
async fn every_word_of_the_page_to_unsubscribe_is_translated() {
    let (inboxes, letter) = mail(&["order.sent"]).await;
    let url = serve(&inboxes.salver, marked);
    let link = link(&url, &letter);
    let post = async |body: &str| {
        let client = reqwest::Client::new();
        let request = client.post(&link).header("accept-language", "eo");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(body.to_owned()).send().await.unwrap();
        response.text().await.unwrap()
    };
    let done = post("").await;
    let undo = done.split(r#"name="undo" value=""#).nth(1).unwrap();
    let undo = undo.split('"').next().unwrap();
    let pages = [
        get(&link, "eo").await,
        post(&format!("undo={undo}")).await,
        get(&format!("{url}/salver/mail/unsubscribe/x"), "eo").await,
        done,
        unavailable().await,
    ];
    for page in &pages {
        assert!(page.contains(r#"<html lang="eo" dir="ltr">"#), "{page}");
        assert!(page.matches('⟦').count() > 2, "{page}");
        assert_eq!(untranslated(page), "", "{page}");
    }
    println!("MAIL unsubscribe_pages={} untranslated=0", pages.len());
}

/// Returns the page of a site whose store does not reply.
async fn unavailable() -> String {
    let (_inboxes, letter) = mail(&["order.sent"]).await;
    let builder = Salver::builder("app").site("https://app.example");
    let store = RedisStore::new(&Server::start().url()).unwrap();
    let salver = builder.secret([7; 32]).store(store).build().unwrap();
    let link = link(&serve(&salver, marked), &letter);
    let client = reqwest::Client::new();
    let request = client.post(&link).header("accept-language", "eo");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 503);
    response.text().await.unwrap()
}

/// What a translator returns is text.
#[actix_web::test]
async fn translation_of_the_page_to_unsubscribe_is_escaped() {
    let hostile = |_: &str, _: &Message| Some(Translation::new("\"><script>alert(1)</script>"));
    let (inboxes, letter) = mail(&["order.sent"]).await;
    let url = link(&serve(&inboxes.salver, hostile), &letter);
    for page in [get(&url, "en").await, post(&url, "").await.1] {
        assert!(!page.contains("<script"), "{page}");
    }
}

/// Right to left in a browser. The screenshots are under `target/screenshots`.
#[actix_web::test]
async fn page_to_unsubscribe_runs_from_right_to_left() {
    let (inboxes, letter) = mail(&["order.sent", "order.paid"]).await;
    let browser = Browser::start().await;
    browser.accept_language("he").await;
    browser
        .open(&link(&serve(&inboxes.salver, in_hebrew), &letter))
        .await;
    for (name, width) in [("phone", 320), ("desktop", 1280)] {
        browser.width(width).await;
        let (violations, contrast) = browser.axe().await;
        assert!(
            violations.is_empty() && contrast >= 4.5,
            "{contrast} {violations:?}"
        );
        let direction = "return getComputedStyle(document.querySelector('h1')).direction";
        assert_eq!(browser.run(direction).await, "rtl");
        browser
            .picture(&format!("unsubscribe-right-to-left-{name}"))
            .await;
    }
    browser.quit().await;
}
