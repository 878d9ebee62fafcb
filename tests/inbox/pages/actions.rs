//! The actions and links of rows in a browser that runs no scripts.

use salver::{InboxFilter, Message, Notification, Recipient};
use serde_json::Value;

use super::reading::{log_in, names, note, rows, texts};
use crate::support::browser::Browser;
use crate::support::inbox_site::{InboxSite, Setup, graph};

/// Point 6: an action on a further page returns to that page. A page that has become empty leads to
/// the first one.
#[actix_web::test]
async fn action_on_a_further_page_returns_to_that_page() {
    let (site, browser) = (
        InboxSite::start(Setup::default()),
        Browser::start_without_javascript().await,
    );
    for n in 1..=22 {
        site.notify("ada", note(&format!("row {n}"))).await;
    }
    log_in(&browser, &site).await;
    browser.click("a[rel=next]").await;
    assert_eq!(rows(&browser).await, ["row 2", "row 1"]);
    browser
        .click(".salver-inbox-actions button[value=read]")
        .await;
    browser.shows(&["1 notification marked as read."]).await;
    assert_eq!(rows(&browser).await, ["row 1"]);
    browser
        .click(".salver-inbox-actions button[value=archive]")
        .await;
    browser.shows(&["1 notification archived."]).await;
    assert_eq!(rows(&browser).await, names("row", (3..=22).rev()));
    browser.quit().await;
}

/// Point 5: a group is one row that opens; without JavaScript, a button marks all of it as read.
#[actix_web::test]
async fn group_opens_and_one_button_marks_it_as_read() {
    let (site, browser) = (
        InboxSite::start(Setup::default()),
        Browser::start_without_javascript().await,
    );
    site.notify("ada", note("other")).await;
    for (name, actor) in [
        ("p53", "Ada"),
        ("p54", "Bob"),
        ("p55", "Cem"),
        ("p56", "Dua"),
    ] {
        let note = graph(name)
            .group("graphs")
            .actor(&Recipient::user(actor), actor);
        site.notify("ada", note).await;
    }
    log_in(&browser, &site).await;
    let summary = texts(&browser, ".salver-inbox-group summary").await;
    let expected = "Graph p56 uploaded. and 3 more by Dua, Cem and 2 others · just now";
    assert_eq!(summary.len(), 1);
    assert!(summary[0].ends_with(expected), "{summary:?}");
    assert!(summary[0].starts_with("Unread"), "{summary:?}");
    let visible = "return [...document.querySelectorAll('details .salver-inbox-link')].filter((one) => one.checkVisibility()).length";
    assert_eq!(browser.run(visible).await, 0);
    let summary = browser
        .driver
        .find(thirtyfour::By::Css(".salver-inbox-group summary"))
        .await;
    summary.unwrap().click().await.unwrap();
    assert_eq!(browser.run(visible).await, 4);

    browser
        .click(".salver-inbox-group > form button[value=read]")
        .await;
    browser.shows(&["4 notifications marked as read."]).await;
    assert_eq!(rows(&browser).await, ["other"]);
    let unread = site
        .content("ada")
        .await
        .into_iter()
        .filter(|(_, _, unread)| *unread);
    assert_eq!(unread.count(), 1);
    browser.quit().await;
}

