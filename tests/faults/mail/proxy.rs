//! Replies are lost, duplicated or shifted between Redis and a site that notifies and sends mails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use salver::Salver;

use super::scene::{DAY, KINDS, Notified, Scene};
use crate::support::profile::by_profile;
use crate::support::proxy::{Fault, Proxy, REPLY_FAULTS};
use crate::support::worker_process::{mail_site, mail_worker};

/// The people whom the site notifies during each fault.
const PEOPLE: usize = 40;
/// How long each fault lasts in the default profile, and in the full one.
const FAULT_MILLIS: [usize; 2] = [300, 10_000];

/// No mail has what belongs to another person, and a repeat has the id of the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_and_shifted_replies_add_no_other_mail() {
    let scene = Arc::new(Scene::start());
    let proxy = Proxy::start(scene.inboxes.server.as_ref().unwrap().port);
    let salver = mail_site(&proxy.url());
    let mut notified = Notified::default();
    let (failures, mut mails) = (Arc::<AtomicUsize>::default(), 0);
    let mut recovery = Duration::ZERO;
    for (round, fault) in REPLY_FAULTS.into_iter().enumerate() {
        let sender = Sender::start(&scene, &salver, &failures);
        let notifying = tokio::spawn({
            let (scene, salver) = (Arc::clone(&scene), salver.clone());
            async move { notify(&scene, &salver, round * PEOPLE).await }
        });
        mails += inject(&scene, &proxy, fault).await;
        let ended = Instant::now();
        notified = notified.and(&notifying.await.unwrap());
        recovery = recovery.max(ended.elapsed());
        sender.stop().await;
        // Without a fault: each job loses its claims at most twice.
        scene.drain().await;
        scene.inboxes.advance(DAY);
        let sender = Sender::start(&scene, &salver, &failures);
        // In the middle of attempts.
        scene.wait_for_mails(scene.smtp.count() + 1).await;
        mails += inject(&scene, &proxy, fault).await;
        sender.stop().await;
        scene.finish().await;
    }
    let failures = failures.load(Ordering::SeqCst);
    assert!(notified.errors > 0 && failures > 0, "no call failed");
    assert!(mails > 0, "no mail was sent during a fault");
    let more = format!(
        "faults={} errors={} failed_claims={failures} mails_in_faults={mails}",
        REPLY_FAULTS.len(),
        notified.errors
    );
    let waits = (notified.worst_wait, recovery);
    scene.report("mail_replies_shifted", waits, more);
}

/// Injects a fault. Returns how many mails were sent during it.
async fn inject(scene: &Scene, proxy: &Proxy, fault: Fault) -> usize {
    let [default, full] = FAULT_MILLIS;
    let before = scene.smtp.count();
    proxy.set(fault);
    tokio::time::sleep(Duration::from_millis(by_profile(default, full) as u64)).await;
    proxy.set(Fault::None);
    scene.smtp.count() - before
}

async fn notify(scene: &Scene, salver: &Salver, first: usize) -> Notified {
    let mut notified = Notified::default();
    for kind in KINDS {
        let people = first..first + PEOPLE;
        notified = notified.and(&scene.notify_by(salver, kind, people).await);
    }
    notified
}

/// Sends what is due, until it is stopped. It does not rest after a failure, as a running worker does.
struct Sender {
    stopped: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Sender {
    fn start(scene: &Scene, salver: &Salver, failures: &Arc<AtomicUsize>) -> Self {
        let worker = mail_worker(salver, &scene.smtp.url());
        let stopped = Arc::<AtomicBool>::default();
        let (is_stopped, failures) = (Arc::clone(&stopped), Arc::clone(failures));
        let task = tokio::spawn(async move {
            while !is_stopped.load(Ordering::SeqCst) {
                let failed = worker.drain().await.is_err();
                failures.fetch_add(usize::from(failed), Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Self { stopped, task }
    }

    async fn stop(self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
    }
}
