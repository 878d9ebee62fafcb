//! The page as assistive technology meets it.

use insta::{Settings, assert_snapshot};
use serde_json::json;

use super::languages::in_arabic;
use super::screens::{FAILED, SCREENS, Screen, failed_site, filled_site, named, open};
use crate::support::accessibility_tree::accessibility_tree;
use crate::support::browser::Browser;
use crate::support::inbox_site::{InboxSite, Setup};
use crate::support::profile::by_profile;

/// Returns every screen, with the site that has it.
fn screens<'a>(
    site: &'a InboxSite,
    failed: &'a InboxSite,
) -> impl Iterator<Item = (&'a InboxSite, Screen)> {
    let screens = SCREENS.into_iter().map(move |screen| (site, screen));
    screens.chain([(failed, FAILED)])
}

/// Points 12 and 13: axe-core finds no violation in any state, and text has a contrast of 4.5:1 in
/// light and in dark.
#[actix_web::test]
async fn every_state_passes_axe() {
    let (site, failed) = (filled_site(Setup::default()).await, failed_site());
    let arabic = Setup {
        translator: Some(in_arabic),
        ..Setup::default()
    };
    let arabic = filled_site(arabic).await;
    let browser = Browser::start().await;
    let (mut checked, mut lowest_contrast) = (0, f64::INFINITY);
    let mut check = async |name: &str| {
        let (violations, contrast) = browser.axe().await;
        assert!(violations.is_empty(), "{name}: {violations:#?}");
        assert!(contrast >= 4.5, "{name}: {contrast}");
        lowest_contrast = lowest_contrast.min(contrast);
        checked += 1;
    };
    // Every state once, and the states with every element in the other appearances.
    for (width, dark) in [(320, true), (1280, false), (320, false), (1280, true)] {
        browser.width(width).await;
        browser.dark(dark).await;
        let is_each = (width, dark) == (320, true) || by_profile(0, 1) == 1;
        for (site, screen) in screens(&site, &failed) {
            if is_each || matches!(screen.name, "all" | "filtered") {
                open(&browser, site, screen).await;
                check(&format!("{} {width} dark={dark}", screen.name)).await;
            }
        }
    }
    open(&browser, &arabic, named("all")).await;
    check("arabic").await;
    let forced = json!([{ "name": "forced-colors", "value": "active" }]);
    browser.emulate_media(forced).await;
    open(&browser, &site, named("all")).await;
    check("forced colours").await;
    println!("INBOX axe_violations=0 screens={checked} lowest_contrast={lowest_contrast}");
    browser.quit().await;
}

/// Point 13: the accessibility tree of every state is a snapshot.
#[actix_web::test]
async fn accessibility_tree_of_every_state_matches_its_snapshot() {
    let (site, failed) = (filled_site(Setup::default()).await, failed_site());
    let browser = Browser::start().await;
    for (site, screen) in screens(&site, &failed) {
        open(&browser, site, screen).await;
        check_snapshot(screen.name, &accessibility_tree(&browser).await);
    }
    browser.quit().await;
}

fn check_snapshot(name: &str, tree: &str) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "<time>");
    settings.add_filter(r"just now|\d minutes? ago", "<age>");
    settings.bind(|| assert_snapshot!(name, tree));
}

/// Returns what is wrong with the structure of the page.
const PROBLEMS: &str = r#"
const problems = [];
const all = (selector) => [...document.querySelectorAll(selector)];
const text = (element) => element?.textContent.trim() ?? '';
if (all('h1').length !== 1) problems.push(`${all('h1').length} h1`);
const tabs = all('nav.salver-inbox-tabs a');
const current = tabs.filter((tab) => tab.ariaCurrent === 'page' || tab.getAttribute('aria-current') === 'page');
if (tabs.length && (tabs.length !== 3 || current.length !== 1)) problems.push('tabs');
if (all('[role=tab], [role=tablist], [role=tabpanel]').length) problems.push('ARIA tabs');
const ids = all('[id]').map(({ id }) => id);
if (new Set(ids).size !== ids.length) problems.push('repeated id');
for (const list of all('.salver-inbox-list')) {
  if (list.localName !== 'ul' || [...list.children].some((item) => item.localName !== 'li')) problems.push('list');
}
for (const row of all('.salver-inbox-list li')) {
  const word = row.querySelector('.salver-inbox-dot > .salver-inbox-hidden');
  const isUnread = row.classList.contains('salver-inbox-unread');
  if (isUnread !== (text(word) === 'Unread')) problems.push(`word: ${text(row)}`);
  const time = row.querySelector('time');
  if (Number.isNaN(Date.parse(time?.dateTime))) problems.push(`time: ${text(row)}`);
  const first = row.querySelector('a[href], button, summary');
  if (row.querySelector('a.salver-inbox-link') && first.localName === 'button') problems.push(`link is not first: ${text(row)}`);
}
for (const button of all('.salver-inbox-actions button')) {
  if (!text(button)) problems.push('button without name');
  const described = document.getElementById(button.getAttribute('aria-describedby'));
  if (!text(described)) problems.push(`button without description: ${text(button)}`);
}
if (!document.documentElement.lang) problems.push('no lang');
return problems;
"#;

/// Point 3: one `h1`, tabs are links with one `aria-current`, a `<ul>` of rows with the link first, the
/// word "Unread" and `<time datetime>`. Every button is described by the row that it changes.
#[actix_web::test]
async fn every_state_has_its_headings_lists_and_descriptions() {
    let (site, failed) = (filled_site(Setup::default()).await, failed_site());
    let browser = Browser::start_without_javascript().await;
    for (site, screen) in screens(&site, &failed) {
        open(&browser, site, screen).await;
        assert_eq!(browser.run(PROBLEMS).await, json!([]), "{}", screen.name);
    }
    browser.quit().await;
}
