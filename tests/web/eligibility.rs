//! When messages count as shown: the request, the response, the handler's override, and how much of
//! the body was sent.

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Service;
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use actix_web::web::{self, Bytes, Form};
use actix_web::{Error, HttpResponse, error};
use futures_util::{FutureExt, StreamExt, stream};
use salver::{Message, Messages, Pending, Salver, assert_messages};
use serde::Deserialize;

use crate::support::site::{PAGE, ada, context_of_ada, html, site_of_ada};
use crate::support::spy::SpyStore;

/// A page that renders `Pending` itself. Its status is in the path.
async fn rendered(status: web::Path<u16>, pending: Pending) -> HttpResponse {
    let status = StatusCode::from_u16(status.into_inner()).unwrap();
    HttpResponse::build(status)
        .content_type("text/html")
        .body(pending.html() + "x")
}

/// A page with a slot. Its status is in the path.
async fn slotted(status: web::Path<u16>) -> HttpResponse {
    let status = StatusCode::from_u16(status.into_inner()).unwrap();
    HttpResponse::build(status)
        .content_type("text/html")
        .body(PAGE)
}

#[actix_web::test]
async fn status_decides_whether_messages_count_as_shown() {
    let counted = [
        200, 201, 202, 203, 207, 299, 400, 401, 403, 409, 422, 429, 499,
    ];
    let uncounted = [204, 205, 206, 301, 302, 303, 304, 307, 404, 500, 502, 503];
    for (statuses, expected) in [(&counted[..], 0), (&uncounted[..], 1)] {
        for status in statuses {
            for route in ["rendered", "slotted"] {
                let salver = Salver::memory("app").unwrap();
                let view = format!("{route}/{{status}}");
                salver
                    .add(
                        &context_of_ada(&salver, view.as_str()),
                        Message::info("hello"),
                    )
                    .await
                    .unwrap();
                let site = site_of_ada(&salver, |app| {
                    app.route("/rendered/{status}", web::get().to(rendered));
                    app.route("/slotted/{status}", web::get().to(slotted));
                })
                .await;
                let response = site.get(&format!("/{route}/{status}")).await;
                if route == "slotted" {
                    assert_eq!(response.shows("hello"), expected == 0, "{route} {status}");
                }
                salver.flush().await;
                let remaining = salver.count(&context_of_ada(&salver, view)).await.unwrap();
                assert_eq!(remaining, expected, "{route} {status}");
            }
        }
    }
}

#[actix_web::test]
async fn requests_without_view_send_no_query() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let handler = |pending: Pending| async move { html(pending.html() + PAGE) };
    let site = site_of_ada(&salver, |app| _ = app.route("/p", web::route().to(handler))).await;
    report.take();
    let get = || TestRequest::get().uri("/p");
    let not_views = [
        TestRequest::default()
            .method(actix_web::http::Method::HEAD)
            .uri("/p"),
        get().insert_header(("sec-purpose", "prefetch")),
        get().insert_header(("sec-purpose", "prefetch;prerender")),
        get().insert_header(("x-sec-purpose", "PREFETCH")),
        get().insert_header(("purpose", "prefetch")),
        get().insert_header(("purpose", "preview")),
        get().insert_header(("x-purpose", "preview")),
        get().insert_header(("x-purpose", ": preview")),
        get().insert_header(("x-purpose", "instant")),
        get().insert_header(("x-moz", "prefetch")),
        get().insert_header(("sec-fetch-purpose", "prefetch")),
        get().insert_header(("sec-speculation-tags", "null")),
        get().insert_header(("sec-fetch-dest", "image")),
        get().insert_header(("sec-fetch-dest", "script")),
        get().insert_header(("sec-fetch-dest", "serviceworker")),
    ];
    for request in not_views {
        let response = site.send(request).await;
        assert_eq!(response.body, PAGE);
        assert_eq!(report.take(), [""; 0]);
    }
    for destination in ["document", "iframe", "frame", "empty"] {
        let response = site
            .send(get().insert_header(("sec-fetch-dest", destination)))
            .await;
        assert!(response.shows("hello"), "{destination}");
        salver.flush().await;
        salver
            .add(&context_of_ada(&salver, "p"), Message::info("hello"))
            .await
            .unwrap();
    }
    let posted = site.send(TestRequest::post().uri("/p")).await;
    assert!(posted.shows("hello"), "any method but HEAD");
}

