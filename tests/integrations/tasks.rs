//! Eleven everyday tasks, each with the code that a user writes for it: at most fifteen lines between
//! the markers `// begin user code` and `// end user code`. The guide names each task.

use actix_web::test::TestRequest;
use actix_web::web::{self, Form, Redirect};
use actix_web::{HttpResponse, Responder, get, post};
use salver::{Context, Error, Message, Messages, Notification, Pending, Recipient, Salver, View};
use serde::Deserialize;

use crate::support::site::{PAGE, WebTestSite, html, site, site_of_ada};

/// Maximum number of lines of user code for a task.
const MAX_LINES: usize = 15;
const TASKS: usize = 11;

mod form_with_redirect {
    use super::*;

    // begin user code
    #[post("/settings")]
    pub async fn save(messages: Messages) -> impl Responder {
        messages.success("Your settings have been changed.").await;
        Redirect::to("/settings").see_other()
    }

    #[get("/settings")]
    pub async fn settings() -> impl Responder {
        html("<h1>Settings</h1><salver-messages></salver-messages>")
    }
    // end user code

    #[actix_web::test]
    async fn shows_message_once() {
        let salver = Salver::memory("shop").unwrap();
        let site = site(salver.middleware(), |app| {
            app.service(save).service(settings);
        })
        .await;
        assert_eq!(site.post("/settings").await.status, 303);
        assert!(site.get("/settings").await.shows("have been changed"));
        assert!(!site.get("/settings").await.shows("have been changed"));
    }
}

mod form_shown_again {
    use super::*;

    #[derive(Deserialize)]
    struct Password {
        password: String,
    }

    // begin user code
    #[post("/password")]
    async fn change(messages: Messages, form: Form<Password>) -> impl Responder {
        if form.password.is_empty() {
            messages.now(Message::error("Your password is empty."));
            return HttpResponse::UnprocessableEntity()
                .content_type("text/html")
                .body("<salver-messages></salver-messages><form>…</form>");
        }
        messages.success("Your password has been changed.").await;
        HttpResponse::SeeOther()
            .insert_header(("location", "/password"))
            .finish()
    }
    // end user code

    #[actix_web::test]
    async fn shows_error_on_form_itself() {
        let salver = Salver::memory("shop").unwrap();
        let site = site(salver.middleware(), |app| {
            app.service(change);
        })
        .await;
        let send = |password: &str| {
            let form = [("password", password)];
            site.send(TestRequest::post().uri("/password").set_form(form))
        };
        let form = send("").await;
        assert!(form.status == 422 && form.shows("Your password is empty."));
        assert_eq!(site.cookie(), None, "nothing is stored");
        assert_eq!(send("x").await.status, 303);
    }
}

mod message_to_another_page {
    use super::*;

    // begin user code
    #[post("/icons")]
    async fn import(messages: Messages) -> impl Responder {
        messages.to("dashboard").info("3 icons imported.").await;
        messages.to(View::ANY).warning("Your plan ends soon.").await;
        Redirect::to("/icons").see_other()
    }
    // end user code

    #[actix_web::test]
    async fn appears_on_that_page_only() {
        let salver = Salver::memory("shop").unwrap();
        let site = site(salver.middleware(), |app| {
            app.service(import)
                .route("/icons", web::get().to(|| async { html(PAGE) }))
                .route("/dashboard", web::get().to(|| async { html(PAGE) }));
        })
        .await;
        site.post("/icons").await;
        let icons = site.get("/icons").await;
        assert!(icons.shows("Your plan ends soon.") && !icons.shows("imported"));
        assert!(site.get("/dashboard").await.shows("3 icons imported."));
    }
}

mod job {
    use super::*;

    // begin user code
    #[post("/uploads")]
    async fn start(messages: Messages, salver: Salver) -> Result<impl Responder, Error> {
        let context = messages.context("uploads").await?;
        actix_web::rt::spawn(job(salver, context)); // or a job queue: a context is a plain value
        Ok(HttpResponse::Accepted().finish())
    }

    async fn job(salver: Salver, context: Context) -> Result<(), Error> {
        let half = Message::info("60 of 120 icons are ready.").tag("import");
        salver.add(&context, half).await?;
        let done = Message::success("120 icons are ready.").tag("import");
        salver.add(&context, done).await?;
        Ok(())
    }
    // end user code

