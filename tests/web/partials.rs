//! Partial responses for htmx and Turbo: which of them carry messages, and which carry none.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use actix_web::test::TestRequest;
use actix_web::web::{self, Bytes};
use actix_web::{Error, HttpRequest, HttpResponse};
use futures_util::stream;
use salver::web::ViewSource;
use salver::{Message, Messages, Pending, Salver, View, assert_messages};

use crate::support::site::{PAGE, WebTestSite, ada, context_of_ada, html, site, site_of_ada};
use crate::support::spy::SpyStore;

type Headers = [(&'static str, &'static str)];

const HTMX: &Headers = &[("hx-request", "true")];
const STREAM: &str = "text/vnd.turbo-stream.html; charset=utf-8";
const CURRENT_URL: (&str, &str) = ("hx-current-url", "http://localhost/orders/7?tab=a#b");

async fn page() -> HttpResponse {
    html(PAGE)
}

/// A partial without a slot.
async fn rows() -> HttpResponse {
    html("<li>row</li>")
}

async fn frames() -> HttpResponse {
    html(
        "<salver-messages></salver-messages><turbo-frame id='other'></turbo-frame><turbo-frame class=\"id=cart\" ID=cart>x<turbo-frame id=cart></turbo-frame></turbo-frame>",
    )
}

async fn changes() -> HttpResponse {
    let change = "<turbo-stream action=\"remove\" target=\"x\"></turbo-stream>";
    HttpResponse::Ok().content_type(STREAM).body(change)
}

async fn added(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    messages.to("elsewhere").success("added there").await;
    html("<li>row</li>")
}

/// A site with partials of all kinds, and a page at `orders/{id}`.
macro_rules! partials_site {
    ($salver:expr) => {
        site_of_ada($salver, |app| {
            app.route("/orders/{id}", web::get().to(page))
                .route("/page", web::get().to(page))
                .route("/rows", web::get().to(rows))
                .route("/frames", web::get().to(frames))
                .route("/changes", web::get().to(changes))
                .route("/added", web::post().to(added));
        })
        .await
    };
}

fn get(path: &str, headers: &Headers) -> TestRequest {
    headers
        .iter()
        .fold(TestRequest::get().uri(path), |request, header| {
            request.insert_header(*header)
        })
}

async fn add(salver: &Salver, view: &str, text: &str) {
    let context = context_of_ada(salver, View::try_from(view.to_owned()).unwrap());
    salver.add(&context, Message::info(text)).await.unwrap();
}

#[actix_web::test]
async fn partial_carries_messages_of_requesting_page() {
    let html = "text/html; charset=utf-8";
    for (path, headers, before, after, content_type) in [
        (
            "/rows",
            &[HTMX[0], CURRENT_URL][..],
            "<li>row</li><div hx-swap-oob=\"beforeend:salver-messages\"><ul",
            "</ul></div>",
            html,
        ),
        (
            "/rows",
            // The page script names the view in `Salver-View`, which takes precedence over the URL.
            &[
                HTMX[0],
                ("hx-current-url", "http://localhost/page"),
                ("salver-view", "orders%2F%7Bid%7D"),
            ][..],
            "<li>row</li><div hx-swap-oob=\"beforeend:salver-messages\"><ul",
            "</ul></div>",
            html,
        ),
        (
            "/changes",
            &[("referer", "http://localhost/orders/8")][..],
            "</turbo-stream><turbo-stream action=\"append\" targets=\"salver-messages\"><template><ul",
            "</ul></template></turbo-stream>",
            STREAM,
        ),
        (
            "/frames",
            &[
                ("turbo-frame", "cart"),
                ("referer", "http://localhost/orders/8"),
            ][..],
            "ID=cart><turbo-stream action=\"append\" targets=\"salver-messages\"><template><ul",
            "</ul></template></turbo-stream>x",
            html,
        ),
    ] {
        let salver = Salver::memory("app").unwrap();
        let site = partials_site!(&salver);
        add(&salver, "orders/{id}", "for the page").await;
        add(&salver, "*", "for any").await;
        add(&salver, "rows", "for another").await;
        let response = site.send(get(path, headers)).await;
        let position = response.body.find(before);
        let position = position.unwrap_or_else(|| panic!("{headers:?}: {}", response.body));
        let (_, rest) = response.body.split_at(position + before.len());
        assert!(rest.contains(after), "{rest}");
        assert_eq!(response.body.matches("for the page").count(), 1);
        assert_eq!(response.body.matches("for any").count(), 1);
        assert!(!response.shows("for another"), "{}", response.body);
        assert_eq!(response.header("content-type"), Some(content_type));
        assert_eq!(response.header("cache-control"), Some("no-store, private"));
        salver.flush().await;
        assert_messages!(salver, ada(), "orders/{id}", []);
        let again = site.send(get(path, headers)).await;
        assert!(!again.body.contains("salver-message "), "{}", again.body);
    }
}