#[actix_web::test]
async fn failed_handler_releases_messages() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(
            &context_of_ada(&salver, "{outcome}"),
            Message::info("hello"),
        )
        .await
        .unwrap();
    let handler = |outcome: web::Path<String>, pending: Pending| async move {
        let html = pending.html();
        assert!(html.contains("hello"));
        match outcome.as_str() {
            "broken" => Err::<HttpResponse, Error>(error::ErrorInternalServerError("broken")),
            "rejected" => Err(error::ErrorUnprocessableEntity(html)),
            _ => panic!("the handler panics"),
        }
    };
    let site = site_of_ada(&salver, |app| {
        _ = app.route("/{outcome}", web::get().to(handler))
    })
    .await;
    for _ in 0..3 {
        assert_eq!(site.get("/broken").await.status, 500);
        assert_messages!(salver, ada(), "{outcome}", [Info "hello"]);
        assert_eq!(site.get("/rejected").await.status, 422);
        assert_messages!(salver, ada(), "{outcome}", [Info "hello"]);
    }
    let panics = std::panic::AssertUnwindSafe(site.get("/panics"))
        .catch_unwind()
        .await;
    assert!(panics.is_err());
    salver.flush().await;
    assert_messages!(salver, ada(), "{outcome}", [Info "hello"]);
}

#[derive(Deserialize)]
struct Fields {
    #[expect(dead_code, reason = "no request of this test sends the field")]
    name: String,
}

#[actix_web::test]
async fn failed_form_extractor_releases_messages_of_pending_extractor() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let form_last = |_: Pending, _: Form<Fields>| async { html(PAGE) };
    let form_first = |_: Form<Fields>, _: Pending| async { html(PAGE) };
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::post().to(form_last));
        app.route("/p", web::put().to(form_first));
    })
    .await;
    for request in [TestRequest::post(), TestRequest::put()] {
        let form = request.uri("/p").set_form([("other", "x")]);
        assert_eq!(site.send(form).await.status, 400);
        salver.flush().await;
        assert_messages!(salver, ada(), "p", [Info "hello"]);
    }
}

#[actix_web::test]
async fn messages_count_as_shown_after_whole_body_is_sent() {
    let pieces =
        || stream::iter(["<p>", PAGE, "</p>"].map(|piece| Ok::<_, Error>(Bytes::from(piece))));
    let broken =
        move || pieces().chain(stream::iter([Err(error::ErrorInternalServerError("cut"))]));
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        let html = || HttpResponse::Ok().content_type("text/html").take();
        app.route(
            "/sized",
            web::get().to(move || async move { html().body(PAGE) }),
        );
        app.route(
            "/streamed",
            web::get().to(move || async move { html().streaming(pieces()) }),
        );
        app.route(
            "/broken",
            web::get().to(move || async move { html().streaming(broken()) }),
        );
        let nothing = || stream::iter(Vec::<Result<Bytes, Error>>::new());
        app.route(
            "/nothing",
            web::get().to(move |pending: Pending| async move {
                _ = pending.html();
                html().streaming(nothing())
            }),
        );
        app.route(
            "/empty",
            web::get().to(move |pending: Pending| async move {
                _ = pending.html();
                html().finish()
            }),
        );
    })
    .await;
    let pending_after = async |path: &str, max_pieces: usize| {
        let view = path.trim_start_matches('/').to_owned();
        salver.clear_session(&ada()).await.unwrap();
        salver
            .add(
                &context_of_ada(&salver, view.as_str()),
                Message::info("hello"),
            )
            .await
            .unwrap();
        let response = site.call(TestRequest::get().uri(path)).await.unwrap();
        let mut body = Box::pin(response.into_body());
        for _ in 0..max_pieces {
            let piece = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
            if !matches!(piece, Some(Ok(_))) {
                break;
            }
        }
        drop(body);
        salver.flush().await;
        salver.count(&context_of_ada(&salver, view)).await.unwrap()
    };
    assert_eq!(pending_after("/sized", 100).await, 0, "all of a sized body");
    assert_eq!(
        pending_after("/sized", 1).await,
        0,
        "all of a sized body, without a poll for its end"
    );
    assert_eq!(
        pending_after("/sized", 0).await,
        1,
        "a body that was not polled"
    );
    assert_eq!(pending_after("/streamed", 100).await, 0, "all of a stream");
    assert_eq!(
        pending_after("/streamed", 3).await,
        1,
        "a stream without its end"
    );
    assert_eq!(
        pending_after("/streamed", 1).await,
        1,
        "a stream dropped halfway"
    );
    assert_eq!(
        pending_after("/broken", 100).await,
        1,
        "a stream that fails"
    );
    assert_eq!(pending_after("/empty", 100).await, 1, "an empty body");
    assert_eq!(
        pending_after("/nothing", 100).await,
        1,
        "a stream without a chunk"
    );
}

