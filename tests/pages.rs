//! The dashboard and the other examples, in a real Chromium and against real processes.

mod contact_sheet;

use std::sync::{Arc, Mutex};

use actix_web::dev::ServiceRequest;
use actix_web::{App, HttpResponse, HttpServer, middleware, web};
use salver::Salver;
use serde_json::json;

use crate::support::browser::{Browser, SAVED, add_by_script, add_message_of_each_level};
use crate::support::eventually;
use crate::support::example_programs::{Dashboard, example, known_visitor, start_example, visitor};
use crate::support::redis::Server;

/// Adds a message by the form of the dashboard.
async fn add_by_form(browser: &Browser, dashboard: &Dashboard, text: &str, view: &str) {
    browser.open(&dashboard.at("/")).await;
    browser.fill("text", text).await;
    browser.fill("view", view).await;
    browser.click("form[action='/messages'] button").await;
}

/// Returns the number of pending messages of a view, without showing them.
async fn pending_count(browser: &Browser, dashboard: &Dashboard, view: &str) -> u64 {
    browser.open(&dashboard.at("/")).await;
    let script = format!(
        "const found = document.querySelector('[data-view=\"{view}\"]'); return found ? Number(found.dataset.count) : 0;"
    );
    browser.run(&script).await.as_u64().unwrap()
}

async fn assert_form_shows_message_once(dashboard: Dashboard) {
    let browser = Browser::start().await;
    browser.open(&dashboard.at("/settings")).await;
    assert!(browser.messages().await.is_empty());
    browser.click("main form button").await;
    browser.shows(&[SAVED]).await;
    browser.driver.refresh().await.unwrap();
    assert!(
        browser.messages().await.is_empty(),
        "a reload shows no message"
    );
    browser.quit().await;
    assert!(
        dashboard.interrupt().success(),
        "the process exits with status 0 on Ctrl-C"
    );
}

#[tokio::test]
async fn form_shows_message_once_on_memory_store() {
    let dashboard = Dashboard::start(None);
    assert!(
        dashboard.startup_line.contains("embedded store"),
        "{}",
        dashboard.startup_line
    );
    assert_form_shows_message_once(dashboard).await;
    println!("PAGE post_redirect_get store=memory shown=1 after_reload=0");
}

#[tokio::test]
async fn form_shows_message_once_on_redis() {
    let server = Server::start();
    let dashboard = Dashboard::start(Some(&server.url()));
    assert!(
        dashboard.startup_line.contains("Redis"),
        "{}",
        dashboard.startup_line
    );
    assert_form_shows_message_once(dashboard).await;
    println!("PAGE post_redirect_get store=redis shown=1 after_reload=0");
}

#[tokio::test]
async fn hello_example_shows_message_once() {
    let (url, _process) = start_example("hello", "/settings").await;
    let browser = Browser::start().await;
    browser.open(&url).await;
    assert!(browser.messages().await.is_empty());
    browser.click("form button").await;
    browser.shows(&[SAVED]).await;
    browser.picture("hello").await;
    browser.driver.refresh().await.unwrap();
    assert!(
        browser.messages().await.is_empty(),
        "a reload shows no message"
    );
    browser.quit().await;
    println!("PAGE example=hello shown=1 after_reload=0");
}

#[tokio::test]
async fn full_app_shows_messages_around_login() {
    let (url, _process) = start_example("full_app", "").await;
    let browser = Browser::start().await;
    browser.open(&format!("{url}/orders/")).await;
    browser.shows(&["Log in first."]).await;
    browser.picture("full-app-login").await;

    browser.fill("name", "Ada").await;
    browser.fill("password", "wrong").await;
    browser.click("main form button").await;
    browser.shows(&["The password is wrong."]).await;
    browser.fill("name", "Ada").await;
    browser.fill("password", "icons").await;
    browser.click("main form button").await;
    browser.shows(&["Welcome, Ada."]).await;

    browser.click("main form button").await;
    browser.shows(&["Your order is on its way."]).await;
    browser.picture("full-app").await;
    browser.driver.refresh().await.unwrap();
    assert!(browser.messages().await.is_empty(), "shown again");
    browser.click("#logout").await;
    browser.shows(&["You are logged out."]).await;
    browser.quit().await;

    let page = reqwest::Client::builder().gzip(false).build().unwrap();
    let page = page.get(format!("{url}/login"));
    let page = page.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(page.headers()["content-encoding"], "gzip");
    println!("PAGE example=full_app shown=5 after_reload=0");
}

