//! Message content, tokens and passwords never appear in logs, errors and metrics.

use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use salver::store::{Limits, RedisStore, Store};
use salver::{Message, Messages, Salver};

use crate::support::logs::Logs;
use crate::support::metrics::RecordedMetrics;
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;
use crate::support::{at, encode_all, eventually};

/// Part of every text, title, tag, link and data value, and of the password.
const CANARY: &str = "cAnArY";

fn message() -> Message {
    Message::warning(format!("{CANARY} text"))
        .title(format!("{CANARY} title"))
        .tag(format!("{CANARY}-tag"))
        .action(format!("{CANARY} label"), format!("/{CANARY}"))
        .data(serde_json::json!({ "secret": CANARY }))
}

fn serve(salver: Salver) -> String {
    let server = HttpServer::new(move || {
        let save = |messages: Messages| async move {
            let _ = messages.add_message(message()).await;
            messages.success(format!("{CANARY} shorthand")).await;
            messages
                .to("nowhere")
                .info(format!("{CANARY} elsewhere"))
                .await;
            messages.info(format!("{CANARY}\u{7}")).await;
            HttpResponse::Ok().finish()
        };
        let page = || async {
            HttpResponse::Ok()
                .content_type("text/html")
                .body("<salver-messages></salver-messages>")
        };
        let login = |messages: Messages| async move {
            let _ = messages.renew().await;
            HttpResponse::Ok().finish()
        };
        let logout = |messages: Messages| async move {
            let _ = messages.close_session().await;
            HttpResponse::Ok().finish()
        };
        App::new()
            .wrap(salver.middleware())
            .route("/page", web::post().to(save))
            .route("/page", web::get().to(page))
            .route("/login", web::post().to(login))
            .route("/logout", web::post().to(logout))
    });
    let server = server
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    url
}

/// Runs all operations, with and without faults, while every crate logs at the level trace.
#[actix_web::test]
async fn secrets_never_appear_in_logs_errors_or_metrics() {
    let logs = Logs::everywhere();
    let recorded_metrics = RecordedMetrics::start();
    let server = Server::start_with(&["--requirepass", CANARY]);
    let proxy = Proxy::start(server.port);
    let url = format!("redis://:{CANARY}@127.0.0.1:{}", proxy.port);
    let salver = Salver::redis("app", &url).unwrap();
    let site = serve(salver.clone());
    let mut tokens = Vec::new();
    let faults = [
        Fault::None,
        Fault::CutAfter,
        Fault::SwapReplies,
        Fault::ErrorReply("NOPERM no"),
        Fault::ErrorReply("OOM no"),
        Fault::Refuse,
    ];
    for fault in faults {
        let visitor = reqwest::Client::builder()
            .cookie_store(true)
            .build()
            .unwrap();
        proxy.set(fault);
        for path in ["page", "login", "page", "logout"] {
            let response = visitor.post(format!("{site}/{path}")).send().await.unwrap();
            assert!(response.status().is_success(), "{path} under {fault:?}");
            tokens.extend(response.cookies().map(|cookie| cookie.value().to_owned()));
            let page = visitor.get(format!("{site}/page")).send().await.unwrap();
            page.text().await.unwrap();
        }
        log_everything(&salver).await;
        proxy.set(Fault::None);
        eventually("the store is reachable again", async || {
            salver.peek(&at("ada", "page")).await.ok()
        })
        .await;
    }
    salver.flush().await;

    tokens.retain(|token| token.len() > 20);
    tokens.sort();
    tokens.dedup();
    assert!(tokens.len() >= faults.len(), "{} tokens", tokens.len());
    // The HTTP client of the test logs its own cookies.
    let text = logs.text();
    let clients = ["cookie_store::", "reqwest::", "hyper"];
    let is_server_line = |line: &&str| !clients.iter().any(|name| line.contains(name));
    let text = text
        .lines()
        .filter(is_server_line)
        .collect::<Vec<_>>()
        .join("\n");
    let metrics = format!("{recorded_metrics:?}");
    assert!(
        text.lines().count() > 500,
        "fewer than 501 lines were logged"
    );
    assert!(
        text.contains("TRACE") && text.contains("operation=\"add\""),
        "the log contains no spans"
    );
    let mut hits = 0;
    for secret in tokens.iter().map(String::as_str).chain([CANARY]) {
        for line in text.lines().chain([metrics.as_str()]) {
            if line.contains(secret) {
                eprintln!("{secret} appears in: {line}");
                hits += 1;
            }
        }
    }
    println!(
        "FAULT secrets n={} lost=0 delivered=0 twice=0 again=0 foreign=0 worst_wait_ms=0 recovery_ms=0 \
         hits={hits} tokens={}",
        text.lines().count(),
        tokens.len()
    );
    assert_eq!(hits, 0);
}

/// Logs errors and all other printable values in full.
async fn log_everything(salver: &Salver) {
    let context = at("ada", "page");
    let added = salver.add(&context, message()).await;
    tracing::info!(?salver, ?context, ?added, claim = ?salver.claim(&context).await, "printed");
    for error in [added.err(), salver.take(&context).await.err()]
        .into_iter()
        .flatten()
    {
        tracing::error!(%error, debug = ?error, "error");
    }
    let invalid = Message::info(format!("{CANARY}\u{0}"))
        .validate()
        .unwrap_err();
    let bad_url = RedisStore::new(&format!("redis://:{CANARY}@[bad")).unwrap_err();
    tracing::error!(?invalid, ?bad_url, health = %salver.health().await, "refused");
    let store = RedisStore::new(&format!("redis://{CANARY}:{CANARY}@127.0.0.1:1")).unwrap();
    let refused = store
        .add(&context, &encode_all([message()]), &Limits::default())
        .await;
    tracing::error!(?store, refused = ?refused, "no server");
    tokio::time::sleep(Duration::from_millis(10)).await;
}