/// A handler adds a message to its own view, which no page has. The partial carries it.
#[actix_web::test]
async fn partial_carries_messages_added_by_its_handler() {
    let salver = Salver::memory("app").unwrap();
    let site = partials_site!(&salver);
    add(&salver, "orders/{id}", "for the page").await;
    let request = TestRequest::post()
        .uri("/added")
        .insert_header(HTMX[0])
        .insert_header(CURRENT_URL);
    let response = site.send(request).await;
    assert!(response.shows("added here") && response.shows("for the page"));
    assert!(!response.shows("added there"));
    salver.flush().await;
    assert_messages!(salver, ada(), "added", []);
    assert_messages!(salver, ada(), "elsewhere", [Success "added there"]);
    // Without a script the response is a page of its own view. It has no slot.
    let response = site.send(TestRequest::post().uri("/added")).await;
    assert!(!response.shows("added here"));
}

/// A response that the client discards, or that redirects, carries no message. All stay pending.
#[actix_web::test]
async fn discarded_response_carries_no_message() {
    async fn respond(status: u16, header: (&'static str, &'static str)) -> HttpResponse {
        HttpResponse::build(StatusCode::from_u16(status).unwrap())
            .insert_header((CONTENT_TYPE, "text/html"))
            .insert_header(header)
            .body(PAGE)
    }
    let none = ("x-none", "x");
    let responses: [(u16, (&str, &str), &Headers); 15] = [
        (303, (LOCATION.as_str(), "/page"), HTMX),
        (200, ("hx-redirect", "/page"), HTMX),
        (200, ("hx-location", "/page"), HTMX),
        (200, ("hx-refresh", "true"), HTMX),
        (422, none, HTMX),
        (422, none, &[HTMX[0], ("hx-boosted", "true")]),
        (404, none, HTMX),
        (404, none, &[HTMX[0], ("hx-request-type", "partial")]),
        (500, none, &[HTMX[0], ("hx-request-type", "partial")]),
        (204, none, HTMX),
        (200, none, &[HTMX[0], ("hx-preloaded", "true")]),
        (200, ("content-encoding", "gzip"), HTMX),
        (200, ("content-type", "application/json"), HTMX),
        // Turbo inserts only the requested frame. The page has a slot, but not this frame.
        (200, none, &[("turbo-frame", "cart")]),
        (
            303,
            (LOCATION.as_str(), "/page"),
            &[("turbo-frame", "cart")],
        ),
    ];
    for (status, header, headers) in responses {
        let salver = Salver::memory("app").unwrap();
        let site = site_of_ada(&salver, |app| {
            app.route("/orders/{id}", web::get().to(page));
            app.route("/response", web::get().to(move || respond(status, header)));
        })
        .await;
        for view in ["orders/{id}", "response", "*"] {
            add(&salver, view, "hello").await;
        }
        let request = get("/response", headers).insert_header(CURRENT_URL);
        let response = site.send(request).await;
        assert!(!response.shows("hello"), "{status} {header:?} {headers:?}");
        salver.flush().await;
        for view in ["orders/{id}", "response"] {
            let pending = salver.peek(&context_of_ada(&salver, view)).await.unwrap();
            assert_eq!(pending.len(), 2, "{view} {status} {header:?} {headers:?}");
        }
    }
}

