//! `worker`: performs jobs until the process is told to end.

use salver::mail::Mailer;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::Outcome;
use crate::cli::WorkerArgs;
use crate::output::Output;
use crate::server::Server;

pub(crate) async fn run(server: &Server, app: &str, args: WorkerArgs, output: &Output) -> Outcome {
    let WorkerArgs {
        site,
        secret,
        smtp,
        from,
        concurrency,
    } = args;
    // A worker says what it waits for.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        .init();
    let salver = server.builder(app)?.site(site).secret(secret).build()?;
    let mailer = Mailer::smtp(&smtp)?.from(from);
    let worker = salver.worker().mail(mailer).events();
    let worker = worker.concurrency(concurrency);
    // Before the worker begins: a signal must not end the process in the middle of a mail.
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let running = worker.start()?;
    output.print(
        || format!("the worker of {app} runs: it sends mails, and tells subscribers of events that have a message"),
        json!({ "worker": app, "queues": ["mail", "plan", "events"] }),
    )?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    tracing::info!("the worker ends when the attempts that have begun have ended");
    running.stop().await;
    Ok(true)
}
