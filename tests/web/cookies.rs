//! The settings of the session cookie, and requests from other sites that come without it.

use actix_web::cookie::SameSite;
use actix_web::http::header::LOCATION;
use actix_web::test::TestRequest;
use actix_web::{HttpResponse, web};
use salver::web::{Middleware, SessionCookie};
use salver::{Messages, Salver};
use serde_json::json;

use crate::support::logs::Logs;
use crate::support::site::{PAGE, TestResponse, WebTestSite, html, site};

async fn pay(messages: Messages) -> HttpResponse {
    messages.to("orders").success("Paid.").await;
    HttpResponse::SeeOther()
        .insert_header((LOCATION, "/orders"))
        .finish()
}

/// A site whose form adds a message for the page `/orders`.
async fn shop(
    middleware: Middleware,
) -> WebTestSite<
    impl actix_web::dev::Service<
        actix_http::Request,
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
    >,
> {
    async fn order(messages: Messages) -> HttpResponse {
        messages.to("orders").success("Ordered.").await;
        HttpResponse::NoContent().finish()
    }
    async fn login(messages: Messages) -> HttpResponse {
        messages.renew().await.unwrap();
        messages.to("orders").success("Welcome.").await;
        HttpResponse::SeeOther()
            .insert_header((LOCATION, "/orders"))
            .finish()
    }
    async fn logout(messages: Messages) -> HttpResponse {
        messages.close_session().await.unwrap();
        messages.to("orders").info("Goodbye.").await;
        HttpResponse::SeeOther()
            .insert_header((LOCATION, "/orders"))
            .insert_header(("clear-site-data", "\"cache\", \"cookies\""))
            .finish()
    }
    site(middleware, |app| {
        app.route("/pay", web::post().to(pay))
            .route("/pay", web::get().to(pay))
            .route("/order", web::post().to(order))
            .route("/login", web::post().to(login))
            .route("/logout", web::post().to(logout))
            .route("/orders", web::get().to(|| async { html(PAGE) }));
    })
    .await
}

fn cookies(response: &TestResponse) -> Vec<&str> {
    let cookies = response.headers.get_all("set-cookie");
    cookies.map(|cookie| cookie.to_str().unwrap()).collect()
}

/// Returns a form that another site sends.
fn cross_site() -> TestRequest {
    TestRequest::post()
        .uri("/pay")
        .insert_header(("sec-fetch-site", "cross-site"))
}

/// Returns the value of a cookie in a `Cookie` header.
fn value<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[actix_web::test]
async fn each_application_has_its_own_cookie() {
    for (app, cookie, expected) in [
        ("shop", SessionCookie::new(), "salver-shop="),
        ("back office", SessionCookie::new(), "salver-back%20office="),
        ("shop", SessionCookie::new().name("sid").unwrap(), "sid="),
    ] {
        let salver = Salver::memory(app).unwrap();
        let site = shop(salver.middleware().session(cookie)).await;
        let response = site.post("/order").await;
        assert!(cookies(&response)[0].starts_with(expected), "{response:?}");
        assert!(site.get("/orders").await.shows("Ordered."), "{app}");
    }
    for name in [
        "",
        "a b",
        "a!hint",
        "å",
        "__Host-a",
        "__secure-a",
        &"n".repeat(65),
    ] {
        assert!(
            SessionCookie::new().name(name).unwrap_err().is_invalid(),
            "{name}"
        );
    }
}

#[actix_web::test]
async fn cookie_has_the_attributes_of_its_settings() {
    let none = SessionCookie::new().same_site(SameSite::None);
    for (cookie, expected) in [
        (SessionCookie::new(), "; HttpOnly; SameSite=Lax; Path=/"),
        (
            SessionCookie::new().same_site(SameSite::Strict),
            "; HttpOnly; SameSite=Strict; Path=/",
        ),
        // Browsers accept neither of these without TLS.
        (none, "; HttpOnly; SameSite=None; Secure; Path=/"),
        (
            SessionCookie::new().embedded(),
            "; HttpOnly; SameSite=None; Secure; Path=/; Partitioned",
        ),
    ] {
        let salver = Salver::memory("shop").unwrap();
        let site = shop(salver.middleware().session(cookie.clone())).await;
        let response = site.post("/order").await;
        let cookie = cookies(&response)[0];
        let is_secure = expected.contains("Secure");
        assert_eq!(
            cookie.starts_with("__Host-salver-shop"),
            is_secure,
            "{cookie}"
        );
        assert!(cookie.ends_with(expected), "{cookie}");
        assert!(site.get("/orders").await.shows("Ordered."), "{cookie}");
    }
}

