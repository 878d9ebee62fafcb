//! The names of views. They must not change between versions, because pending messages are
//! addressed by them.

use actix_web::http::header::HeaderName;
use actix_web::middleware::NormalizePath;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpResponse, Responder, get, post, web};
use salver::web::ViewSource;
use salver::{Message, Messages, Salver, View};

use crate::support::site::{PAGE, WebTestSite, ada, context_of_ada, html, site, site_of_ada};

async fn page() -> HttpResponse {
    html(PAGE)
}

#[get("/macro")]
async fn page_by_macro() -> impl Responder {
    html(PAGE)
}

#[post("/macro")]
async fn add_by_macro(messages: Messages) -> impl Responder {
    messages.info("from the post").await;
    "ok"
}

#[actix_web::test]
async fn methods_of_one_path_share_view() {
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        app.service(page_by_macro).service(add_by_macro);
    })
    .await;
    site.post("/macro").await;
    assert_eq!(
        salver
            .count(&context_of_ada(&salver, "macro"))
            .await
            .unwrap(),
        1
    );
    assert!(site.get("/macro").await.shows("from the post"));
}

#[actix_web::test]
async fn view_name_is_route_pattern_without_leading_slash() {
    let cases = [
        ("/", "/"),
        ("/settings", "settings"),
        ("/orders/7", "orders/{id}"),
        ("/orders/7/lines/8", "orders/{id}/lines/{line}"),
        ("/numbers/12", "numbers/{n:\\d+}"),
        ("/files/a/b/c", "files/{path:.*}"),
        ("/admin", "admin"),
        ("/admin/users", "admin/users"),
        ("/admin/deep/er/9", "admin/deep/er/{x}"),
        ("/trailing/", "trailing/"),
        ("/named", "named"),
        ("/one-two", "{name}-{kind}"),
        ("/guarded", "guarded"),
    ];
    for (path, view) in cases {
        let salver = Salver::memory("app").unwrap();
        salver
            .add(&context_of_ada(&salver, view), Message::info("found"))
            .await
            .unwrap();
        let site = site_of_ada(&salver, |app| {
            app.route("/", web::get().to(page));
            app.route("/settings", web::get().to(page));
            app.route("/orders/{id}", web::get().to(page));
            app.route("/orders/{id}/lines/{line}", web::get().to(page));
            app.route("/numbers/{n:\\d+}", web::get().to(page));
            app.route("/files/{path:.*}", web::get().to(page));
            app.service(
                web::scope("/admin")
                    .route("", web::get().to(page))
                    .route("/users", web::get().to(page))
                    .service(web::scope("/deep").service(
                        web::scope("/er").service(web::resource("/{x}").name("other").get(page)),
                    )),
            );
            app.route("/trailing/", web::get().to(page));
            app.service(web::resource("/named").name("a name is no view").get(page));
            app.route("/guarded", web::post().to(page));
            app.route("/guarded", web::get().to(page));
            app.route("/{name}-{kind}", web::get().to(page));
        })
        .await;
        assert!(
            site.get(path).await.shows("found"),
            "{path} is not the view {view}"
        );
    }
}

#[actix_web::test]
async fn empty_scope_does_not_change_view_name() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "inside"), Message::info("found"))
        .await
        .unwrap();
    let routes = |app: &mut web::ServiceConfig| {
        app.service(web::scope("").route("/inside", web::get().to(page)));
    };
    assert!(
        site_of_ada(&salver, routes)
            .await
            .get("/inside")
            .await
            .shows("found")
    );
}

#[actix_web::test]
async fn normalised_path_has_view_of_route() {
    let salver = Salver::memory("app").unwrap();
    let app = App::new()
        .wrap(salver.middleware().session(|_: &_| Some(ada())))
        .wrap(NormalizePath::trim())
        .route("/settings", web::get().to(page));
    let site = WebTestSite::of(init_service(app).await);
    for path in ["/settings", "/settings/", "//settings//"] {
        salver
            .add(&context_of_ada(&salver, "settings"), Message::info("found"))
            .await
            .unwrap();
        assert!(site.get(path).await.shows("found"), "{path}");
        salver.flush().await;
    }
}

#[actix_web::test]
async fn request_without_route_shows_any_view_only() {
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        app.service(
            web::scope("/api")
                .route("/x", web::get().to(page))
                .default_service(web::to(page)),
        );
        app.default_service(web::to(page));
    })
    .await;
    for path in ["/nowhere", "/api/nowhere"] {
        salver
            .add(&context_of_ada(&salver, View::ANY), Message::info("any"))
            .await
            .unwrap();
        let name = path.trim_start_matches('/');
        salver
            .add(&context_of_ada(&salver, name), Message::info("by its path"))
            .await
            .unwrap();
        let response = site.get(path).await;
        assert!(
            response.shows("any") && !response.shows("by its path"),
            "{path}: {}",
            response.body
        );
        salver.flush().await;
    }
}

#[actix_web::test]
async fn scope_with_own_middleware_shows_messages() {
    let salver = Salver::memory("app").unwrap();
    let app = App::new()
        .service(
            web::scope("/shop")
                .wrap(salver.middleware().session(|_: &_| Some(ada())))
                .route("/cart", web::get().to(page)),
        )
        .route("/cart", web::get().to(page));
    let site = WebTestSite::of(init_service(app).await);
    salver
        .add(
            &context_of_ada(&salver, "shop/cart"),
            Message::info("found"),
        )
        .await
        .unwrap();
    assert!(
        !site.get("/cart").await.shows("found"),
        "the middleware does not wrap this route"
    );
    assert!(site.get("/shop/cart").await.shows("found"));
}

#[actix_web::test]
async fn view_is_read_from_path_header_query_or_closure() {
    let salver = Salver::memory("app").unwrap();
    let wrapped = || salver.middleware().session(|_: &_| Some(ada()));
    let routes = |app: &mut web::ServiceConfig| _ = app.route("/o/{id}", web::get().to(page));
    let add = async |view: &str| {
        salver
            .add(
                &context_of_ada(&salver, view),
                Message::info(format!("for {view}.")),
            )
            .await
            .unwrap();
    };
    for view in ["o/7", "o/8", "tab/ø", "fixed"] {
        add(view).await;
    }
    let by_path = site(wrapped().view(ViewSource::path()), routes).await;
    let seven = by_path.get("/o/7").await;
    assert!(seven.shows("for o/7.") && !seven.shows("for o/8."));
    let by_header = ViewSource::header(HeaderName::from_static("x-view"));
    let by_header = site(wrapped().view(by_header), routes).await;
    let request = TestRequest::get()
        .uri("/o/1")
        .insert_header(("x-view", "o/8"));
    assert!(by_header.send(request).await.shows("for o/8."));
    assert_eq!(
        by_header.get("/o/1").await.body,
        PAGE,
        "without the header the page has no view"
    );
    let by_query = site(wrapped().view(ViewSource::query("view")), routes).await;
    assert!(
        by_query
            .get("/o/1?a=b&view=tab%2F%C3%B8")
            .await
            .shows("for tab/ø.")
    );
    let closure = |_: &actix_web::HttpRequest| View::new("fixed").ok();
    assert!(
        site(wrapped().view(closure), routes)
            .await
            .get("/o/1")
            .await
            .shows("for fixed.")
    );
}
