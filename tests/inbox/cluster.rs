//! Streams of people in a Cluster: each primary reports changes of inboxes, and of sessions that end.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Client;
use salver::Recipient;

use super::stream::{counts, inbox_event, log_in, open, open_with};
use crate::support::cluster::{Cluster, cluster_handle};
use crate::support::cluster_streams::wait_until_tracked;
use crate::support::inbox_site::{InboxSite, Setup};
use crate::support::inboxes::note;
use crate::support::monitor::client_commands;
use crate::support::session_of_token;

const PEOPLE: usize = 12;
/// Longer than two polls of a stream whose changes are not reported.
const IDLE: Duration = Duration::from_millis(4_500);

/// Returns the commands that clients sent about inboxes within a time.
fn inbox_commands(cluster: &Cluster, time: Duration) -> Vec<String> {
    let all = std::thread::scope(|scope| {
        let nodes = cluster.nodes.iter();
        let threads: Vec<_> = nodes
            .map(|node| scope.spawn(move || client_commands(node, time)))
            .collect();
        let commands = threads.into_iter().map(|thread| thread.join().unwrap());
        commands.collect::<Vec<_>>()
    });
    let mut all = all.concat();
    all.retain(|line| line.contains("app!inbox:{"));
    all
}

/// Waits until no stream reads an inbox for longer than two polls.
fn wait_until_idle(cluster: &Cluster) {
    let mut commands = Vec::new();
    for _ in 0..5 {
        commands = inbox_commands(cluster, IDLE);
        if commands.is_empty() {
            return;
        }
    }
    panic!("the streams poll: {commands:#?}");
}

/// Returns whether each node has a key of this pattern.
fn each_has_key(cluster: &Cluster, pattern: &str) -> bool {
    let mut nodes = cluster.nodes.iter();
    nodes.all(|node| {
        let keys: Vec<String> = node.run(&[b"KEYS", pattern.as_bytes()]);
        !keys.is_empty()
    })
}

/// An idle stream reads nothing, and a notification of another process arrives.
#[actix_web::test]
async fn inbox_streams_in_cluster_read_after_changes_only() {
    let cluster = Cluster::start(3, 0);
    let site = InboxSite::serve(cluster_handle(&cluster), Setup::default());
    let other = cluster_handle(&cluster);
    let mut streams = Vec::new();
    for number in 0..PEOPLE {
        let mut events = open(&site, &format!("p{number}")).await;
        assert_eq!(counts(&mut events).await, (0, 0));
        streams.push(events);
    }
    wait_until_idle(&cluster);
    for (number, events) in streams.iter_mut().enumerate() {
        let person = Recipient::user(format!("p{number}"));
        other.notify([person], note("one")).await.unwrap();
        assert_eq!(counts(events).await, (1, 1));
        inbox_event(events).await;
    }
    assert!(
        each_has_key(&cluster, "app!inbox:{*"),
        "a primary has no inbox"
    );
    wait_until_idle(&cluster);
}

/// A logout ends the streams of the session in another process, on whichever primary it is.
#[actix_web::test]
async fn logout_in_another_process_ends_the_stream_in_cluster() {
    let cluster = Cluster::start(3, 0);
    let site = InboxSite::serve(cluster_handle(&cluster), Setup::default());
    let other = InboxSite::serve(cluster_handle(&cluster), Setup::default());
    let (mut sessions, mut primaries) = (Vec::new(), BTreeSet::new());
    // The ids of sessions are random.
    while primaries.len() < cluster.nodes.len() {
        let cookies = log_in(&site).await;
        let (_, token) = cookies.rsplit_once('=').unwrap();
        let key = format!(
            "app!session:{{{}}}",
            session_of_token("app", token).as_str()
        );
        primaries.insert(cluster.primary_of(&cluster.nodes[0], &key));
        let mut events = open_with(&other, "", &cookies).await;
        counts(&mut events).await;
        sessions.push((cookies, events));
    }
    wait_until_tracked(&cluster.nodes).await;
    for (cookies, events) in &mut sessions {
        let logout = Client::new().get(format!("{}/logout", site.url));
        let response = logout.header("cookie", &*cookies).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(events.expect_next().await.name, "reset");
        assert_eq!(events.next().await, None);
    }
}