/// A payment provider returns the visitor by a form. The browser sends no cookie with it.
#[actix_web::test]
async fn form_of_another_site_does_not_replace_the_session() {
    for headers in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("origin", "https://pay.example")],
    ] {
        let salver = Salver::memory("shop").unwrap();
        let site = shop(salver.middleware()).await;
        site.post("/order").await;
        let own = site.cookie();
        let session = value(own.as_deref().unwrap(), "salver-shop")
            .unwrap()
            .to_owned();

        site.set_cookie(None);
        let request = headers
            .iter()
            .fold(TestRequest::post().uri("/pay"), |request, header| {
                request.insert_header(*header)
            });
        let response = site.send(request).await;
        let names: Vec<_> = cookies(&response)
            .iter()
            .map(|cookie| cookie.split('=').next().unwrap())
            .collect();
        assert_eq!(names, ["salver-shop!return"], "{headers:?}");

        let returned = site.cookie().unwrap();
        site.set_cookie(Some(format!("{}; {returned}", own.unwrap())));
        let page = site.get("/orders").await;
        assert!(
            page.shows("Ordered.") && page.shows("Paid."),
            "{headers:?}: {}",
            page.body
        );
        assert_eq!(
            cookies(&page),
            ["salver-shop!return=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"]
        );
        assert_eq!(
            value(&site.cookie().unwrap(), "salver-shop"),
            Some(session.as_str())
        );
    }
}

/// A visitor who has no session keeps the one of the form.
#[actix_web::test]
async fn session_of_a_form_of_another_site_is_kept_if_there_is_no_other() {
    let salver = Salver::memory("shop").unwrap();
    let site = shop(salver.middleware()).await;
    site.send(cross_site()).await;
    let returned = value(&site.cookie().unwrap(), "salver-shop!return")
        .unwrap()
        .to_owned();
    let page = site.get("/orders").await;
    assert!(page.shows("Paid."), "{}", page.body);
    assert_eq!(
        value(&site.cookie().unwrap(), "salver-shop"),
        Some(returned.as_str())
    );
    site.post("/order").await;
    assert!(site.get("/orders").await.shows("Ordered."));
}

/// With `Strict`, the browser sends the cookie with no request from another site, also not with the
/// redirect that follows the form.
#[actix_web::test]
async fn strict_cookie_is_not_replaced_by_links_of_other_sites() {
    let salver = Salver::memory("shop").unwrap();
    let strict = SessionCookie::new().same_site(SameSite::Strict);
    let site = shop(salver.middleware().session(strict)).await;
    site.post("/order").await;
    let own = site.cookie().unwrap();
    site.set_cookie(None);
    site.send(cross_site()).await;
    let redirected = TestRequest::get()
        .uri("/orders")
        .insert_header(("sec-fetch-site", "cross-site"));
    let page = site.send(redirected).await;
    assert!(page.shows("Paid.") && cookies(&page).is_empty(), "{page:?}");
    let linked = TestRequest::get()
        .uri("/pay")
        .insert_header(("sec-fetch-site", "cross-site"));
    assert!(
        cookies(&site.send(linked).await)
            .iter()
            .all(|cookie| cookie.starts_with("salver-shop!return="))
    );
    site.set_cookie(Some(own));
    assert!(site.get("/orders").await.shows("Ordered."));
}

/// An identity provider returns the visitor by a form: the visitor gets a new session, with all
/// messages of the one that the request did not name.
#[actix_web::test]
async fn login_by_a_form_of_another_site_moves_the_visitor_to_a_new_session() {
    let salver = Salver::memory("shop").unwrap();
    let site = shop(salver.middleware()).await;
    site.post("/order").await;
    let own = site.cookie().unwrap();
    site.set_cookie(None);
    let response = site.send(cross_site().uri("/login")).await;
    let [cookie] = cookies(&response)[..] else {
        panic!("{response:?}")
    };
    assert!(cookie.starts_with("salver-shop!login="), "{cookie}");
    let login = site.cookie().unwrap();
    site.set_cookie(Some(format!("{own}; {login}")));
    let page = site.get("/orders").await;
    assert!(
        page.shows("Ordered.") && page.shows("Welcome."),
        "{}",
        page.body
    );
    let after = site.cookie().unwrap();
    assert_eq!(
        value(&after, "salver-shop"),
        value(&login, "salver-shop!login")
    );
    assert_eq!(value(&after, "salver-shop!login"), Some(""));
    site.post("/order").await;
    site.set_cookie(Some(own));
    assert!(
        !site.get("/orders").await.shows("Ordered."),
        "the old session is open"
    );
}

