//! Streams of open pages in a Cluster: each primary reports changes, and no stream polls.

use std::time::Duration;

use actix_web::test::TestRequest;
use salver::Message;
use salver::store::RedisStore;

use crate::support::acl;
use crate::support::cluster::{Cluster, cluster_store};
use crate::support::cluster_streams::{
    StreamSite, VISITORS, assert_each_has_a_visitor, context, other_process, visitor,
    wait_until_tracked,
};
use crate::support::fault_site::VISITOR_HEADER;
use crate::support::in_process_site::in_process_site;
use crate::support::indexed_site::process_on;
use crate::support::redis::tracking_connections;

/// An idle stream reads nothing. A message of another process is read once, and once more because the
/// claim changes the context too.
#[actix_web::test]
async fn streams_in_cluster_read_after_changes_only() {
    let cluster = Cluster::start(3, 0);
    assert_each_has_a_visitor(&cluster, 0..3);
    let site = StreamSite::start(cluster_store(&cluster));
    let mut streams = site.open_all().await;
    let before = site.wait_until_idle().await;
    wait_until_tracked(&cluster.nodes).await;
    let other = other_process(&cluster);
    for (number, events) in streams.iter_mut().enumerate() {
        let text = format!("for {number}");
        let message = Message::info(&text);
        other.add(&context(number), message).await.unwrap();
        assert_eq!(events.expect_next().await.text(), text);
    }
    let reads = site.wait_until_idle().await - before;
    println!("LIVE cluster messages={VISITORS} reads={reads}");
    assert!((VISITORS..=2 * VISITORS).contains(&reads), "{reads} reads");
    for events in &mut streams {
        events.expect_none(Duration::from_millis(10)).await;
    }
}

/// Pages query in a Cluster. Without streams, no server reports changes.
#[actix_web::test]
async fn pages_in_cluster_open_no_tracking_connection() {
    let cluster = Cluster::single_node();
    let (pages, report) = process_on(cluster_store(&cluster), |salver| salver);
    let page = TestRequest::get().uri("/page");
    let page = page.insert_header((VISITOR_HEADER, visitor(0)));
    in_process_site(&pages).await.call(page).await;
    assert!(!report.take().is_empty(), "the page sent no query");
    // The only connection is that of a process with streams, which started later.
    let site = StreamSite::start(cluster_store(&cluster));
    let _streams = site.open_all().await;
    site.wait_until_idle().await;
    wait_until_tracked(&cluster.nodes).await;
}

/// The documented permissions are enough to track. Without that permission, streams poll.
#[actix_web::test]
async fn stream_in_cluster_polls_without_permission_to_track() {
    let cluster = Cluster::single_node();
    let server = &cluster.nodes[0];
    let other = other_process(&cluster);
    let allowed = [acl::documented(), acl::documented_for_clusters()].concat();
    let denied = [allowed.clone(), vec!["-client|tracking".to_owned()]].concat();
    for (name, permissions, connections) in [("polls", denied, 0), ("tracks", allowed, 1)] {
        let mut rules: Vec<&[u8]> = vec![b"ACL", b"SETUSER", name.as_bytes()];
        rules.extend(permissions.iter().map(String::as_bytes));
        let _: String = server.run(&rules);
        let store = RedisStore::builder(&server.url_as(name, acl::PASSWORD));
        let site = StreamSite::start(store.cluster().build().unwrap());
        let mut streams = site.open_all().await;
        for (number, events) in streams.iter_mut().enumerate() {
            let message = Message::info(name);
            other.add(&context(number), message).await.unwrap();
            assert_eq!(events.expect_next().await.text(), name);
        }
        if connections == 1 {
            wait_until_tracked(&cluster.nodes).await;
        }
        assert_eq!(tracking_connections(server).len(), connections, "{name}");
    }
}