/// A script requests a whole page, and its slot is filled for its own view. htmx inserts either the
/// whole page or the selected elements, and discards the rest.
#[actix_web::test]
async fn page_requested_by_script_shows_its_own_view() {
    let boosted: &Headers = &[HTMX[0], ("hx-boosted", "true")];
    let boosted_body: &Headers = &[boosted[0], boosted[1], ("hx-target", "body#top")];
    // htmx replaces a part of the page, which may not contain the slot.
    let boosted_part: &Headers = &[boosted[0], boosted[1], ("hx-target", "content")];
    let restored: &Headers = &[HTMX[0], ("hx-history-restore-request", "true")];
    for (headers, times) in [
        (HTMX, 2),
        (boosted, 1),
        (boosted_body, 1),
        (boosted_part, 2),
        (restored, 1),
    ] {
        let salver = Salver::memory("app").unwrap();
        let site = partials_site!(&salver);
        add(&salver, "orders/{id}", "for the requesting page").await;
        add(&salver, "page", "for this page").await;
        let request = get("/page", headers).insert_header(CURRENT_URL);
        let response = site.send(request).await;
        assert!(response.shows("<salver-messages><ul"), "{}", response.body);
        let shown = response.body.matches("for this page").count();
        assert_eq!(shown, times, "{headers:?}");
        assert!(!response.shows("for the requesting page"));
    }
}

#[actix_web::test]
async fn handler_overrides_response_kind() {
    async fn full_page(messages: Messages) -> HttpResponse {
        messages.as_full_page();
        html("<li>row</li>")
    }
    async fn as_partial(messages: Messages) -> HttpResponse {
        messages.as_partial_of("orders/{id}").unwrap();
        messages.as_partial_of("*").unwrap_err();
        HttpResponse::UnprocessableEntity()
            .content_type("text/html")
            .body("<li>row</li>")
    }
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        app.route("/orders/{id}", web::get().to(page))
            .route("/page", web::get().to(full_page))
            .route("/partial", web::get().to(as_partial));
    })
    .await;
    add(&salver, "orders/{id}", "for the page").await;
    let response = site
        .send(get("/page", HTMX).insert_header(CURRENT_URL))
        .await;
    assert_eq!(response.body, "<li>row</li>");
    let response = site.send(get("/partial", HTMX)).await;
    assert!(response.shows("for the page"), "{}", response.body);

    // A site can disable partials.
    let middleware = salver.middleware().without_partials();
    let site = site_of_rows(middleware.session(|_: &_| Some(ada()))).await;
    add(&salver, "rows", "for the page").await;
    for path in ["/rows", "/changes"] {
        let partial = get(path, HTMX).insert_header(("salver-view", "rows"));
        let response = site.send(partial).await;
        assert!(!response.shows("for the page"), "{}", response.body);
    }
}

async fn site_of_rows(
    middleware: salver::web::Middleware,
) -> WebTestSite<
    impl actix_web::dev::Service<
        actix_http::Request,
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = Error,
    >,
> {
    site(middleware, |app| {
        app.route("/rows", web::get().to(rows))
            .route("/changes", web::get().to(changes));
    })
    .await
}

