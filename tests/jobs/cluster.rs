//! The jobs of a Cluster that loses a primary.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use salver::jobs::TestOutcome;
use tokio::sync::watch;

use crate::support::cluster::{Cluster, REPLICATED, cluster_handle};
use crate::support::eventually;

const JOBS: usize = 64;
const PARTITIONS: usize = 16;

/// Returns the keys with the times of jobs that are on the other primaries than the first, each with its node.
fn due_keys(cluster: &Cluster) -> Vec<(usize, String)> {
    let observer = &cluster.nodes[1];
    let keys = (0..PARTITIONS).map(|partition| format!("app!due.test:{{{partition}}}"));
    let keys = keys.map(|key| (cluster.primary_of(observer, &key), key));
    keys.filter(|(node, _)| *node > 0).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_of_other_primaries_are_recorded_while_one_is_lost() {
    let mut cluster = Cluster::start_with(3, 0, &REPLICATED);
    let salver = cluster_handle(&cluster);
    let names = (0..JOBS).map(|number| number.to_string());
    salver.enqueue_test_jobs(names, 0).await.unwrap();
    let (begun, (end, ended)) = (Arc::<AtomicUsize>::default(), watch::channel(0));
    let worker = salver.worker().concurrency(JOBS).test_jobs({
        let begun = Arc::clone(&begun);
        move |task| {
            begun.fetch_add(1, Ordering::Relaxed);
            let number: usize = task.as_str().unwrap().parse().unwrap();
            let mut ended = ended.clone();
            async move {
                ended.wait_for(|ended| number < *ended).await.unwrap();
                TestOutcome::Done
            }
            .boxed()
        }
    });
    let _running = worker.start().unwrap();
    let all_begun = async || (begun.load(Ordering::Relaxed) == JOBS).then_some(());
    eventually("all attempts have begun", all_begun).await;
    cluster.nodes[0].kill();
    let keys = due_keys(&cluster);
    let waiting = || {
        let waiting = keys.iter().map(|(node, key)| {
            let waiting: usize = cluster.nodes[*node].run(&[b"ZCARD", key.as_bytes()]);
            waiting
        });
        waiting.sum::<usize>()
    };
    let all = waiting();
    end.send(JOBS / 2).unwrap();
    let begins = async || (waiting() < all).then_some(());
    eventually("the first jobs are recorded", begins).await;
    end.send(JOBS).unwrap();
    let are_recorded = async || (waiting() == 0).then_some(());
    eventually("all jobs of the other primaries are recorded", are_recorded).await;
}
