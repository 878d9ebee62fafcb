//! Notifications and queries with script payloads, and redirects to other sites.

use reqwest::Client;
use salver::{InboxFilter, Message, Notification, Recipient};
use serde_json::json;
use url::form_urlencoded;

use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::inbox_site::{InboxSite, Setup};
use crate::support::profile::by_profile;
use crate::support::xss_payloads::payloads;

/// The `<head>` of the page: a script that records dialogs, markers and events of elements.
fn head() -> String {
    let watch = "window.fired = [];
for (const name of ['alert', 'confirm', 'prompt', 'print', 'open', 'fetch']) window[name] = () => { fired.push(name); };
Object.defineProperty(window, 'pwned', { set() { fired.push('pwned'); } });
addEventListener('error', (event) => fired.push(`error ${event.message ?? event.target.localName}`), true);";
    format!("<link rel=icon href='data:,'><script>{watch}</script>")
}

/// Returns what ran, what could run after a click, and the path of the page.
const REPORT: &str = r#"
const allowed = new Set('html head meta title link script body main salver-messages salver-inbox div h1 nav a span details summary form label input select option button p ul li bdi time em strong code pre blockquote ol hr br del s'.split(' '));
const attributes = new Set('charset name content rel href class lang dir id role aria-current aria-label aria-describedby method action type value datetime title open selected tab'.split(' '));
const injected = [];
for (const element of document.querySelectorAll('*')) {
  const other = [...element.attributes].some(({ name }) => !attributes.has(name) && !name.startsWith('data-salver-'));
  const unsafe = element.matches('a[href]') && !/^(https?)?:$/.test(element.protocol);
  const form = element.matches('form') && new URL(element.action).origin !== location.origin;
  if (!allowed.has(element.localName) || other || unsafe || form) injected.push(element.outerHTML.slice(0, 300));
}
if (document.scripts.length !== 1) injected.push(`${document.scripts.length} scripts`);
const text = (selector) => [...document.querySelectorAll(selector)].map((one) => one.textContent);
return { injected, fired: window.fired, path: location.pathname, links: text('.salver-inbox-link'), search: document.querySelector('[name=text]')?.value };
"#;

/// Returns the payload if a message may have it as its link, else a path with it.
fn link(payload: &str) -> String {
    let message = Message::info("x").action("x", payload);
    match message.validate().is_ok() {
        true => payload.to_owned(),
        false => format!("/objects/?q={payload}"),
    }
}

type Build = fn(&str) -> Notification;

/// The places of a payload in a notification. `true`: the first line of the row is the payload.
const PLACES: [(&str, bool, Build); 8] = [
    ("text", true, |payload| note(Message::info(payload))),
    ("title", true, |payload| {
        note(Message::info("x").title(payload))
    }),
    ("actor", false, |payload| {
        note(Message::info("x")).actor(&Recipient::user("bob"), payload)
    }),
    ("subject", false, |payload| {
        note(Message::info("x")).subject(payload)
    }),
    ("group", false, |payload| {
        note(Message::info("x")).group(payload)
    }),
    ("label", false, |payload| {
        note(Message::info("x").action(payload, "/"))
    }),
    ("url", false, |payload| {
        note(Message::info("x").action("x", link(payload)))
    }),
    ("markdown", false, |payload| {
        note(
            Message::info(payload)
                .markdown()
                .title("x")
                .action("x", "/"),
        )
    }),
];

fn note(message: Message) -> Notification {
    Notification::new("test", message)
}

async fn assert_clean(browser: &Browser, site: &InboxSite, place: &str) -> serde_json::Value {
    let report = browser.run(REPORT).await;
    assert_eq!(report["fired"], json!([]), "{place}");
    assert_eq!(report["injected"], json!([]), "{place}");
    assert_eq!(report["path"], "/salver/inbox", "{place}");
    assert_eq!(
        *site.unexpected_requests.lock().unwrap(),
        [""; 0],
        "{place}"
    );
    report
}

/// Puts markup into the page and checks that it runs and is detected. Otherwise the absence of findings
/// would prove nothing.
async fn assert_injection_is_detected(site: &InboxSite, browser: &Browser) {
    browser.open(&site.login_of("control")).await;
    let inject = "document.querySelector('h1').innerHTML = '<img src=/stray onerror=alert(1)>'";
    browser.run(inject).await;
    eventually("the markup runs", async || {
        let report = browser.run(REPORT).await;
        let fired = report["fired"].as_array()?.len();
        let injected = report["injected"].as_array()?.len();
        (fired == 2 && injected == 1).then_some(())
    })
    .await;
    let unexpected: Vec<_> = site.unexpected_requests.lock().unwrap().drain(..).collect();
    assert_eq!(unexpected, ["/stray"]);
}