#[actix_web::test]
async fn keep_and_confirm_override_response() {
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        let kept = |messages: Messages| async move {
            messages.keep();
            html(PAGE)
        };
        let pending_kept = |pending: Pending| async move {
            pending.keep();
            html(pending.html())
        };
        let confirmed = |pending: Pending| async move {
            pending.confirm();
            HttpResponse::InternalServerError().body(pending.html())
        };
        app.route("/kept", web::get().to(kept));
        app.route("/pending", web::get().to(pending_kept));
        app.route("/confirmed", web::get().to(confirmed));
    })
    .await;
    for (view, remaining) in [("kept", 1), ("pending", 1), ("confirmed", 0)] {
        salver
            .add(&context_of_ada(&salver, view), Message::info("hello"))
            .await
            .unwrap();
        for _ in 0..2 {
            let shows = site.get(&format!("/{view}")).await.shows("hello");
            assert!(shows || remaining == 0);
        }
        salver.flush().await;
        assert_eq!(
            salver.count(&context_of_ada(&salver, view)).await.unwrap(),
            remaining,
            "{view}"
        );
    }
}

#[actix_web::test]
async fn form_rendered_again_shows_pending_messages() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(
            &context_of_ada(&salver, "password"),
            Message::info("from a job"),
        )
        .await
        .unwrap();
    let handler = |messages: Messages| async move {
        messages.now(Message::error("Empty password"));
        HttpResponse::UnprocessableEntity()
            .content_type("text/html")
            .body(PAGE)
    };
    let site = site_of_ada(&salver, |app| {
        _ = app.route("/password", web::post().to(handler))
    })
    .await;
    let response = site.post("/password").await;
    assert!(
        response.shows("Empty password") && response.shows("from a job") && response.status == 422
    );
    let again = site.post("/password").await;
    assert!(again.shows("Empty password") && !again.shows("from a job"));
}

#[actix_web::test]
async fn response_with_messages_forbids_caching() {
    let salver = Salver::memory("app").unwrap();
    let handler = || async {
        HttpResponse::Ok()
            .content_type("text/html")
            .insert_header(("cache-control", "public, max-age=60"))
            .insert_header(("etag", "\"1\""))
            .insert_header(("last-modified", "Sat, 21 Nov 2026 10:00:00 GMT"))
            .insert_header(("content-length", PAGE.len()))
            .insert_header(("expires", "Sun, 22 Nov 2026 10:00:00 GMT"))
            .insert_header(("x-accel-expires", "60"))
            .insert_header(("surrogate-control", "max-age=60"))
            .insert_header(("cdn-cache-control", "max-age=60"))
            .insert_header(("cloudflare-cdn-cache-control", "max-age=60"))
            .insert_header(("content-digest", "sha-256=:AA==:"))
            .insert_header(("repr-digest", "sha-256=:AA==:"))
            .insert_header(("digest", "sha-256=AA=="))
            .insert_header(("content-md5", "AA=="))
            .insert_header(("accept-ranges", "bytes"))
            .body(PAGE)
    };
    let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
    let idle = site.get("/p").await;
    assert_eq!(idle.header("cache-control"), Some("public, max-age=60"));
    assert!(idle.header("etag").is_some() && idle.header("last-modified").is_some());
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let carrying = site.get("/p").await;
    assert!(carrying.shows("hello"));
    assert_eq!(carrying.header("cache-control"), Some("no-store, private"));
    for name in [
        "etag",
        "last-modified",
        "content-length",
        "expires",
        "x-accel-expires",
        "surrogate-control",
        "cdn-cache-control",
        "cloudflare-cdn-cache-control",
        "content-digest",
        "repr-digest",
        "digest",
        "content-md5",
        "accept-ranges",
    ] {
        assert!(idle.header(name).is_some(), "{name}");
        assert_eq!(carrying.header(name), None, "{name}");
    }
}

