//! Messages that arrive while the rest of the page cannot be reached: modal dialogs, inert content,
//! full screen.

use std::time::Duration;

use serde_json::json;
use thirtyfour::prelude::*;

use super::harness::Harness;
use crate::support::eventually;

const LEASE: Duration = Duration::from_secs(15);

/// Returns the number of messages whose close button receives a click at its centre.
const REACHABLE: &str =
    "return [...document.querySelectorAll('.salver-close')].filter((button) => {
    const { x, y, width, height } = button.getBoundingClientRect();
    return document.elementFromPoint(x + width / 2, y + height / 2) === button;
}).length";

/// Modal elements that are not open.
const CLOSED: &str = "for (const [style, attribute] of [['visibility: hidden', ''], ['display: none', ''], ['', 'inert'], ['', 'aria-hidden']]) {
    const modal = Object.assign(document.createElement('div'), { style });
    modal.setAttribute('aria-modal', 'true'); if (attribute) modal.setAttribute(attribute, 'true');
    document.body.append(modal);
}";

/// How a page makes everything but one element unreachable, and how it ends that.
const MODALS: [(&str, &str, &str); 7] = [
    (
        "dialog",
        "window.modal = Object.assign(document.createElement('dialog'), { innerHTML: '<button>Inside</button>' });
         document.body.append(modal); modal.showModal()",
        "modal.close()",
    ),
    (
        // Its size clips what is not in the top layer.
        "transformed dialog",
        "window.modal = Object.assign(document.createElement('dialog'), { innerHTML: '<button>Inside</button>' });
         modal.style = 'transform: scale(0.9); overflow: hidden'; document.body.append(modal); modal.showModal()",
        "modal.remove()",
    ),
    (
        "nested dialog",
        "window.outer = document.body.appendChild(document.createElement('dialog')); outer.showModal();
         window.modal = Object.assign(document.createElement('dialog'), { innerHTML: '<button>Inside</button>' });
         document.body.prepend(modal); modal.showModal()",
        "modal.close(); outer.close()",
    ),
    (
        "dialog that opens again",
        "window.modal = Object.assign(document.createElement('dialog'), { innerHTML: '<button>Inside</button>' });
         document.body.prepend(modal); window.outer = document.body.appendChild(document.createElement('dialog'));
         modal.showModal(); outer.showModal(); modal.close(); modal.showModal()",
        "modal.close(); outer.close()",
    ),
    (
        "element with aria-modal",
        "window.modal = Object.assign(document.createElement('div'), { innerHTML: '<button>Inside</button>', role: 'dialog' });
         modal.style = 'position: fixed; inset: 0; z-index: 5000; background: #eee';
         document.querySelector('main').inert = true; document.body.append(modal);
         modal.setAttribute('aria-modal', 'true'); modal.querySelector('button').focus()",
        "modal.remove(); document.querySelector('main').inert = false",
    ),
    (
        "element that a class shows",
        "window.modal = Object.assign(document.createElement('div'), { innerHTML: '<button>Inside</button>', hidden: true });
         modal.setAttribute('aria-modal', 'true'); document.body.append(modal);
         modal.style = 'position: fixed; inset: 0; z-index: 5000; background: #eee; display: none';
         setTimeout(() => { modal.hidden = false; modal.style.display = 'block'; modal.querySelector('button').focus(); })",
        "modal.style.display = 'none'",
    ),
    (
        "inert content",
        "document.querySelector('main').inert = true;
         document.body.append(Object.assign(document.createElement('button'), { id: 'drawer', textContent: 'Inside' }));
         document.getElementById('drawer').focus()",
        "document.getElementById('drawer').remove(); document.querySelector('main').inert = false",
    ),
];

async fn wait_for_reachable(harness: &Harness, count: usize, when: &str) {
    eventually(
        &format!("{count} messages can be closed: {when}"),
        async || (harness.browser.run(REACHABLE).await == count).then_some(()),
    )
    .await;
}

/// Returns how often the text is in the accessibility tree.
async fn exposed_count(harness: &Harness, text: &str) -> usize {
    let devtools = harness.browser.driver.cdp();
    let tree = devtools
        .send_raw("Accessibility.getFullAXTree", json!({}))
        .await
        .unwrap();
    let nodes = tree["nodes"].as_array().unwrap();
    let texts = nodes
        .iter()
        .filter(|node| node["ignored"] == false && node["role"]["value"] == "StaticText")
        .filter_map(|node| node["name"]["value"].as_str());
    texts.filter(|name| name.contains(text)).count()
}

