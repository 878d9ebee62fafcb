//! How a visitor is identified: the session cookie, other session sources, login and logout.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::{TestRequest, init_service};
use actix_web::web;
use actix_web::{App, Error, HttpResponse, error};
use salver::web::{SessionCookie, SessionSource};
use salver::{Message, Messages, Pending, Salver, assert_messages};
use serde_json::Value;

use crate::support::site::{PAGE, WebTestSite, html, site};

async fn save(messages: Messages) -> HttpResponse {
    messages.to("page").success("Saved.").await;
    HttpResponse::SeeOther()
        .insert_header(("location", "/page"))
        .finish()
}

fn routes(app: &mut web::ServiceConfig) {
    app.route("/save", web::post().to(save));
    app.route("/page", web::get().to(|| async { html(PAGE) }));
    let login = |messages: Messages| async move { messages.renew().await.map(|()| "in") };
    app.route("/login", web::post().to(login));
    let logout = |messages: Messages| async move {
        messages.close_session().await?;
        messages.to("page").info("You are logged out.").await;
        Ok::<_, salver::Error>("out")
    };
    app.route("/logout", web::post().to(logout));
    let id = |messages: Messages| async move {
        messages
            .session()
            .map(|id| id.as_str().to_owned())
            .unwrap_or_default()
    };
    app.route("/id", web::get().to(id));
}

fn attributes(cookie: &str) -> Vec<&str> {
    let mut attributes: Vec<_> = cookie.split("; ").skip(1).collect();
    attributes.sort_unstable();
    attributes
}

#[actix_web::test]
async fn session_cookie_is_bound_to_host_and_small() {
    let salver = Salver::memory("app").unwrap();
    let app = init_service(App::new().wrap(salver.middleware()).configure(routes)).await;
    let plain_app = App::new()
        .wrap(salver.middleware().plain_http())
        .configure(routes);
    let plain_app = init_service(plain_app).await;
    let peer: std::net::SocketAddr = "127.0.0.1:50000".parse().unwrap();
    let save = || TestRequest::post().uri("/save").peer_addr(peer);
    let cases = [
        (
            TestRequest::post()
                .uri("/save")
                .insert_header(("host", "localhost")),
            "__Host-salver-app",
            true,
        ),
        (
            save().insert_header(("host", "example.org")),
            "__Host-salver-app",
            true,
        ),
        (
            save().insert_header(("host", "127.0.0.1.example.org")),
            "__Host-salver-app",
            true,
        ),
        (
            save().insert_header(("host", "localhost:8080")),
            "salver-app",
            false,
        ),
        (
            save().insert_header(("host", "127.0.0.1")),
            "salver-app",
            false,
        ),
        (
            save().insert_header(("host", "[::1]:8080")),
            "salver-app",
            false,
        ),
        (
            save()
                .insert_header(("host", "localhost"))
                .peer_addr("192.0.2.1:80".parse().unwrap()),
            "__Host-salver-app",
            true,
        ),
        (
            save()
                .insert_header(("host", "localhost"))
                .insert_header(("x-forwarded-proto", "https")),
            "__Host-salver-app",
            true,
        ),
    ];
    for (request, name, secure) in cases {
        let response = actix_web::test::call_service(&app, request.to_request()).await;
        let cookie = response
            .headers()
            .get("set-cookie")
            .unwrap()
            .to_str()
            .unwrap();
        assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        let mut expected = vec!["HttpOnly", "Path=/", "SameSite=Lax"];
        if secure {
            expected.push("Secure");
        }
        assert_eq!(attributes(cookie), expected);
        assert!(cookie.len() <= 200, "{} bytes", cookie.len());
        let token = cookie.split(['=', ';']).nth(1).unwrap();
        assert_eq!(token.len(), 43, "256 bits in base64url");
        assert_eq!(
            response.headers().get("cache-control").unwrap(),
            "no-store, private"
        );
    }
    let plain = save().insert_header(("host", "example.org")).to_request();
    let response = actix_web::test::call_service(&plain_app, plain).await;
    let cookie = response
        .headers()
        .get("set-cookie")
        .unwrap()
        .to_str()
        .unwrap();
    assert!(
        cookie.starts_with("salver-app=") && !cookie.contains("Secure"),
        "{cookie}"
    );
}