#[tokio::test]
async fn template_examples_render_messages() {
    for example in ["askama", "minijinja"] {
        let (url, _process) = start_example(example, "/").await;
        let visitor = visitor();
        let page = visitor
            .post(&url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(
            page.contains("salver-success\"") && page.contains("was added."),
            "{page}"
        );
        assert!(!page.contains(". <b>"), "{example} does not escape: {page}");
        let again = visitor
            .get(&url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(!again.contains("was added."), "shown again");
        println!("PAGE example={example} shown=1 after_reload=0");
    }
}

#[tokio::test]
async fn prometheus_example_serves_metrics_and_health() {
    let (url, _process) = start_example("prometheus", "/").await;
    let visitor = visitor();
    let page = visitor.post(&url).send().await.unwrap().text().await;
    assert!(page.unwrap().contains("was added."));
    let added = "salver_added_total{app=\"icons\"} 1";
    let shown = "salver_shown_total{app=\"icons\"} 1";
    let metrics = async || {
        let metrics = visitor.get(format!("{url}metrics")).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        (metrics.contains(added) && metrics.contains(shown)).then_some(())
    };
    eventually("the metrics are served", metrics).await;
    let health = visitor.get(format!("{url}health")).send().await.unwrap();
    assert_eq!(health.status(), 200);
    assert_eq!(health.text().await.unwrap(), "healthy\n");
    println!("PAGE example=prometheus metrics=served health=served");
}

#[tokio::test]
async fn job_example_reaches_page() {
    let server = Server::start();
    let dashboard = Dashboard::start(Some(&server.url()));
    let (visitor, session) = known_visitor(&dashboard, &server).await;
    let context = format!(r#"{{"app":"dashboard","session":"{session}","view":"uploads"}}"#);
    let mut job = std::process::Command::new(example("job"));
    let job = job
        .args([&context, "120 icons are ready."])
        .env("REDIS_URL", server.url());
    let output = job.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.stdout, b"1 pending in uploads\n");
    let page = visitor
        .get(dashboard.at("/uploads"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("120 icons are ready."));
    println!("PAGE example=job shown=1");
}

#[test]
fn terminating_examples_succeed() {
    for (name, expected) in [
        ("custom_store", "Kept in a list.\n"),
        ("testing", "2 tests passed\n"),
    ] {
        let output = std::process::Command::new(example(name)).output().unwrap();
        assert!(
            output.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}

#[tokio::test]
async fn five_redirects_lose_no_message() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    add_by_form(&browser, &dashboard, "five hops away", "elsewhere").await;
    add_by_form(&browser, &dashboard, "five hops away", "*").await;
    // The redirect after the second add led to a page, which shows the message for any view.
    browser.shows(&["five hops away"]).await;
    browser.open(&dashboard.at("/uploads")).await;
    add_by_script(&browser, json!({ "text": SAVED, "view": "dashboard" })).await;
    browser.open(&dashboard.at("/hop/5")).await;
    assert!(
        browser
            .driver
            .current_url()
            .await
            .unwrap()
            .as_str()
            .ends_with("/dashboard")
    );
    browser.shows(&[SAVED]).await;
    browser.driver.refresh().await.unwrap();
    assert!(browser.messages().await.is_empty());
    browser.quit().await;
    println!("PAGE redirects=5 shown=1 lost=0");
}

#[tokio::test]
async fn failing_page_loses_no_message() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    add_by_form(&browser, &dashboard, "survives", "broken").await;
    for _ in 0..3 {
        browser.open(&dashboard.at("/broken")).await;
        assert!(browser.messages().await.is_empty());
        assert_eq!(pending_count(&browser, &dashboard, "broken").await, 1);
    }
    browser.quit().await;
    println!("PAGE broken=3 lost=0");
}

#[tokio::test]
async fn two_tabs_show_messages_of_their_views_only() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    let first = browser.driver.window().await.unwrap();
    browser.open(&dashboard.at("/settings")).await;
    let second = browser.driver.new_tab().await.unwrap();
    for view in ["settings", "uploads"] {
        let text = format!("for {view}");
        add_by_script(&browser, json!({ "text": text, "view": view })).await;
    }
    browser.driver.switch_to_window(second).await.unwrap();
    browser.open(&dashboard.at("/dashboard")).await;
    assert!(browser.messages().await.is_empty());
    browser.open(&dashboard.at("/uploads")).await;
    browser.shows(&["for uploads"]).await;
    browser.driver.switch_to_window(first).await.unwrap();
    // The open page may have shown it before, so it is not reloaded.
    browser.shows(&["for settings"]).await;
    browser.quit().await;
    println!("PAGE tabs=2 views=2 stolen=0");
}

async fn assert_job_reaches_visitor_without_cookie(redis_url: Option<&str>) {
    let (dashboard, browser) = (Dashboard::start(redis_url), Browser::start().await);
    browser.open(&dashboard.at("/uploads")).await;
    assert!(browser.driver.get_all_cookies().await.unwrap().is_empty());
    browser.fill("icons", "7").await;
    browser.fill("seconds", "1").await;
    browser.click("main form button").await;
    let shown = eventually("the page shows the message of the job", async || {
        let messages = browser.messages().await;
        (messages == ["7 icons are ready."]).then_some(())
    });
    shown.await;
    browser.driver.refresh().await.unwrap();
    assert!(browser.messages().await.is_empty());
    browser.quit().await;
}

#[tokio::test]
async fn job_in_same_process_reaches_visitor_without_cookie() {
    assert_job_reaches_visitor_without_cookie(None).await;
    println!("PAGE job=same_process cookie_before=none shown=1");
}

#[tokio::test]
async fn job_in_other_process_reaches_visitor_without_cookie() {
    let server = Server::start();
    assert_job_reaches_visitor_without_cookie(Some(&server.url())).await;
    println!("PAGE job=other_process cookie_before=none shown=1");
}

#[tokio::test]
async fn form_works_without_javascript() {
    let (dashboard, browser) = (
        Dashboard::start(None),
        Browser::start_without_javascript().await,
    );
    browser
        .open("data:text/html,<title>off</title><script>document.title='on'</script>")
        .await;
    assert_eq!(
        browser.driver.title().await.unwrap(),
        "off",
        "JavaScript is not disabled"
    );
    browser.open(&dashboard.at("/settings")).await;
    browser.click("main form button").await;
    browser.shows(&[SAVED]).await;
    browser.driver.refresh().await.unwrap();
    assert!(browser.messages().await.is_empty());
    browser.quit().await;
    println!("PAGE javascript=off shown=1 after_reload=0");
}

#[tokio::test]
async fn empty_password_shows_error_and_pending_message() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    // From a page of another view, so that no open stream delivers the message.
    browser.open(&dashboard.at("/settings")).await;
    add_by_script(
        &browser,
        json!({ "text": "from elsewhere", "view": "password" }),
    )
    .await;
    let script = "document.forms[0].action = '/password'; document.forms[0].language.name = 'password'; \
                  document.forms[0].password.options[0].value = '';";
    browser.run(script).await;
    browser.click("main form button").await;
    browser
        .shows(&["from elsewhere", "The password is empty."])
        .await;
    browser.click("main form button").await;
    browser.shows(&["The password is empty."]).await;
    browser.fill("password", "correct horse").await;
    browser.click("main form button").await;
    browser.shows(&["Your password was updated."]).await;
    browser.quit().await;
    println!("PAGE status=422 error_shown=1 pending_shown=1");
}

#[tokio::test]
async fn login_keeps_messages_and_logout_removes_them() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    add_by_form(&browser, &dashboard, "before the login", "uploads").await;
    browser.open(&dashboard.at("/")).await;
    let before = browser.driver.get_all_cookies().await.unwrap()[0]
        .value
        .clone();
    browser.click("form[action='/login'] button").await;
    browser.shows(&["You are logged in."]).await;
    assert_ne!(
        browser.driver.get_all_cookies().await.unwrap()[0].value,
        before
    );
    add_by_form(&browser, &dashboard, "private", "settings").await;
    browser.open(&dashboard.at("/")).await;
    browser.click("form[action='/logout'] button").await;
    browser.shows(&["You are logged out."]).await;
    assert_eq!(pending_count(&browser, &dashboard, "settings").await, 0);
    browser.quit().await;
}

