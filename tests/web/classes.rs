//! The CSS classes of a site, in pages and in partials.

use actix_web::test::TestRequest;
use actix_web::{HttpResponse, web};
use salver::web::Part;
use salver::{Level, Message, Pending, Salver};

use crate::support::site::{PAGE, ada, context_of_ada, html, site};

/// The classes of a site, one of which has to be escaped.
fn classes(level: Level, part: Part) -> Option<&'static str> {
    match (level, part) {
        (Level::Error, Part::Message) => Some("alert danger"),
        (_, Part::Message) => Some("alert"),
        (_, Part::Level) => Some("word"),
        (_, Part::Title) => Some("title"),
        (_, Part::Text) => Some("[&>p]:mt-0"),
        (_, Part::Close) => Some("btn-close"),
        (_, Part::More) => Some("more"),
        _ => None,
    }
}

const RENDERED: [&str; 6] = [
    r#"<li class="alert danger" data-salver-id=""#,
    r#" data-salver-close="btn-close"><div class="salver-body" role="alert">"#,
    r#"<span class="word">Error:</span> <strong class="title">Payment</strong> "#,
    r#"<span class="[&amp;&gt;p]:mt-0">The card is declined.</span>"#,
    r#" <a class="salver-action" href="/card">Card</a>"#,
    r#"<li class="more" data-salver-close="btn-close">and 1 more</li>"#,
];

#[actix_web::test]
async fn parts_of_messages_have_classes_of_site() {
    async fn rendered(pending: Pending) -> HttpResponse {
        html(pending.html())
    }
    let salver = Salver::builder("app").max_messages(1).build().unwrap();
    let middleware = salver.middleware().session(|_: &_| Some(ada()));
    let site = site(middleware.classes(classes), |app| {
        app.route("/slot", web::get().to(|| async { html(PAGE) }))
            .route("/rendered", web::get().to(rendered))
            .route("/partial", web::get().to(|| async { html("<p>") }));
    })
    .await;
    for (path, view) in [
        ("/slot", "slot"),
        ("/rendered", "rendered"),
        ("/partial", "slot"),
    ] {
        let message = Message::error("The card is declined.")
            .title("Payment")
            .action("Card", "/card");
        let messages = vec![Message::info("displaced"), message];
        salver
            .add_all(&context_of_ada(&salver, view), messages)
            .await
            .unwrap();
        let request = TestRequest::get()
            .uri(path)
            .insert_header(("salver-view", view));
        let request = match path {
            "/partial" => request.insert_header(("hx-request", "true")),
            _ => request,
        };
        let response = site.send(request).await;
        for html in RENDERED {
            assert!(response.shows(html), "{html} in {}", response.body);
        }
        salver.flush().await;
    }
}
