//! The form: what it shows, and what it saves.

use salver::inbox::InboxRoutes;
use salver::mail::{Cadence, Mailer};
use salver::{Message, Notification, Salver, SalverBuilder};
use time::OffsetDateTime;

use super::{
    PATH, chosen, get, page, post, profiles, selected, settings, submit, texts, with_kinds,
    with_profiles,
};
use crate::support::inbox_site::{send, user};
use crate::support::inboxes::{Inboxes, bob};
use crate::support::redis::Server;
use crate::support::site::site;

/// Returns what follows the `<legend>` of a kind, up to the next one.
fn fieldset<'a>(page: &'a str, name: &str) -> &'a str {
    let legend = format!("<legend><bdi>{name}</bdi></legend>");
    let rest = page
        .split_once(&legend)
        .unwrap_or_else(|| panic!("no {name}"))
        .1;
    rest.split_once("</fieldset>").unwrap().0
}

crate::inbox_tests! {
    (settings)

    async fn form_saves_cadences_at_one_hour(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        submit(salver, "cadence.graph=weekly&cadence.letter=daily&cadence.news=never&cadence.*=hourly&weekday=friday&hour=17").await;
        let expected = [("graph", "weekly:friday:17"), ("letter", "daily:17"), ("news", "never"), ("*", "hourly")];
        assert_eq!(chosen(&inboxes.inbox()).await, texts(expected));
        let page = page(salver).await;
        for (kind, label) in [("graph", "Once a week"), ("letter", "Once a day"), ("news", "Never"), ("*", "Once an hour")] {
            assert_eq!(selected(&page, kind), label, "{kind}");
        }
        assert!(page.contains(r#"<option value="friday" selected>Friday"#), "{page}");
        assert!(page.contains(r#"<option value="17" selected>17:00"#), "{page}");
        // The preferences are those of one person.
        assert!(chosen(&salver.inbox(&bob())).await.is_empty());
    }

    async fn default_is_marked_and_ends_a_choice(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let before = page(salver).await;
        for (kind, label) in [
            ("graph", "At once (default)"),
            ("letter", "If unread for 30 minutes (default)"),
            ("news", "Once a day at 07:00 (default)"),
            ("*", "Never (default)"),
        ] {
            assert_eq!(selected(&before, kind), label, "{kind}");
        }
        // The time that the site has set; another hour of the daily mail can be chosen.
        assert!(fieldset(&before, "Graphs").contains("If unread for 30 minutes<"), "{before}");
        assert!(fieldset(&before, "News").contains(r#"value="daily"> <span>Once a day<"#), "{before}");
        assert_eq!(fieldset(&before, "Graphs").matches("At once").count(), 1);
        submit(salver, "cadence.graph=never&cadence.news=daily&hour=7&weekday=monday").await;
        assert_eq!(chosen(&inboxes.inbox()).await, texts([("graph", "never"), ("news", "daily:7")]));
        let own = page(salver).await;
        assert_eq!(selected(&own, "graph"), "Never");
        assert!(fieldset(&own, "Graphs").contains(r#"value="default"> <span>At once (default)<"#), "{own}");
        submit(salver, "cadence.graph=default&cadence.news=default&hour=7&weekday=monday").await;
        assert!(chosen(&inboxes.inbox()).await.is_empty());
        assert_eq!(page(salver).await, before);
    }

    /// A link in a mail unsubscribes from the kind of that mail, which is longer than those of the site.
    async fn choice_for_a_longer_kind_is_shown_and_can_be_ended(inboxes: Inboxes) {
        let (salver, inbox) = (&inboxes.salver, inboxes.inbox());
        inbox.set_mail("graph.uploaded", Cadence::Never).await.unwrap();
        inbox.set_mail("graph", Cadence::Hourly).await.unwrap();
        inbox.set_mail("security.login", Cadence::Never).await.unwrap();
        let page = page(salver).await;
        assert_eq!(selected(&page, "graph.uploaded"), "Never");
        let default = "Once an hour (as for “Graphs”)";
        assert!(fieldset(&page, "graph.uploaded").contains(default), "{page}");
        assert!(!page.contains("security.login"), "{page}");
        submit(salver, "cadence.graph.uploaded=default&cadence.*=daily&hour=9&weekday=monday").await;
        let expected = [("graph", "hourly"), ("security.login", "never"), ("*", "daily:9")];
        assert_eq!(chosen(&inbox).await, texts(expected));
        // The choice for everything else counts for kinds without one.
        let page = super::page(salver).await;
        assert_eq!(selected(&page, "letter"), "Once a day at 09:00 (as for “Everything else”)");
        assert!(!page.contains("graph.uploaded"), "{page}");
    }

    /// As by a link to unsubscribe, before the default is the same.
    async fn choice_that_equals_the_default_survives_another_change(inboxes: Inboxes) {
        let inbox = inboxes.inbox();
        inbox.set_mail("graph.shared", Cadence::Never).await.unwrap();
        inbox.set_mail("graph", Cadence::Never).await.unwrap();
        let page = page(&inboxes.salver).await;
        assert_eq!(selected(&page, "graph.shared"), "Never (as for “Graphs”)");
        // What a browser sends for it.
        assert!(fieldset(&page, "graph.shared").contains(r#"value="never" checked"#), "{page}");
        let form = "cadence.graph=never&cadence.graph.shared=never&cadence.news=never";
        submit(&inboxes.salver, form).await;
        let expected = [("graph", "never"), ("graph.shared", "never"), ("news", "never")];
        assert_eq!(chosen(&inbox).await, texts(expected));
    }

    async fn critical_kind_is_stated_without_a_choice(inboxes: Inboxes) {
        let page = page(&inboxes.salver).await;
        let security = fieldset(&page, "Security");
        assert!(security.contains("Always e-mailed: At once") && !security.contains("<input"), "{security}");
        assert!(page.contains("Letters &lt;b&gt;") && !page.contains("<b>"), "{page}");
    }

    async fn checkbox_of_the_inbox_is_the_same_preference(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let routes = || with_profiles(salver.inbox_routes()).daily_mail(8);
        let checkbox = async |body: &str| {
            let response = send(salver, routes(), post(body)).await;
            assert_eq!(response.header("location"), Some("/salver/inbox"), "{}", response.body);
        };
        checkbox("daily=on").await;
        assert_eq!(selected(&page(salver).await, "*"), "Once a day");
        submit(salver, "cadence.*=daily&hour=17&weekday=monday").await;
        let list = send(salver, routes(), get().uri("/salver/inbox")).await;
        assert!(list.shows(r#"name="daily" value="on" checked"#), "{}", list.body);
        // The hour that was chosen stays.
        checkbox("daily=on").await;
        assert_eq!(chosen(&inboxes.inbox()).await, texts([("*", "daily:17")]));
        checkbox("").await;
        assert!(chosen(&inboxes.inbox()).await.is_empty());
        submit(salver, "cadence.*=never&hour=17&weekday=monday").await;
        checkbox("").await;
        assert_eq!(chosen(&inboxes.inbox()).await, texts([("*", "never")]), "no mails at all stays");
    }

    async fn page_of_the_inbox_links_to_the_preferences(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        for (path, link) in [("", "/salver/inbox/preferences"), ("notes", "/notes/preferences"), ("/", "/preferences")] {
            let routes = with_kinds(salver.inbox_routes());
            let routes = if path.is_empty() { routes } else { routes.at(path) };
            let site = site(salver.middleware().recipient(user), |app| { app.service(routes); }).await;
            let list = link.strip_suffix("/preferences").unwrap();
            let list = if list.is_empty() { "/" } else { list };
            let page = site.send(get().uri(list)).await;
            assert!(page.shows(&format!(r#"<a href="{link}">E-mail preferences</a>"#)), "{}", page.body);
            let page = site.send(get().uri(link)).await;
            assert!(page.shows(&format!(r#"<a href="{list}">Notifications</a>"#)), "{}", page.body);
            assert!(page.shows(&format!(r#"action="{link}""#)), "{}", page.body);
        }
    }
}

#[tokio::test]
async fn site_without_kinds_has_one_choice() {
    let inboxes = Inboxes::memory_with(|builder| builder);
    let salver = &inboxes.salver;
    let page = send(salver, salver.inbox_routes(), get()).await.body;
    assert!(
        fieldset(&page, "All notifications").contains("Never (default)"),
        "{page}"
    );
    assert_eq!(page.matches("<legend><bdi>").count(), 1);
    assert!(page.contains("If unread for 10 minutes<"), "{page}");
    assert!(page.contains(r#"<option value="8" selected>"#), "{page}");
}

/// What waits is planned by the default, also if a save before has failed after the choice was removed.
#[tokio::test]
async fn repeated_reset_plans_what_waits() {
    let (inboxes, mailer) = (Inboxes::memory_with(settings), Mailer::memory());
    let (salver, inbox) = (&inboxes.salver, inboxes.inbox());
    let worker = || {
        let worker = salver.worker().mail(mailer.clone());
        worker.profiles(profiles)
    };
    // In some days.
    let weekday = OffsetDateTime::now_utc().weekday().next().next().next();
    let weekly = Cadence::Weekly { weekday, hour: 8 };
    inbox.set_mail("graph", weekly).await.unwrap();
    let note = Notification::new("graph", Message::info("Waits."));
    inboxes.notify(note).await;
    worker().drain().await.unwrap();
    assert!(mailer.sent().is_empty());
    salver.stop_after(1);
    tokio::select! {
        biased;
        _ = inbox.reset_mail("graph") => unreachable!(),
        () = salver.stopped() => {}
    }
    salver.stop_after(u64::MAX);
    submit(salver, "cadence.graph=default&hour=8&weekday=monday").await;
    worker().drain().await.unwrap();
    assert_eq!(mailer.sent().len(), 1);
}

/// Of a site whose default is the daily mail.
#[tokio::test]
async fn checkbox_ends_the_daily_mail_of_the_site() {
    let inboxes =
        Inboxes::memory_with(|builder| builder.default_cadence("*", Cadence::Daily { hour: 8 }));
    let salver = &inboxes.salver;
    let routes = || salver.inbox_routes().daily_mail(8);
    for (body, expected) in [
        (None, None),
        (Some("daily=on"), None),
        (Some(""), Some("never")),
        (Some(""), Some("never")),
        (Some("daily=on"), Some("daily:8")),
    ] {
        if let Some(body) = body {
            let response = send(salver, routes(), post(body)).await;
            assert_eq!(response.status, 303, "{body}");
        }
        let chosen = chosen(&inboxes.inbox()).await;
        assert_eq!(chosen.get("*").map(String::as_str), expected, "{body:?}");
        let list = send(salver, routes(), get().uri("/salver/inbox")).await;
        let is_checked = list.shows(r#"name="daily" value="on" checked"#);
        assert_eq!(is_checked, expected != Some("never"), "{body:?}");
    }
}

/// Without a reply of the store it is not known whether the checkbox was checked.
#[tokio::test]
async fn checkbox_without_store_is_not_saved() {
    let url = Server::start().url();
    let builder = Salver::builder("app").site("https://app.example");
    let salver = builder.secret([7; 32]).redis(&url).build().unwrap();
    for body in ["", "daily=on"] {
        let response = send(&salver, salver.inbox_routes().daily_mail(8), post(body)).await;
        assert_eq!(response.status, 503, "{body}");
    }
}

/// A site that sends no mails has no page of preferences.
#[tokio::test]
async fn site_without_mails_has_no_preferences() {
    let salver = Salver::memory("app").unwrap();
    let routes = || with_kinds(salver.inbox_routes()).daily_mail(8);
    let list = send(&salver, routes(), get().uri("/salver/inbox")).await;
    assert!(!list.shows("preferences"), "{}", list.body);
    for request in [get(), post("cadence.graph=never"), post("daily=on")] {
        let response = send(&salver, routes(), request).await;
        assert_eq!(response.status, 404);
        assert_eq!(
            response.header("content-type"),
            Some("application/problem+json")
        );
    }
}

/// A visitor without a recipient is asked to log in.
#[tokio::test]
async fn anonymous_visitor_is_asked_to_log_in() {
    let inboxes = Inboxes::memory_with(settings as fn(SalverBuilder) -> SalverBuilder);
    let salver = &inboxes.salver;
    let routes = |login: bool| -> InboxRoutes {
        let routes = with_profiles(salver.inbox_routes());
        if login {
            routes.login("/login")
        } else {
            routes
        }
    };
    let anonymous = |mut request: actix_web::test::TestRequest| {
        request = request.insert_header(("x-user", ""));
        request
    };
    let middleware = || {
        salver
            .middleware()
            .recipient(|request| user(request).filter(|user| user.user_id() != Some("")))
    };
    for (login, request, status) in [
        (false, get(), 401),
        (true, get(), 303),
        (false, post("cadence.graph=never&hour=8"), 401),
        (true, post("cadence.graph=never&hour=8"), 303),
        (
            true,
            get().insert_header(("accept", "application/json")),
            401,
        ),
    ] {
        let site = site(middleware(), |app| {
            app.service(routes(login));
        })
        .await;
        let response = site.send(anonymous(request)).await;
        assert_eq!(response.status, status);
        assert!(!response.shows("example.org"), "{}", response.body);
        if status == 303 {
            assert_eq!(response.header("location"), Some("/login"));
        }
    }
    let response = send(salver, routes(false), get().uri(PATH)).await;
    assert_eq!(response.header("cache-control"), Some("no-store, private"));
    assert_eq!(response.header("x-frame-options"), Some("SAMEORIGIN"));
}