/// Starts a site that records its requests, with a page that prefetches another. Returns its URL
/// and the requests.
fn recording_site(salver: Salver) -> (String, Arc<Mutex<Vec<String>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&requests);
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let app = move || {
            let record = Arc::clone(&record);
            let slot = "<salver-messages></salver-messages>";
            App::new()
                .wrap(salver.middleware())
                .wrap(middleware::from_fn(move |request: ServiceRequest, next: middleware::Next<_>| {
                    let purpose = request.headers().get("sec-purpose").map(|value| value.to_str().unwrap_or_default());
                    let line = format!("{} {} {}", request.method(), request.path(), purpose.unwrap_or("-"));
                    record.lock().unwrap().push(line);
                    next.call(request)
                }))
                .route("/start", web::get().to(move || async move {
                    HttpResponse::Ok().content_type("text/html").body(format!("<!doctype html><link rel=icon href='data:,'>{slot}<link rel=prefetch href='/page'><a href='/page'>on</a>"))
                }))
                .route("/page", web::route().to(move || async move {
                    HttpResponse::Ok().content_type("text/html").body(format!("<!doctype html><link rel=icon href='data:,'>{slot}"))
                }))
                .route("/add", web::post().to(|messages: salver::Messages| async move {
                    messages.to("page").info("kept for the visitor").await;
                    "ok"
                }))
        };
        let server = HttpServer::new(app).workers(1).bind("127.0.0.1:0").unwrap();
        send.send(server.addrs()[0].to_string()).unwrap();
        actix_web::rt::System::new().block_on(server.run()).unwrap();
    });
    (format!("http://{}", receive.recv().unwrap()), requests)
}