/// A logout in such a request replaces the session that the request did not name.
#[actix_web::test]
async fn logout_by_a_form_of_another_site_leaves_the_old_session() {
    let salver = Salver::memory("shop").unwrap();
    let site = shop(salver.middleware()).await;
    site.post("/order").await;
    let own = site.cookie().unwrap();
    site.set_cookie(None);
    site.send(cross_site().uri("/logout")).await;
    let new = site.cookie().unwrap();
    assert_ne!(value(&new, "salver-shop"), value(&own, "salver-shop"));
    // The browser keeps the cookies that the response does not replace.
    site.set_cookie(Some(format!("{own}; {new}")));
    let page = site.get("/orders").await;
    assert!(
        page.shows("Goodbye.") && !page.shows("Ordered."),
        "{}",
        page.body
    );
}

/// A page that renders its messages by script finds those of the form, too.
#[actix_web::test]
async fn json_api_claims_messages_of_a_form_of_another_site() {
    let salver = Salver::memory("shop").unwrap();
    let routes = salver.routes();
    let site = site(salver.middleware(), |app| {
        app.service(routes).route("/pay", web::post().to(pay));
    })
    .await;
    let own = "salver-shop=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    site.send(cross_site()).await;
    site.set_cookie(Some(format!("{own}; {}", site.cookie().unwrap())));
    let count = site.get("/salver/count?view=orders").await;
    assert_eq!(count.body, r#"{"count":1}"#);
    let claim = TestRequest::post()
        .uri("/salver/claim")
        .set_json(json!({ "view": "orders" }));
    assert!(site.send(claim).await.shows("Paid."));
}

/// The messages of a form of another site were for the visitor who leaves.
#[actix_web::test]
async fn logout_drops_the_messages_of_a_form_of_another_site() {
    let salver = Salver::memory("shop").unwrap();
    let site = shop(salver.middleware()).await;
    site.post("/order").await;
    let own = site.cookie().unwrap();
    site.set_cookie(None);
    site.send(cross_site()).await;
    site.set_cookie(Some(format!("{own}; {}", site.cookie().unwrap())));
    site.post("/logout").await;
    let page = site.get("/orders").await;
    assert!(
        page.shows("Goodbye.") && !page.shows("Paid."),
        "{}",
        page.body
    );
}

/// A logout that is the first request after a login by another site: the browser drops the cookie of the
/// login, whose session is closed.
#[actix_web::test]
async fn logout_right_after_a_login_by_another_site_ends_its_session() {
    let salver = Salver::memory("shop").unwrap();
    let site = shop(salver.middleware()).await;
    site.send(cross_site().uri("/login")).await;
    let login = value(&site.cookie().unwrap(), "salver-shop!login")
        .unwrap()
        .to_owned();
    site.post("/logout").await;
    let after = site.cookie().unwrap();
    assert_eq!(value(&after, "salver-shop!login"), Some(""));
    assert_ne!(value(&after, "salver-shop"), Some(login.as_str()));
    // The browser keeps the cookies that the response does not replace.
    let page = site.get("/orders").await;
    assert!(page.shows("Goodbye."), "{}", page.body);
}

/// The browser removes the cookie that the response sets.
#[actix_web::test]
async fn cleared_session_cookie_is_logged() {
    let logs = Logs::start();
    let salver = Salver::memory("shop").unwrap();
    let site = shop(salver.middleware()).await;
    site.post("/order").await;
    site.post("/logout").await;
    let lines = logs.text();
    assert!(
        lines.contains("`Clear-Site-Data` makes the browser remove it"),
        "{lines}"
    );
}

#[actix_web::test]
async fn return_cookie_of_another_application_is_ignored() {
    let (shop_salver, other) = (
        Salver::memory("shop").unwrap(),
        Salver::memory("other").unwrap(),
    );
    let (first, second) = (
        shop(shop_salver.middleware()).await,
        shop(other.middleware()).await,
    );
    first.send(cross_site()).await;
    second.set_cookie(first.cookie());
    let page = second.get("/orders").await;
    assert!(
        !page.shows("Paid.") && cookies(&page).is_empty(),
        "{page:?}"
    );
}
