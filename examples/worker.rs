//! A job queue: the site gives a job to a worker in another process, which tells the visitor how far it is.
//!
//! Run both, with a Redis: `cargo run --example worker` and `cargo run --example worker -- work`, open
//! http://127.0.0.1:8080/ and press the button. Kill the worker in the middle and start another: apalis gives it the
//! job again, and the messages that were there already are there once.
//!
//! `REDIS_URL` is the server (default `redis://127.0.0.1`), `STEP_MILLIS` how long a step takes (default 1000).

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

/// What the worker is given. The address is a plain value, and so goes with the job.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Import {
    context: Context,
    /// The same however often the job is run, and so the messages' ids are.
    begun: SystemTime,
}

type Jobs = RedisStorage<Import>;

#[get("/")]
async fn page(messages: Messages) -> Result<impl Responder, salver::Error> {
    // Whoever is to hear of something has to be somebody: this makes the session if there is none.
    messages.context("/").await?;
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Icons</title>{}</head><body><main>\
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
        begun: SystemTime::now(),
    };
    // Before the job, whose first word may come at once: it takes the place of this one.
    let waits = Message::info("The import waits for a worker.").tag("import");
    messages.add_message(waits).await?;
    let mut jobs = jobs.as_ref().clone();
    if jobs.push(job).await.is_err() {
        let failed = Message::error("The import could not begin.").tag("import");
        messages.add_message(failed).await?;
    }
    Ok(Redirect::to("/").see_other())
}

/// The job: says how far it is under one tag, so that the visitor reads the latest, and what went wrong beside it.
async fn import(job: Import, id: TaskId, salver: Data<Salver>) -> Result<(), BoxDynError> {
    let id = id.to_string();
    let tell = async |step, message: Message| {
        let message = message.with_id(MessageId::for_job_step(job.begun, &id, step));
        salver.add(&job.context, message).await
    };
    let progress = |text: &str| Message::info(text).title("Import").tag("import");
    tell(0, progress("40 of 120 icons are ready.")).await?;
    let broken = Message::warning("2 icons could not be read.").action("Which?", "/#broken");
    tell(1, broken).await?;
    work().await;
    tell(2, progress("80 of 120 icons are ready.")).await?;
    work().await;
    let done = Message::success("118 icons are ready.").title("Import");
    tell(3, done.tag("import")).await?;
    Ok(())
}

/// Stands for what takes long.
async fn work() {
    let millis = env::var("STEP_MILLIS").ok();
    let millis = millis.and_then(|millis| millis.parse().ok());
    tokio::time::sleep(Duration::from_millis(millis.unwrap_or(1_000))).await;
}

#[actix_web::main]
async fn main() -> Result<(), BoxDynError> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1".to_owned());
    let salver = Salver::redis("icons", &url)?;
    // A worker that has not been heard of for two seconds is dead, and its jobs are another's.
    let config = Config::default()
        .queue("imports")
        .heartbeat_interval(Duration::from_secs(1))
        .missed_heartbeats(2);
    let jobs = Jobs::new(apalis_redis::connect(url).await?).with_config(config);
    if env::args().nth(1).as_deref() == Some("work") {
        // A name of its own for each process: by it apalis knows whose jobs are left.
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
    // A page that is left is known to be so at once.
    let server = HttpServer::new(app).h1_allow_half_closed(false);
    Ok(server.bind(address)?.run().await?)
}
