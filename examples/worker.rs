//! A job queue: the site enqueues a job, and a worker in another process reports its progress.
//!
//! Run both with a Redis server: `cargo run --example worker` for the site, and
//! `cargo run --example worker -- work` for the worker. Open http://127.0.0.1:8080/ and press the
//! button. Kill the worker during the job and start another one: apalis reruns the job there, and
//! no message is stored twice.
//!
//! `REDIS_URL` is the server (default `redis://127.0.0.1`). `STEP_MILLIS` is the duration of a step
//! (default 1000).

use std::time::{Duration, SystemTime};
use std::{env, process};

use actix_web::http::header::ContentType;
use actix_web::web::{self, Redirect};
use actix_web::{App, HttpResponse, HttpServer, Responder, get, post};
use apalis::prelude::{BoxDynError, Data, TaskId, TaskSink, WorkerBuilder};
use apalis_redis::{Config, RedisStorage};
use salver::web::Routes;
use salver::{Context, Message, MessageId, Messages, Salver};
use serde::{Deserialize, Serialize};

/// The arguments of the job. A context is a plain value, so a queue can store it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Import {
    context: Context,
    /// When the job was enqueued: the same in each run, so that the message ids are too.
    started_at: SystemTime,
}

type Jobs = RedisStorage<Import>;

#[get("/")]
async fn page(messages: Messages) -> Result<impl Responder, salver::Error> {
    // Creates a session if the visitor has none, because a stream requires one.
    messages.context("/").await?;
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Icons</title>{}</head><body class=\"salver-page\"><main>\
         <h1>Icons</h1><salver-messages view=\"/\"></salver-messages>\
         <form method=\"post\" action=\"/imports\"><button>Import</button></form></main></body></html>",
        Routes::default().head_html(),
    );
    Ok(HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(page))
}

#[post("/imports")]
async fn start(messages: Messages, jobs: web::Data<Jobs>) -> actix_web::Result<impl Responder> {
    let job = Import {
        context: messages.context("/").await?,
        started_at: SystemTime::now(),
    };
    // Added before the job is enqueued, so that the first message of the job replaces it.
    let waiting = Message::info("The import is waiting for a worker.").tag("import");
    messages.add_message(waiting).await?;
    let mut jobs = jobs.as_ref().clone();
    if jobs.push(job).await.is_err() {
        let failed = Message::error("The import could not start.").tag("import");
        messages.add_message(failed).await?;
    }
    Ok(Redirect::to("/").see_other())
}

/// The job. Its progress messages share a tag, so that each replaces the previous one. The warning
/// has no tag, so it stays.
async fn import(job: Import, id: TaskId, salver: Data<Salver>) -> Result<(), BoxDynError> {
    let id = id.to_string();
    let add = async |step, message: Message| {
        let message = message.with_id(MessageId::for_job_step(job.started_at, &id, step));
        salver.add(&job.context, message).await
    };
    let progress = |text: &str| Message::info(text).title("Import").tag("import");
    add(0, progress("40 of 120 icons are ready.")).await?;
    let failed = Message::warning("2 icons could not be read.").action("Details", "/#failed");
    add(1, failed).await?;
    work().await;
    add(2, progress("80 of 120 icons are ready.")).await?;
    work().await;
    let done = Message::success("118 icons are ready.").title("Import");
    add(3, done.tag("import")).await?;
    Ok(())
}

/// Stands in for a long computation.
async fn work() {
    let millis = env::var("STEP_MILLIS").ok();
    let millis = millis.and_then(|millis| millis.parse().ok());
    tokio::time::sleep(Duration::from_millis(millis.unwrap_or(1_000))).await;
}

#[actix_web::main]
async fn main() -> Result<(), BoxDynError> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1".to_owned());
    let salver = Salver::redis("icons", &url)?;
    // After two seconds without a heartbeat, apalis assigns the jobs of a worker to another one.
    let config = Config::default()
        .queue("imports")
        .heartbeat_interval(Duration::from_secs(1))
        .missed_heartbeats(2);
    let jobs = Jobs::new(apalis_redis::connect(url).await?).with_config(config);
    if env::args().nth(1).as_deref() == Some("work") {
        // The name is unique to the process, so that apalis can reassign the jobs of a dead one.
        let worker = WorkerBuilder::new(format!("worker-{}", process::id()))
            .backend(jobs)
            .data(salver)
            .build(import);
        return Ok(worker.run().await?);
    }
    let jobs = web::Data::new(jobs);
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        App::new()
            .app_data(jobs.clone())
            .wrap(salver.middleware())
            .service(salver.routes())
            .service(page)
            .service(start)
    };
    // Ends the stream of a page immediately when the browser closes the connection.
    let server = HttpServer::new(app).h1_allow_half_closed(false);
    Ok(server.bind(address)?.run().await?)
}
