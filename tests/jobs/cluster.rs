//! The jobs of a Cluster that loses a primary.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use salver::jobs::TestOutcome;
use tokio::sync::watch;

use crate::support::cluster::{Cluster, REPLICATED, cluster_handle};
use crate::support::eventually;

const JOBS: usize = 64;
/// The hash tags of the partitions.
const PARTITIONS: [u8; 16] = [10, 3, 61, 43, 11, 2, 60, 42, 12, 1, 63, 41, 13, 0, 62, 40];

/// Returns the keys with the times of jobs that are on other primaries than a lost one, each with its node.
fn due_keys(cluster: &Cluster, lost: usize) -> Vec<(usize, String)> {
    let observer = &cluster.nodes[(lost + 1) % 3];
    let keys = PARTITIONS.map(|partition| format!("app!due.test:{{{partition}}}"));
    let keys = keys.into_iter();
    let keys = keys.map(|key| (cluster.primary_of(observer, &key), key));
    keys.filter(|(node, _)| *node != lost).collect()
}

/// Returns how many jobs are not recorded as done under some keys.
fn waiting(cluster: &Cluster, keys: &[(usize, String)]) -> usize {
    let waiting = keys.iter().map(|(node, key)| {
        let waiting: usize = cluster.nodes[*node].run(&[b"ZCARD", key.as_bytes()]);
        waiting
    });
    waiting.sum()
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
    let keys = due_keys(&cluster, 0);
    let all = waiting(&cluster, &keys);
    end.send(JOBS / 2).unwrap();
    let begins = async || (waiting(&cluster, &keys) < all).then_some(());
    eventually("the first jobs are recorded", begins).await;
    end.send(JOBS).unwrap();
    let are_recorded = async || (waiting(&cluster, &keys) == 0).then_some(());
    eventually("all jobs of the other primaries are recorded", are_recorded).await;
}

/// The partitions of the lost primary are in the middle: rounds of claims that begin there reach the others too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_of_other_primaries_are_claimed_while_one_is_lost() {
    const DELAY: Duration = Duration::from_secs(8);
    const PATIENCE: Duration = Duration::from_secs(6);
    let mut cluster = Cluster::start_with(3, 0, &REPLICATED);
    let salver = cluster_handle(&cluster);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let time = (now + DELAY).as_millis() as u64;
    let names = (0..JOBS).map(|number| number.to_string());
    salver.enqueue_test_jobs(names, time).await.unwrap();
    let worker = salver
        .worker()
        .test_jobs(|_| async { TestOutcome::Done }.boxed());
    let running = worker.poll_interval(Duration::from_millis(500)).start();
    let _running = running.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let keys = due_keys(&cluster, 1);
    assert!(waiting(&cluster, &keys) > 0);
    cluster.nodes[1].kill();
    let until = now + DELAY + PATIENCE;
    while waiting(&cluster, &keys) > 0 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        assert!(now < until, "jobs of other primaries wait");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
