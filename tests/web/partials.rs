//! Parts of a page, as htmx and Turbo ask for them: who is carried what, and who is carried nothing.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::test::TestRequest;
use actix_web::web::{self, Bytes};
use actix_web::{Error, HttpRequest, HttpResponse};
use futures_util::stream;
use salver::web::ViewSource;
use salver::{Message, Messages, Pending, Salver, View, assert_messages};

use super::site::{PAGE, Site, ada, adas, adas_site, html, site};
use crate::support::spy::SpyStore;

type Headers = [(&'static str, &'static str)];

const HTMX: &Headers = &[("hx-request", "true")];
const STREAM: &str = "text/vnd.turbo-stream.html; charset=utf-8";
const ON_A: (&str, &str) = ("hx-current-url", "http://localhost/orders/7?tab=a#b");

async fn page() -> HttpResponse {
    html(PAGE)
}

/// A part without a slot.
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

/// A site with parts of all kinds, and a page at `orders/{id}`.
macro_rules! parts {
    ($salver:expr) => {
        adas_site($salver, |app| {
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

async fn told(salver: &Salver, view: &str, text: &str) {
    let context = adas(salver, View::try_from(view.to_owned()).unwrap());
    salver.add(&context, Message::info(text)).await.unwrap();
}

#[actix_web::test]
async fn a_part_carries_what_is_pending_for_the_page_that_asks() {
    let html = "text/html; charset=utf-8";
    for (path, headers, before, after, kind) in [
        (
            "/rows",
            &[HTMX[0], ON_A][..],
            "<li>row</li><div hx-swap-oob=\"beforeend:salver-messages\"><ul",
            "</ul></div>",
            html,
        ),
        (
            "/rows",
            // The page script says which view it is, whatever the address.
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
        let site = parts!(&salver);
        told(&salver, "orders/{id}", "for the page").await;
        told(&salver, "*", "for any").await;
        told(&salver, "rows", "for another").await;
        let answer = site.send(get(path, headers)).await;
        let at = answer.body.find(before);
        let at = at.unwrap_or_else(|| panic!("{headers:?}: {}", answer.body));
        let (_, rest) = answer.body.split_at(at + before.len());
        assert!(rest.contains(after), "{rest}");
        assert_eq!(answer.body.matches("for the page").count(), 1);
        assert_eq!(answer.body.matches("for any").count(), 1);
        assert!(!answer.shows("for another"), "{}", answer.body);
        assert_eq!(answer.header("content-type"), Some(kind));
        assert_eq!(answer.header("cache-control"), Some("no-store, private"));
        salver.flush().await;
        assert_messages!(salver, ada(), "orders/{id}", []);
        let again = site.send(get(path, headers)).await;
        assert!(!again.body.contains("salver-message "), "{}", again.body);
    }
}

/// What the handler itself has added to its own view, which is no page's, comes with its answer.
#[actix_web::test]
async fn a_part_carries_what_its_own_handler_adds() {
    let salver = Salver::memory("app").unwrap();
    let site = parts!(&salver);
    told(&salver, "orders/{id}", "for the page").await;
    let request = TestRequest::post()
        .uri("/added")
        .insert_header(HTMX[0])
        .insert_header(ON_A);
    let answer = site.send(request).await;
    assert!(answer.shows("added here") && answer.shows("for the page"));
    assert!(!answer.shows("added there"));
    salver.flush().await;
    assert_messages!(salver, ada(), "added", []);
    assert_messages!(salver, ada(), "elsewhere", [Success "added there"]);
    // Without a script it is a page, whose view is its own.
    let answer = site.send(TestRequest::post().uri("/added")).await;
    assert!(!answer.shows("added here"));
}

/// What is dropped by who asked, or has another place to go to, is carried nothing and leaves all pending.
#[actix_web::test]
async fn what_is_not_taken_in_carries_nothing() {
    async fn with(status: u16, header: (&'static str, &'static str)) -> HttpResponse {
        HttpResponse::build(StatusCode::from_u16(status).unwrap())
            .insert_header((CONTENT_TYPE, "text/html"))
            .insert_header(header)
            .body(PAGE)
    }
    let none = ("x-none", "x");
    let answers: [(u16, (&str, &str), &Headers); 15] = [
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
        // The page has the slot, of which Turbo takes the frame alone, that is not there.
        (200, none, &[("turbo-frame", "cart")]),
        (
            303,
            (LOCATION.as_str(), "/page"),
            &[("turbo-frame", "cart")],
        ),
    ];
    for (status, header, headers) in answers {
        let salver = Salver::memory("app").unwrap();
        let site = adas_site(&salver, |app| {
            app.route("/orders/{id}", web::get().to(page));
            app.route("/it", web::get().to(move || with(status, header)));
        })
        .await;
        for view in ["orders/{id}", "it", "*"] {
            told(&salver, view, "hello").await;
        }
        let request = get("/it", headers).insert_header(ON_A);
        let answer = site.send(request).await;
        assert!(!answer.shows("hello"), "{status} {header:?} {headers:?}");
        salver.flush().await;
        for view in ["orders/{id}", "it"] {
            let left = salver.peek(&adas(&salver, view)).await.unwrap();
            assert_eq!(left.len(), 2, "{view} {status} {header:?} {headers:?}");
        }
    }
}

/// A whole page that a script asks for: its slot is filled for its own view. htmx takes in all of it or what is
/// selected, and drops the other.
#[actix_web::test]
async fn a_page_that_a_script_asks_for_shows_its_own_view() {
    let boosted: &Headers = &[HTMX[0], ("hx-boosted", "true")];
    let restored: &Headers = &[HTMX[0], ("hx-history-restore-request", "true")];
    for (headers, times) in [(HTMX, 2), (boosted, 1), (restored, 1)] {
        let salver = Salver::memory("app").unwrap();
        let site = parts!(&salver);
        told(&salver, "orders/{id}", "for the page that asks").await;
        told(&salver, "page", "for this page").await;
        let request = get("/page", headers).insert_header(ON_A);
        let answer = site.send(request).await;
        assert!(answer.shows("<salver-messages><ul"), "{}", answer.body);
        let shown = answer.body.matches("for this page").count();
        assert_eq!(shown, times, "{headers:?}");
        assert!(!answer.shows("for the page that asks"));
    }
}

#[actix_web::test]
async fn a_response_says_itself_what_it_is() {
    async fn as_page(messages: Messages) -> HttpResponse {
        messages.as_full_page();
        html("<li>row</li>")
    }
    async fn as_part(messages: Messages) -> HttpResponse {
        messages.as_partial_of("orders/{id}").unwrap();
        messages.as_partial_of("*").unwrap_err();
        HttpResponse::UnprocessableEntity()
            .content_type("text/html")
            .body("<li>row</li>")
    }
    let salver = Salver::memory("app").unwrap();
    let site = adas_site(&salver, |app| {
        app.route("/orders/{id}", web::get().to(page))
            .route("/page", web::get().to(as_page))
            .route("/part", web::get().to(as_part));
    })
    .await;
    told(&salver, "orders/{id}", "for the page").await;
    let answer = site.send(get("/page", HTMX).insert_header(ON_A)).await;
    assert_eq!(answer.body, "<li>row</li>");
    let answer = site.send(get("/part", HTMX)).await;
    assert!(answer.shows("for the page"), "{}", answer.body);

    // A site may have none of it.
    let middleware = salver.middleware().without_partials();
    let site = site_of_rows(middleware.session(|_: &_| Some(ada()))).await;
    told(&salver, "rows", "for the page").await;
    for path in ["/rows", "/changes"] {
        let part = get(path, HTMX).insert_header(("salver-view", "rows"));
        let answer = site.send(part).await;
        assert!(!answer.shows("for the page"), "{}", answer.body);
    }
}

async fn site_of_rows(
    middleware: salver::web::Middleware,
) -> Site<
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

/// Where views are not routes, the page's address is read as theirs is.
#[actix_web::test]
async fn the_page_that_asks_is_found_by_any_source_of_views() {
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
        told(&salver, view, "for the page").await;
        let answer = site.send(get("/rows", HTMX).insert_header(ON_A)).await;
        assert!(answer.shows("for the page"), "{source:?}: {}", answer.body);
        // An address that is none, or of no route: what is for any page all the same.
        told(&salver, "*", "for any").await;
        let lost = get("/rows", HTMX).insert_header(("hx-current-url", "/no where"));
        assert!(site.send(lost).await.shows("for any"), "{source:?}");
    }
}

/// htmx 2 takes a message in where there is nothing else; htmx 4 would then leave the rest undone.
#[actix_web::test]
async fn nothing_but_a_message_is_an_answer_to_htmx_2() {
    async fn nothing() -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    let later: &Headers = &[HTMX[0], ("hx-request-type", "partial")];
    for (headers, carries) in [(HTMX, true), (later, false), (&[][..], false)] {
        let salver = Salver::memory("app").unwrap();
        let site = adas_site(&salver, |app| {
            app.route("/orders/{id}", web::get().to(page))
                .route("/nothing", web::delete().to(nothing));
        })
        .await;
        told(&salver, "orders/{id}", "hello").await;
        let request = headers.iter().fold(
            TestRequest::delete().uri("/nothing").insert_header(ON_A),
            |request, header| request.insert_header(*header),
        );
        let answer = site.send(request).await;
        assert_eq!(answer.shows("hello"), carries, "{headers:?}");
        assert_eq!(super::site::is_html(&answer), carries, "{headers:?}");
        salver.flush().await;
        let left = salver.count(&adas(&salver, "orders/{id}")).await.unwrap();
        assert_eq!(left, usize::from(!carries), "{headers:?}");
    }
}

/// Parts that come in pieces, cut anywhere.
#[actix_web::test]
async fn parts_are_filled_in_pieces_too() {
    for cut in 1..40 {
        let salver = Salver::memory("app").unwrap();
        let site = adas_site(&salver, |app| {
            app.route("/orders/{id}", web::get().to(page));
            app.route(
                "/it",
                web::get().to(move |messages: Messages, request: HttpRequest| async move {
                    // Of a page that comes in pieces nobody knows whether it has a slot.
                    if request.headers().contains_key("x-part") {
                        messages.as_partial_of("orders/{id}").unwrap();
                    }
                    let text = "<p>x</p><turbo-frame  id = 'cart' class=x>y</turbo-frame>";
                    let (one, two) = text.split_at(cut);
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
            told(&salver, "orders/{id}", "hello").await;
            let request = get("/it", &[header]).insert_header(ON_A);
            let answer = site.send(request.insert_header(("x-part", "yes"))).await;
            assert!(answer.shows(expected), "{cut}: {}", answer.body);
            salver.flush().await;
            assert_messages!(salver, ada(), "orders/{id}", []);
        }
        told(&salver, "orders/{id}", "hello").await;
        let answer = site.send(get("/it", HTMX).insert_header(ON_A)).await;
        assert!(!answer.shows("hello"), "{}", answer.body);
    }
}

/// What somebody claims by hand in a part is for its own view, and nothing is put beside it.
#[actix_web::test]
async fn a_part_that_draws_for_itself_carries_nothing_more() {
    async fn drawn(pending: Pending) -> HttpResponse {
        html(format!("<li>row</li>{pending}"))
    }
    let salver = Salver::memory("app").unwrap();
    let site = adas_site(&salver, |app| {
        app.route("/orders/{id}", web::get().to(page))
            .route("/drawn", web::get().to(drawn));
    })
    .await;
    told(&salver, "orders/{id}", "for the page").await;
    told(&salver, "drawn", "for itself").await;
    let answer = site.send(get("/drawn", HTMX).insert_header(ON_A)).await;
    assert!(answer.shows("for itself") && !answer.shows("for the page"));
    assert!(!answer.shows("hx-swap-oob"));
}

/// What a handler has claimed and not drawn is given back, whatever the part carries beside it.
#[actix_web::test]
async fn a_part_that_only_counts_shows_nothing() {
    async fn badge(mut pending: Pending) -> HttpResponse {
        pending.now(Message::info("only now"));
        html(pending.len().to_string())
    }
    for header in [HTMX[0], ("turbo-frame", "cart")] {
        let salver = Salver::memory("app").unwrap();
        let site = adas_site(&salver, |app| {
            app.route("/orders/{id}", web::get().to(page))
                .route("/badge", web::get().to(badge));
        })
        .await;
        for view in ["badge", "*"] {
            told(&salver, view, "hello").await;
        }
        let answer = site
            .send(get("/badge", &[header]).insert_header(ON_A))
            .await;
        assert!(answer.body.starts_with('3') && !answer.shows("hello"));
        salver.flush().await;
        assert_messages!(salver, ada(), "badge", [Info "hello", Info "hello"]);
    }
}

/// A part without anything pending asks the store once, as a page does; nobody without a session.
#[actix_web::test]
async fn a_part_costs_no_more_than_a_page() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = parts!(&salver);
    let answer = site.send(get("/rows", HTMX).insert_header(ON_A)).await;
    assert_eq!(answer.body, "<li>row</li>", "byte for byte");
    salver.flush().await;
    assert_eq!(report.take(), ["claim"], "asked once, nothing written");
}