    #[actix_web::test]
    async fn shows_final_state_only() {
        let salver = Salver::memory("shop").unwrap();
        let site = site(salver.middleware(), |app| {
            app.service(start)
                .route("/uploads", web::get().to(|| async { html(PAGE) }));
        })
        .await;
        site.post("/uploads").await;
        let page = crate::support::eventually("the job ends", async || {
            let page = site.get("/uploads").await;
            page.shows("120 icons are ready.").then_some(page)
        });
        assert!(!page.await.shows("60 of 120"));
    }
}

mod login_and_logout {
    use super::*;

    // begin user code
    #[post("/login")]
    async fn login(messages: Messages) -> Result<impl Responder, Error> {
        messages.renew().await?; // a new session id; the messages are kept
        Ok(Redirect::to("/home").see_other())
    }

    #[post("/logout")]
    async fn logout(messages: Messages) -> Result<impl Responder, Error> {
        messages.close_session().await?; // removes the messages and closes the session; a new id
        messages.to("home").info("You are logged out.").await;
        Ok(Redirect::to("/home").see_other())
    }
    // end user code

    #[actix_web::test]
    async fn login_keeps_and_logout_removes_messages() {
        async fn add(messages: Messages) -> impl Responder {
            messages.to("home").info("from before").await;
            "added"
        }
        let salver = Salver::memory("shop").unwrap();
        let site = site(salver.middleware(), |app| {
            app.service(login)
                .service(logout)
                .route("/add", web::post().to(add))
                .route("/home", web::get().to(|| async { html(PAGE) }));
        })
        .await;
        site.post("/add").await;
        let before = site.cookie();
        site.post("/login").await;
        assert_ne!(site.cookie(), before);
        assert!(site.get("/home").await.shows("from before"));
        site.post("/add").await;
        site.post("/logout").await;
        let home = site.get("/home").await;
        assert!(home.shows("You are logged out.") && !home.shows("from before"));
    }
}

mod person_on_every_device {
    use super::*;

    // begin user code
    #[post("/graphs")]
    async fn upload(salver: Salver, me: Recipient) -> impl Responder {
        let text = Message::success("Graph p53 uploaded.").action("Open", "/graphs/7");
        let note = Notification::new("graph.uploaded", text).subject("graphs/7");
        salver.notify([me], note).await.unwrap_or_else(Error::log); // after the commit
        Redirect::to("/").see_other()
    }
    // end user code

    #[actix_web::test]
    async fn is_notified_until_notification_is_read() {
        let salver = Salver::memory("shop").unwrap();
        let devices = [0; 2].map(|_| {
            let middleware = salver.middleware().recipient(|_| Some(Recipient::user(7)));
            let inbox = salver.inbox_routes();
            site(middleware, |app| {
                app.service(upload).service(inbox);
            })
        });
        let [phone, laptop] = devices;
        let (phone, laptop) = (phone.await, laptop.await);
        assert_eq!(laptop.post("/graphs").await.status, 303);
        for page in [
            laptop.get("/salver/inbox").await,
            phone.get("/salver/inbox").await,
        ] {
            assert!(page.shows("Graph p53 uploaded."));
        }
        let page = phone.get("/salver/inbox").await;
        let link = page
            .body
            .split("href=\"")
            .find(|link| link.starts_with("/salver/inbox/0"));
        let opened = phone.get(link.unwrap().split('"').next().unwrap()).await;
        assert_eq!(opened.header("location"), Some("/graphs/7"));
        assert!(
            !laptop
                .get("/salver/inbox")
                .await
                .shows("Graph p53 uploaded.")
        );
    }
}

mod json_page {
    use super::*;

    // begin user code
    #[get("/api/messages")]
    async fn messages(pending: Pending) -> impl Responder {
        HttpResponse::Ok().json(pending) // confirmed after the response is sent
    }
    // end user code

    #[actix_web::test]
    async fn returns_pending_messages_once() {
        let salver = Salver::memory("shop").unwrap();
        let site = site_of_ada(&salver, |app| {
            app.service(messages);
        })
        .await;
        add_message(&salver, "api/messages", "hello").await;
        assert!(site.get("/api/messages").await.shows("\"text\":\"hello\""));
        salver.flush().await;
        assert_eq!(site.get("/api/messages").await.body, "[]");
    }
}

mod htmx_page {
    use super::*;

    // begin user code
    #[post("/icons")]
    async fn add(messages: Messages) -> impl Responder {
        messages.success("The icon is there.").await; // an out-of-band swap into the page's slot
        html("<li>icon</li>")
    }
    // end user code