#[actix_web::test]
async fn message_is_reachable_while_modal_is_open() {
    let mut harness = Harness::start(LEASE).await;
    for (name, open, close) in MODALS {
        harness.open("a").await;
        harness.browser.run(CLOSED).await;
        let (before, _) = harness.add_error("a").await;
        harness.wait_for("shown", &before).await;
        harness.browser.run(open).await;
        wait_for_reachable(&harness, 1, &format!("{name}, shown before")).await;
        let (during, _) = harness.add_error("a").await;
        harness.wait_for("shown", &during).await;
        wait_for_reachable(&harness, 2, &format!("{name}, shown while open")).await;
        let text = harness.browser.messages().await.pop().unwrap();
        // Once as a message and once in the live region that announces it.
        eventually(&format!("{text} is exposed: {name}"), async || {
            (exposed_count(&harness, &text).await == 2).then_some(())
        })
        .await;
        if name == "dialog" {
            harness.browser.picture("modal-dialog").await;
        }
        // The keyboard reaches both close buttons.
        let mut reached = 0;
        for _ in 0..4 {
            let focused = harness.browser.driver.active_element().await.unwrap();
            focused.send_keys(Key::Tab + "").await.unwrap();
            let is_button = "return document.activeElement.className === 'salver-close'";
            reached += usize::from(harness.browser.run(is_button).await == true);
        }
        assert!(reached >= 2, "{name}: {reached}");
        let button = harness.browser.driver.find(By::Css(".salver-close")).await;
        button.unwrap().click().await.unwrap();
        wait_for_reachable(&harness, 1, &format!("{name}, one closed")).await;
        harness.browser.run(close).await;
        wait_for_reachable(&harness, 1, &format!("{name}, after it")).await;
        let is_home =
            "return !!document.querySelector('salver-messages > .salver-toasts:not([popover])')";
        eventually(&format!("the toasts are back: {name}"), async || {
            (harness.browser.run(is_home).await == true).then_some(())
        })
        .await;
    }
    println!("LIVE modals={}", MODALS.len());
    harness.assert_each_shown_once("modals");
    harness.stop().await;
}

#[actix_web::test]
async fn message_is_visible_in_full_screen() {
    let mut harness = Harness::start(LEASE).await;
    harness.open("a").await;
    let (before, _) = harness.add_error("a").await;
    harness.wait_for("shown", &before).await;
    let script = "const button = document.querySelector('form button'); button.type = 'button';
        button.onclick = () => document.querySelector('h1').requestFullscreen()";
    harness.browser.run(script).await;
    let button = harness.browser.driver.find(By::Css("form button")).await;
    button.unwrap().click().await.unwrap();
    eventually("the heading fills the screen", async || {
        let script = "return !!document.fullscreenElement";
        (harness.browser.run(script).await == true).then_some(())
    })
    .await;
    wait_for_reachable(&harness, 1, "full screen").await;
    let (during, _) = harness.add_error("a").await;
    harness.wait_for("shown", &during).await;
    wait_for_reachable(&harness, 2, "full screen").await;
    harness.browser.run("document.exitFullscreen()").await;
    wait_for_reachable(&harness, 2, "after full screen").await;
    harness.assert_each_shown_once("full_screen");
    harness.stop().await;
}

/// A page that is replaced while its modal is open leaves no toasts in it.
#[actix_web::test]
async fn removed_element_takes_its_toasts_along() {
    let mut harness = Harness::start(LEASE).await;
    harness.open("a").await;
    harness.browser.run(MODALS[0].1).await;
    let (id, _) = harness.add_error("a").await;
    harness.wait_for("shown", &id).await;
    let script = "const done = arguments[0]; document.querySelector('salver-messages').remove();
        setTimeout(() => done(document.querySelectorAll('.salver-toasts, .salver-live-region').length), 500)";
    let left = harness.browser.driver.execute_async(script, Vec::new());
    assert_eq!(*left.await.unwrap().json(), 0);
    harness.stop().await;
}
