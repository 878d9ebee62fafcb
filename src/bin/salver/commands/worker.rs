//! `worker`: performs jobs until the process is asked to end.

use salver::mail::Mailer;
use serde_json::json;

use crate::Outcome;
use crate::cli::WorkerArgs;
use crate::error::CliError;
use crate::output::Output;
#[cfg(feature = "server")]
use crate::programs;
use crate::secrets::Secret;
use crate::server::Server;
use crate::signals::Signals;

/// What the worker does in any case.
const NOTIFIES: &str = "notifies subscribers of events that have a message";

pub(crate) async fn run(server: &Server, app: &str, args: WorkerArgs, output: &Output) -> Outcome {
    // A worker says what it waits for.
    crate::log::init();
    let mut builder = server.builder(app)?;
    if let Some(site) = args.site {
        builder = builder.site(site);
    }
    match Secret::SITE.read(args.secret_file.as_deref())? {
        Some(secret) => builder = builder.secret(secret),
        None if args.smtp.is_some() => {
            return Err(CliError::invalid_input(
                "a worker that sends mails needs the secret of the site, which signs links: set SALVER_SECRET, or --secret-file",
            ));
        }
        None => {}
    }
    let mut worker = builder.build()?.worker().concurrency(args.concurrency);
    let (mut tasks, mut queues) = (Vec::new(), Vec::new());
    if let (Some(smtp), Some(from)) = (args.smtp, args.from) {
        worker = worker.mail(Mailer::smtp(&smtp)?.from(from));
        tasks.push("sends mails".to_owned());
        queues.extend(["mail", "plan"]);
    }
    worker = worker.events();
    tasks.push(NOTIFIES.to_owned());
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
    let mut signals = Signals::listen()?;
    let mut running = worker.start()?;
    output.print(
        || format!("the worker of {app} runs: it {}", tasks.join(", and ")),
        json!({ "worker": app, "queues": queues }),
    )?;
    tokio::select! {
        _ = signals.next() => {}
        () = running.ended() => return Err(CliError::ended("the worker has ended by itself")),
    }
    tracing::info!("the worker ends when the attempts that have begun have ended");
    signals.unless_repeated(running.stop()).await?;
    Ok(true)
}
