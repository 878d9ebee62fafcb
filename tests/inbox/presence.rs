//! Presence: which people have a page open.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::Client;
use salver::{Recipient, Salver};

use super::stream::sites;
use crate::support::cluster::{Cluster, cluster_handle};
use crate::support::event_stream::EventStream;
use crate::support::eventually;
use crate::support::inbox_site::{IDENTITY_HEADERS, InboxSite, Setup, stream_of};
use crate::support::profile::salver;
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;

/// How long a person stays online after their last page has closed.
const CLOSED_LEASE: Duration = Duration::from_secs(5);
/// Least time between two events of one stream.
const EVENT_INTERVAL: Duration = Duration::from_secs(2);

/// Opens the stream of a page that does not show who is online, and reads the counts.
async fn open(site: &InboxSite, user: &str) -> EventStream {
    let response = stream_of(&site.url, user).send().await.unwrap();
    let mut events = EventStream::from_response(response).await;
    assert_eq!(events.expect_next().await.name, "counts");
    events
}

/// Opens the stream of a page that shows who is online.
async fn open_with_people(site: &InboxSite, user: &str) -> EventStream {
    let mut request = stream_of(&site.url, user).build().unwrap();
    request.url_mut().set_query(Some("online=1"));
    let response = Client::new().execute(request).await.unwrap();
    let mut events = EventStream::from_response(response).await;
    let mut names = [
        events.expect_next().await.name,
        events.expect_next().await.name,
    ];
    names.sort();
    assert_eq!(names, ["counts", "online"]);
    events
}

async fn online(salver: &Salver) -> Vec<String> {
    let online = salver.online().await.unwrap().into_iter();
    online
        .map(|who| who.user_id().unwrap().to_owned())
        .collect()
}

/// Waits until exactly these users are online.
async fn expect_online(salver: &Salver, users: &[&str]) {
    let are_online = async || (online(salver).await == users).then_some(());
    eventually("these people are online", are_online).await;
}

#[actix_web::test]
async fn person_is_online_while_a_page_is_open_and_for_five_seconds_more() {
    for (site, _server) in sites() {
        let salver = &site.salver;
        assert!(online(salver).await.is_empty());
        let first = open(&site, "ada").await;
        expect_online(salver, &["ada"]).await;
        let second = open(&site, "ada").await;
        let _bobs = open(&site, "bob").await;
        expect_online(salver, &["ada", "bob"]).await;
        // A call of this kind would reach the store within the time.
        drop(first);
        site.pass(CLOSED_LEASE + Duration::from_secs(1)).await;
        assert_eq!(online(salver).await, ["ada", "bob"]);
        drop(second);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(
            online(salver).await,
            ["ada", "bob"],
            "on the way to the next page"
        );
        site.pass(CLOSED_LEASE).await;
        assert_eq!(online(salver).await, ["bob"]);
    }
}

#[actix_web::test]
async fn person_who_logs_out_is_offline_at_once() {
    for (site, _server) in sites() {
        let mut adas = open(&site, "ada").await;
        let _bobs = open(&site, "bob").await;
        expect_online(&site.salver, &["ada", "bob"]).await;
        let started = Instant::now();
        site.salver.close_streams_of(&Recipient::user("ada"));
        assert_eq!(adas.expect_next().await.name, "reset");
        drop(adas);
        expect_online(&site.salver, &["bob"]).await;
        assert!(
            started.elapsed() < Duration::from_secs(1),
            "{:?}",
            started.elapsed()
        );
    }
}

/// The page of one process closes; that of another stays open.
#[actix_web::test]
async fn person_is_online_while_any_process_has_a_page() {
    let server = Server::start();
    let sites = [(), ()].map(|()| InboxSite::start_on(&server, Setup::default()));
    let [first, second] = &sites;
    let adas = open(first, "ada").await;
    let _also_adas = open(second, "ada").await;
    expect_online(&first.salver, &["ada"]).await;
    let two_leases = async || {
        let leases: u64 = server.run(&[b"ZCARD", b"app!online:{0}"]);
        (leases == 2).then_some(())
    };
    eventually("each process has a lease", two_leases).await;
    let ttl: i64 = server.run(&[b"PTTL", b"app!online:{0}"]);
    assert!((1..=30_000).contains(&ttl), "{ttl}");
    drop(adas);
    first.pass(CLOSED_LEASE + Duration::from_secs(1)).await;
    assert_eq!(online(&second.salver).await, ["ada"]);
}

