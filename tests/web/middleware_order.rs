//! Middleware in an order that does not work, and what the log says about it.

use actix_session::{SessionMiddleware, storage::CookieSessionStore};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::Key;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::init_service;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, Error, FromRequest, HttpResponse};
use salver::web::SessionSource;
use salver::{Message, Messages, Salver, assert_messages};

use crate::support::logs::Logs;
use crate::support::site::{PAGE, WebTestSite, ada, html};

fn routes(app: &mut ServiceConfig) {
    app.route("/p", web::get().to(|| async { html(PAGE) }));
    app.route("/save", web::post().to(save));
}

async fn save(messages: Messages) -> HttpResponse {
    messages.to("p").success("Saved.").await;
    HttpResponse::SeeOther().finish()
}

#[actix_web::test]
async fn middleware_around_salver_cannot_extract_messages() {
    async fn guard(
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let error = Messages::extract(request.request()).await.unwrap_err();
        assert!(error.is_misconfigured(), "{error}");
        assert!(
            error
                .to_string()
                .contains("after the `.wrap` of each middleware"),
            "{error}"
        );
        next.call(request).await
    }
    let salver = Salver::memory("app").unwrap();
    let app = App::new()
        .wrap(salver.middleware())
        .wrap(from_fn(guard))
        .configure(routes);
    let site = WebTestSite::of(init_service(app).await);
    assert_eq!(site.get("/p").await.body, PAGE);
}

/// The response has its cookies by then: a new session would never reach the visitor.
#[actix_web::test]
async fn middleware_around_salver_adds_to_existing_sessions_only_after_handler() {
    async fn add_afterwards(
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let response = next.call(request).await?.map_into_boxed_body();
        let messages = Messages::extract(response.request()).await?;
        let added = messages
            .to("p")
            .add_message(Message::info("afterwards"))
            .await;
        messages.now(Message::info("too late"));
        Ok(match added {
            Ok(_) => response,
            Err(error) => {
                assert!(error.is_misconfigured(), "{error}");
                let advice = "before `.wrap(salver.middleware())`";
                assert!(error.to_string().contains(advice), "{error}");
                response.into_response(HttpResponse::ImATeapot().finish())
            }
        })
    }
    let logs = Logs::start();
    for (session, status) in [(None, 418), (Some(ada()), 200)] {
        let salver = Salver::memory("app").unwrap();
        let middleware = match session.clone() {
            None => salver.middleware(),
            Some(session) => salver
                .middleware()
                .session(move |_: &_| Some(session.clone())),
        };
        let app = App::new()
            .wrap(middleware)
            .wrap(from_fn(add_afterwards))
            .configure(routes);
        let site = WebTestSite::of(init_service(app).await);
        assert_eq!(site.get("/p").await.status.as_u16(), status);
        if let Some(session) = session {
            assert_messages!(salver, session, "p", [Info "afterwards"]);
        }
    }
    let text = logs.text();
    assert!(
        text.contains("message for this response not shown"),
        "{text}"
    );
}

fn sessions() -> SessionMiddleware<CookieSessionStore> {
    SessionMiddleware::builder(CookieSessionStore::default(), Key::generate())
        .cookie_secure(false)
        .build()
}

#[actix_web::test]
async fn session_middleware_inside_of_salver_is_logged_once() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let app = App::new()
        .wrap(sessions())
        .wrap(salver.middleware().session(SessionSource::actix_session()))
        .configure(routes);
    let site = WebTestSite::of(init_service(app).await);
    for _ in 0..2 {
        site.post("/save").await;
        site.set_cookie(None);
    }
    let text = logs.text();
    let warning = "the middleware of actix-session runs inside of Salver's";
    assert_eq!(text.matches(warning).count(), 1, "{text}");
    assert!(text.contains("`.wrap(salver.middleware()).wrap(session_middleware)`"));
}

#[actix_web::test]
async fn purged_session_is_logged() {
    async fn logout(session: actix_session::Session, messages: Messages) -> HttpResponse {
        session.purge();
        messages.to("p").info("Goodbye.").await;
        HttpResponse::SeeOther().finish()
    }
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let app = App::new()
        .wrap(salver.middleware().session(SessionSource::actix_session()))
        .wrap(sessions())
        .configure(routes)
        .route("/logout", web::post().to(logout));
    let site = WebTestSite::of(init_service(app).await);
    site.post("/logout").await;
    let text = logs.text();
    assert!(text.contains("has purged the session"), "{text}");
    assert!(
        text.contains("`session.clear()` and `session.renew()` instead"),
        "{text}"
    );
}

/// As without the middleware of actix-session, or with a cookie that browsers do not store.
#[actix_web::test]
async fn sessions_that_never_come_back_are_logged_once() {
    const WARNING: &str = "no request has sent back a session";

    for (source, advice) in [
        (SessionSource::actix_session(), "wrap(session_middleware)"),
        (
            SessionSource::cookie(),
            "Check whether clients store cookies",
        ),
    ] {
        let logs = Logs::start();
        let salver = Salver::memory("app").unwrap();
        let app = App::new()
            .wrap(salver.middleware().session(source))
            .configure(routes);
        let site = WebTestSite::of(init_service(app).await);
        for _ in 0..30 {
            site.set_cookie(None);
            site.post("/save").await;
        }
        let text = logs.text();
        assert_eq!(text.matches(WARNING).count(), 1, "{text}");
        assert!(text.contains(advice), "{text}");
    }
    // One visitor comes back: the others do not store cookies.
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let app = App::new().wrap(salver.middleware()).configure(routes);
    let site = WebTestSite::of(init_service(app).await);
    site.post("/save").await;
    assert!(site.get("/p").await.shows("Saved."));
    for _ in 0..30 {
        site.set_cookie(None);
        site.post("/save").await;
    }
    assert!(!logs.text().contains(WARNING), "{}", logs.text());
}
