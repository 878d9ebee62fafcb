//! Scopes with a `Host` guard: partials without the page script find the page that requests them.

use actix_web::dev::Service;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse, guard, web};
use salver::{Message, Salver};

use crate::support::site::{PAGE, ada, context_of_ada, html};

const SHOP: &str = "shop.example";
const BLOG: &str = "blog.example:8080";

async fn page() -> HttpResponse {
    html(PAGE)
}

async fn row() -> HttpResponse {
    html("<li>row</li>")
}

/// Returns a worker of a site with a scope for each host: with different and with overlapping
/// patterns, and with different pages below the same prefix.
macro_rules! worker {
    ($salver:expr) => {
        init_service(
            App::new()
                .wrap($salver.middleware().session(|_: &_| Some(ada())))
                .route("/row", web::get().to(row))
                .service(
                    web::scope("/admin")
                        .guard(guard::Host(SHOP))
                        .route("/orders", web::get().to(page)),
                )
                .service(
                    web::scope("/admin")
                        .route("/posts", web::get().to(page))
                        .route("/{slug}", web::get().to(page)),
                )
                .service(
                    web::scope("/{tenant}")
                        .guard(guard::Host(SHOP))
                        .route("/x", web::get().to(page)),
                )
                .service(
                    web::scope("/{blog}")
                        .guard(guard::Any(guard::Host("blog.example")).or(guard::Host("b.example")))
                        .route("/x", web::get().to(page)),
                ),
        )
        .await
    };
}

async fn get<S, B>(site: &S, host: &str, path: &str, current_url: Option<&str>) -> String
where
    S: Service<
            actix_http::Request,
            Response = actix_web::dev::ServiceResponse<B>,
            Error = actix_web::Error,
        >,
    B: actix_web::body::MessageBody,
{
    let mut request = TestRequest::get().uri(path).insert_header(("host", host));
    if let Some(url) = current_url {
        let headers = [("hx-request", "true"), ("hx-current-url", url)];
        for header in headers {
            request = request.insert_header(header);
        }
    }
    let response = call_service(site, request.to_request()).await;
    assert_eq!(response.status(), 200, "{host}{path}");
    String::from_utf8(read_body(response).await.to_vec()).unwrap()
}

/// The view of each page, by host and path.
const PAGES: [(&str, &str, &str); 6] = [
    (SHOP, "/admin/orders", "admin/orders"),
    (BLOG, "/admin/about", "admin/{slug}"),
    (BLOG, "/admin/posts", "admin/posts"),
    (SHOP, "/acme/x", "{tenant}/x"),
    (BLOG, "/acme/x", "{blog}/x"),
    ("b.example", "/acme/x", "{blog}/x"),
];

#[actix_web::test]
async fn partial_carries_messages_of_page_behind_host_guard() {
    let salver = Salver::memory("app").unwrap();
    // A page and its partials may be served by different workers.
    let (pages, partials) = (worker!(salver), worker!(salver));
    for (host, path, _) in PAGES {
        get(&pages, host, path, None).await;
    }
    for (host, path, view) in PAGES {
        let context = context_of_ada(&salver, view);
        salver.add(&context, Message::info("found")).await.unwrap();
        for (other_host, other_path, other_view) in PAGES {
            if other_view == view {
                continue;
            }
            let url = format!("http://{other_host}{other_path}?a=b#c");
            let row = get(&partials, other_host, "/row", Some(&url)).await;
            assert!(!row.contains("found"), "{url} shows the message of {view}");
        }
        let url = format!("http://{host}{path}?a=b#c");
        let row = get(&partials, host, "/row", Some(&url)).await;
        assert!(row.contains("found"), "{url} is not the view {view}: {row}");
        salver.flush().await;
    }
}