#[tokio::test]
async fn head_and_prefetch_consume_no_message() {
    let (url, requests) = recording_site(Salver::memory("app").unwrap());
    let browser = Browser::start().await;
    browser.open(&format!("{url}/page")).await;
    browser
        .run("return fetch('/add', { method: 'POST' }).then(() => 1);")
        .await;
    browser
        .run("return fetch('/page', { method: 'HEAD' }).then(() => 1);")
        .await;
    browser.open(&format!("{url}/start")).await;
    let prefetched = eventually("the browser prefetches", async || {
        requests
            .lock()
            .unwrap()
            .iter()
            .find(|line| line.starts_with("GET /page prefetch"))
            .cloned()
    });
    let prefetched = prefetched.await;
    assert!(
        requests
            .lock()
            .unwrap()
            .contains(&"HEAD /page -".to_owned())
    );
    browser.open(&format!("{url}/page?visited")).await;
    browser.shows(&["kept for the visitor"]).await;
    browser.quit().await;
    println!("PAGE head=1 prefetch=1 consumed=0 server_saw=\"{prefetched}\"");
}

#[tokio::test]
async fn json_add_succeeds_or_names_invalid_field() {
    let dashboard = Dashboard::start(None);
    let visitor = visitor();
    let post = async |fields: &[(&str, &str)]| {
        let request = visitor
            .post(dashboard.at("/messages"))
            .header("accept", "application/json");
        let response = request.form(fields).send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<serde_json::Value>().await.unwrap(),
        )
    };
    let (status, added) = post(&[
        ("text", "hello"),
        ("view", "settings"),
        ("level", "warning"),
    ])
    .await;
    assert_eq!(status, 201);
    assert_eq!(added["id"].as_str().unwrap().len(), 36);
    let overlong = "x".repeat(4097);
    for (fields, field) in [
        (vec![("text", "")], "text"),
        (vec![("text", overlong.as_str())], "text"),
        (vec![("text", "x"), ("level", "fatal")], "level"),
        (vec![("text", "x"), ("tag", "a b")], "tag"),
        (vec![("text", "x"), ("autoclose", "1")], "autoclose"),
        (vec![("text", "x"), ("title", "a\nb")], "title"),
    ] {
        let (status, problem) = post(&fields).await;
        assert_eq!(
            (status, problem["field"].as_str()),
            (422, Some(field)),
            "{problem}"
        );
    }
    let form = visitor
        .post(dashboard.at("/messages"))
        .form(&[("text", "")])
        .send()
        .await
        .unwrap();
    assert_eq!(form.status(), 422);
    assert!(form.text().await.unwrap().contains("text is empty"));
    let page = visitor
        .get(dashboard.at("/settings"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("hello") && page.contains("salver-warning"));
}

