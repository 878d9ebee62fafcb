//! A site that serves Salver's metrics to Prometheus, and Salver's health on a page.
//!
//! Run it: `cargo run --example prometheus`, open http://127.0.0.1:8080/, and press the button.
//! Then open http://127.0.0.1:8080/metrics and http://127.0.0.1:8080/health.
//!
//! `REDIS_URL=redis://127.0.0.1` stores the messages in Redis. Stop Redis to see both pages change.

use std::env;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, HttpServer, Responder, get, post, web, web::Redirect};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use salver::{Messages, Salver};

#[get("/")]
async fn icons() -> impl Responder {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(
            r#"<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Icons</title>
<link rel="stylesheet" href="/salver/salver.css">
<body class="salver-page"><main><h1>Icons</h1>
<salver-messages></salver-messages>
<form method="post"><button>Add an icon</button></form></main></body></html>"#,
        )
}

#[post("/")]
async fn add_icon(messages: Messages) -> impl Responder {
    messages.success("The icon was added.").await;
    Redirect::to("/").see_other()
}

/// Responds with the metrics. Restrict this route to the internal network.
#[get("/metrics")]
async fn metrics(recorder: web::Data<PrometheusHandle>) -> impl Responder {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4")
        .body(recorder.render())
}

/// Responds with 200 if there are no issues, else with 503, each issue, and how to fix it.
#[get("/health")]
async fn health(salver: Salver) -> impl Responder {
    let health = salver.health().await;
    let status = match health.is_healthy() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    HttpResponse::build(status).body(format!("{health}\n"))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let recorder = web::Data::new(PrometheusBuilder::new().install_recorder()?);
    let upkeep = recorder.clone();
    actix_web::rt::spawn(async move {
        // Bounds the memory of the recorder if Prometheus does not scrape it.
        loop {
            actix_web::rt::time::sleep(Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    let salver = match env::var("REDIS_URL") {
        Ok(url) => Salver::redis("icons", &url)?,
        Err(_) => Salver::memory("icons")?,
    };
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        App::new()
            .app_data(recorder.clone())
            .wrap(salver.middleware())
            .service(salver.routes())
            .service(icons)
            .service(add_icon)
            .service(metrics)
            .service(health)
    };
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
