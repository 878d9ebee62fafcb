//! The hint cookie: the next page shows a visitor's own change, whichever process serves it.

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use actix_web::{Error, HttpResponse, web};
use salver::{Messages, Pending, Salver};

use crate::support::indexed_site::{process, wait_until_idle};
use crate::support::profile::{PUSH_DELAY, by_profile};
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;
use crate::support::site::{PAGE, WebTestSite, html};

/// Returns a site whose visitors have cookies. `POST /p` adds its body for `/p`, `POST /anywhere`
/// adds it for any view, and `POST /login` renews the session. `/fails` claims the messages for any
/// view, waits for four times `PUSH_DELAY`, and fails.
async fn site(
    salver: &Salver,
) -> WebTestSite<impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>>
{
    let save = |messages: Messages, text: String| async move {
        messages.to("p").success(text).await;
        messages
            .session()
            .map(|session| session.as_str().to_owned())
    };
    let anywhere = |messages: Messages, text: String| async move {
        messages.to(salver::View::ANY).success(text).await;
        HttpResponse::SeeOther().finish()
    };
    let login = |messages: Messages| async move {
        messages.renew().await?;
        Ok::<_, salver::Error>(HttpResponse::SeeOther().finish())
    };
    let fails = |pending: Pending| async move {
        tokio::time::sleep(PUSH_DELAY * 4).await;
        HttpResponse::InternalServerError().body(pending.html())
    };
    crate::support::site::site(salver.middleware(), move |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
        app.route("/p", web::post().to(save));
        app.route("/anywhere", web::post().to(anywhere));
        app.route("/login", web::post().to(login));
        app.route("/fails", web::get().to(fails));
    })
    .await
}

fn post(path: &str, text: &str) -> TestRequest {
    TestRequest::post().uri(path).set_payload(text.to_owned())
}

#[actix_web::test]
async fn hint_shows_own_message_on_another_process() {
    let server = Server::start();
    let (_proxy, url) = Proxy::with_fault(Fault::DelayPushes(PUSH_DELAY), &server.url());
    let ((writer, _), (reader, report)) = (process(&server.url()), process(&url));
    let (forms, pages) = (site(&writer).await, site(&reader).await);
    // Another visitor, who submits no form.
    let idle = site(&reader).await;
    forms.send(post("/p", "of another visitor")).await;
    idle.set_cookie(forms.cookie().as_deref().map(without_hint));
    idle.get("/p").await;
    tokio::time::sleep(PUSH_DELAY * 4).await;
    wait_until_idle(&report, || idle.get("/p")).await;
    let (cycles, visitors) = (by_profile(2_000, 100_000), 20);
    let (mut missed, mut idle_pages, mut idle_queries) = (0, 0, 0);
    for cycle in 0..cycles {
        if cycle % (cycles / visitors) == 0 {
            forms.set_cookie(None);
        }
        // Without the hint, so that the response to each form has to set it.
        forms.set_cookie(forms.cookie().as_deref().map(without_hint));
        let text = format!("cycle {cycle}");
        let saved = forms.send(post("/p", &text)).await;
        assert!(saved.status.is_success());
        pages.set_cookie(forms.cookie());
        missed += usize::from(!pages.get("/p").await.shows(&text));
        report.take();
        idle.get("/p").await;
        idle_pages += 1;
        idle_queries += usize::from(report.take().contains(&"claim"));
    }
    println!(
        "FIGURE hint cycles={cycles} late_ms={} missed={missed} idle_pages={idle_pages} idle_queries={idle_queries}",
        PUSH_DELAY.as_millis()
    );
    assert_eq!(missed, 0);
    assert!(
        idle_queries * 1000 <= idle_pages,
        "{idle_queries} of {idle_pages}"
    );
}

fn without_hint(cookies: &str) -> String {
    let cookies: Vec<_> = cookies
        .split("; ")
        .filter(|cookie| !cookie.contains("hint"))
        .collect();
    cookies.join("; ")
}

