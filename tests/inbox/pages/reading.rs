//! What a browser shows of the inbox of Ada.

use salver::{Message, Notification};

use crate::support::browser::Browser;
use crate::support::inbox_site::InboxSite;

/// Returns the texts of the elements that a selector matches.
pub async fn texts(browser: &Browser, selector: &str) -> Vec<String> {
    let script = format!(
        "return [...document.querySelectorAll('{selector}')].map((one) => one.textContent.trim())"
    );
    serde_json::from_value(browser.run(&script).await).unwrap()
}

/// Returns the first lines of the rows.
pub async fn rows(browser: &Browser) -> Vec<String> {
    texts(browser, ".salver-inbox-link").await
}

/// Returns the tab that is the current page.
pub async fn current_tab(browser: &Browser) -> Vec<String> {
    texts(browser, "nav a[aria-current=page]").await
}

pub async fn log_in(browser: &Browser, site: &InboxSite) {
    browser.open(&site.login_of("ada")).await;
}

pub fn note(text: &str) -> Notification {
    Notification::new("group.joined", Message::info(text))
}

pub fn names(prefix: &str, numbers: impl Iterator<Item = usize>) -> Vec<String> {
    numbers.map(|n| format!("{prefix} {n}")).collect()
}
