//! `serve`: the HTTP API of a broker, with a worker, health and metrics, in one process.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use salver::Salver;
use salver::store::IssueKind;
use serde_json::json;

use self::ending::first_end;
use crate::Outcome;
use crate::cli::ServeArgs;
use crate::error::CliError;
use crate::output::Output;
use crate::secrets::{self, Secret};
use crate::server::Server;
use crate::signals::Signals;

mod ending;

/// How long requests may take to finish when the process is asked to end, in seconds: longer than any call to the store.
const SHUTDOWN_TIMEOUT: u64 = 30;
/// How often samples of metrics are condensed. Otherwise they would fill the memory while nothing reads them.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Shortest token in bytes. A shorter one can be guessed.
const MIN_TOKEN_BYTES: usize = 16;

pub(crate) async fn run(server: &Server, app: &str, args: ServeArgs, output: &Output) -> Outcome {
    crate::log::init();
    let salver = salver(server, app, &args)?;
    let token = token(server, &args)?;
    let recorder = PrometheusBuilder::new().install_recorder();
    let metrics = recorder.map_err(|error| CliError::invalid_input(error.to_string()))?;
    actix_web::rt::spawn(condense(metrics.clone()));
    let mut signals = Signals::listen()?;
    let served = salver.clone();
    let http = HttpServer::new(move || {
        let (mut routes, mut page) = (served.broker_routes(), served.broker_page());
        if let Some(token) = &token {
            (routes, page) = (routes.token(token), page.token(token));
        }
        App::new()
            .app_data(Data::new(served.clone()))
            .app_data(Data::new(metrics.clone()))
            .service(routes)
            .service(page)
            .route("/healthz", web::get().to(health))
            .route("/metrics", web::get().to(render_metrics))
    });
    let http = http.disable_signals().shutdown_timeout(SHUTDOWN_TIMEOUT);
    let http = http.bind(args.listen).map_err(|error| {
        CliError::from(error).with_advice(&format!("{} cannot be listened on", args.listen))
    })?;
    // After the port is bound: a process that cannot serve must perform no jobs either.
    let worker = salver.worker().webhooks().concurrency(args.concurrency);
    let mut worker = worker.start()?;
    let address = http.addrs().first().copied().unwrap_or(args.listen);
    let store = match server.is_named() {
        true => server.name(),
        false => "the memory of this process: it is lost when the process ends".to_owned(),
    };
    output.print(
        || format!("the broker of {app} listens on http://{address}, and stores in {store}"),
        json!({ "broker": app, "listen": address, "is_durable": server.is_named() }),
    )?;
    let http = http.run();
    let handle = http.handle();
    let serving = actix_web::rt::spawn(http);
    let ended = first_end(signals.next(), serving, worker.ended()).await;
    tracing::info!("the broker ends: it accepts no more connections, and finishes what has begun");
    let end = async {
        handle.stop(true).await;
        worker.stop().await;
        salver.flush().await;
    };
    signals.unless_repeated(end).await?;
    ended.map_or(Ok(true), |part| Err(CliError::ended(part)))
}

fn salver(server: &Server, app: &str, args: &ServeArgs) -> Result<Salver, CliError> {
    let mut builder = match server.is_named() {
        true => server.builder(app)?,
        false => server.memory_builder(app),
    };
    builder = match Secret::SITE.read(args.secret_file.as_deref())? {
        Some(secret) => builder.secret(secret),
        // Endpoints end with the process, and their secrets may too.
        None if !server.is_named() => builder.secret(secrets::random()?),
        None => {
            return Err(CliError::invalid_input(
                "a broker with Redis needs the secret of the site, which signs deliveries: set SALVER_SECRET, or --secret-file",
            ));
        }
    };
    if let Some(secret) = Secret::OLD_SITE.read(args.old_secret_file.as_deref())? {
        builder = builder.old_secret(secret);
    }
    if args.allow_http {
        builder = builder.allow_http_endpoints();
    }
    builder = builder.allow_endpoint_networks(args.allow_network.iter().cloned());
    if let Some(site) = &args.site {
        builder = builder.site(site);
    }
    Ok(builder.build()?)
}

fn token(server: &Server, args: &ServeArgs) -> Result<Option<String>, CliError> {
    let token = Secret::TOKEN.read(args.token_file.as_deref())?;
    match &token {
        Some(token) if token.len() < MIN_TOKEN_BYTES => Err(CliError::invalid_input(format!(
            "the token has fewer than {MIN_TOKEN_BYTES} bytes; create one by `openssl rand -hex 32`"
        ))),
        Some(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(CliError::invalid_input(
                "the token has white space, or a character that no header can carry; create one by `openssl rand -hex 32`",
            ))
        }
        None if !server.is_named() => Err(CliError::invalid_input(
            "a broker without Redis needs a token: set SALVER_TOKEN, or --token-file",
        )),
        _ => Ok(token),
    }
}

async fn condense(metrics: PrometheusHandle) {
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        interval.tick().await;
        metrics.run_upkeep();
    }
}

async fn render_metrics(metrics: Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4")
        .body(metrics.render())
}

/// Replies whether the store replies. Other issues are in the log and in `salver doctor`, not for strangers.
async fn health(salver: Data<Salver>) -> HttpResponse {
    let health = salver.health().await;
    let mut issues = health.issues().iter();
    let (status, word) = match issues.any(|issue| issue.kind() == IssueKind::Unreachable) {
        true => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        false => (StatusCode::OK, "ok"),
    };
    HttpResponse::build(status)
        .insert_header(("cache-control", "no-store"))
        .json(json!({ "status": word }))
}
