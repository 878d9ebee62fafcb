//! The page in a browser: by keyboard, without JavaScript, for assistive technology, and how it looks.

use insta::{Settings, assert_snapshot};
use salver::{Message, Translation};
use serde_json::json;
use thirtyfour::{Key, TypingData};

use super::screens::{STATES, in_arabic, open, site_in, start};
use super::{chosen, texts};
use crate::support::accessibility_tree::accessibility_tree;
use crate::support::browser::Browser;
use crate::support::inbox_site::{InboxSite, STRICT_POLICY, Setup};
use crate::support::redis::Server;

/// A person chooses, saves and resets without JavaScript; each time the page says "Saved.".
#[actix_web::test]
async fn person_saves_and_resets_without_javascript() {
    let (inboxes, site) = start(Setup::default());
    let browser = Browser::start_without_javascript().await;
    browser.open(&site.login_of("ada")).await;
    browser.click(r#"a[href$="/preferences"]"#).await;
    browser
        .press(r#"[name="cadence.graph"][value=weekly]"#)
        .await;
    browser.press("[name=weekday] [value=sunday]").await;
    browser.press(r#"[name=hour] [value="23"]"#).await;
    browser.click(".salver-inbox-preferences button").await;
    browser.shows(&["Saved."]).await;
    let url = browser.driver.current_url().await.unwrap();
    assert_eq!(url.path(), "/salver/inbox/preferences");
    assert_eq!(
        chosen(&inboxes.inbox()).await,
        texts([("graph", "weekly:sunday:23")])
    );
    browser
        .press(r#"[name="cadence.graph"][value=default]"#)
        .await;
    browser.click(".salver-inbox-preferences button").await;
    browser.shows(&["Saved."]).await;
    assert!(chosen(&inboxes.inbox()).await.is_empty());
    browser.quit().await;
}

async fn press(browser: &Browser, key: impl Into<TypingData>) {
    let element = browser.driver.active_element().await.unwrap();
    element.send_keys(key).await.unwrap();
}

/// Returns the name of the element with the focus, and whether its focus is visible.
const FOCUS: &str = "
const element = document.activeElement;
const { outlineStyle, outlineWidth } = getComputedStyle(element);
const visible = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
return [element.name || element.textContent.trim(), visible];
";

/// Tab stops once at each kind, arrow keys choose, and Enter saves.
#[actix_web::test]
async fn keyboard_chooses_and_saves() {
    let ((inboxes, site), browser) = (start(Setup::default()), Browser::start().await);
    open(&browser, &site).await;
    let mut reached = Vec::new();
    for _ in 0..8 {
        press(&browser, Key::Tab).await;
        let focus = browser.run(FOCUS).await;
        assert_eq!(focus[1], true, "no visible focus on {}", focus[0]);
        reached.push(focus[0].as_str().unwrap().to_owned());
        if focus[0] == "cadence.letter" {
            press(&browser, Key::Down).await;
        }
    }
    let order = [
        "Notifications",
        "cadence.graph",
        "cadence.letter",
        "cadence.news",
        "cadence.*",
        "weekday",
        "hour",
        "Save",
    ];
    assert_eq!(reached, order);
    press(&browser, Key::Enter).await;
    browser.shows(&["Saved."]).await;
    // The one after what the site has set.
    assert_eq!(
        chosen(&inboxes.inbox()).await,
        texts([("letter", "hourly")])
    );
    browser.quit().await;
}

/// axe-core finds no violation in any state, no width of a page scrolls sideways, and each target is at least 24
/// pixels high. The screenshots are under `target/screenshots`.
#[actix_web::test]
async fn preferences_pass_axe_at_every_width() {
    let arabic = Setup {
        translator: Some(in_arabic),
        ..Setup::default()
    };
    let mut sites = vec![("right-to-left", site_in("defaults", arabic).await)];
    for state in STATES {
        sites.push((state, site_in(state, Setup::default()).await));
    }
    let browser = Browser::start().await;
    let (mut screens, mut lowest) = (0, f64::INFINITY);
    for (name, (_inboxes, site)) in &sites {
        for (appearance, dark, width) in [
            ("light", false, 1280),
            ("dark", true, 1280),
            ("phone", false, 320),
            ("phone-dark", true, 320),
        ] {
            browser.dark(dark).await;
            browser.width(width).await;
            open(&browser, site).await;
            let (violations, contrast) = browser.axe().await;
            assert!(
                violations.is_empty() && contrast >= 4.5,
                "{name} {appearance}: {contrast} {violations:#?}"
            );
            let layout = "const small = [...document.querySelectorAll('main :is(input, select, button, a)')]
                .filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.outerHTML);
                return [document.documentElement.scrollWidth, small]";
            let layout = browser.run(layout).await;
            assert!(
                layout[0].as_u64().unwrap() <= u64::from(width),
                "{name} {appearance}: {layout}"
            );
            assert_eq!(layout[1], json!([]), "{name} {appearance}");
            browser
                .picture(&format!("preferences-{name}-{appearance}"))
                .await;
            (screens, lowest) = (screens + 1, lowest.min(contrast));
        }
    }
    let forced = json!([{ "name": "forced-colors", "value": "active" }]);
    browser.emulate_media(forced).await;
    browser.width(640).await;
    open(&browser, &sites[2].1.1).await;
    assert!(browser.axe().await.0.is_empty());
    browser.picture("preferences-forced-colors").await;
    println!(
        "MAIL preferences_axe_violations=0 screens={} lowest_contrast={lowest}",
        screens + 1
    );
    browser.quit().await;
}

/// The accessibility tree of every state is a snapshot.
#[actix_web::test]
async fn accessibility_tree_of_preferences_matches_its_snapshot() {
    let browser = Browser::start().await;
    for state in STATES {
        let (_inboxes, site) = site_in(state, Setup::default()).await;
        open(&browser, &site).await;
        let tree = accessibility_tree(&browser).await;
        let mut settings = Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| assert_snapshot!(format!("preferences-{state}"), tree));
    }
    browser.quit().await;
}

/// The page and what it loads and sends meet a strict policy.
#[actix_web::test]
async fn preferences_meet_a_strict_policy() {
    let setup = Setup {
        policy: Some(STRICT_POLICY),
        ..Setup::default()
    };
    let ((_inboxes, site), browser) = (site_in("chosen", setup).await, Browser::start().await);
    open(&browser, &site).await;
    let style = "return getComputedStyle(document.querySelector('.salver-inbox')).overflowWrap";
    assert_eq!(browser.run(style).await, "anywhere");
    browser.click(".salver-inbox-preferences button").await;
    browser.shows(&["Saved."]).await;
    let violations = site.violations(&browser).await;
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(site.unexpected_requests.lock().unwrap().is_empty());
    println!("MAIL preferences_policy_violations=0");
    browser.quit().await;
}

/// Encloses each text of the page in brackets.
fn marked(message: &Message) -> Option<Translation> {
    let text = match message.get_key()? {
        "salver-inbox-language" => "eo".to_owned(),
        "salver-inbox-direction" => "rtl".to_owned(),
        key if message.args().next().is_none() => format!("⟦{key}⟧"),
        key => format!(
            "⟦{key} {:?}⟧",
            message.args().map(|(name, _)| name).collect::<Vec<_>>()
        ),
    };
    Some(text.into())
}

/// All words come from the translator, by key; the address and the hours are those of the person.
#[actix_web::test]
async fn every_word_of_the_preferences_is_translated() {
    let browser = Browser::start_without_javascript().await;
    let mut keys = std::collections::BTreeSet::new();
    for state in STATES {
        let setup = Setup {
            translator: Some(marked),
            ..Setup::default()
        };
        let (_inboxes, site) = site_in(state, setup).await;
        open(&browser, &site).await;
        let untranslated = r"
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const found = [];
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const text = node.data.replace(/⟦[^⟧]*⟧/g, '').trim();
                if (text && !node.parentElement.closest('[name=hour]')) found.push(text);
            }
            return found";
        let untranslated = browser.run(untranslated).await;
        let expected = match state {
            "no-address" | "no-profile" => json!([]),
            _ => json!(["ada@example.org"]),
        };
        assert_eq!(untranslated, expected, "{state}");
        let page =
            "const root = document.documentElement; return [root.lang, root.dir, document.title]";
        assert_eq!(
            browser.run(page).await,
            json!(["eo", "rtl", "⟦salver-inbox-mail-preferences⟧"])
        );
        let found = browser
            .run("return document.body.innerHTML.match(/⟦[^ ⟧]*/g)")
            .await;
        keys.extend(serde_json::from_value::<Vec<String>>(found).unwrap());
    }
    assert!(keys.len() > 30, "{keys:?}");
    println!("MAIL preferences_translated_keys={}", keys.len());
    browser.quit().await;
}

/// While the store does not reply, the page says so and offers to try again.
#[actix_web::test]
async fn failed_store_offers_to_try_again() {
    let url = Server::start().url();
    let store = salver::store::RedisStore::new(&url).unwrap();
    let builder = salver::Salver::builder("app").site("https://app.example");
    let salver = super::settings(builder.secret([7; 32])).store(store);
    let setup = Setup {
        inbox: Some(super::with_profiles),
        ..Setup::default()
    };
    let site = InboxSite::serve(salver.build().unwrap(), setup);
    let browser = Browser::start().await;
    open(&browser, &site).await;
    let alert = "return document.querySelector('[role=alert]').textContent";
    let text = "Your e-mail preferences cannot be loaded or saved now. Try again";
    assert_eq!(browser.run(alert).await, text);
    assert!(browser.axe().await.0.is_empty());
    browser.picture("preferences-failed").await;
    browser.click("[role=alert] a").await;
    assert_eq!(browser.run(alert).await, text);
    let client = reqwest::Client::new();
    let form = "cadence.graph=never&hour=8&weekday=monday";
    let request = client.post(site.at("/preferences")).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let response = request.header("cookie", "user=ada").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains(r#"href="/salver/inbox/preferences">Try again"#)
    );
    browser.quit().await;
}
