//! Events are delivered by another process, and none is forgotten when it is killed.

use std::time::Duration;

use salver::events::{Event, Subscription};
use salver::{InboxFilter, Message, Recipient};

use super::{edited, german, notified, user, worker};
use crate::seeds::{on_each_store, print_row};
use crate::support::bulk_subscriptions;
use crate::support::eventually;
use crate::support::inboxes::Inboxes;
use crate::support::smtp_server::SmtpServer;
use crate::support::worker_process::WorkerProcess;

/// Longer than the lease of a job.
const LEASE: Duration = Duration::from_secs(151);
const PEOPLE: usize = 3_000;

fn edit() -> Event {
    let event = Event::new("wiki.edit")
        .id("revision-1")
        .filter("language", "de");
    event.message(Message::info("Edited."))
}

#[actix_web::test]
async fn t02_event_is_delivered_by_another_process_or_before_the_call_returns() {
    let name = "t02_event_is_delivered_by_another_process_or_before_the_call_returns";
    on_each_store(name, async |inboxes| {
        let (salver, ada) = (&inboxes.salver, user("ada"));
        salver.subscribe(&ada, german()).await.unwrap();
        let edits = Subscription::new("wiki.edit").filter("language", "de");
        salver.subscribe(&ada, edits).await.unwrap();
        // When asked for.
        worker(salver).publish(edited(7, "de")).await.unwrap();
        assert_eq!(notified(salver, &ada).await.len(), 1);
        salver.publish(edit()).await.unwrap();
        assert_eq!(notified(salver, &ada).await.len(), 1);
        let has_arrived = async || (notified(salver, &ada).await.len() == 2).then_some(());
        match &inboxes.server {
            Some(server) => {
                let smtp = SmtpServer::start();
                let process = WorkerProcess::start(&server.url(), &smtp);
                eventually("another process notifies it", has_arrived).await;
                process.stop();
            }
            None => {
                let running = salver.worker().events().start().unwrap();
                eventually("the thread of a worker notifies it", has_arrived).await;
                running.stop().await;
            }
        }
    })
    .await;
}

#[actix_web::test]
async fn t22_worker_that_is_killed_forgets_none_and_notifies_none_twice() {
    let (scene, smtp) = (Inboxes::redis_with_clock(), SmtpServer::start());
    let (salver, server) = (&scene.salver, scene.server.as_ref().unwrap());
    bulk_subscriptions::subscribe(server, 0..PEOPLE, "wiki.edit", ("language", "de"));
    salver.publish(edit()).await.unwrap();
    let keys: usize = server.run(&[b"DBSIZE"]);
    let killed = WorkerProcess::start(&server.url(), &smtp);
    eventually("some are notified", async || {
        let now: usize = server.run(&[b"DBSIZE"]);
        (now > keys + PEOPLE / 2).then_some(())
    })
    .await;
    killed.kill();
    scene.advance(LEASE);
    let other = WorkerProcess::start(&server.url(), &smtp);
    eventually("no job is left", async || {
        let counts = salver.deliveries().counts().await.unwrap();
        (counts.due + counts.later == 0).then_some(())
    })
    .await;
    other.stop();
    for number in 0..PEOPLE {
        let inbox = salver.inbox(&Recipient::user(format!("p{number}")));
        let page = inbox
            .list(&InboxFilter::all().ungrouped(), None)
            .await
            .unwrap();
        assert_eq!(page.rows.len(), 1, "p{number}");
    }
    print_row(
        "t22_worker_that_is_killed_forgets_none_and_notifies_none_twice",
        "ok",
    );
}
