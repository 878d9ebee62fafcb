//! The conformance tests on a Cluster. It has one node with all hash slots, which rejects commands
//! with keys of several hash slots.

use std::sync::Arc;

use salver::store::RedisStore;
use salver::store::conformance::{TESTS, run};

use crate::support::cluster::Cluster;

#[tokio::test]
async fn every_conformance_test_passes() {
    let mut cluster = Cluster::single_node();
    let server = Arc::new(cluster.nodes.remove(0));
    let store = RedisStore::builder(&server.url()).cluster().build();
    let store = Arc::new(store.unwrap());
    let mut failed = Vec::new();
    for name in TESTS {
        let store = super::on_redis(store.clone(), server.clone());
        if tokio::spawn(run(name, store)).await.is_err() {
            failed.push(*name);
        }
        let _: String = server.run(&[b"FLUSHALL"]);
    }
    assert!(failed.is_empty(), "failed on a Cluster: {failed:?}");
}
