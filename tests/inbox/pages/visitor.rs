//! The inbox in a browser that runs no scripts.

use salver::{InboxFilter, Message, Notification, Recipient};
use serde_json::Value;

use crate::support::browser::Browser;
use crate::support::inbox_site::{InboxSite, Setup, graph};

/// Returns the texts of the elements that a selector matches.
async fn texts(browser: &Browser, selector: &str) -> Vec<String> {
    let script = format!(
        "return [...document.querySelectorAll('{selector}')].map((one) => one.textContent.trim())"
    );
    serde_json::from_value(browser.run(&script).await).unwrap()
}

/// Returns the first lines of the rows.
async fn rows(browser: &Browser) -> Vec<String> {
    texts(browser, ".salver-inbox-link").await
}

/// Returns the tab that is the current page.
async fn current_tab(browser: &Browser) -> Vec<String> {
    texts(browser, "nav a[aria-current=page]").await
}

async fn log_in(browser: &Browser, site: &InboxSite) {
    browser.open(&site.login_of("ada")).await;
}

fn note(text: &str) -> Notification {
    Notification::new("group.joined", Message::info(text))
}

fn names(prefix: &str, numbers: impl Iterator<Item = usize>) -> Vec<String> {
    numbers.map(|n| format!("{prefix} {n}")).collect()
}

/// Point 3: Unread, All and Archived are links with `aria-current`, each a URL of its own.
#[actix_web::test]
async fn tabs_are_links_that_list_their_notifications() {
    let (site, browser) = (
        InboxSite::start(Setup::default()),
        Browser::start_without_javascript().await,
    );
    site.notify("ada", note("read").already_read()).await;
    site.notify("ada", note("unread")).await;
    site.notify("ada", note("archived")).await;
    let archived = InboxFilter::all().text("archived");
    let inbox = site.salver.inbox(&Recipient::user("ada"));
    let state = salver::ReadState::Archived;
    assert_eq!(inbox.mark(&archived, state).await.unwrap(), 1);
    log_in(&browser, &site).await;
    let before = site.content("ada").await;

    assert_eq!(current_tab(&browser).await, ["Unread 1"]);
    assert_eq!(rows(&browser).await, ["unread"]);
    let (tabs, selected) = ("nav.salver-inbox-tabs a", "Unread 1");
    assert_eq!(texts(&browser, tabs).await, [selected, "All", "Archived"]);
    browser.click(&format!("{tabs}:nth-child(2)")).await;
    assert_eq!(current_tab(&browser).await, ["All"]);
    assert_eq!(rows(&browser).await, ["unread", "read"]);
    browser.click(&format!("{tabs}:nth-child(3)")).await;
    assert_eq!(current_tab(&browser).await, ["Archived"]);
    assert_eq!(rows(&browser).await, ["archived"]);
    let url = browser.driver.current_url().await.unwrap();
    assert_eq!(url.query(), Some("tab=archived"));
    assert_eq!(site.content("ada").await, before, "a GET changes nothing");
    browser.quit().await;
}

/// Point 7: filters are a GET form, the number of results is a status, Clear shows all rows.
#[actix_web::test]
async fn filter_form_narrows_the_list_and_clear_shows_all() {
    let (site, browser) = (
        InboxSite::start(Setup::default()),
        Browser::start_without_javascript().await,
    );
    for name in ["p53", "p54", "egfr"] {
        site.notify("ada", graph(name)).await;
    }
    site.notify("ada", note("Group p53 added.")).await;
    log_in(&browser, &site).await;
    let labels = texts(&browser, ".salver-inbox-filter label > span").await;
    assert_eq!(labels, ["Kind", "Text", "From", "To"]);

    browser
        .run("document.querySelector('.salver-inbox-filter summary').click()")
        .await;
    let options = texts(&browser, "select[name=kind] option").await;
    assert_eq!(options, ["Any", "Graphs", "Groups <b>"]);
    browser.fill("text", "P5").await;
    browser
        .run("document.querySelector('[name=kind]').value = 'graph'")
        .await;
    browser.click(".salver-inbox-filter button").await;
    assert_eq!(
        rows(&browser).await,
        ["Graph p54 uploaded.", "Graph p53 uploaded."]
    );
    assert_eq!(texts(&browser, "[role=status]").await, ["2 results"]);
    let values =
        "return ['text', 'kind'].map((name) => document.querySelector(`[name=${name}]`).value)";
    assert_eq!(
        browser.run(values).await,
        serde_json::json!(["P5", "graph"])
    );
    let url = browser.driver.current_url().await.unwrap();
    let query: Vec<_> = url
        .query_pairs()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let expected = [("tab", "unread"), ("kind", "graph"), ("text", "P5")];
    assert_eq!(
        query,
        expected.map(|(name, value)| (name.into(), value.into()))
    );

    browser.fill("text", "nothing of this kind").await;
    browser.click(".salver-inbox-filter button").await;
    assert_eq!(
        texts(&browser, ".salver-inbox-empty[role=status]").await,
        ["Nothing matches. Clear filter"]
    );
    browser.click(".salver-inbox-empty a").await;
    assert_eq!(rows(&browser).await.len(), 4);
    assert_eq!(current_tab(&browser).await, ["Unread 4"]);
    browser.quit().await;
}