/// htmx inserts any response as HTML.
#[actix_web::test]
async fn partial_without_content_type_carries_messages_to_htmx() {
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        let rows = || async { HttpResponse::Ok().body("<li>row</li>") };
        app.route("/orders/{id}", web::get().to(page))
            .route("/rows", web::get().to(rows));
    })
    .await;
    add(&salver, "orders/{id}", "for the page").await;
    let response = site
        .send(get("/rows", HTMX).insert_header(CURRENT_URL))
        .await;
    assert!(response.shows("for the page"), "{}", response.body);
    assert_eq!(
        response.header("content-type"),
        Some("text/html; charset=utf-8")
    );
}

/// The path of the requesting page is decoded and normalised as the request of that page was.
#[actix_web::test]
async fn requesting_page_is_found_as_its_request_was_routed() {
    for url in [
        "http://localhost/caf%C3%A9/1",
        "http://localhost/café/1",
        "http://localhost/caf%c3%a9/1/",
        "http://localhost//café//1/?tab=a#b",
    ] {
        let salver = Salver::memory("app").unwrap();
        let site = site_of_ada(&salver, |app| {
            app.route("/café/{id}", web::get().to(page))
                .route("/rows", web::get().to(rows));
        })
        .await;
        add(&salver, "café/{id}", "for the page").await;
        let url = HeaderValue::from_bytes(url.as_bytes()).unwrap();
        let response = site
            .send(get("/rows", HTMX).insert_header(("hx-current-url", url)))
            .await;
        assert!(response.shows("for the page"), "{}", response.body);
    }
}

/// The view source of the site also finds the view of the requesting page, from its URL.
#[actix_web::test]
async fn requesting_page_is_found_by_any_view_source() {
    for (source, view) in [
        (ViewSource::path(), "orders/7"),
        (ViewSource::query("tab"), "a"),
        (ViewSource::route(), "orders/{id}"),
    ] {
        let salver = Salver::memory("app").unwrap();
        let middleware = salver.middleware().view(source.clone());
        let site = site(middleware.session(|_: &_| Some(ada())), |app| {
            app.route("/orders/{id}", web::get().to(page))
                .route("/rows", web::get().to(rows));
        })
        .await;
        add(&salver, view, "for the page").await;
        let response = site
            .send(get("/rows", HTMX).insert_header(CURRENT_URL))
            .await;
        assert!(
            response.shows("for the page"),
            "{source:?}: {}",
            response.body
        );
        // The URL is invalid or matches no route: the partial still carries messages for any view.
        add(&salver, "*", "for any").await;
        let invalid = get("/rows", HTMX).insert_header(("hx-current-url", "/no where"));
        assert!(site.send(invalid).await.shows("for any"), "{source:?}");
    }
}

/// htmx 2 accepts a response that consists only of an out-of-band message. htmx 4 would skip its
/// main swap.
#[actix_web::test]
async fn empty_response_carries_message_to_htmx_2() {
    async fn nothing() -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    let htmx_4: &Headers = &[HTMX[0], ("hx-request-type", "partial")];
    for (headers, carries) in [(HTMX, true), (htmx_4, false), (&[][..], false)] {
        let salver = Salver::memory("app").unwrap();
        let site = site_of_ada(&salver, |app| {
            app.route("/orders/{id}", web::get().to(page))
                .route("/nothing", web::delete().to(nothing));
        })
        .await;
        add(&salver, "orders/{id}", "hello").await;
        let request = headers.iter().fold(
            TestRequest::delete()
                .uri("/nothing")
                .insert_header(CURRENT_URL),
            |request, header| request.insert_header(*header),
        );
        let response = site.send(request).await;
        assert_eq!(response.shows("hello"), carries, "{headers:?}");
        assert_eq!(
            crate::support::site::is_html(&response),
            carries,
            "{headers:?}"
        );
        salver.flush().await;
        let pending = salver
            .count(&context_of_ada(&salver, "orders/{id}"))
            .await
            .unwrap();
        assert_eq!(pending, usize::from(!carries), "{headers:?}");
    }
}