/// An event reports that people came or went, and names no person.
#[actix_web::test]
async fn page_that_shows_people_is_notified_when_they_come_and_go() {
    for (site, _server) in sites() {
        let mut without_people = open(&site, "eve").await;
        let mut events = open_with_people(&site, "ada").await;
        // Ada herself.
        tokio::time::sleep(EVENT_INTERVAL).await;
        while let Ok(Some(event)) = tokio::time::timeout(EVENT_INTERVAL * 2, events.next()).await {
            assert_eq!(event.name, "online");
        }
        let started = Instant::now();
        let bobs = open(&site, "bob").await;
        let event = events.expect_next().await;
        assert_eq!((&*event.name, &*event.data), ("online", "changed"));
        assert!(
            started.elapsed() < Duration::from_secs(1),
            "{:?}",
            started.elapsed()
        );
        // A second page of one who is online changes nothing.
        let _more = open(&site, "bob").await;
        events.expect_none(EVENT_INTERVAL * 5 / 4).await;
        let started = Instant::now();
        let _others = [open(&site, "cleo").await, open(&site, "dan").await];
        assert_eq!(events.expect_next().await.name, "online");
        drop(bobs);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _last = open(&site, "fay").await;
        assert_eq!(events.expect_next().await.name, "online");
        assert!(
            started.elapsed() >= EVENT_INTERVAL,
            "{:?}",
            started.elapsed()
        );
        without_people.expect_none(Duration::from_millis(100)).await;
    }
}

/// Those who are online are so again soon after a server has lost everything.
#[actix_web::test]
async fn presence_survives_restart_of_redis() {
    let mut server = Server::start();
    let site = InboxSite::start_on(&server, Setup::default());
    let mut events = open_with_people(&site, "ada").await;
    expect_online(&site.salver, &["ada"]).await;
    server.kill();
    assert!(site.salver.online().await.unwrap_err().is_unavailable());
    // Opened while the server is down.
    let response = stream_of(&site.url, "bob").send().await.unwrap();
    let _bobs = EventStream::from_response(response).await;
    server.respawn();
    let both = async || {
        let online = site.salver.online().await.ok()?;
        (online.len() == 2).then_some(())
    };
    let started = Instant::now();
    eventually("both are online again", both).await;
    println!(
        "LIVE presence_after_restart_ms {}",
        started.elapsed().as_millis()
    );
    while events.expect_next().await.name != "online" {}
}

/// A page that closes while Redis does not reply: its person goes offline nevertheless.
#[actix_web::test]
async fn page_that_closes_in_an_outage_counts_as_closed_afterwards() {
    const OUTAGE: Duration = Duration::from_secs(1);
    let server = Server::start();
    let proxy = Proxy::start(server.port);
    let site = InboxSite::serve(salver(&proxy.url()), Setup::default());
    let direct = salver(&server.url());
    let events = open(&site, "ada").await;
    expect_online(&direct, &["ada"]).await;
    proxy.set(Fault::BlackHole);
    drop(events);
    tokio::time::sleep(OUTAGE).await;
    proxy.set(Fault::None);
    let started = Instant::now();
    expect_online(&direct, &[]).await;
    let limit = CLOSED_LEASE + 3 * OUTAGE;
    assert!(started.elapsed() < limit, "{:?}", started.elapsed());
}

