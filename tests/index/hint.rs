//! What a visitor has just done is never missed, wherever the next page is served.

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use actix_web::{Error, HttpResponse, web};
use salver::{Messages, Pending, Salver};

use super::{process, settled};
use crate::faults::{LATE, column};
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;
use crate::web::site::{PAGE, Site, html};

/// A site whose visitors have cookies: `POST /p` adds its body and redirects, `POST /login` renews, `/fails`
/// claims what is for any page, takes its time and fails.
async fn site(
    salver: &Salver,
) -> Site<impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>> {
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
        tokio::time::sleep(LATE * 4).await;
        HttpResponse::InternalServerError().body(pending.html())
    };
    crate::web::site::site(salver.middleware(), move |app| {
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
async fn a_redirect_to_another_process_shows_the_visitors_own_message() {
    let server = Server::start();
    let (_proxy, url) = Proxy::doing(Fault::LatePushes(LATE), &server.url());
    let ((near, _), (far, report)) = (process(&server.url()), process(&url));
    let (forms, pages) = (site(&near).await, site(&far).await);
    // Another visitor, who does nothing.
    let idle = site(&far).await;
    forms.send(post("/p", "of another visitor")).await;
    idle.set_cookie(forms.cookie().as_deref().map(without_hint));
    idle.get("/p").await;
    tokio::time::sleep(LATE * 4).await;
    settled(&report, || idle.get("/p")).await;
    let (cycles, visitors) = (column(2_000, 100_000), 20);
    let (mut missed, mut idle_pages, mut idle_asked) = (0, 0, 0);
    for cycle in 0..cycles {
        if cycle % (cycles / visitors) == 0 {
            forms.set_cookie(None);
        }
        // Each form leaves it anew.
        forms.set_cookie(forms.cookie().as_deref().map(without_hint));
        let text = format!("cycle {cycle}");
        let saved = forms.send(post("/p", &text)).await;
        assert!(saved.status.is_success());
        pages.set_cookie(forms.cookie());
        missed += usize::from(!pages.get("/p").await.shows(&text));
        report.take();
        idle.get("/p").await;
        idle_pages += 1;
        idle_asked += usize::from(report.take().contains(&"claim"));
    }
    println!(
        "FIGURE hint cycles={cycles} late_ms={} missed={missed} idle_pages={idle_pages} idle_asked={idle_asked}",
        LATE.as_millis()
    );
    assert_eq!(missed, 0);
    assert!(
        idle_asked * 1000 <= idle_pages,
        "{idle_asked} of {idle_pages}"
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
async fn without_the_hint_another_process_is_late() {
    let server = Server::start();
    let (_proxy, url) = Proxy::doing(Fault::LatePushes(LATE), &server.url());
    let ((near, _), (far, report)) = (process(&server.url()), process(&url));
    let (forms, pages) = (site(&near).await, site(&far).await);
    forms.send(post("/p", "first")).await;
    pages.set_cookie(forms.cookie().as_deref().map(without_hint));
    pages.get("/p").await;
    tokio::time::sleep(LATE * 4).await;
    settled(&report, || pages.get("/p")).await;
    forms.send(post("/p", "second")).await;
    assert!(
        !pages.get("/p").await.shows("second"),
        "the index is not late: the test above shows nothing"
    );
    tokio::time::sleep(LATE * 2).await;
    assert!(pages.get("/p").await.shows("second"));
}

#[actix_web::test]
async fn a_login_and_a_page_given_back_leave_the_hint() {
    let server = Server::start();
    let (_proxy, url) = Proxy::doing(Fault::LatePushes(LATE), &server.url());
    let ((near, _), (far, report)) = (process(&server.url()), process(&url));
    let (forms, pages) = (site(&near).await, site(&far).await);
    for n in 0..10 {
        let text = format!("before the login {n}");
        forms.send(post("/p", &text)).await;
        forms.set_cookie(forms.cookie().as_deref().map(without_hint));
        forms.send(post("/login", "")).await;
        pages.set_cookie(forms.cookie());
        assert!(pages.get("/p").await.shows(&text), "login {n}");

        let text = format!("given back {n}");
        forms.send(post("/anywhere", &text)).await;
        forms.set_cookie(forms.cookie().as_deref().map(without_hint));
        pages.set_cookie(forms.cookie());
        let meanwhile = async {
            tokio::time::sleep(LATE * 2).await;
            assert!(!pages.get("/p").await.shows(&text), "it is leased");
        };
        let (failed, ()) = tokio::join!(forms.get("/fails"), meanwhile);
        assert!(failed.shows(&text), "{n}");
        pages.set_cookie(forms.cookie());
        assert!(pages.get("/p").await.shows(&text), "given back {n}");
        near.flush().await;
        far.flush().await;
    }
    assert!(!report.take().is_empty());
}

/// In a process without an index nobody needs the hint.
#[actix_web::test]
async fn the_hint_is_constant_short_and_nobodys() {
    let server = Server::start();
    let (salver, _) = process(&server.url());
    let forms = site(&salver).await;
    let answer = forms.send(post("/p", "text")).await;
    let cookies = answer.headers.get_all("set-cookie");
    let cookies: Vec<_> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
    assert_eq!(
        cookies[1],
        "salver-hint=1; HttpOnly; SameSite=Lax; Path=/; Max-Age=5"
    );
    let memory = Salver::memory("app").unwrap();
    let forms = site(&memory).await;
    let answer = forms.send(post("/p", "text")).await;
    assert_eq!(
        answer.headers.get_all("set-cookie").count(),
        1,
        "the session alone"
    );
}

/// A page that asked and had nothing is as it was: it leaves no hint, or the visitor would never be idle again.
#[actix_web::test]
async fn a_page_that_had_nothing_leaves_no_hint() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let unread = |pending: Pending| async move { html(format!("{} {PAGE}", pending.is_empty())) };
    let read = |pending: Pending| async move {
        match pending.is_empty() {
            true => HttpResponse::NoContent().finish(),
            false => HttpResponse::Ok().body(pending.html()),
        }
    };
    let save = |messages: Messages, text: String| async move {
        messages.to("elsewhere").success(text).await;
        HttpResponse::SeeOther().finish()
    };
    let visitor = crate::web::site::site(salver.middleware(), move |app| {
        app.route("/unread", web::get().to(unread));
        app.route("/read", web::get().to(read));
        app.route("/save", web::post().to(save));
    })
    .await;
    visitor.send(post("/save", "text")).await;
    for path in ["/unread", "/read", "/unread"] {
        report.take();
        let answer = visitor.get(path).await;
        assert_eq!(
            report.take()[..1],
            ["claim"],
            "{path} asks because of the hint"
        );
        assert!(answer.header("set-cookie").is_none(), "{path}");
        assert!(answer.header("cache-control").is_none(), "{path}");
    }
}
