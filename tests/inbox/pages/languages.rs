//! The page in other languages.

use std::collections::BTreeSet;

use salver::Translation;
use salver::{InboxFilter, Message, Notification};
use serde_json::json;

use super::screens::{SCREENS, filled_site, open};
use crate::support::arguments::argument;
use crate::support::browser::Browser;
use crate::support::inbox_site::{InboxSite, Setup, graph};

/// Returns the Arabic text of a count: Arabic has six plural forms.
fn arabic_notifications(count: &str) -> String {
    match count.parse::<u64>().unwrap() {
        0 => "لا إشعارات".to_owned(),
        1 => "إشعار واحد".to_owned(),
        2 => "إشعاران".to_owned(),
        3..=10 => format!("{count} إشعارات"),
        _ => format!("{count} إشعارًا"),
    }
}

/// Translates the page into Arabic.
pub fn in_arabic(message: &Message) -> Option<Translation> {
    let count = argument(message, "count");
    let person = |name: &str| argument(message, name);
    let text = match message.get_key()?.strip_prefix("salver-inbox-")? {
        "language" => "ar".to_owned(),
        "direction" => "rtl".to_owned(),
        "title" => "الإشعارات".to_owned(),
        "tabs" => "أي إشعارات".to_owned(),
        "unread" => "غير مقروء".to_owned(),
        "all" => "الكل".to_owned(),
        "archived" => "الأرشيف".to_owned(),
        "mark-read" => "وضع علامة مقروء".to_owned(),
        "mark-unread" => "وضع علامة غير مقروء".to_owned(),
        "mark-all" => "وضع علامة مقروء على الكل".to_owned(),
        "mark-group-read" => format!("وضع علامة مقروء على {count}"),
        "archive" => "أرشفة".to_owned(),
        "restore" => "نقل إلى الوارد".to_owned(),
        "delete" => "حذف".to_owned(),
        "filter" => "تصفية".to_owned(),
        "kind" => "النوع".to_owned(),
        "any-kind" => "أي نوع".to_owned(),
        "text" => "النص".to_owned(),
        "since" => "من".to_owned(),
        "until" => "إلى".to_owned(),
        "apply" => "عرض".to_owned(),
        "clear" => "مسح التصفية".to_owned(),
        "pages" => "الصفحات".to_owned(),
        "newer" => "الأحدث".to_owned(),
        "older" => "الأقدم".to_owned(),
        "now" => "الآن".to_owned(),
        "minutes-ago" => format!("قبل {count} دقيقة"),
        "more" => format!("و{count} أخرى"),
        "results" => format!("{count} نتائج"),
        "by-one" => format!("من {}", person("first")),
        "by-many" => format!(
            "من {} و{} و{} آخرين",
            person("first"),
            person("second"),
            person("others")
        ),
        "done-read" => format!("{}: مقروء", arabic_notifications(&count)),
        _ => return None,
    };
    Some(text.into())
}

/// Encloses each text of the page in brackets with its key and count.
fn marked(message: &Message) -> Option<Translation> {
    let key = message.get_key()?.strip_prefix("salver-")?;
    let text = match key {
        "inbox-language" => "eo".to_owned(),
        "inbox-direction" => "ltr".to_owned(),
        _ => format!("⟦{key} {}⟧", argument(message, "count")),
    };
    Some(text.into())
}

/// Returns the texts and names of the page that are neither translated nor of a user.
const UNTRANSLATED: &str = r#"
const found = [];
const users = '.salver-inbox-link, .salver-inbox-text, option:not([value=""]), .salver-inbox-count';
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const text = node.data.replace(/⟦[^⟧]*⟧/g, '').replace(/[\s·]/g, '');
  if (text && !node.parentElement.closest(users)) found.push(node.data);
}
for (const name of ['aria-label', 'title', 'placeholder', 'alt']) {
  for (const element of document.body.querySelectorAll(`[${name}]:not(time)`)) {
    if (!/^⟦[^⟧]*⟧$/.test(element.getAttribute(name))) found.push(element.getAttribute(name));
  }
}
return found;
"#;

/// Point 12: all words of every state come from the translator, by key.
#[actix_web::test]
async fn every_word_of_the_page_is_translated() {
    let setup = Setup {
        translator: Some(marked),
        ..Setup::default()
    };
    let site = filled_site(setup).await;
    let browser = Browser::start_without_javascript().await;
    let mut keys = BTreeSet::new();
    for screen in SCREENS {
        open(&browser, &site, screen).await;
        assert_eq!(
            browser.run(UNTRANSLATED).await,
            json!([]),
            "{}",
            screen.name
        );
        assert_eq!(
            browser.run("return document.documentElement.lang").await,
            "eo"
        );
        let found = "return document.documentElement.outerHTML.match(/⟦[^ ⟧]*/g)";
        let found: Vec<String> = serde_json::from_value(browser.run(found).await).unwrap();
        keys.extend(found);
    }
    assert!(keys.len() > 35, "{}: {keys:?}", keys.len());
    println!("INBOX translated_keys={}", keys.len());
    browser.quit().await;
}

/// Point 12: `lang` and `dir` follow the language, counts have its plural forms, and text of a user
/// keeps its own direction.
#[actix_web::test]
async fn arabic_page_runs_from_right_to_left_with_its_plural_forms() {
    let setup = Setup {
        translator: Some(in_arabic),
        ..Setup::default()
    };
    let site = InboxSite::start(setup);
    let browser = Browser::start_without_javascript().await;
    for (count, expected) in [
        (1, "إشعار واحد: مقروء"),
        (2, "إشعاران: مقروء"),
        (3, "3 إشعارات: مقروء"),
        (11, "11 إشعارًا: مقروء"),
    ] {
        for n in 0..count {
            site.notify("ada", graph(&format!("g{n}"))).await;
        }
        browser.open(&site.login_of("ada")).await;
        browser.click(".salver-inbox-all button").await;
        browser.shows(&[expected]).await;
        assert!(site.ids("ada", InboxFilter::unread()).await.is_empty());
    }
    let message = Message::info("Your plan **ends**.")
        .markdown()
        .title("Plan");
    let note = Notification::new("plan", message).already_read();
    site.notify("ada", note).await;
    browser.open(&site.at("?tab=all")).await;
    let paragraph =
        "return getComputedStyle(document.querySelector('.salver-inbox-text p')).direction";
    assert_eq!(browser.run(paragraph).await, "ltr");
    let page = "const { documentElement: root } = document;
        const link = document.querySelector('.salver-inbox-link');
        return [root.lang, root.dir, getComputedStyle(document.querySelector('h1')).direction, link.dir, getComputedStyle(link).direction]";
    assert_eq!(
        browser.run(page).await,
        json!(["ar", "rtl", "rtl", "auto", "ltr"])
    );
    browser.quit().await;
}