/// In a Cluster the people are spread over the servers, and none is missing.
#[actix_web::test]
async fn presence_in_cluster_is_in_sixteen_partitions() {
    const PARTS: u64 = 16;
    const SLOTS: u64 = 16_384;
    let cluster = Cluster::single_node();
    let site = InboxSite::serve(cluster_handle(&cluster), Setup::default());
    let mut streams = Vec::new();
    for user in 0..40 {
        let response = stream_of(&site.url, &user.to_string())
            .send()
            .await
            .unwrap();
        streams.push(EventStream::from_response(response).await);
    }
    let all = async || (online(&site.salver).await.len() == 40).then_some(());
    eventually("all are online", all).await;
    let keys: Vec<String> = cluster.nodes[0].run(&[b"KEYS", b"app!online:*"]);
    assert!(keys.len() > 10, "{keys:?}");
    let mut parts: Vec<_> = keys
        .iter()
        .map(|key| {
            let slot: u64 = cluster.nodes[0].run(&[b"CLUSTER", b"KEYSLOT", key.as_bytes()]);
            slot / (SLOTS / PARTS)
        })
        .collect();
    parts.sort_unstable();
    parts.dedup();
    assert_eq!(
        parts.len(),
        keys.len(),
        "two partitions in one part of the slots"
    );
}

/// Whatever a request claims, it makes only its own person appear online.
#[actix_web::test]
async fn request_makes_no_other_person_appear_online() {
    const QUERIES: [&str; 9] = [
        "?online=ada",
        "?online=user:ada",
        "?online=1&recipient=user:ada",
        "?online=1&user=ada",
        "?online=1&client=ada",
        "?online=1&process=1&lease=99999999",
        "?online=user:ada%200123456789abcdef",
        "?online=%0Aevent:online",
        "?online=1&online=2",
    ];
    let mut tried = 0;
    for (site, _server) in sites() {
        let mut streams = Vec::new();
        for query in QUERIES {
            for header in IDENTITY_HEADERS {
                let url = format!("{}/salver/stream{query}", site.url);
                let request = Client::new()
                    .get(url)
                    .header(header, "user:ada")
                    .header("accept", "text/event-stream")
                    .header("sec-fetch-site", "same-origin");
                let anonymous = request.try_clone().unwrap().send().await.unwrap();
                assert_eq!(anonymous.status(), 204);
                let user = format!("user=eve-{tried}");
                let response = request.header("cookie", user).send().await.unwrap();
                let mut events = EventStream::from_response(response).await;
                for event in [events.expect_next().await, events.expect_next().await] {
                    let names_no_person = event.name == "online" && event.data == "changed";
                    let is_own = ["counts", "inbox"].contains(&&*event.name);
                    assert!(names_no_person || is_own, "{event:?}");
                }
                streams.push(events);
                tried += 2;
            }
        }
        let eves = streams.len();
        let all = async || (online(&site.salver).await.len() == eves).then_some(());
        eventually("all are online", all).await;
        assert!(
            online(&site.salver)
                .await
                .iter()
                .all(|who| who.starts_with("eve-"))
        );
    }
    println!("HOSTILE presence tried={tried} read=0 changed=0");
}

/// A member that another program wrote does not hide the others.
#[actix_web::test]
async fn damaged_member_hides_no_other() {
    let server = Server::start();
    let site = InboxSite::start_on(&server, Setup::default());
    let members: [&[u8]; 5] = [b"", b"ada", b"guest ", b"user:  ", b"\xff\xfe "];
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    // Before and after the lease of Ada.
    for lease in [Duration::from_secs(20), Duration::from_secs(100)] {
        let end = (now + lease).as_millis().to_string();
        for member in members {
            let member = [member, lease.as_secs().to_string().as_bytes()].concat();
            let _: u64 = server.run(&[b"ZADD", b"app!online:{0}", end.as_bytes(), &member]);
        }
    }
    for (end, member) in [(&b"inf"[..], &b"without end"[..]), (b"1", b"ended")] {
        let _: u64 = server.run(&[b"ZADD", b"app!online:{0}", end, member]);
    }
    let _adas = open(&site, "ada").await;
    expect_online(&site.salver, &["ada"]).await;
    let ended: Option<String> = server.run(&[b"ZSCORE", b"app!online:{0}", b"ended"]);
    assert_eq!(ended, None, "the lease has ended");
    let ttl: i64 = server.run(&[b"PTTL", b"app!online:{0}"]);
    assert!((1..=86_400_000).contains(&ttl), "{ttl}");
}