#[actix_web::test]
async fn page_without_hint_on_another_process_is_late() {
    let server = Server::start();
    let (_proxy, url) = Proxy::with_fault(Fault::DelayPushes(PUSH_DELAY), &server.url());
    let ((writer, _), (reader, report)) = (process(&server.url()), process(&url));
    let (forms, pages) = (site(&writer).await, site(&reader).await);
    forms.send(post("/p", "first")).await;
    pages.set_cookie(forms.cookie().as_deref().map(without_hint));
    pages.get("/p").await;
    tokio::time::sleep(PUSH_DELAY * 4).await;
    wait_until_idle(&report, || pages.get("/p")).await;
    forms.send(post("/p", "second")).await;
    assert!(
        !pages.get("/p").await.shows("second"),
        "the index is not late, so the test above proves nothing"
    );
    tokio::time::sleep(PUSH_DELAY * 2).await;
    assert!(pages.get("/p").await.shows("second"));
}

#[actix_web::test]
async fn login_and_release_set_hint() {
    let server = Server::start();
    let (_proxy, url) = Proxy::with_fault(Fault::DelayPushes(PUSH_DELAY), &server.url());
    let ((writer, _), (reader, report)) = (process(&server.url()), process(&url));
    let (forms, pages) = (site(&writer).await, site(&reader).await);
    for n in 0..10 {
        let text = format!("before the login {n}");
        forms.send(post("/p", &text)).await;
        forms.set_cookie(forms.cookie().as_deref().map(without_hint));
        forms.send(post("/login", "")).await;
        pages.set_cookie(forms.cookie());
        assert!(pages.get("/p").await.shows(&text), "login {n}");

        let text = format!("released {n}");
        forms.send(post("/anywhere", &text)).await;
        forms.set_cookie(forms.cookie().as_deref().map(without_hint));
        pages.set_cookie(forms.cookie());
        let other_process = async {
            tokio::time::sleep(PUSH_DELAY * 2).await;
            assert!(!pages.get("/p").await.shows(&text), "the message is leased");
        };
        let (failed, ()) = tokio::join!(forms.get("/fails"), other_process);
        assert!(failed.shows(&text), "{n}");
        pages.set_cookie(forms.cookie());
        assert!(pages.get("/p").await.shows(&text), "released {n}");
        writer.flush().await;
        reader.flush().await;
    }
    assert!(!report.take().is_empty());
}

/// A process without an index sets no hint.
#[actix_web::test]
async fn hint_cookie_has_constant_value_and_is_absent_without_pending_index() {
    let server = Server::start();
    let (salver, _) = process(&server.url());
    let forms = site(&salver).await;
    let response = forms.send(post("/p", "text")).await;
    let cookies = response.headers.get_all("set-cookie");
    let cookies: Vec<_> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
    assert_eq!(
        cookies[1],
        "salver-app!hint=1; HttpOnly; SameSite=Lax; Path=/; Max-Age=5"
    );
    let memory = Salver::memory("app").unwrap();
    let forms = site(&memory).await;
    let response = forms.send(post("/p", "text")).await;
    assert_eq!(
        response.headers.get_all("set-cookie").count(),
        1,
        "the session cookie only"
    );
}

/// A page that queries and finds no message is unchanged. If it set a hint, each later page would
/// query too.
#[actix_web::test]
async fn page_without_messages_sets_no_hint() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let slot_page =
        |pending: Pending| async move { html(format!("{} {PAGE}", pending.is_empty())) };
    let rendering_page = |pending: Pending| async move {
        match pending.is_empty() {
            true => HttpResponse::NoContent().finish(),
            false => HttpResponse::Ok().body(pending.html()),
        }
    };
    let save = |messages: Messages, text: String| async move {
        messages.to("elsewhere").success(text).await;
        HttpResponse::SeeOther().finish()
    };
    let visitor = crate::support::site::site(salver.middleware(), move |app| {
        app.route("/slot", web::get().to(slot_page));
        app.route("/rendering", web::get().to(rendering_page));
        app.route("/save", web::post().to(save));
    })
    .await;
    visitor.send(post("/save", "text")).await;
    for path in ["/slot", "/rendering", "/slot"] {
        report.take();
        let response = visitor.get(path).await;
        assert_eq!(
            report.take()[..1],
            ["claim"],
            "{path} queries because of the hint"
        );
        assert!(response.header("set-cookie").is_none(), "{path}");
        assert!(response.header("cache-control").is_none(), "{path}");
    }
}