#[actix_web::test]
async fn session_id_matches_fixtures() {
    let fixtures: Value = serde_json::from_str(include_str!("../fixtures/wire_v1.json")).unwrap();
    for case in fixtures["sessions"].as_array().unwrap() {
        let salver = Salver::memory(case["app"].as_str().unwrap()).unwrap();
        let cookie = SessionCookie::new().name("sid").unwrap();
        let site = site(salver.middleware().session(cookie), routes).await;
        site.set_cookie(Some(format!("sid={}", case["token"].as_str().unwrap())));
        assert_eq!(
            site.get("/id").await.body,
            case["session"].as_str().unwrap()
        );
    }
}

#[actix_web::test]
async fn malformed_token_yields_no_session() {
    let salver = Salver::memory("app").unwrap();
    let site = site(salver.middleware(), routes).await;
    let good = "A".repeat(43);
    let bad = [
        "",
        "x",
        &good[1..],
        &format!("{good}A"),
        &format!("{}*", &good[1..]),
        &format!("{}B", &good[1..]),
    ];
    for token in bad {
        site.set_cookie(Some(format!("salver-app={token}")));
        assert_eq!(site.get("/id").await.body, "", "{token}");
    }
    site.set_cookie(Some(format!("__Host-salver-app={good}")));
    assert_eq!(
        site.get("/id").await.body,
        "",
        "the `__Host-` cookie is not accepted over plain HTTP"
    );
}

#[actix_web::test]
async fn session_is_created_by_add_and_reused() {
    let salver = Salver::memory("app").unwrap();
    let site = site(salver.middleware(), routes).await;
    site.get("/page").await;
    assert_eq!(site.cookie(), None, "a read creates no session");
    site.post("/save").await;
    let cookie = site.cookie();
    assert!(cookie.is_some());
    assert_eq!(
        site.post("/save").await.header("set-cookie"),
        None,
        "the visitor already has a session"
    );
    assert!(site.get("/page").await.shows("Saved."));
    assert_eq!(site.cookie(), cookie);
}

#[actix_web::test]
async fn session_cookie_is_set_on_error_response() {
    let salver = Salver::memory("app").unwrap();
    let handler = |messages: Messages| async move {
        messages.context("page").await?;
        Err::<HttpResponse, Error>(error::ErrorBadGateway("down"))
    };
    let fail = |request, next: actix_web::middleware::Next<_>| async move {
        let response: actix_web::dev::ServiceResponse<actix_web::body::BoxBody> =
            next.call(request).await?;
        match response.status().as_u16() {
            502 => Err(error::ErrorBadGateway("a middleware failed")),
            _ => Ok(response),
        }
    };
    let app = App::new()
        .wrap(actix_web::middleware::from_fn(fail))
        .wrap(salver.middleware())
        .route("/p", web::post().to(handler));
    let app = init_service(app).await;
    let request = TestRequest::post()
        .uri("/p")
        .insert_header(("host", "localhost"))
        .to_request();
    let response = actix_web::dev::Service::call(&app, request)
        .await
        .unwrap_err()
        .error_response();
    assert!(response.headers().contains_key("set-cookie"));
}

#[actix_web::test]
async fn renew_moves_messages_to_new_id() {
    let salver = Salver::memory("app").unwrap();
    let site = site(salver.middleware(), routes).await;
    site.post("/login").await;
    assert_eq!(
        site.cookie(),
        None,
        "a login without a session creates none"
    );
    site.post("/save").await;
    let old = site.cookie();
    site.post("/login").await;
    let new = site.cookie();
    assert_ne!(old, new);
    site.set_cookie(old.clone());
    assert!(
        !site.get("/page").await.shows("Saved."),
        "the old id shows nothing"
    );
    let stale = site.post("/save").await;
    assert_eq!(
        stale.status, 303,
        "`Messages::success` never fails the form"
    );
    site.set_cookie(new);
    let body = site.get("/page").await.body;
    assert_eq!(
        body.matches("Saved.").count(),
        1,
        "the message added with the old cookie is not shown: {body}"
    );
}

#[actix_web::test]
async fn renew_moves_messages_claimed_by_request() {
    let salver = Salver::memory("app").unwrap();
    let site = site(salver.middleware(), |app| {
        app.route("/save", web::post().to(save));
        app.route("/page", web::get().to(|| async { html(PAGE) }));
        let login = |messages: Messages, pending: Pending| async move {
            let html = pending.html();
            messages.renew().await?;
            Ok::<_, salver::Error>(
                HttpResponse::Found()
                    .insert_header(("location", "/"))
                    .body(html),
            )
        };
        app.service(web::resource("/page/login").to(login));
    });
    let site = site.await;
    site.post("/save").await;
    assert!(!site.get("/page/login").await.shows("Saved."));
    assert!(
        site.get("/page").await.shows("Saved."),
        "released under its new id"
    );
}

