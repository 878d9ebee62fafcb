//! The link in each mail by which a person unsubscribes without a login.

use salver::jobs::Worker;
use salver::mail::{Cadence, Letter, Mailer, Profile};
use salver::store::RedisStore;
use salver::{Error, Message, Notification, Recipient, Salver, SalverBuilder};

use crate::mail::mailer;
use crate::support::browser::Browser;
use crate::support::inboxes::{Inboxes, ada, bob};
use crate::support::mail_pages::{self, post, serve};
use crate::support::redis::Server;
use crate::support::smtp_server::SmtpServer;

const SECRET: [u8; 32] = [7; 32];

fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder
        .default_cadence("*", Cadence::AtOnce)
        .critical(["security"])
}

fn note(kind: &str) -> Notification {
    Notification::new(kind, Message::info("It is on its way."))
}

pub(super) fn with_profiles(worker: Worker) -> Worker {
    worker.profiles(|who: Vec<Recipient>| async {
        // No user has one of the addresses.
        let profile = |who: Recipient| {
            let address = format!("{}@example.org", who.user_id()?);
            Some(Profile::new(who).email(address))
        };
        Ok::<_, Error>(who.into_iter().filter_map(profile).collect())
    })
}

/// Notifies a recipient, and returns the mail about it, if there is one.
async fn mail(salver: &Salver, recipient: Recipient, kind: &str) -> Option<Letter> {
    let mailer = Mailer::memory();
    salver.notify([recipient], note(kind)).await.unwrap();
    with_profiles(salver.worker().mail(mailer.clone()))
        .drain()
        .await
        .unwrap();
    mailer.sent().pop()
}

fn path(letter: &Letter) -> String {
    mail_pages::path(letter.unsubscribe_url.as_ref().unwrap())
}

pub(super) fn link(url: &str, letter: &Letter) -> String {
    format!("{url}{}", path(letter))
}

