//! What the page looks like, and how it is used without a mouse and without JavaScript. The screenshots are under
//! `target/screenshots`.

use salver::webhooks::Endpoint;
use serde_json::json;
use thirtyfour::prelude::*;

use super::visitor::{Operator, add_dead, register};
use crate::broker::site::{Broker, TOKEN, event};
use crate::support::browser::Browser;
use crate::support::eventually;

const LONG: &str = "https://a-very-long-name-of-a-host-without-an-end.department-of-logistics.shop.example/hooks/of/the/warehouse/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

async fn log_in(browser: &Browser, home: &str) {
    browser.open(home).await;
    browser.fill("token", TOKEN).await;
    browser.click("form[action$='/login'] button").await;
}

/// Adds something to all parts of the page, with texts that are long and without spaces.
async fn fill(broker: &Broker) {
    let salver = &broker.salver;
    register(salver, "https://shop.example/hook").await;
    let types = (0..12).map(|n| format!("order.created.by-a-long-name-{n}"));
    let long = Endpoint::new(LONG).types(types.chain(["order.created".to_owned()]));
    let long = long.subject("orders/".repeat(20));
    salver.endpoints().add(long).await.unwrap();
    let ids = ["1".to_owned(), "x".repeat(200), "הזמנה-7".to_owned()];
    add_dead(salver, ids).await;
    for id in 0..7 {
        broker.publish(&event(&id.to_string())).await;
    }
    let endpoints = salver.endpoints().list().await.unwrap();
    salver.endpoints().disable(&endpoints[1].id).await.unwrap();
}

#[actix_web::test]
async fn pages_fit_a_phone_in_light_and_dark() {
    let broker = Broker::memory();
    let operator = Operator::of(&broker);
    let browser = Browser::start().await;
    let home = &operator.home;
    let mut screens = 0;
    let mut check = async |name: &str| {
        screens += browser.check(&format!("broker-{name}")).await;
        let script =
            "return [document.querySelectorAll('h1').length, document.documentElement.lang]";
        assert_eq!(browser.run(script).await, json!([1, "en"]), "{name}");
    };
    browser.open(home).await;
    check("login").await;
    browser.fill("token", "wrong").await;
    browser.click("form[action$='/login'] button").await;
    check("refused").await;
    log_in(&browser, home).await;
    check("empty").await;
    fill(&broker).await;
    browser.open(home).await;
    check("full").await;
    browser.click("form[action$='/disable'] button").await;
    check("status").await;
    browser.click("form[action$='/remove'] button").await;
    check("remove").await;
    browser.open(home).await;
    browser.width(1280).await;
    browser.dark(false).await;
    let wide = browser.run("return document.documentElement.scrollWidth");
    assert!(wide.await.as_u64().unwrap() <= 1280);
    let (violations, contrast) = browser.axe().await;
    assert!(violations.is_empty() && contrast >= 4.5, "{violations:?}");
    browser.picture("broker-full-wide").await;
    let forced = json!([{ "name": "forced-colors", "value": "active" }]);
    browser.emulate_media(forced).await;
    browser.picture("broker-forced").await;
    // 400 % of a window that is 1280 wide and 1024 high.
    browser.width(320).await;
    let wide = browser.run("return document.documentElement.scrollWidth");
    assert!(wide.await.as_u64().unwrap() <= 320);
    browser.quit().await;
    println!("BROKER page_screens={screens} axe_violations=0");
}

#[actix_web::test]
async fn page_of_a_failing_store_has_no_violation() {
    let mut broker = Broker::redis();
    let (operator, browser) = (Operator::of(&broker), Browser::start().await);
    log_in(&browser, &operator.home).await;
    broker.server.as_mut().unwrap().kill();
    browser.open(&operator.home).await;
    browser.check("broker-down").await;
    broker.server.as_mut().unwrap().respawn();
    browser.click("button").await;
    browser.quit().await;
}

#[actix_web::test]
async fn page_works_without_javascript() {
    let broker = Broker::memory();
    let (operator, browser) = (
        Operator::of(&broker),
        Browser::start_without_javascript().await,
    );
    let id = register(&broker.salver, "https://shop.example/hook").await;
    add_dead(&broker.salver, ["1".to_owned()]).await;
    let status = async |expected: &str| {
        eventually(expected, async || {
            let status = browser.driver.find(By::Css("[role=status]")).await.ok()?;
            (status.text().await.ok()? == expected).then_some(())
        })
        .await;
    };
    log_in(&browser, &operator.home).await;
    for (selector, expected) in [
        (
            "form[action$='/disable'] button",
            "The endpoint is disabled.",
        ),
        ("form[action$='/enable'] button", "The endpoint is enabled."),
        (
            "form[action$='/retry'] button",
            "The delivery is attempted again.",
        ),
    ] {
        browser.click(selector).await;
        status(expected).await;
    }
    browser
        .click(&format!("form[action='/endpoints/{id}/remove'] button"))
        .await;
    browser.click("button.danger").await;
    status("The endpoint was removed.").await;
    assert!(broker.salver.endpoints().list().await.unwrap().is_empty());
    browser.click("form[action='/logout'] button").await;
    status("You are logged out.").await;
    browser.quit().await;
}

/// Numbers the elements that the keyboard should reach, in document order.
const NUMBER: &str = "
const reachable = [...document.querySelectorAll('a[href], button, input')];
reachable.forEach((element, n) => { element.dataset.number = n; });
return reachable.length;
";
/// Returns the number of the element with the focus, and whether its focus is visible.
const FOCUS: &str = "
const element = document.activeElement;
const { outlineStyle, outlineWidth } = getComputedStyle(element);
return [Number(element.dataset.number ?? -1), outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2];
";

#[actix_web::test]
async fn tab_reaches_every_control_in_document_order() {
    let broker = Broker::memory();
    fill(&broker).await;
    let (operator, browser) = (Operator::of(&broker), Browser::start().await);
    browser.open(&operator.home).await;
    for name in ["login", "full"] {
        let count = browser.run(NUMBER).await.as_u64().unwrap();
        assert!(count > 1, "{name}: {count}");
        for expected in 0..count {
            let element = browser.driver.active_element().await.unwrap();
            element.send_keys(Key::Tab).await.unwrap();
            let focus = browser.run(FOCUS).await;
            assert_eq!(focus, json!([expected, true]), "{name}");
        }
        let names = "return [...document.querySelectorAll('button')].map((button) => `${button.textContent} ${button.form.action}`)";
        let names: Vec<String> = serde_json::from_value(browser.run(names).await).unwrap();
        let unique: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len(), "{names:?}");
        if name == "login" {
            log_in(&browser, &operator.home).await;
        }
    }
    browser.quit().await;
}
