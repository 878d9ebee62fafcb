//! The health of jobs: whether they are performed, and what failed.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::handle::HealthSource;
use crate::jobs::heartbeat::Heartbeat;
use crate::jobs::store;
use crate::store::{Issue, IssueKind};
use crate::{Error, Salver};

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
                let detail = format!("{} jobs wait, and no worker runs", counts.due);
                issues.push(Issue::new(IssueKind::NoWorker, detail));
            }
            if counts.dead > 0 {
                let detail = format!("{} jobs have failed for good", counts.dead);
                issues.push(Issue::new(IssueKind::DeadJobs, detail));
            }
            issues.extend(resting(&workers));
            Ok(issues)
        }
        .boxed()
    }
}

/// Returns the issue of mails that no worker can send at present.
fn resting(workers: &[Heartbeat]) -> Option<Issue> {
    let reasons = workers.iter().flat_map(|worker| &worker.resting);
    let (queue, reason) = reasons.into_iter().next()?;
    let detail = format!("the queue `{queue}` rests: {reason}");
    Some(Issue::new(IssueKind::MailResting, detail))
}
