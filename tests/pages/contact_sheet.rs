//! Screenshots of every page in `target/screenshots/pages`, and one picture of all of them, for a person to look at.

use std::fmt::Write;

use actix_web::{App, HttpServer};
use salver::events::EventType;
use salver::inbox::InboxRoutes;
use salver::mail::{Cadence, Mailer, Profile};
use salver::webhooks::Endpoint;
use salver::{Error, Message, Recipient, Salver, Translation};
use serde_json::json;

use crate::support::broker_process::TOKEN;
use crate::support::browser::{Browser, add_message_of_each_level, target};
use crate::support::eventually;
use crate::support::example_programs::{Dashboard, start_example, start_example_with};
use crate::support::inbox_site::{InboxSite, Setup};
use crate::support::inboxes::Inboxes;
use crate::support::mail_pages;

/// Name, whether it is dark, width.
const APPEARANCES: [(&str, bool, u32); 3] = [
    ("light", false, 900),
    ("dark", true, 900),
    ("phone", false, 360),
];
const EDITS: EventType = EventType::new("wiki.edit", &["language"]);
/// Height of the window. A picture is taller if its page is.
const HEIGHT: u32 = 640;
/// A text without a place for a line break.
const LONG: &str = "an_endless_name_without_a_space_that_is_wider_than_the_screen_of_a_telephone";

/// The pictures of all pages.
struct Album {
    browser: Browser,
    pages: Vec<String>,
}

impl Album {
    /// Saves pictures of the open page in each appearance. It fits each of them.
    async fn save(&mut self, name: &str) {
        for (appearance, dark, width) in APPEARANCES {
            self.browser.dark(dark).await;
            self.browser.size(width, HEIGHT).await;
            let wide = "return document.documentElement.scrollWidth";
            let wide = self.browser.run(wide).await.as_u64().unwrap();
            assert!(wide <= u64::from(width), "{name} {appearance}: {wide}");
            let picture = format!("pages/{name}-{appearance}");
            self.browser.picture(&picture).await;
        }
        self.pages.push(name.to_owned());
    }

    async fn open(&mut self, name: &str, url: &str) {
        self.browser.open(url).await;
        self.save(name).await;
    }

    /// Clicks a button of the open page.
    async fn click(&mut self, name: &str, selector: &str) {
        self.browser.click(selector).await;
        self.save(name).await;
    }

    /// Saves one picture of all pictures.
    async fn save_sheet(&self) {
        let mut html = String::from(
            "<!doctype html><meta charset=utf-8><style>body { margin: 16px; font: 14px system-ui; background: gray; color: white }
            main { display: grid; grid-template-columns: 1fr 1fr; gap: 16px } figure { margin: 0 }
            div { display: grid; grid-template-columns: 900fr 900fr 360fr; gap: 4px }
            span { block-size: 280px; overflow: hidden } img { inline-size: 100% }</style><main>",
        );
        for name in &self.pages {
            let pictures = APPEARANCES.map(|(appearance, ..)| {
                format!("<span><img src='pages/{name}-{appearance}.png' alt=''></span>")
            });
            write!(
                html,
                "<figure><figcaption>{name}</figcaption><div>{}</div></figure>",
                pictures.concat()
            )
            .unwrap();
        }
        let file = target().join("screenshots/contact-sheet.html");
        std::fs::write(&file, html).unwrap();
        self.browser.width(1600).await;
        self.browser
            .open(&format!("file://{}", file.display()))
            .await;
        let loaded = "return [...document.images].filter((image) => image.naturalWidth > 0).length";
        let loaded = self.browser.run(loaded).await.as_u64().unwrap();
        assert_eq!(loaded as usize, self.pages.len() * APPEARANCES.len());
        self.browser.picture("contact-sheet").await;
    }
}

fn with_profiles(routes: InboxRoutes) -> InboxRoutes {
    routes
        .kinds([
            ("graph", "Graphs"),
            ("letter", "Letters"),
            ("security", "Security"),
        ])
        .profiles(profiles)
}

async fn profiles(who: Vec<Recipient>) -> Result<Vec<Profile>, Error> {
    let profile = |who: Recipient| {
        let address = format!("{}@example.org", who.user_id()?);
        Some(Profile::new(who).email(address).time_zone("Europe/Berlin"))
    };
    Ok(who.into_iter().filter_map(profile).collect())
}

fn in_hebrew(message: &Message) -> Option<Translation> {
    let text = match message.get_key()? {
        "salver-inbox-language" => "he",
        "salver-inbox-direction" => "rtl",
        "salver-inbox-title" => "התראות",
        _ => return None,
    };
    Some(text.into())
}

