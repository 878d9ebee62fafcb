//! The address on the page, which comes from the site alone.

use std::future::pending;
use std::time::Duration;

use salver::inbox::InboxRoutes;
use salver::mail::Profile;
use salver::{Error, Recipient};
use tokio::time::timeout;

use super::{get, page, settings, with_kinds};
use crate::support::inbox_site::send;
use crate::support::inboxes::{Inboxes, ada, bob};

/// Returns the page of Ada on a site with other profiles.
async fn page_with(inboxes: &Inboxes, change: impl FnOnce(InboxRoutes) -> InboxRoutes) -> String {
    let routes = change(with_kinds(inboxes.salver.inbox_routes()));
    let response = send(&inboxes.salver, routes, get()).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response.body
}

const LOCAL_HOUR: &str = "Hour in your time zone";

crate::inbox_tests! {
    (settings)

    async fn address_and_time_zone_are_those_of_the_profile(inboxes: Inboxes) {
        let with_profile = page(&inboxes.salver).await;
        assert!(with_profile.contains("E-mail address: <bdi>ada@example.org</bdi>"), "{with_profile}");
        assert!(with_profile.contains("Hour, Europe/Berlin time"), "{with_profile}");
        let without = page_with(&inboxes, |routes| routes).await;
        assert!(!without.contains("E-mail address") && without.contains(LOCAL_HOUR), "{without}");
        let in_no_zone = page_with(&inboxes, |routes| {
            routes.profiles(async |_| Ok::<_, Error>(vec![Profile::new(ada()).email("a@example.org").time_zone("Mars/Olympus")]))
        });
        assert!(in_no_zone.await.contains("Hour, UTC time"));
    }

    /// The site returns another person, or a person without an address.
    async fn address_of_another_person_is_not_shown(inboxes: Inboxes) {
        let foreign = page_with(&inboxes, |routes| {
            routes.profiles(async |_| Ok::<_, Error>(vec![Profile::new(bob()).email("bob@example.org")]))
        });
        let (foreign, missing) = (foreign.await, "This site has no e-mail address of you");
        assert!(!foreign.contains("bob@example.org") && foreign.contains(missing), "{foreign}");
        let none = page_with(&inboxes, |routes| {
            routes.profiles(async |_| Ok::<_, Error>(vec![Profile::new(ada())]))
        });
        assert!(none.await.contains(missing));
    }

    async fn suppressed_address_says_what_to_do(inboxes: Inboxes) {
        let (salver, text) = (&inboxes.salver, "E-mails to this address have stopped");
        assert!(!page(salver).await.contains(text));
        salver.suppress_mail("Ada@example.org").await.unwrap();
        let stopped = page(salver).await;
        assert!(stopped.contains(text) && stopped.contains("Change the address in your account"), "{stopped}");
        salver.allow_mail("ada@example.org").await.unwrap();
        assert!(!page(salver).await.contains(text));
    }

    async fn page_is_shown_without_a_profile_that_fails(inboxes: Inboxes) {
        let failing = page_with(&inboxes, |routes| {
            routes.profiles(async |_: Vec<Recipient>| Err::<Vec<Profile>, _>("the database <does not reply>"))
        });
        let failing = failing.await;
        assert!(failing.contains(LOCAL_HOUR) && failing.contains("At once (default)"), "{failing}");
        assert!(!failing.contains("does not reply") && !failing.contains("This site has no"), "{failing}");
        let invalid = page_with(&inboxes, |routes| {
            routes.profiles(async |_| Ok::<_, Error>(vec![Profile::new(ada()).email("<b>no address")]))
        });
        assert!(invalid.await.contains("<bdi>&lt;b&gt;no address</bdi>"));
    }
}

/// A closure that never returns holds the page up for two seconds.
#[tokio::test(start_paused = true)]
async fn page_is_shown_without_a_profile_that_hangs() {
    let inboxes = Inboxes::memory_with(settings);
    let page = page_with(&inboxes, |routes| {
        routes.profiles(|_| pending::<Result<Vec<Profile>, Error>>())
    });
    let page = timeout(Duration::from_secs(60), page).await;
    assert!(page.unwrap().contains(LOCAL_HOUR));
}