/// A browser saves one response and asks for credentials instead of the other: neither is a page.
#[actix_web::test]
async fn response_that_browsers_do_not_show_carries_no_message() {
    let responses = [
        ("content-disposition", "attachment", 200, false),
        (
            "content-disposition",
            "ATTACHMENT; filename=\"report.html\"",
            200,
            false,
        ),
        ("content-disposition", "form-data; name=x", 200, false),
        (
            "content-disposition",
            "inline; filename=\"report.html\"",
            200,
            true,
        ),
        ("www-authenticate", "Basic realm=\"shop\"", 401, false),
        ("x-other", "1", 401, true),
    ];
    for (name, value, status, is_shown) in responses {
        let salver = Salver::memory("app").unwrap();
        let context = context_of_ada(&salver, "p");
        salver.add(&context, Message::info("hello")).await.unwrap();
        let handler = move || async move {
            HttpResponse::build(StatusCode::from_u16(status).unwrap())
                .content_type("text/html")
                .insert_header((name, value))
                .body(PAGE)
        };
        let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
        let response = site.get("/p").await;
        assert_eq!(response.shows("hello"), is_shown, "{name}: {value}");
        salver.flush().await;
        let pending = salver.count(&context).await.unwrap();
        assert_eq!(pending, usize::from(!is_shown), "{name}: {value}");
    }
}

/// jQuery and Unpoly use a part of the page, and the request does not tell which.
#[actix_web::test]
async fn script_request_for_fragment_claims_only_what_its_handler_declares() {
    async fn full_page(messages: Messages) -> HttpResponse {
        messages.as_full_page();
        html(PAGE)
    }
    let requests = [
        ("x-requested-with", "XMLHttpRequest", false),
        ("x-up-version", "3.15.0", false),
        ("x-pjax", "true", false),
        // A page in a web view of Android.
        ("x-requested-with", "org.example.app", true),
    ];
    for (name, value, is_page) in requests {
        for (path, is_shown) in [("/p", is_page), ("/full", true), ("/rendered", true)] {
            let salver = Salver::memory("app").unwrap();
            let context = context_of_ada(&salver, path);
            salver.add(&context, Message::info("hello")).await.unwrap();
            let site = site_of_ada(&salver, |app| {
                app.route("/p", web::get().to(|| async { html(PAGE) }));
                app.route("/full", web::get().to(full_page));
                let rendered = |pending: Pending| async move { html(pending.html()) };
                app.route("/rendered", web::get().to(rendered));
            })
            .await;
            let request = TestRequest::get().uri(path).insert_header((name, value));
            let response = site.send(request).await;
            assert_eq!(response.shows("hello"), is_shown, "{path} {name}: {value}");
            salver.flush().await;
            let pending = salver.count(&context).await.unwrap();
            assert_eq!(pending, usize::from(!is_shown), "{path} {name}: {value}");
        }
    }
}

#[actix_web::test]
async fn wrapped_body_keeps_size() {
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        app.route("/text", web::get().to(|| async { "seven b" }));
    })
    .await;
    let response = site.call(TestRequest::get().uri("/text")).await.unwrap();
    assert_eq!(response.into_body().size(), BodySize::Sized(7));
}

#[actix_web::test]
async fn disconnect_during_handler_loses_no_message() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let handler = |pending: Pending| async move {
        _ = pending.html();
        std::future::pending::<()>().await;
        html(PAGE)
    };
    let middleware = salver.middleware().session(|_: &_| Some(ada()));
    let app = actix_web::App::new()
        .wrap(middleware)
        .route("/p", web::get().to(handler));
    let app = actix_web::test::init_service(app).await;
    let request = TestRequest::get().uri("/p").to_request();
    let outcome =
        tokio::time::timeout(std::time::Duration::from_millis(50), app.call(request)).await;
    assert!(outcome.is_err(), "the request was dropped in the handler");
    salver.flush().await;
    assert_messages!(salver, ada(), "p", [Info "hello"]);
}

#[actix_web::test]
async fn confirm_overrides_error_of_outer_middleware() {
    use actix_web::middleware::{Next, from_fn};
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let handler = |pending: Pending| async move {
        pending.confirm();
        pending.html()
    };
    let fail = |request, next: Next<actix_web::body::BoxBody>| async move {
        next.call(request).await?;
        Err::<actix_web::dev::ServiceResponse, _>(error::ErrorBadGateway("failed"))
    };
    let app = actix_web::App::new()
        .wrap(from_fn(fail))
        .wrap(salver.middleware().session(|_: &_| Some(ada())))
        .route("/p", web::get().to(handler));
    let app = actix_web::test::init_service(app).await;
    let request = TestRequest::get().uri("/p").to_request();
    assert!(app.call(request).await.is_err());
    salver.flush().await;
    assert_messages!(salver, ada(), "p", []);
}