#[tokio::test]
async fn pages_are_accessible_and_do_not_scroll_sideways() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    let (mut pages, mut lowest) = (0, f64::INFINITY);
    for (scheme, dark) in [("light", false), ("dark", true)] {
        browser.dark(dark).await;
        for (size, width) in [("320", 320), ("wide", 1280)] {
            browser.width(width).await;
            for (name, path) in [
                ("overview", "/"),
                ("messages", "/dashboard"),
                ("settings", "/settings"),
                ("password", "/password"),
                ("uploads", "/uploads"),
            ] {
                if name == "messages" {
                    browser.open(&dashboard.at("/uploads")).await;
                    add_message_of_each_level(&browser).await;
                } else if name == "settings" {
                    browser.open(&dashboard.at(path)).await;
                    browser.click("main form button").await;
                }
                if name != "settings" {
                    browser.open(&dashboard.at(path)).await;
                }
                let expected = match name {
                    "messages" => 5,
                    "settings" => 1,
                    _ => 0,
                };
                eventually(&format!("{expected} messages on {name}"), async || {
                    (browser.messages().await.len() == expected).then_some(())
                })
                .await;
                browser.picture(&format!("{name}-{scheme}-{size}")).await;
                let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
                assert_eq!(
                    browser.run(overflow).await,
                    0,
                    "{name} scrolls sideways at {width}"
                );
                let (violations, contrast) = browser.axe().await;
                assert!(
                    violations.is_empty(),
                    "{name} {scheme} {width}: {violations:#?}"
                );
                assert!(contrast >= 4.5, "{name} {scheme}: contrast {contrast}");
                lowest = lowest.min(contrast);
                pages += 1;
            }
        }
    }
    browser.quit().await;
    println!(
        "PAGE pictures={pages} axe_violations=0 sideways_scroll_at_320=0 lowest_contrast={lowest}"
    );
}

#[tokio::test]
async fn stylesheet_is_served_and_cached() {
    let dashboard = Dashboard::start(None);
    let response = visitor()
        .get(dashboard.at("/salver/salver.css"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/css; charset=utf-8"
    );
    assert_eq!(response.headers()["cache-control"], "public, max-age=3600");
    assert_eq!(response.text().await.unwrap(), salver::STYLESHEET);
}