async fn add_dashboard(album: &mut Album) {
    let dashboard = Dashboard::start(None);
    album.open("flash-overview", &dashboard.at("/")).await;
    album.browser.open(&dashboard.at("/uploads")).await;
    add_message_of_each_level(&album.browser).await;
    album
        .open("flash-levels", &dashboard.at("/dashboard"))
        .await;
    album.browser.open(&dashboard.at("/dashboard")).await;
    add_message_of_each_level(&album.browser).await;
    eventually("the page shows the messages", async || {
        (album.browser.messages().await.len() == 5).then_some(())
    })
    .await;
    album.save("flash-toasts").await;
    album.browser.open(&dashboard.at("/settings")).await;
    album.click("flash-form", "main form button").await;
}

async fn add_inbox(album: &mut Album, salver: &Salver) {
    let inbox = Some(with_profiles as fn(_) -> _);
    let site = InboxSite::serve(
        salver.clone(),
        Setup {
            inbox,
            ..Setup::default()
        },
    );
    site.fill().await;
    album.open("inbox-anonymous", &site.at("")).await;
    album.browser.open(&site.login_of("ada")).await;
    album.browser.open(&site.at("?tab=all")).await;
    let group = "document.querySelector('.salver-inbox-list details').open = true";
    album.browser.run(group).await;
    album.save("inbox-group").await;
    for (name, path) in [
        ("inbox-archived", "?tab=archived"),
        ("inbox-filtered", "?tab=all&text=plan"),
    ] {
        album.open(name, &site.at(path)).await;
    }
    album.browser.open(&site.at("/preferences")).await;
    album
        .click("preferences", ".salver-inbox-preferences button")
        .await;
    album
        .open("inbox-everything-read", &site.login_of("eve"))
        .await;
    album.open("inbox-empty", &site.at("?tab=all")).await;
    let translator = Some(in_hebrew as fn(&_) -> _);
    let setup = Setup {
        inbox,
        translator,
        ..Setup::default()
    };
    let site = InboxSite::serve(salver.clone(), setup);
    album
        .open("inbox-right-to-left", &site.login_of("ada"))
        .await;
}

/// The mails are shown as a browser shows them.
async fn add_mails(album: &mut Album, salver: &Salver) {
    let url = mail_pages::serve(salver);
    let page =
        |link: &Option<String>| format!("{url}{}", mail_pages::path(link.as_deref().unwrap()));
    let mailer = Mailer::memory();
    let send = async || {
        let worker = salver.worker().events().mail(mailer.clone());
        worker.profiles(profiles).drain().await.unwrap();
        mailer.sent().pop().unwrap()
    };
    let eve = Recipient::email("eve@example.org").unwrap();
    let edits = EDITS.subscription().described("edits in German");
    salver.subscribe(&eve, edits.clone()).await.unwrap();
    let letter = send().await;
    let file = target().join("screenshots/mail.html");
    let show = format!("file://{}", file.display());
    std::fs::write(&file, &letter.html).unwrap();
    album.open("mail-activation", &show).await;
    album.open("activate", &page(&letter.activation_url)).await;
    album.click("activated", "button").await;
    let text = Message::info(format!("Ada has changed 3 lines of {LONG}.")).title("Ports");
    let event = EDITS.event().message(text.action("See it", "/revisions/7"));
    salver.publish(event).await.unwrap();
    let letter = send().await;
    std::fs::write(&file, &letter.html).unwrap();
    album.open("mail-event", &show).await;
    album
        .open("unsubscribe", &page(&letter.unsubscribe_url))
        .await;
    album.click("unsubscribed", "button").await;
    let unknown = format!("{url}/salver/mail/unsubscribe/x");
    album.open("unsubscribe-unknown", &unknown).await;
}