    #[actix_web::test]
    async fn partial_carries_message() {
        let salver = Salver::memory("shop").unwrap();
        let site = site(salver.middleware(), |app| {
            app.service(add);
        })
        .await;
        let request = TestRequest::post().uri("/icons");
        let request = request.insert_header(("hx-request", "true"));
        let partial = site.send(request).await;
        assert!(partial.shows("hx-swap-oob") && partial.shows("The icon is there."));
    }
}

mod test {
    use super::form_with_redirect::save;

    // begin user code
    use actix_web::test::{TestRequest, call_service, init_service};
    use salver::{Salver, SessionId, assert_messages};

    #[actix_web::test]
    async fn saving_adds_success_message() {
        let salver = Salver::memory("shop").unwrap(); // no server, the same guarantees
        let ada = SessionId::new("ada").unwrap();
        let middleware = salver
            .middleware()
            .session(|_: &_| SessionId::new("ada").ok());
        let app = actix_web::App::new().wrap(middleware).service(save);
        let app = init_service(app).await;
        call_service(&app, TestRequest::post().uri("/settings").to_request()).await;
        assert_messages!(salver, ada, "settings", [Success "Your settings have been changed."]);
    }
    // end user code
}

mod several_apps_on_one_redis {
    use super::*;

    // begin user code
    fn apps(url: &str) -> Result<(Salver, Salver), Error> {
        let shop = Salver::redis("shop", url)?;
        let blog = shop.with_app("blog")?; // the same connections, other messages
        Ok((shop, blog))
    }
    // end user code

    #[tokio::test]
    async fn have_separate_messages() {
        let server = crate::support::redis::Server::start();
        let (shop, blog) = apps(&server.url()).unwrap();
        add_message(&shop, "home", "of the shop").await;
        let context =
            |salver: &Salver| salver.context(crate::support::site::ada(), "home").unwrap();
        assert_eq!(shop.count(&context(&shop)).await.unwrap(), 1);
        assert_eq!(blog.count(&context(&blog)).await.unwrap(), 0);
    }
}

mod existing_sessions_and_pool {
    use super::*;

    // begin user code
    use salver::store::RedisStore;
    use salver::web::{Middleware, SessionSource};

    fn salver(pool: deadpool_redis::Pool) -> Result<Salver, Error> {
        Salver::new("shop", RedisStore::from_pool(pool))
    }

    fn middleware(salver: &Salver) -> Middleware {
        // actix-session's middleware is wrapped outside of this one:
        // `.wrap(…).wrap(SessionMiddleware::new(…))`
        salver.middleware().session(SessionSource::actix_session())
    }
    // end user code

    #[actix_web::test]
    async fn work_without_changes() {
        use actix_session::SessionMiddleware;
        use actix_session::storage::CookieSessionStore;
        use actix_web::cookie::Key;

        let server = crate::support::redis::Server::start();
        let pool = deadpool_redis::Config::from_url(server.url());
        let pool = pool
            .create_pool(Some(deadpool_redis::Runtime::Tokio1))
            .unwrap();
        let salver = salver(pool).unwrap();
        let sessions = SessionMiddleware::new(CookieSessionStore::default(), Key::from(&[0; 64]));
        let app = actix_web::App::new()
            .wrap(middleware(&salver))
            .wrap(sessions)
            .service(form_with_redirect::save)
            .service(form_with_redirect::settings);
        let site = WebTestSite::of(actix_web::test::init_service(app).await);
        site.post("/settings").await;
        assert!(site.get("/settings").await.shows("have been changed"));
    }
}

async fn add_message(salver: &Salver, view: &str, text: &str) {
    let context = crate::support::site::context_of_ada(salver, view);
    salver.add(&context, Message::info(text)).await.unwrap();
}

#[test]
fn each_task_takes_at_most_fifteen_lines_and_is_in_guide() {
    let (source, guide) = (
        include_str!("tasks.rs"),
        include_str!("../../src/docs/guide.md"),
    );
    let mut tasks = 0;
    // Only markers on a line of their own count, not those in this function.
    for module in source.split("\nmod ").skip(1) {
        let name = module.split_whitespace().next().unwrap();
        let rest = module.split_once("    // begin user code\n").unwrap().1;
        let code = rest.split_once("    // end user code\n").unwrap().0;
        let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
        println!("INTEGRATION task={name} lines={lines}");
        assert!(lines <= MAX_LINES, "{name} takes {lines} lines");
        assert!(
            guide.contains(&format!("`integrations::tasks::{name}")),
            "{name}"
        );
        tasks += 1;
    }
    assert_eq!(tasks, TASKS);
}
