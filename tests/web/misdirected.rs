//! Messages that the next page does not show: debug builds log why, once for each view.

use actix_web::HttpResponse;
use actix_web::guard;
use actix_web::web::{self, ServiceConfig};
use salver::web::ViewSource;
use salver::{Messages, Salver};

use crate::support::logs::Logs;
use crate::support::site::{PAGE, ada, html, site, site_of_ada};

async fn page() -> HttpResponse {
    html(PAGE)
}

/// Adds a message to its own view and redirects to `location`.
fn add_and_redirect(location: &'static str) -> impl Fn(Messages) -> BoxedResponse + Clone {
    move |messages| {
        Box::pin(async move {
            messages.success("Saved.").await;
            messages.success("Saved again.").await;
            HttpResponse::SeeOther()
                .insert_header(("location", location))
                .finish()
        })
    }
}

type BoxedResponse = std::pin::Pin<Box<dyn Future<Output = HttpResponse>>>;

/// Adds a message to another view.
fn add_to(view: &'static str) -> impl Fn(Messages) -> BoxedResponse + Clone {
    move |messages| {
        Box::pin(async move {
            messages.to(view).success("Saved.").await;
            HttpResponse::Ok().body("ok")
        })
    }
}

fn warnings(logs: &Logs) -> Vec<String> {
    logs.text().lines().map(str::to_owned).collect()
}

#[actix_web::test]
async fn redirect_from_view_without_page_is_logged_once_with_view_to_add_to() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        app.route(
            "/add-here",
            web::post().to(add_and_redirect("../plain?token=secret")),
        );
        app.route("/plain", web::get().to(page));
    })
    .await;
    for _ in 0..2 {
        assert_eq!(site.post("/add-here").await.status, 303);
    }
    let [warning] = &warnings(&logs)[..] else {
        panic!("{}", logs.text());
    };
    for text in [
        "view `add-here`, of which no page was served",
        "redirects to `/plain`",
        "`messages.to(\"plain\")`",
    ] {
        assert!(warning.contains(text), "{text}: {warning}");
    }
    assert!(!warning.contains("secret"), "{warning}");
}

#[actix_web::test]
async fn redirect_to_page_that_shows_message_logs_nothing() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let routes = |app: &mut ServiceConfig| {
        app.route(
            "/settings",
            web::post().to(add_and_redirect("/settings?saved")),
        );
        app.route(
            "/orders/{id}",
            web::post().to(add_and_redirect("/orders/8#top")),
        );
        app.route("/orders/{id}", web::get().to(page));
        app.route(
            "/pay",
            web::post().to(add_and_redirect("https://pay.example/")),
        );
        app.route("/profile", web::get().to(page));
        app.route("/profile", web::post().to(add_and_redirect("/orders/8")));
        app.route("/added", web::post().to(add_to("orders/{id}")));
    };
    let site = site_of_ada(&salver, routes).await;
    site.get("/profile").await;
    for path in ["/settings", "/orders/7", "/pay", "/profile", "/added"] {
        site.post(path).await;
        assert_eq!(logs.text(), "", "{path}");
    }
}

#[actix_web::test]
async fn message_to_view_without_route_is_logged_at_once() {
    let salver = Salver::memory("app").unwrap();
    let routes = |app: &mut ServiceConfig| {
        app.route("/typo", web::post().to(add_to("settings/al")));
        app.route("/one", web::post().to(add_to("pages/about")));
        app.route("/settings", web::get().to(page));
        app.route("/pages/{page}", web::get().to(page));
    };
    let site = site_of_ada(&salver, routes).await;
    let logs = Logs::start();
    for (path, expected) in [
        ("/typo", "the path `/settings/al` matches no route"),
        (
            "/one",
            "`/pages/about` matches only the route `/pages/{page}`",
        ),
    ] {
        let before = warnings(&logs).len();
        for _ in 0..2 {
            site.post(path).await;
        }
        let new = warnings(&logs).split_off(before);
        assert_eq!(new.len(), 1, "{path}: {new:?}");
        assert!(new[0].contains(expected), "{path}: {}", new[0]);
        assert!(new[0].contains("unless a guard hides the route"), "{new:?}");
    }
}

#[actix_web::test]
async fn message_to_view_with_route_or_of_other_source_logs_nothing() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let views = [
        "/",
        "settings",
        "numbers/{n:\\d+}",
        "admin/users",
        "{shop}/cart",
    ];
    let routes = |app: &mut ServiceConfig| {
        app.route("/add/by-path", web::post().to(add_to("reports/7")));
        for (n, view) in views.into_iter().enumerate() {
            app.route(&format!("/add/to/{n}"), web::post().to(add_to(view)));
        }
        app.route("/", web::get().to(page));
        app.route("/settings", web::get().to(page));
        app.route("/numbers/{n:\\d+}", web::get().to(page));
        app.service(web::scope("/admin").route("/users", web::get().to(page)));
        app.service(
            web::scope("/{tenant}")
                .guard(guard::Host("tenants.example"))
                .route("/cart", web::get().to(page)),
        );
        app.service(web::scope("/{shop}").route("/cart", web::get().to(page)));
    };
    let by_route = site_of_ada(&salver, routes).await;
    let by_path = salver.middleware().session(|_: &_| Some(ada()));
    let by_path = site(by_path.view(ViewSource::path()), routes).await;
    for (n, view) in views.into_iter().enumerate() {
        let added = by_route.post(&format!("/add/to/{n}")).await;
        assert_eq!(added.body, "ok");
        assert_eq!(logs.text(), "", "{view}");
    }
    assert_eq!(by_path.post("/add/by-path").await.body, "ok");
    assert_eq!(logs.text(), "", "the view is a path, not a route");
}