#[actix_web::test]
async fn close_session_clears_messages_and_issues_new_id() {
    let salver = Salver::memory("app").unwrap();
    let site = site(salver.middleware(), routes).await;
    site.post("/save").await;
    let old_id = salver::SessionId::new(site.get("/id").await.body).unwrap();
    let job = salver.context(old_id.clone(), "page").unwrap();
    let old = site.cookie();
    site.post("/logout").await;
    assert_ne!(site.cookie(), old);
    let late = salver.add(&job, Message::info("late")).await.unwrap_err();
    assert!(late.is_session_closed(), "{late}");
    assert_messages!(salver, old_id, "page", []);
    let page = site.get("/page").await;
    assert!(page.shows("You are logged out.") && !page.shows("Saved."));
}

#[actix_web::test]
async fn header_source_creates_no_session() {
    let salver = Salver::memory("app").unwrap();
    let by_header = SessionSource::header(HeaderName::from_static("x-key"));
    let site = site(salver.middleware().session(by_header), |app| {
        routes(app);
        let add_or_fail = |messages: Messages| async move {
            messages
                .add_message(Message::info("x"))
                .await
                .map(|_| "added")
        };
        app.route("/add-or-fail", web::post().to(add_or_fail));
    })
    .await;
    let with_key = |request: TestRequest| request.insert_header(("x-key", "secret of ada"));
    let rejected = site.post("/add-or-fail").await;
    assert_eq!(
        (rejected.status.as_u16(), rejected.body.as_str()),
        (422, "")
    );
    assert_eq!(site.post("/save").await.status, 303);
    site.send(with_key(TestRequest::post().uri("/save"))).await;
    let id = site
        .send(with_key(TestRequest::get().uri("/id")))
        .await
        .body;
    assert_eq!(
        (id.len(), id.contains("secret")),
        (22, false),
        "the id is derived from the header value, as from a token"
    );
    assert!(
        site.send(with_key(TestRequest::get().uri("/page")))
            .await
            .shows("Saved.")
    );
    assert_eq!(site.cookie(), None);
}

#[actix_web::test]
async fn actix_session_source_stores_token() {
    use actix_session::{SessionMiddleware, storage::CookieSessionStore};
    let salver = Salver::memory("app").unwrap();
    let key = actix_web::cookie::Key::generate();
    let sessions =
        SessionMiddleware::builder(CookieSessionStore::default(), key).cookie_secure(false);
    let app = App::new()
        .wrap(salver.middleware().session(SessionSource::actix_session()))
        .wrap(sessions.build())
        .configure(routes);
    let site = WebTestSite::of(init_service(app).await);
    site.post("/save").await;
    let first = site.get("/id").await.body;
    assert_eq!(first.len(), 22);
    assert!(
        site.cookie().unwrap().starts_with("id="),
        "Salver sets no cookie"
    );
    site.post("/login").await;
    assert_ne!(site.get("/id").await.body, first);
    assert!(site.get("/page").await.shows("Saved."));
}

#[actix_web::test]
async fn token_appears_in_no_key() {
    let server = crate::support::redis::Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    let site = site(salver.middleware(), routes).await;
    site.post("/save").await;
    let token = site.cookie().unwrap().split_once('=').unwrap().1.to_owned();
    let id = site.get("/id").await.body;
    let mut keys: Vec<String> = server.run(&[b"KEYS", b"*"]);
    keys.sort();
    assert_eq!(
        keys,
        [
            format!("app!session:{{{id}}}"),
            format!("app:{{{id}}}:page")
        ]
    );
    assert!(keys.iter().all(|key| !key.contains(&token)));
}

#[actix_web::test]
async fn percent_encoded_cookie_name_is_ignored() {
    let salver = Salver::memory("app").unwrap();
    let app = init_service(App::new().wrap(salver.middleware()).configure(routes)).await;
    let (planted, own) = ("A".repeat(43), "Q".repeat(42) + "A");
    let id = async |cookies: String| {
        let request = TestRequest::get()
            .uri("/id")
            .insert_header(("host", "example.org"));
        let request = request.insert_header(("cookie", cookies)).to_request();
        let body = actix_web::test::call_and_read_body(&app, request).await;
        String::from_utf8(body.to_vec()).unwrap()
    };
    let own_id = id(format!("__Host-salver-app={own}")).await;
    assert_eq!(own_id.len(), 22);
    assert_eq!(
        id(format!(
            "%5F_Host-salver-app={planted}; __Host-salver-app={own}"
        ))
        .await,
        own_id
    );
    assert_eq!(
        id(format!(
            "%5F_Host-salver-app={planted}; salver-app={planted}"
        ))
        .await,
        ""
    );
}

