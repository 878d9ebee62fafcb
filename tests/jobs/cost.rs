//! What jobs and idle workers cost a Redis server.

use std::time::Duration;

use salver::mail::{Cadence, Mailer};
use salver::{Message, Notification, Recipient};

use crate::support::inboxes::Inboxes;
use crate::support::monitor::client_commands;
use crate::support::redis::Server;

/// Bytes of memory for each job that waits.
const MAX_BYTES_PER_JOB: u64 = 400;
const JOBS: u64 = 20_000;
/// Bytes of memory of a recipient with one notification, which has a group and waits for a mail.
const MAX_BYTES_OF_FIRST: u64 = 1_500;
/// The queues of a worker that sends mails.
const QUEUES: [&str; 2] = ["plan", "mail"];
const IDLE: Duration = Duration::from_secs(20);

fn bytes(server: &Server, key: &str) -> u64 {
    server.run(&[b"MEMORY", b"USAGE", key.as_bytes(), b"SAMPLES", b"0"])
}

#[tokio::test]
async fn waiting_mail_takes_little_memory() {
    let inboxes = Inboxes::redis_with(|builder| builder.default_cadence("*", Cadence::AtOnce));
    let people = (0..JOBS).map(|number| Recipient::user(format!("person-{number}")));
    let note = Notification::new("order.sent", Message::info("It is on its way."));
    inboxes.salver.notify(people, note).await.unwrap();
    let server = inboxes.server.as_ref().unwrap();
    let keys = ["app!due.mail:{0}", "app!jobs.mail:{0}"];
    let all: u64 = keys.iter().map(|key| bytes(server, key)).sum();
    println!("MEMORY jobs each={} n={JOBS}", all / JOBS);
    assert!(all / JOBS <= MAX_BYTES_PER_JOB);
    assert_eq!(
        inboxes.salver.deliveries().counts().await.unwrap().due,
        JOBS
    );
}

#[tokio::test]
async fn first_notification_that_is_grouped_and_waits_for_a_mail_takes_little_memory() {
    let inboxes =
        Inboxes::redis_with(|builder| builder.default_cadence("*", Cadence::Daily { hour: 8 }));
    let note = Notification::new("graph.uploaded", Message::success("Graph p53 uploaded."));
    inboxes
        .notify(note.subject("graphs/7").group("uploads"))
        .await;
    let server = inboxes.server.as_ref().unwrap();
    let keys: Vec<String> = server.run(&[b"KEYS", b"app!*{user%3Aada}"]);
    assert!(
        keys.contains(&"app!unmailed:{user%3Aada}".to_owned()),
        "{keys:?}"
    );
    let all: u64 = keys.iter().map(|key| bytes(server, key)).sum();
    println!("MEMORY mailed first_grouped={all} keys={}", keys.len());
    assert!(all <= MAX_BYTES_OF_FIRST, "{keys:?}");
}

/// Returns the commands of a worker within a time.
fn commands_of_worker(server: &Server, time: Duration) -> Vec<String> {
    let mut commands = tokio::task::block_in_place(|| client_commands(server, time));
    // The tracking connection asks for the role of the server, for all of the process.
    commands.retain(|line| !line.contains("\"INFO\""));
    commands
}

/// Waits for a time in which a worker claims jobs of all its queues, and sends nothing that it sends at its start.
fn wait_until_idle(server: &Server) {
    loop {
        let commands = commands_of_worker(server, Duration::from_secs(3));
        let of_queue = QUEUES.map(|queue| claims(&commands, queue));
        if !of_queue.contains(&0) && of_queue.iter().sum::<usize>() == commands.len() {
            break;
        }
    }
}

/// Returns how many of some commands claim jobs of a queue.
fn claims(commands: &[String], queue: &str) -> usize {
    let key = format!("\"app!due.{queue}:");
    let is_claim = |line: &&String| line.contains("\"EVALSHA\"") && line.contains(&key);
    commands.iter().filter(is_claim).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_worker_sends_at_most_one_command_a_second_for_each_queue() {
    let inboxes = Inboxes::redis_with(|builder| builder);
    let mailer = Mailer::memory();
    let worker = inboxes.salver.worker().mail(mailer);
    let running = worker.start().unwrap();
    let server = inboxes.server.as_ref().unwrap();
    wait_until_idle(server);
    let of_worker = commands_of_worker(server, IDLE);
    running.stop().await;
    let seconds = IDLE.as_secs();
    let of_queue = QUEUES.map(|queue| claims(&of_worker, queue));
    let others = of_worker.len() - of_queue.iter().sum::<usize>();
    println!(
        "JOBS idle seconds={seconds} plan={} mail={} others={others}",
        of_queue[0], of_queue[1]
    );
    for commands in of_queue {
        assert!((1..=seconds as usize).contains(&commands), "{of_worker:#?}");
    }
    // Reports that the worker runs.
    assert!(others <= 3, "{of_worker:#?}");
}