/// Payloads in every place of a notification: none runs, and the first line of a row is the payload as
/// text.
#[actix_web::test]
async fn payloads_in_notifications_never_run() {
    let setup = Setup {
        head: Some(head()),
        ..Setup::default()
    };
    let (site, browser) = (InboxSite::start(setup), Browser::start().await);
    assert_injection_is_detected(&site, &browser).await;
    let payloads = payloads(by_profile(100, 2_000));
    let (mut rendered, mut rejected) = (0, 0);
    for (place, is_first_line, build) in PLACES {
        for (n, chunk) in payloads.chunks(100).enumerate() {
            let user = format!("{place}-{n}");
            let mut expected = Vec::new();
            for payload in chunk {
                let notification = build(payload);
                match site
                    .salver
                    .notify([Recipient::user(&user)], notification)
                    .await
                {
                    Ok(()) => expected.push(payload.clone()),
                    Err(error) => {
                        assert!(error.is_invalid(), "{error}");
                        rejected += 1;
                    }
                }
            }
            rendered += expected.len();
            browser.open(&site.login_of(&user)).await;
            browser.open(&site.at("?limit=100&grouped=false")).await;
            let report = assert_clean(&browser, &site, place).await;
            if is_first_line {
                expected.reverse();
                assert_eq!(report["links"], json!(expected), "{place}");
            }
        }
    }
    println!("INBOX payloads rendered={rendered} rejected={rejected} run=0");
    assert!(rendered > 3 * rejected, "{rendered} {rejected}");
    browser.quit().await;
}

/// Payloads in the query of the list, which the page repeats in its fields and links: none runs.
#[actix_web::test]
async fn payloads_in_the_query_never_run() {
    let setup = Setup {
        head: Some(head()),
        ..Setup::default()
    };
    let (site, browser) = (InboxSite::start(setup), Browser::start().await);
    browser.open(&site.login_of("ada")).await;
    for n in 0..25 {
        let note = note(Message::info(format!("text {n}")));
        site.notify("ada", note).await;
    }
    let mut searched = 0;
    for (n, payload) in payloads(by_profile(48, 1_000)).iter().enumerate() {
        let field = [
            "text", "subject", "group", "kind", "since", "after", "tab", "other",
        ][n % 8];
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair(field, payload);
        browser
            .open(&site.at(&format!("?{}", query.finish())))
            .await;
        let report = assert_clean(&browser, &site, field).await;
        if field == "text" && report["search"] != "" {
            // A field of one line has no line breaks.
            let expected = payload.replace(['\n', '\r'], "");
            assert_eq!(report["search"], json!(expected));
            searched += 1;
        }
    }
    assert!(searched > 2, "{searched}");
    browser.quit().await;
}

/// The field `return` of a form and the click-through lead nowhere but to this site, and to the links
/// that the site has set.
#[actix_web::test]
async fn redirects_stay_on_the_site() {
    let site = InboxSite::start(Setup::default());
    site.notify("ada", note(Message::info("text"))).await;
    let id = site.ids("ada", InboxFilter::all()).await.swap_remove(0);
    let client = Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let evil = [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "\r\nlocation: https://evil.example/",
        "\nset-cookie: a=b",
        "@evil.example",
        ".evil.example",
        "?https://evil.example",
        "#//evil.example",
        "../../../evil",
        "\t//evil.example",
        "a\0b",
        "é\u{202e}",
        "%0d%0aa: b",
    ];
    let mut returns: Vec<String> = evil.map(str::to_owned).into();
    returns.extend(payloads(by_profile(200, 2_000)));
    for return_to in &returns {
        let form = [("change", "read"), ("ids", &id), ("return", return_to)];
        let request = client.post(site.at("/mark")).header("cookie", "user=ada");
        let response = request.form(&form).send().await.unwrap();
        assert_eq!(response.status(), 303, "{return_to:?}");
        let headers = response.headers();
        assert!(!headers.contains_key("a"), "{return_to:?}");
        let cookies = headers.get_all("set-cookie").iter();
        let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
        assert!(
            cookies.all(|cookie| cookie.starts_with("salver-app")),
            "{return_to:?}"
        );
        let location = headers["location"].to_str().unwrap();
        let url = url::Url::parse(&site.at(""))
            .unwrap()
            .join(location)
            .unwrap();
        assert_eq!(
            url.origin(),
            url::Url::parse(&site.url).unwrap().origin(),
            "{return_to:?}"
        );
        assert_eq!(url.path(), "/salver/inbox", "{return_to:?}");
        assert!(
            location.is_ascii() && location.starts_with("/salver/inbox?"),
            "{location}"
        );
    }
    println!("INBOX redirects tried={} left_the_site=0", returns.len());
}
