//! The list in a browser that runs no scripts.

use salver::{InboxFilter, Recipient};

use super::reading::{current_tab, log_in, names, note, rows, texts};
use crate::support::browser::Browser;
use crate::support::inbox_site::{InboxSite, Setup, graph};

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

    // A link of the site selects a kind that the form does not offer: the form keeps it.
    browser.open(&site.at("?tab=all&kind=graph.uploaded")).await;
    browser.fill("text", "p54").await;
    browser.click(".salver-inbox-filter button").await;
    assert_eq!(rows(&browser).await, ["Graph p54 uploaded."]);
    assert_eq!(
        browser.run(values).await,
        serde_json::json!(["p54", "graph.uploaded"])
    );
    browser.open(&site.at("?tab=unread&kind=graph")).await;

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
    browser.open(&site.at("?tab=all&text=row")).await;
    let status = texts(&browser, "[role=status]").await;
    assert_eq!(status, ["20 results on this page"]);
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