/// Point 7: paging by links Newer and Older, 20 rows, stable cursor.
#[actix_web::test]
async fn pages_of_20_rows_are_linked_and_stay_while_rows_arrive() {
    let (site, browser) = (
        InboxSite::start(Setup::default()),
        Browser::start_without_javascript().await,
    );
    for n in 1..=45 {
        site.notify("ada", note(&format!("row {n}"))).await;
    }
    log_in(&browser, &site).await;
    let before = site.content("ada").await;
    let links = async || texts(&browser, "nav.salver-inbox-pages a").await;
    assert_eq!(rows(&browser).await, names("row", (26..=45).rev()));
    assert_eq!(links().await, ["Older"]);
    browser.click("a[rel=next]").await;
    assert_eq!(rows(&browser).await, names("row", (6..=25).rev()));
    assert_eq!(links().await, ["Newer", "Older"]);
    assert_eq!(site.content("ada").await, before, "a GET changes nothing");
    site.notify("ada", note("row 46")).await;
    browser.click("a[rel=next]").await;
    assert_eq!(rows(&browser).await, names("row", (1..=5).rev()));
    assert_eq!(links().await, ["Newer"]);
    browser.click("a[rel=prev]").await;
    assert_eq!(rows(&browser).await, names("row", (6..=25).rev()));
    browser.click("a[rel=prev]").await;
    assert_eq!(rows(&browser).await, names("row", (26..=45).rev()));
    browser.click("a[rel=prev]").await;
    assert_eq!(
        rows(&browser).await,
        names("row", (27..=46).rev()),
        "the first page is full"
    );
    browser.quit().await;
}

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

/// Point 9: the empty states.
#[actix_web::test]
async fn empty_states_name_the_next_step() {
    let (site, browser) = (
        InboxSite::start(Setup::default()),
        Browser::start_without_javascript().await,
    );
    log_in(&browser, &site).await;
    for (query, text) in [
        ("", "You have read everything. Show all notifications"),
        ("?tab=all", "Nothing yet."),
        ("?tab=archived", "Nothing is archived."),
        ("?tab=all&text=x", "Nothing matches. Clear filter"),
    ] {
        browser.open(&site.at(query)).await;
        assert_eq!(texts(&browser, ".salver-inbox-empty").await, [text]);
        assert_eq!(
            texts(&browser, ".salver-inbox-pages, .salver-inbox-all, ul").await,
            [""; 0]
        );
        if !query.contains("tab") {
            browser.click(".salver-inbox-empty a").await;
            assert_eq!(current_tab(&browser).await, ["All"]);
        }
    }
    browser.quit().await;
}

/// A page without a recipient has status 401, or redirects to the login page.
#[actix_web::test]
async fn visitor_who_is_not_logged_in_is_asked_to_log_in() {
    let browser = Browser::start_without_javascript().await;
    let site = InboxSite::start(Setup::default());
    site.notify("ada", note("text")).await;
    let id = site.ids("ada", InboxFilter::all()).await.swap_remove(0);
    for path in ["", "?tab=archived&text=x", &format!("/{id}")] {
        let response = reqwest::get(site.at(path)).await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
        assert!(
            response.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        assert!(
            response
                .text()
                .await
                .unwrap()
                .contains("Log in to see your notifications.")
        );
    }
    let setup = Setup {
        has_login: true,
        ..Setup::default()
    };
    let site = InboxSite::start(setup);
    site.notify("ada", note("text")).await;
    browser.open(&site.at("?tab=all")).await;
    assert_eq!(browser.driver.current_url().await.unwrap().path(), "/login");
    browser.fill("user", "ada").await;
    browser.click("form button").await;
    assert_eq!(rows(&browser).await, ["text"]);
    // The login of a page that is open has ended.
    browser.driver.delete_all_cookies().await.unwrap();
    browser
        .click(".salver-inbox-actions button[value=read]")
        .await;
    assert_eq!(browser.driver.current_url().await.unwrap().path(), "/login");
    assert_eq!(site.ids("ada", InboxFilter::unread()).await.len(), 1);
    browser.quit().await;
}