/// A partial is streamed in two chunks, split at any byte.
#[actix_web::test]
async fn streamed_partial_is_filled_at_any_split() {
    for split in 1..40 {
        let salver = Salver::memory("app").unwrap();
        let site = site_of_ada(&salver, |app| {
            app.route("/orders/{id}", web::get().to(page));
            app.route(
                "/response",
                web::get().to(move |messages: Messages, request: HttpRequest| async move {
                    // Without the override, a stream may turn out to be a page with a slot.
                    if request.headers().contains_key("x-partial") {
                        messages.as_partial_of("orders/{id}").unwrap();
                    }
                    let text = "<p>x</p><turbo-frame  id = 'cart' class=x>y</turbo-frame>";
                    let (one, two) = text.split_at(split);
                    let pieces = [one, two].map(|piece| Ok::<_, Error>(Bytes::from(piece)));
                    HttpResponse::Ok()
                        .content_type("text/html")
                        .streaming(stream::iter(pieces))
                }),
            );
        })
        .await;
        for (header, expected) in [
            (HTMX[0], "</turbo-frame><div hx-swap-oob"),
            (("turbo-frame", "cart"), "class=x><turbo-stream action"),
        ] {
            add(&salver, "orders/{id}", "hello").await;
            let request = get("/response", &[header]).insert_header(CURRENT_URL);
            let response = site.send(request.insert_header(("x-partial", "yes"))).await;
            assert!(response.shows(expected), "{split}: {}", response.body);
            salver.flush().await;
            assert_messages!(salver, ada(), "orders/{id}", []);
        }
        add(&salver, "orders/{id}", "hello").await;
        let response = site
            .send(get("/response", HTMX).insert_header(CURRENT_URL))
            .await;
        assert!(!response.shows("hello"), "{}", response.body);
    }
}

/// A partial whose handler renders `Pending` shows the messages of its own view, and no others.
#[actix_web::test]
async fn partial_rendering_pending_carries_no_other_message() {
    async fn rendered(pending: Pending) -> HttpResponse {
        html(format!("<li>row</li>{pending}"))
    }
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        app.route("/orders/{id}", web::get().to(page))
            .route("/rendered", web::get().to(rendered));
    })
    .await;
    add(&salver, "orders/{id}", "for the page").await;
    add(&salver, "rendered", "for itself").await;
    let response = site
        .send(get("/rendered", HTMX).insert_header(CURRENT_URL))
        .await;
    assert!(response.shows("for itself") && !response.shows("for the page"));
    assert!(!response.shows("hx-swap-oob"));
}

/// A handler claims messages and does not render them. They are released, and the partial carries
/// none.
#[actix_web::test]
async fn partial_counting_pending_shows_no_message() {
    async fn badge(mut pending: Pending) -> HttpResponse {
        pending.now(Message::info("only now"));
        html(pending.len().to_string())
    }
    for header in [HTMX[0], ("turbo-frame", "cart")] {
        let salver = Salver::memory("app").unwrap();
        let site = site_of_ada(&salver, |app| {
            app.route("/orders/{id}", web::get().to(page))
                .route("/badge", web::get().to(badge));
        })
        .await;
        for view in ["badge", "*"] {
            add(&salver, view, "hello").await;
        }
        let response = site
            .send(get("/badge", &[header]).insert_header(CURRENT_URL))
            .await;
        assert!(response.body.starts_with('3') && !response.shows("hello"));
        salver.flush().await;
        assert_messages!(salver, ada(), "badge", [Info "hello", Info "hello"]);
    }
}

/// A partial without pending messages sends one claim, as a page does.
#[actix_web::test]
async fn partial_without_messages_sends_one_claim() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = partials_site!(&salver);
    let response = site
        .send(get("/rows", HTMX).insert_header(CURRENT_URL))
        .await;
    assert_eq!(response.body, "<li>row</li>", "the body is unchanged");
    salver.flush().await;
    assert_eq!(report.take(), ["claim"], "one claim and no write");
}
