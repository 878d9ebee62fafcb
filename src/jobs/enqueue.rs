//! Adding jobs to a queue.

use crate::jobs::health::JobsHealth;
use crate::jobs::store;
use crate::jobs::store_trait::{MAX_JOBS_PER_CALL, NewJob, QueueKey};
use crate::{Error, Salver};

/// Most due jobs of one partition of a queue. Stops a site without workers from filling the store.
pub(super) const MAX_DUE: usize = 100_000;

/// Adds jobs to a queue, each once: one with the id of a job that is there, or was done in the last
/// hour, is not added.
///
/// # Errors
///
/// `is_full` for a full queue, and those of the store. Repeating is safe.
pub(crate) async fn enqueue(
    salver: &Salver,
    queue: &'static str,
    jobs: Vec<NewJob>,
) -> Result<(), Error> {
    let store = store::of(salver)?;
    salver.add_health_source::<JobsHealth>();
    let mut partitions = vec![Vec::new(); store.partitions()];
    for job in jobs {
        if let Some(partition) = partitions.get_mut(job.id.partition(store.partitions())) {
            partition.push(job);
        }
    }
    for (partition, jobs) in partitions.iter().enumerate() {
        let key = QueueKey {
            app: salver.app(),
            queue,
            partition,
        };
        for jobs in jobs.chunks(MAX_JOBS_PER_CALL) {
            let enqueue = || store.enqueue(key, jobs, MAX_DUE);
            salver.write_idempotent("enqueue_jobs", enqueue).await?;
        }
    }
    Ok(())
}