/// A bare POST, as mail programs send it, stops the mails of that kind for that person alone. A GET, as mail
/// scanners send it, changes nothing.
async fn one_click(inboxes: Inboxes) {
    let salver = &inboxes.salver;
    let url = serve(salver);
    let letter = mail(salver, ada(), "order.sent").await.unwrap();
    let link = link(&url, &letter);
    let page = reqwest::get(&link).await.unwrap();
    assert_eq!(page.status(), 200);
    let headers = page.headers().clone();
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert!(
        headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let page = page.text().await.unwrap();
    assert!(
        page.contains("a…\u{2060}@example.org") && page.contains("order.sent"),
        "{page}"
    );
    assert!(!page.contains("ada@example.org"), "{page}");
    assert!(
        mail(salver, ada(), "order.sent").await.is_some(),
        "a GET has changed something"
    );

    assert_eq!(post(&link, "List-Unsubscribe=One-Click").await.0, 200);
    assert!(mail(salver, ada(), "order.sent").await.is_none());
    assert!(mail(salver, ada(), "order.paid").await.is_some());
    assert!(mail(salver, bob(), "order.sent").await.is_some());
    // Again, and with nothing in the body.
    assert_eq!(post(&link, "").await.0, 200);
    let (_, page) = post(&link, "").await;
    assert!(page.contains("You are unsubscribed"), "{page}");
    assert!(mail(salver, ada(), "order.sent").await.is_none());
}

/// An address without a user unsubscribes too.
async fn address(inboxes: Inboxes) {
    let salver = &inboxes.salver;
    let url = serve(salver);
    let address = || Recipient::email("eve@example.org").unwrap();
    let letter = mail(salver, address(), "news.weekly").await.unwrap();
    assert_eq!(post(&link(&url, &letter), "").await.0, 200);
    assert!(mail(salver, address(), "news.weekly").await.is_none());
    assert!(
        mail(salver, address(), "security.login")
            .await
            .unwrap()
            .unsubscribe_url
            .is_none()
    );
}

#[actix_web::test]
async fn one_click_stops_mails_of_a_kind() {
    one_click(Inboxes::memory_with(settings)).await;
    one_click(Inboxes::redis_with(settings)).await;
    address(Inboxes::memory_with(settings)).await;
    address(Inboxes::redis_with(settings)).await;
}

#[actix_web::test]
async fn forged_links_change_nothing() {
    let inboxes = Inboxes::redis_with(settings);
    let salver = &inboxes.salver;
    let url = serve(salver);
    let letter = mail(salver, ada(), "order.sent").await.unwrap();
    let path = path(&letter);
    let (folder, token) = path.rsplit_once('/').unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let of_other_app = settings(
        Salver::builder("two")
            .site("https://app.example")
            .secret(SECRET),
    );
    let of_other_app = mail(&of_other_app.build().unwrap(), ada(), "order.sent")
        .await
        .unwrap();
    let other_secret = settings(
        Salver::builder("app")
            .site("https://app.example")
            .secret([8; 32]),
    );
    let other_secret = mail(&other_secret.build().unwrap(), ada(), "order.sent")
        .await
        .unwrap();
    let foreign = |letter: &Letter| {
        letter
            .unsubscribe_url
            .clone()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    };
    let mut forged = vec![
        foreign(&of_other_app),
        foreign(&other_secret),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(43)),
        format!("{}.{}", parts[0], parts[1]),
        "x".to_owned(),
    ];
    for index in (0..token.len()).step_by(7) {
        let mut bytes = token.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        forged.push(String::from_utf8(bytes).unwrap());
    }
    for token in &forged {
        let link = format!("{url}{folder}/{token}");
        assert_eq!(reqwest::get(&link).await.unwrap().status(), 404, "{token}");
        assert_eq!(
            post(&link, "List-Unsubscribe=One-Click").await.0,
            404,
            "{token}"
        );
    }
    // Nor does the link set anything but what was set before.
    let undo = "undo=order.paid%20never%0Aorder.sent%20daily:8";
    assert_eq!(post(&format!("{url}{path}"), undo).await.0, 404);
    assert!(inboxes.inbox().mail().await.unwrap().is_empty());
    println!("MAIL forged_links={} changed=0", forged.len());
}

#[actix_web::test]
async fn old_secret_still_verifies() {
    let server = Server::start();
    let store = || RedisStore::new(&server.url()).unwrap();
    let builder = || {
        settings(
            Salver::builder("app")
                .site("https://app.example")
                .store(store()),
        )
    };
    let before = builder().secret(SECRET).build().unwrap();
    let letter = mail(&before, ada(), "order.sent").await.unwrap();
    let after = builder()
        .secret([8; 32])
        .old_secret(SECRET)
        .build()
        .unwrap();
    assert_eq!(post(&link(&serve(&after), &letter), "").await.0, 200);
    assert!(mail(&after, ada(), "order.sent").await.is_none());
    for short in [
        builder().secret([7; 31]),
        builder().secret(SECRET).old_secret([7; 31]),
    ] {
        assert!(short.build().unwrap_err().is_invalid());
    }
    let error = builder()
        .build()
        .unwrap()
        .worker()
        .mail(Mailer::memory())
        .start()
        .unwrap_err();
    assert!(
        error.to_string().contains("SalverBuilder::secret"),
        "{error}"
    );
}

