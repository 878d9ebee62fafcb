//! The pages while the store does not reply.

use salver::{InboxFilter, Message, Notification};
use thirtyfour::By;

use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::inbox_site::{InboxSite, Setup};
use crate::support::redis::Server;

/// Point 9: while the store is down, the list, its forms and the links of its rows have status 503
/// and a page with Retry, which shows the list once the store replies.
#[actix_web::test]
async fn pages_while_the_store_is_down_offer_a_retry() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let site = InboxSite::start_on(&server, Setup::default());
    let message = Message::info("text").action("Open", "/objects/1");
    site.notify("ada", Notification::new("test", message)).await;
    let id = site.ids("ada", InboxFilter::all()).await.swap_remove(0);
    let browser = Browser::start_without_javascript().await;
    browser.open(&site.login_of("ada")).await;
    server.kill();

    let text = async || {
        let alert = browser.driver.find(By::Css("[role=alert]")).await;
        alert.unwrap().text().await.unwrap()
    };
    let failed = "Notifications cannot be loaded now. Try again";
    browser
        .click(".salver-inbox-actions button[value=read]")
        .await;
    assert_eq!(text().await, failed);
    browser.open(&site.at("?tab=all&text=te")).await;
    assert_eq!(text().await, failed);
    browser.open(&site.at(&format!("/{id}"))).await;
    assert_eq!(text().await, failed);
    browser.open(&site.at("?tab=all&text=te")).await;

    let client = reqwest::Client::new();
    let (list, link) = (site.at(""), site.at(&format!("/{id}")));
    let form = [("change", "read"), ("ids", &id)];
    for request in [
        client.get(&list),
        client.get(&link),
        client.post(format!("{list}/mark")).form(&form),
    ] {
        let response = request.header("cookie", "user=ada").send().await.unwrap();
        assert_eq!(response.status(), 503);
        let content_type = response.headers()["content-type"].to_str().unwrap();
        assert_eq!(content_type, "text/html; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-store, private");
        assert_eq!(response.headers()["retry-after"], "1");
    }
    let json = client.get(&list).header("accept", "application/json");
    let json = json.header("cookie", "user=ada").send().await.unwrap();
    assert_eq!(json.status(), 503);
    assert_eq!(json.headers()["content-type"], "application/problem+json");

    server.restart();
    eventually("the list is shown again", async || {
        browser.click("[role=alert] a").await;
        let rows = browser.driver.find_all(By::Css(".salver-inbox-link")).await;
        (rows.ok()?.len() == 1).then_some(())
    })
    .await;
    let url = browser.driver.current_url().await.unwrap();
    assert_eq!(url.query(), Some("tab=all&text=te"));
    let unread = site.ids("ada", InboxFilter::unread()).await;
    assert_eq!(unread, [id], "nothing was marked while the store was down");
    browser.quit().await;
}
