//! Presence under faults: a process with many open pages is killed, and people are on the way from page
//! to page when a broadcast looks for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use salver::Salver;

use super::report;
use crate::support::event_stream::EventStream;
use crate::support::inbox_history::{InboxHistory, people, person};
use crate::support::inbox_site::{InboxSite, Setup, stream_of};
use crate::support::profile::{by_profile, salver};
use crate::support::redis::Server;
use crate::support::site_process::SiteProcess;

/// How long a person stays online after their process was killed.
const LEASE: Duration = Duration::from_secs(30);
/// Tolerance for a busy machine.
const TOLERANCE: Duration = Duration::from_secs(3);
const STREAMS: usize = 1_000;
/// People whose browsers reconnect to another process.
const RECONNECTED: usize = 20;

async fn open(site: &str, number: usize) -> EventStream {
    let user = person(number);
    let request = stream_of(site, user.user_id().unwrap());
    EventStream::from_response(request.send().await.unwrap()).await
}

/// Waits until exactly so many people are online.
async fn until_online(salver: &Salver, count: usize, patience: Duration) {
    let started = Instant::now();
    loop {
        let online = salver.online().await.unwrap().len();
        if online == count {
            return;
        }
        assert!(started.elapsed() < patience, "{online} online, not {count}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Those whose process was killed are offline when its leases end; those who reconnect are reached by
/// every broadcast.
#[actix_web::test]
async fn killed_process_leaves_no_person_online() {
    let server = Server::start();
    let process = SiteProcess::start_with_inboxes(&server.url());
    let other = InboxSite::serve(salver(&server.url()), Setup::default());
    let history = InboxHistory::default();
    let url = format!("http://127.0.0.1:{}", process.port);
    let mut streams = Vec::new();
    for numbers in (0..STREAMS).collect::<Vec<_>>().chunks(100) {
        let opening = numbers.iter().map(|number| open(&url, *number));
        streams.extend(join_all(opening).await);
    }
    until_online(&other.salver, STREAMS, TOLERANCE).await;
    process.kill();
    let killed = Instant::now();
    let reconnecting = (0..RECONNECTED).map(|number| open(&other.url, number));
    let _streams = join_all(reconnecting).await;
    until_online(&other.salver, RECONNECTED, LEASE + TOLERANCE).await;
    let recovery = killed.elapsed();
    let online = other.salver.online().await.unwrap();
    let reached: Vec<_> = (0..RECONNECTED).collect();
    let note = history.note(&reached);
    other.salver.notify(online, note.clone()).await.unwrap();
    history.record_acknowledged(&reached, &note);
    let verdict = history.verdict(&other.salver, 0..STREAMS).await;
    report(
        "inbox_presence_of_killed_process",
        verdict,
        (Duration::ZERO, recovery),
        format!("streams={STREAMS} reconnected={RECONNECTED}"),
    );
}

/// A person who goes from page to page stays online for everyone else.
#[actix_web::test]
async fn broadcast_reaches_people_on_their_way_to_the_next_page() {
    let per_person = by_profile(50, 1_000).div_ceil(RECONNECTED);
    let server = Server::start();
    let sites = [(), ()].map(|()| InboxSite::serve(salver(&server.url()), Setup::default()));
    let history = InboxHistory::default();
    // Each navigates on both processes, with a pause in which no page is open.
    let navigating = (0..RECONNECTED).map(async |number| {
        for navigation in 0..per_person {
            let page = open(&sites[navigation % 2].url, number).await;
            tokio::time::sleep(Duration::from_millis(50 + 7 * number as u64)).await;
            drop(page);
            tokio::time::sleep(Duration::from_millis(20 * number as u64)).await;
        }
    });
    let everyone: Vec<_> = (0..RECONNECTED).collect();
    let opening = everyone.iter().map(|number| open(&sites[0].url, *number));
    let first_pages = join_all(opening).await;
    until_online(&sites[0].salver, RECONNECTED, TOLERANCE).await;
    drop(first_pages);
    let has_ended = Arc::new(AtomicBool::new(false));
    let broadcasting = async {
        let (mut broadcasts, mut worst) = (0, Duration::ZERO);
        while !has_ended.load(Ordering::SeqCst) {
            let note = history.note(&everyone);
            let started = Instant::now();
            let online = sites[1].salver.online().await.unwrap();
            worst = worst.max(started.elapsed());
            assert_eq!(online, sorted(&everyone), "broadcast {broadcasts}");
            sites[1].salver.notify(online, note.clone()).await.unwrap();
            history.record_acknowledged(&everyone, &note);
            broadcasts += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        (broadcasts, worst)
    };
    let ((broadcasts, worst), ()) = tokio::join!(broadcasting, async {
        join_all(navigating).await;
        has_ended.store(true, Ordering::SeqCst);
    });
    assert!(broadcasts > 10, "{broadcasts}");
    let verdict = history.verdict(&sites[0].salver, 0..RECONNECTED).await;
    report(
        "inbox_presence_in_navigation",
        verdict,
        (worst, Duration::ZERO),
        format!(
            "people={RECONNECTED} navigations={} broadcasts={broadcasts}",
            per_person * RECONNECTED
        ),
    );
}

fn sorted(numbers: &[usize]) -> Vec<salver::Recipient> {
    let mut all = people(numbers);
    all.sort();
    all
}
