//! The laws of a store on a Cluster: one server with every slot, which refuses what is not of one slot.

use std::sync::Arc;

use salver::store::RedisStore;
use salver::store::conformance::{TESTS, run};

use crate::support::cluster::Cluster;

#[tokio::test]
async fn every_law_holds() {
    let mut cluster = Cluster::alone();
    let server = Arc::new(cluster.nodes.remove(0));
    let store = RedisStore::builder(&server.url()).cluster().build();
    let store = Arc::new(store.unwrap());
    let mut broken = Vec::new();
    for law in TESTS {
        let subject = super::before(store.clone(), server.clone());
        if tokio::spawn(run(law, subject)).await.is_err() {
            broken.push(*law);
        }
        let _: String = server.run(&[b"FLUSHALL"]);
    }
    assert!(broken.is_empty(), "broken on a Cluster: {broken:?}");
}