async fn add_broker(album: &mut Album) {
    let salver = Salver::builder("broker").secret([7; 32]).build().unwrap();
    let served = salver.clone();
    let server = HttpServer::new(move || {
        App::new()
            .service(served.broker_routes().token(TOKEN))
            .service(served.broker_page().token(TOKEN))
    });
    let server = server
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let home = format!("http://{}/", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    let log_in = "form[action$='/login'] button";
    album.browser.open(&home).await;
    album.browser.fill("token", "wrong").await;
    album.click("broker-login", log_in).await;
    album.browser.fill("token", TOKEN).await;
    album.click("broker-empty", log_in).await;
    for url in [
        "https://shop.example/hooks",
        &format!("https://shop.example/{LONG}"),
    ] {
        let endpoint = Endpoint::new(url).types(["order.created", "order.paid"]);
        salver.endpoints().add(endpoint).await.unwrap();
    }
    let client = reqwest::Client::new();
    for id in ["order-7", LONG, "הזמנה-7"] {
        let event =
            json!({ "specversion": "1.0", "type": "order.created", "source": "/shop", "id": id });
        let request = client.post(format!("{home}v1/events")).bearer_auth(TOKEN);
        let request = request.header("content-type", "application/cloudevents+json");
        let response = request.body(event.to_string()).send().await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
    }
    salver.worker().events().drain().await.unwrap();
    // A delivery to an endpoint that is disabled is dead.
    let endpoints = salver.endpoints().list().await.unwrap();
    for endpoint in &endpoints {
        salver.endpoints().disable(&endpoint.id).await.unwrap();
    }
    salver.worker().webhooks().drain().await.unwrap();
    salver.endpoints().enable(&endpoints[0].id).await.unwrap();
    album.browser.open(&home).await;
    album
        .click("broker", "form[action$='/disable'] button")
        .await;
    album
        .click("broker-remove", "form[action$='/remove'] button")
        .await;
}

/// The examples whose pages differ only in the template.
async fn add_small_examples(album: &mut Album) {
    for (name, path) in [
        ("hello", "/settings"),
        ("askama", "/"),
        ("minijinja", "/"),
        ("prometheus", "/"),
        ("fluent", "/"),
    ] {
        let (url, _process) = start_example(name, path).await;
        album.browser.open(&url).await;
        album.click(name, "form button").await;
    }
    for (name, path) in [("tera", "/exports"), ("maud", "/")] {
        let (url, _process) = start_example(name, path).await;
        album.open(name, &url).await;
    }
    let script = target().join("npm/node_modules/htmx4/dist/htmx.min.js");
    let script = [("HTMX_JS", script.to_str().unwrap())];
    let (url, _process) = start_example_with("htmx", "/", &script).await;
    album.browser.open(&url).await;
    for icon in ["home", LONG] {
        album.browser.fill("name", icon).await;
        album.browser.press("form button").await;
        let added = format!("{icon} was added.");
        eventually("the icon is added", async || {
            album
                .browser
                .messages()
                .await
                .contains(&added)
                .then_some(())
        })
        .await;
    }
    album.save("htmx").await;
    let (url, _process) = start_example("full_app", "").await;
    album
        .open("full-app-login", &format!("{url}/orders/"))
        .await;
    album.browser.fill("name", "Ada").await;
    album.browser.fill("password", "icons").await;
    album.click("full-app", "main form button").await;
}

async fn add_wiki(album: &mut Album) {
    let (url, _process) = start_example("wiki", "").await;
    album.open("wiki", &format!("{url}/")).await;
    album
        .open("wiki-visitor", &format!("{url}/documents/1"))
        .await;
    album.browser.open(&format!("{url}/login")).await;
    album.browser.click("button[value='1']").await;
    for scope in ["document", "language"] {
        album.browser.open(&format!("{url}/documents/2")).await;
        let button = format!("button[value='{scope}']");
        album.browser.click(&button).await;
    }
    album.save("wiki-document").await;
    for (name, path) in [
        ("wiki-subscriptions", "/subscriptions"),
        ("wiki-profile", "/profile"),
    ] {
        album.open(name, &format!("{url}{path}")).await;
    }
}

async fn add_graphspace(album: &mut Album) {
    let (url, _process) = start_example("graphspace", "/").await;
    album.open("graphspace-login", &url).await;
    album.browser.click("button[value='1']").await;
    for name in ["yeast", LONG] {
        album.browser.fill("name", name).await;
        album.browser.click("main form button").await;
    }
    album.save("graphspace").await;
    album
        .open("graphspace-inbox", &format!("{url}salver/inbox?tab=all"))
        .await;
}

async fn add_messenger(album: &mut Album) {
    let (url, _process) = start_example("messenger", "/").await;
    album.open("messenger-login", &url).await;
    album.browser.fill("name", "Ada").await;
    album.browser.fill("password", "correct horse").await;
    album.browser.click("[name=is_new]").await;
    let code = "return document.querySelector('header code').textContent";
    let code = album.browser.run(code).await;
    for text in ["Lunch at noon?", LONG] {
        album.browser.fill("to", code.as_str().unwrap()).await;
        album.browser.fill("text", text).await;
        album.browser.click(".write button").await;
    }
    album.save("messenger").await;
}

#[actix_web::test]
async fn every_page_fits_each_appearance_in_screenshots() {
    let mut album = Album {
        browser: Browser::start().await,
        pages: Vec::new(),
    };
    let inboxes = Inboxes::memory_with(|builder| {
        let builder = builder.default_cadence("letter", Cadence::Daily { hour: 7 });
        builder.critical(["security"])
    });
    album.browser.hide_scrollbars().await;
    add_dashboard(&mut album).await;
    add_inbox(&mut album, &inboxes.salver).await;
    add_mails(&mut album, &inboxes.salver).await;
    add_broker(&mut album).await;
    add_wiki(&mut album).await;
    add_graphspace(&mut album).await;
    add_messenger(&mut album).await;
    add_small_examples(&mut album).await;
    album.save_sheet().await;
    let pictures = album.pages.len() * APPEARANCES.len();
    album.browser.quit().await;
    println!("PAGE pages={} pictures={pictures}", album.pages.len());
}
