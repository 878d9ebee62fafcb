//! `worker`: performs jobs until the process is told to end.

use salver::mail::Mailer;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::Outcome;
use crate::cli::WorkerArgs;
use crate::output::Output;
#[cfg(feature = "server")]
use crate::programs;
use crate::server::Server;

/// What the worker does in any case.
const TELLS: &str = "tells subscribers of events that have a message";

pub(crate) async fn run(server: &Server, app: &str, args: WorkerArgs, output: &Output) -> Outcome {
    // A worker says what it waits for.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        .init();
    let mut builder = server.builder(app)?;
    if let Some(site) = args.site {
        builder = builder.site(site);
    }
    if let Some(secret) = args.secret {
        builder = builder.secret(secret);
    }
    let mut worker = builder.build()?.worker().concurrency(args.concurrency);
    let (mut tasks, mut queues) = (Vec::new(), Vec::new());
    if let (Some(smtp), Some(from)) = (args.smtp, args.from) {
        worker = worker.mail(Mailer::smtp(&smtp)?.from(from));
        tasks.push("sends mails".to_owned());
        queues.extend(["mail", "plan"]);
    }
    worker = worker.events();
    tasks.push(TELLS.to_owned());
    queues.push("events");
    #[cfg(feature = "server")]
    if !args.programs.exec.is_empty() {
        let types = args.programs.exec.iter().map(|exec| &*exec.event_type);
        let types: Vec<_> = types.collect();
        tasks.push(format!("runs programs for {}", types.join(" ")));
        queues.push("action");
        worker = programs::add(worker, args.programs)?;
    }
    // Before the worker begins: a signal must not end the process in the middle of a mail.
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let running = worker.start()?;
    output.print(
        || format!("the worker of {app} runs: it {}", tasks.join(", and ")),
        json!({ "worker": app, "queues": queues }),
    )?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    tracing::info!("the worker ends when the attempts that have begun have ended");
    running.stop().await;
    Ok(true)
}
