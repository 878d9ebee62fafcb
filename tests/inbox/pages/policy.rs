//! The page under a strict `Content-Security-Policy` with Trusted Types.

use serde_json::json;

use super::screens::{SCREENS, filled_site, open};
use crate::support::browser::Browser;
use crate::support::inbox_site::{STRICT_POLICY, Setup, head_with_script};

/// The policy of a site that loads the page script.
const POLICY_WITH_SCRIPT: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; require-trusted-types-for 'script'; \
    trusted-types salver; report-uri /reports";

/// Point 13: no state violates a strict policy, and the page is styled under it.
#[actix_web::test]
async fn every_state_meets_a_strict_policy_and_is_styled() {
    for (policy, head) in [
        (STRICT_POLICY, None),
        (POLICY_WITH_SCRIPT, Some(head_with_script())),
    ] {
        let has_script = head.is_some();
        let setup = Setup {
            policy: Some(policy),
            head,
            ..Setup::default()
        };
        let (site, browser) = (filled_site(setup).await, Browser::start().await);
        // The page script has no part in the states: a few of them suffice.
        let states = SCREENS.into_iter().step_by(if has_script { 5 } else { 1 });
        let count = states.len();
        for screen in states {
            open(&browser, &site, screen).await;
            let style =
                "return getComputedStyle(document.querySelector('.salver-inbox')).overflowWrap";
            assert_eq!(browser.run(style).await, "anywhere", "{}", screen.name);
        }
        if has_script {
            let defined = "return Boolean(customElements.get('salver-messages')) || document.scripts.length > 0";
            assert_eq!(browser.run(defined).await, json!(true));
        }
        let others = site.violations(&browser).await;
        assert!(others.is_empty(), "{others:#?}");
        println!("INBOX policy_violations=0 states={count} script={has_script}");
        browser.quit().await;
    }
}