/// Points 4 and 6: every action is a form that redirects with 303 to the list it was on, with a flash
/// message.
#[actix_web::test]
async fn every_action_is_a_form_that_returns_with_a_message() {
    let (site, browser) = (
        InboxSite::start(Setup::default()),
        Browser::start_without_javascript().await,
    );
    for text in ["first", "second", "third"] {
        site.notify("ada", note(text)).await;
    }
    log_in(&browser, &site).await;
    let act = async |tab: &str, change: &str, done: &str| {
        browser
            .open(&site.at(&format!("?tab={tab}&text=second")))
            .await;
        browser
            .click(&format!(".salver-inbox-actions button[value={change}]"))
            .await;
        browser.shows(&[done]).await;
        let url = browser.driver.current_url().await.unwrap();
        assert_eq!(url.query(), Some(&*format!("tab={tab}&text=second")));
        let content = site.content("ada").await.into_iter();
        let second = content.filter(|(text, ..)| text == "second");
        second.map(|(_, place, unread)| (place, unread)).next()
    };
    let (inbox, archive) = ("inbox", "archive");
    let state = act("unread", "read", "1 notification marked as read.").await;
    assert_eq!(state, Some((inbox, false)));
    let state = act("all", "unread", "1 notification marked as unread.").await;
    assert_eq!(state, Some((inbox, true)));
    let state = act("all", "archive", "1 notification archived.").await;
    assert_eq!(state.unwrap().0, archive);
    let state = act("archived", "restore", "1 notification moved to the inbox.").await;
    assert_eq!(state.unwrap().0, inbox);
    act("all", "archive", "1 notification archived.").await;
    let state = act("archived", "delete", "1 notification deleted.").await;
    assert_eq!(state, None);

    // The same button in another tab of the browser has changed the notification before.
    browser.open(&site.at("?tab=all&text=first")).await;
    let mark = "[value=read]";
    let handle = browser.driver.window().await.unwrap();
    let other = browser.driver.new_tab().await.unwrap();
    browser
        .driver
        .switch_to_window(other.clone())
        .await
        .unwrap();
    browser.open(&site.at("?tab=all&text=first")).await;
    browser
        .click(&format!(".salver-inbox-actions {mark}"))
        .await;
    browser.shows(&["1 notification marked as read."]).await;
    browser.driver.close_window().await.unwrap();
    browser.driver.switch_to_window(handle).await.unwrap();
    browser
        .click(&format!(".salver-inbox-actions {mark}"))
        .await;
    browser.shows(&["That was done before."]).await;
    browser.click(".salver-inbox-actions [value=unread]").await;

    browser.open(&site.at("")).await;
    // A notification that arrives after the page is not marked by its button.
    site.notify("ada", note("later")).await;
    browser.click(".salver-inbox-all button").await;
    browser.shows(&["2 notifications marked as read."]).await;
    assert_eq!(rows(&browser).await, ["later"]);
    browser.quit().await;
}

/// Point 4: the link of a row marks it as read and redirects with 303; a prefetch marks nothing. An
/// object that was deleted leads to the list, with a message.
#[actix_web::test]
async fn link_of_a_row_marks_it_as_read_and_leads_to_its_object() {
    let setup = Setup {
        has_objects: true,
        ..Setup::default()
    };
    let (site, browser) = (
        InboxSite::start(setup),
        Browser::start_without_javascript().await,
    );
    site.notify("ada", graph("deleted")).await;
    site.notify("ada", graph("p53")).await;
    let id = site.ids("ada", InboxFilter::all()).await.swap_remove(0);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let get = || {
        client
            .get(site.at(&format!("/{id}")))
            .header("cookie", "user=ada")
    };
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
    ] {
        let response = get().header(name, value).send().await.unwrap();
        assert_eq!(response.status(), 204, "{name}");
        assert!(
            site.content("ada").await.iter().all(|(.., unread)| *unread),
            "{name}"
        );
    }
    log_in(&browser, &site).await;
    browser.click(".salver-inbox-link").await;
    let url = browser.driver.current_url().await.unwrap();
    assert_eq!(url.path(), "/objects/p53");
    assert_eq!(site.ids("ada", InboxFilter::unread()).await.len(), 1);
    // A link in a mail is opened from another origin, an image or a frame embeds it there.
    let from_other = |dest| {
        get()
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-dest", dest)
    };
    for dest in ["image", "iframe", "empty"] {
        let response = from_other(dest).send().await.unwrap();
        assert_eq!(response.status(), 204, "{dest}");
    }
    let response = from_other("document").send().await.unwrap();
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "/objects/p53");

    browser.open(&site.at("")).await;
    browser.click(".salver-inbox-link").await;
    browser.shows(&["That is no longer there."]).await;
    let url = browser.driver.current_url().await.unwrap();
    assert_eq!(url.path(), "/salver/inbox");
    assert_eq!(rows(&browser).await, [""; 0]);
    browser.quit().await;
}

/// A notification whose Markdown has no first line of its own is a link too.
#[actix_web::test]
async fn markdown_without_title_has_a_link_to_its_object() {
    let setup = Setup {
        has_objects: true,
        ..Setup::default()
    };
    let (site, browser) = (
        InboxSite::start(setup),
        Browser::start_without_javascript().await,
    );
    let message = Message::info("The plan *ends*.").markdown();
    site.notify("ada", Notification::new("plan", message).subject("plan"))
        .await;
    log_in(&browser, &site).await;
    let described = "return document.getElementById(document.querySelector('.salver-inbox-actions button').getAttribute('aria-describedby')).textContent.trim()";
    assert_ne!(browser.run(described).await, Value::from(""));
    browser.click("a.salver-inbox-link").await;
    assert_eq!(
        browser.driver.current_url().await.unwrap().path(),
        "/objects/plan"
    );
    browser.quit().await;
}