#[actix_web::test]
async fn non_utf_8_cookie_hides_no_session_cookie() {
    let salver = Salver::memory("app").unwrap();
    let app = init_service(App::new().wrap(salver.middleware()).configure(routes)).await;
    let id = async |cookies: &[u8]| {
        let cookies = HeaderValue::from_bytes(cookies).unwrap();
        let request = TestRequest::get()
            .uri("/id")
            .insert_header(("host", "example.org"))
            .insert_header(("cookie", cookies));
        actix_web::test::call_and_read_body(&app, request.to_request()).await
    };
    let own = format!("__Host-salver-app={}", "A".repeat(43)).into_bytes();
    let expected = id(&own).await;
    assert_eq!(expected.len(), 22);
    let other: &[u8] = b"name=J\xf8rgen; words; =; ";
    assert_eq!(id(&[other, &own].concat()).await, expected);
}

#[actix_web::test]
async fn stale_cookie_can_log_in_again() {
    let salver = Salver::memory("app").unwrap();
    let site = site(salver.middleware(), routes).await;
    site.post("/save").await;
    let old = site.cookie();
    site.post("/login").await;
    site.set_cookie(old.clone());
    assert_eq!(site.post("/login").await.status, 200);
    assert_ne!(site.cookie(), old);
    assert!(
        !site.get("/page").await.shows("Saved."),
        "the new session is empty"
    );
    site.post("/save").await;
    assert!(site.get("/page").await.shows("Saved."));
}

#[actix_web::test]
async fn login_in_doubt_issues_new_id_and_keeps_messages() {
    let (store, report) = crate::support::spy::SpyStore::new();
    let timeout = std::time::Duration::from_millis(20);
    let salver = Salver::builder("app")
        .store(store)
        .call_timeout(timeout)
        .build()
        .unwrap();
    let site = site(salver.middleware(), routes).await;
    site.post("/save").await;
    let old = site.cookie();
    report.slow(std::time::Duration::from_millis(100));
    assert_eq!(site.post("/login").await.status, 200);
    assert_ne!(site.cookie(), old);
    report.slow(std::time::Duration::ZERO);
    crate::support::eventually("the messages have moved", async || {
        site.get("/page").await.shows("Saved.").then_some(())
    })
    .await;
}

#[actix_web::test]
async fn inner_middleware_can_add_messages() {
    use actix_web::dev::ServiceRequest;
    use actix_web::middleware::{Next, from_fn};
    async fn guard(
        messages: Messages,
        request: ServiceRequest,
        next: Next<actix_web::body::BoxBody>,
    ) -> Result<actix_web::dev::ServiceResponse, Error> {
        messages.to("page").warning("Please log in.").await;
        next.call(request).await
    }
    let salver = Salver::memory("app").unwrap();
    let app = App::new()
        .wrap(from_fn(guard))
        .wrap(salver.middleware())
        .configure(routes);
    let site = WebTestSite::of(init_service(app).await);
    assert!(site.get("/page").await.shows("Please log in."));
}

#[actix_web::test]
async fn message_below_minimum_level_creates_no_session() {
    let quiet = Salver::builder("app")
        .minimum_level(salver::Level::Error)
        .build()
        .unwrap();
    let site = site(quiet.middleware(), routes).await;
    let response = site.post("/save").await;
    assert_eq!(
        (
            response.header("set-cookie"),
            response.header("cache-control")
        ),
        (None, None)
    );
}

#[actix_web::test]
async fn alternating_visitors_keep_their_session_ids() {
    let salver = Salver::memory("app").unwrap();
    // The tokens differ in the middle only, so that a comparison of both ends would confuse them.
    let tokens = ["A", "B", "-"].map(|middle| format!("AAAA{}AAAA", middle.repeat(35)));
    let mut ids = Vec::new();
    for token in &tokens {
        let single = site(salver.middleware(), routes).await;
        single.set_cookie(Some(format!("salver-app={token}")));
        ids.push(single.get("/id").await.body);
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    let shared = site(salver.middleware(), routes).await;
    for (token, expected) in tokens.iter().zip(&ids).cycle().take(9) {
        shared.set_cookie(Some(format!("salver-app={token}")));
        assert_eq!(&shared.get("/id").await.body, expected);
    }
}
