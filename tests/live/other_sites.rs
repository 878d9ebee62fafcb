//! Session cookies in a real browser: a form that another site sends, and a frame in another site.

use actix_web::http::header::LOCATION;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use salver::web::SessionCookie;
use salver::{Messages, Salver};

use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::site::{PAGE, html};

async fn pay(messages: Messages) -> HttpResponse {
    messages.to("orders").success("Paid.").await;
    HttpResponse::SeeOther()
        .insert_header((LOCATION, "/orders"))
        .finish()
}

async fn orders() -> HttpResponse {
    html(format!(
        "{PAGE}<form method=post action=/order><button>Order</button></form>"
    ))
}

async fn order(messages: Messages) -> HttpResponse {
    messages.to("orders").success("Ordered.").await;
    HttpResponse::SeeOther()
        .insert_header((LOCATION, "/orders"))
        .finish()
}

/// A page of another site that sends a form to the shop, and one that shows the shop in a frame.
async fn other_page(request: HttpRequest) -> HttpResponse {
    let port = request.app_config().local_addr().port();
    let content = match request.path() {
        "/form" => format!(
            "<form method=post action=http://localhost:{port}/pay><button>Pay</button></form>"
        ),
        _ => format!("<iframe src=http://localhost:{port}/orders></iframe>"),
    };
    html(format!("<!doctype html>{content}"))
}

/// Starts a shop on `localhost`, and another site on `127.0.0.1`: browsers regard them as two sites.
fn start(cookie: SessionCookie) -> u16 {
    let salver = Salver::memory("shop").unwrap();
    let server = HttpServer::new(move || {
        App::new()
            .wrap(salver.middleware().session(cookie.clone()))
            .route("/pay", web::post().to(pay))
            .route("/order", web::post().to(order))
            .route("/orders", web::get().to(orders))
            .default_service(web::to(other_page))
    });
    let server = server
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let port = server.addrs()[0].port();
    actix_web::rt::spawn(server.run());
    port
}

#[actix_web::test]
async fn form_of_another_site_shows_its_message_in_the_session_of_the_visitor() {
    let port = start(SessionCookie::new());
    let browser = Browser::start().await;
    let orders = format!("http://localhost:{port}/orders");
    browser.open(&orders).await;
    browser.click("form button").await;
    browser.shows(&["Ordered."]).await;
    let session = browser
        .driver
        .get_named_cookie("salver-shop")
        .await
        .unwrap()
        .value;
    browser.open(&format!("http://127.0.0.1:{port}/form")).await;
    browser.click("form button").await;
    browser.shows(&["Paid."]).await;
    let cookies = browser.driver.get_all_cookies().await.unwrap();
    let cookies: Vec<_> = cookies
        .iter()
        .map(|cookie| (cookie.name.as_str(), cookie.value.as_str()))
        .collect();
    assert_eq!(cookies, [("salver-shop", session.as_str())]);
    browser.open(&orders).await;
    browser.shows(&[]).await;
    browser.quit().await;
}

#[actix_web::test]
async fn site_in_a_frame_of_another_site_shows_messages() {
    for (cookie, expected) in [
        (SessionCookie::new(), false),
        (SessionCookie::new().embedded(), true),
    ] {
        let port = start(cookie);
        let browser = Browser::start().await;
        browser
            .open(&format!("http://127.0.0.1:{port}/frame"))
            .await;
        browser.driver.enter_frame(0).await.unwrap();
        browser.click("form button").await;
        if expected {
            browser.shows(&["Ordered."]).await;
        } else {
            // The browser does not accept the cookie in a frame of another site.
            eventually("the page is loaded", async || {
                browser.messages().await.is_empty().then_some(())
            })
            .await;
        }
        browser.quit().await;
    }
}
