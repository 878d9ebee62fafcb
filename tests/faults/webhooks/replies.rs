//! Replies are lost, duplicated or shifted between Redis and a site that publishes and delivers events.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use salver::store::RedisStore;

use super::scene::{Scene, expected, publish, report, site, verdict};
use crate::support::profile::by_profile;
use crate::support::proxy::{Fault, Proxy, REPLY_FAULTS};

const ENDPOINTS: usize = 4;
/// Events that are published during each fault.
const EVENTS: usize = 10;
/// How often a fault is injected, and for how long: longer than a call is sent again by itself.
const INJECTIONS: usize = 4;
const FAULT_TIME: Duration = Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_and_shifted_replies_lose_no_webhook_and_add_no_other() {
    let scene = Scene::start();
    let paths = scene.register(ENDPOINTS).await;
    let proxy = Proxy::start(scene.server().port);
    let salver = site(RedisStore::new(&proxy.url()).unwrap());
    let (mut errors, mut events) = (0, 0);
    for fault in REPLY_FAULTS {
        let is_over = AtomicBool::new(false);
        let working = async {
            let (first, mut failed) = (events, 0);
            let worker = salver.worker().webhooks();
            while !is_over.load(Ordering::SeqCst) || events < first + EVENTS {
                if events < first + EVENTS {
                    failed += publish(&salver, events..events + 1).await;
                    events += 1;
                }
                failed += usize::from(worker.drain().await.is_err());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            failed
        };
        let injecting = async {
            inject(&proxy, fault).await;
            is_over.store(true, Ordering::SeqCst);
        };
        let (failed, ()) = tokio::join!(working, injecting);
        errors += failed;
        // The leases of claims whose replies were lost end.
        scene.finish().await;
    }
    assert!(errors > 0, "no call failed");
    let verdict = verdict(&scene.receiver.deliveries(), &expected(&paths, 0..events));
    let more = format!("faults={} errors={errors}", REPLY_FAULTS.len());
    report("webhooks_replies_shifted", verdict, Duration::ZERO, more);
}

async fn inject(proxy: &Proxy, fault: Fault) {
    for _ in 0..by_profile(INJECTIONS, 20 * INJECTIONS) {
        proxy.set(fault);
        tokio::time::sleep(FAULT_TIME).await;
        proxy.set(Fault::None);
        tokio::time::sleep(FAULT_TIME / 2).await;
    }
}
