//! The health of jobs: whether they are performed, and what failed.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::handle::HealthSource;
use crate::jobs::heartbeat::Heartbeat;
use crate::jobs::store;
use crate::store::{Issue, IssueKind};
use crate::{Error, Salver};

/// Wait of a due job from which on the workers do not keep up: mails that are due at once come noticeably late.
const MAX_LATENCY: Duration = Duration::from_secs(10 * 60);

/// Checks the jobs of an application.
#[derive(Default)]
pub(super) struct JobsHealth;

impl HealthSource for JobsHealth {
    fn issues<'a>(&'a self, salver: &'a Salver) -> BoxFuture<'a, Result<Vec<Issue>, Error>> {
        async move {
            let counts = salver.deliveries().counts().await?;
            let store = store::of(salver)?;
            let workers = salver
                .read("list_workers", store.workers(salver.app()))
                .await?;
            let mut issues = Vec::new();
            if workers.is_empty() && counts.due > 0 {
                let detail = match counts.due {
                    1 => "1 job waits, and no worker runs".to_owned(),
                    due => format!("{due} jobs wait, and no worker runs"),
                };
                issues.push(Issue::new(IssueKind::NoWorker, detail));
            }
            if counts.dead > 0 {
                let detail = match counts.dead {
                    1 => "1 job has failed for good".to_owned(),
                    dead => format!("{dead} jobs have failed for good"),
                };
                issues.push(Issue::new(IssueKind::DeadJobs, detail));
            }
            let resting = resting(&workers);
            let latency = Duration::from_millis(counts.latency_ms);
            if !workers.is_empty() && resting.is_none() && latency > MAX_LATENCY {
                let minutes = latency.as_secs() / 60;
                let detail = format!("the oldest due job has waited for {minutes} minutes");
                issues.push(Issue::new(IssueKind::JobsOverdue, detail));
            }
            issues.extend(resting);
            let stored = store.stored_partitions(salver.app(), false);
            let stored = salver.read("stored_partitions", stored).await?;
            let mismatch = stored.and_then(|stored| partition_mismatch(stored, store.partitions()));
            issues.extend(mismatch.map(|detail| Issue::new(IssueKind::PartitionMismatch, detail)));
            Ok(issues)
        }
        .boxed()
    }
}

/// Returns what is wrong if the queues are divided into another number of partitions than this process uses: it
/// would look for jobs where they are not.
pub(super) fn partition_mismatch(stored: usize, own: usize) -> Option<String> {
    let differs = stored != own;
    differs.then(|| format!("the jobs are in {stored} partitions, and this process uses {own}"))
}

/// Returns the issue of mails that no worker can send at present.
fn resting(workers: &[Heartbeat]) -> Option<Issue> {
    let reasons = workers.iter().flat_map(|worker| &worker.resting);
    let (queue, reason) = reasons.into_iter().next()?;
    let detail = format!("the queue `{queue}` rests: {reason}");
    Some(Issue::new(IssueKind::MailResting, detail))
}
