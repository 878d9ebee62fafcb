//! The rendering of a mail ends its process: that mail is dead in the end, and others are sent.

use salver::Salver;
use salver::jobs::Delivery;
use salver::mail::Mailer;
use salver::store::RedisStore;

use super::people::{self, KINDS, mailer, report};
use super::renderers::{dead, ids, notify, verdict};
use crate::support::inboxes::Inboxes;
use crate::support::processes::{ChildProcess, start_test};
use crate::support::smtp_server::SmtpServer;
use crate::support::worker_process::aborts_until_done;

/// Environment variable with the addresses of both servers, for the child process.
const SERVERS: &str = "SALVER_TEST_ABORTING_WORKER";

/// Starts a process whose worker ends it, as a stack overflow does.
fn aborting_worker(inboxes: &Inboxes, smtp: &SmtpServer) -> ChildProcess {
    let test = concat!(module_path!(), "::perform_jobs_until_abort");
    let redis = inboxes.server.as_ref().unwrap().url();
    start_test(test, (SERVERS, &format!("{redis} {}", smtp.url())))
}

#[tokio::test]
#[ignore = "runs in a child process that another test starts"]
async fn perform_jobs_until_abort() {
    let servers = std::env::var(SERVERS).unwrap();
    let (redis, smtp) = servers.split_once(' ').unwrap();
    let builder = people::settings(Salver::builder("app"));
    let builder = builder.site("https://app.example").secret([7; 32]);
    let salver = builder
        .store(RedisStore::new(redis).unwrap())
        .build()
        .unwrap();
    let mailer = Mailer::smtp(smtp).unwrap().from("App <notify@example.org>");
    let mailer = mailer.body(|letter| {
        if letter.to.contains("-aborts") {
            std::process::abort();
        }
        None
    });
    let worker = people::worker(&salver, mailer, str::to_owned);
    let _running = worker.start().unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn mail_that_ends_its_process_is_dead_and_others_are_sent() {
    let inboxes = Inboxes::redis_with_clock_and(people::settings);
    let (smtp, salver, ids) = (SmtpServer::start(), &inboxes.salver, ids(&["aborts"]));
    let planner = people::worker(salver, mailer(&smtp), str::to_owned);
    notify(&inboxes, &ids, &planner).await;
    let aborts = aborts_until_done(&inboxes, || aborting_worker(&inboxes, &smtp)).await;
    let dead = dead(salver).await;
    let crashed = |one: &Delivery| one.attempts[0].error == "no attempt ended: each worker died";
    assert!(dead.iter().all(crashed), "{dead:?}");
    let verdict = verdict(&smtp, &ids);
    let more = format!("dead={} aborts={aborts}", dead.len());
    assert_eq!(dead.len(), KINDS.len(), "{more}");
    let again = verdict.again;
    report("mail_aborts", verdict, again, more);
}