#[tokio::test]
async fn mail_program_finds_the_link_in_the_headers() {
    let inboxes = Inboxes::memory_with(settings);
    let server = SmtpServer::start();
    for kind in ["order.sent", "security.login"] {
        inboxes.notify(note(kind)).await;
    }
    with_profiles(inboxes.salver.worker().mail(mailer(&server.url())))
        .drain()
        .await
        .unwrap();
    let mails = server.mails();
    let with_link: Vec<_> = mails
        .iter()
        .filter(|mail| mail.headers.contains_key("list-unsubscribe"))
        .collect();
    assert_eq!((mails.len(), with_link.len()), (2, 1));
    let mail = with_link[0];
    assert_eq!(
        mail.headers["list-unsubscribe-post"],
        "List-Unsubscribe=One-Click"
    );
    let url = mail.headers["list-unsubscribe"].trim_matches(['<', '>']);
    assert!(
        url.starts_with("https://app.example/salver/mail/unsubscribe/"),
        "{url}"
    );
    assert!(
        mail.text.ends_with(&format!("Unsubscribe: {url}\n")),
        "{}",
        mail.text
    );
    assert!(
        mail.html
            .contains(&format!(r#"<a href="{url}">Unsubscribe</a>"#)),
        "{}",
        mail.html
    );
    assert_eq!(mail.defects, [""; 0]);
}

/// In a browser: the page asks, stops and undoes, without JavaScript. Screenshots are under
/// `target/screenshots`.
#[actix_web::test]
async fn person_unsubscribes_and_undoes_it() {
    let inboxes = Inboxes::memory_with(settings);
    let salver = &inboxes.salver;
    inboxes
        .inbox()
        .set_mail("order", Cadence::AtOnce)
        .await
        .unwrap();
    let url = serve(salver);
    let letter = mail(salver, ada(), "order.sent").await.unwrap();
    let browser = Browser::start().await;
    browser.open(&link(&url, &letter)).await;
    let heading = async || {
        browser
            .run("return document.querySelector('h1').textContent")
            .await
    };
    assert_eq!(heading().await, "Unsubscribe");
    for (name, dark, width) in [
        ("light", false, 640),
        ("dark", true, 640),
        ("phone", false, 320),
    ] {
        browser.dark(dark).await;
        browser.width(width).await;
        let (violations, contrast) = browser.axe().await;
        assert!(
            violations.is_empty() && contrast >= 4.5,
            "{name}: {contrast} {violations:?}"
        );
        browser.picture(&format!("unsubscribe-{name}")).await;
    }
    browser.click("button").await;
    assert_eq!(heading().await, "You are unsubscribed");
    assert!(browser.axe().await.0.is_empty());
    browser.picture("unsubscribed").await;
    assert!(mail(salver, ada(), "order.sent").await.is_none());
    browser.click("button").await;
    assert_eq!(heading().await, "E-mails are sent again");
    assert!(mail(salver, ada(), "order.sent").await.is_some());
    browser
        .open(&format!("{url}/salver/mail/unsubscribe/x"))
        .await;
    assert_eq!(heading().await, "This link does not work");
    assert!(browser.axe().await.0.is_empty());
    browser.quit().await;
}

/// The longest user id, kinds and domain fit the line of a header.
#[tokio::test]
async fn link_of_the_longest_mail_fits_a_header() {
    let inboxes = Inboxes::memory_with(|builder| {
        let cadence = Cadence::IfUnread(std::time::Duration::from_secs(1));
        builder.default_cadence("*", cadence)
    });
    let server = SmtpServer::start();
    let domain = format!(
        "{}.example",
        ["x".repeat(60), "y".repeat(60), "z".repeat(60)].join(".")
    );
    for number in 0..20 {
        let kind = format!("{number}{}.{}", "a".repeat(60), "b".repeat(60));
        let long = Recipient::user("\"".repeat(128));
        inboxes.salver.notify([long], note(&kind)).await.unwrap();
    }
    inboxes.advance(std::time::Duration::from_secs(60));
    let worker = inboxes.salver.worker().mail(mailer(&server.url()));
    let worker = worker.profiles(move |who: Vec<Recipient>| {
        let profile = |who| Profile::new(who).email(format!("ada@{domain}"));
        let profiles = who.into_iter().map(profile).collect();
        async { Ok::<_, Error>(profiles) }
    });
    worker.drain().await.unwrap();
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    let header = &mails[0].headers["list-unsubscribe"];
    assert!(
        header.len() + "list-unsubscribe: ".len() < 998,
        "{}",
        header.len()
    );
}
