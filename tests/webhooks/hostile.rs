//! No packet leaves for an address that may not be called, whatever the URL of an endpoint.
//!
//! The tests run in a process of their own, whose environment names a proxy.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use salver::jobs::{Delivery, DeliveryState};
use salver::webhooks::Endpoint;
use salver::{Salver, SalverBuilder};

use crate::support::inboxes::Inboxes;
use crate::support::processes;
use crate::support::webhooks::{deliver, order_paid};

/// After this time the first retry is due.
const FIRST_BACKOFF: Duration = Duration::from_secs(7);
/// An address of this machine that stands for a public one: the sites of the tests may call it.
const PUBLIC: &str = "127.1.2.3";
const PRIVATE: &str = "127.0.0.1";

#[derive(Deserialize)]
struct HostileUrl {
    name: String,
    url: String,
    refused_by: String,
    #[serde(default)]
    addresses: Vec<IpAddr>,
}

static URLS: LazyLock<Vec<HostileUrl>> = LazyLock::new(|| {
    let urls = include_str!("../fixtures/hostile_urls.json");
    serde_json::from_str(urls).unwrap()
});

/// The names that were looked up.
static LOOKED_UP: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn names() -> Vec<String> {
    std::mem::take(&mut *LOOKED_UP.lock().unwrap())
}

/// Returns the addresses that a hostile URL has for its host.
fn look_up(name: &str) -> Vec<IpAddr> {
    LOOKED_UP.lock().unwrap().push(name.to_owned());
    let of_name = |hostile: &&HostileUrl| host(&hostile.url).as_deref() == Some(name);
    let mut urls = URLS.iter().filter(|hostile| !hostile.addresses.is_empty());
    let hostile = urls.find(of_name);
    hostile.map_or_else(Vec::new, |hostile| hostile.addresses.clone())
}

fn host(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    url.host_str().map(str::to_owned)
}

/// Returns addresses whose connection is public at the first lookup and private at each later one.
fn rebind(name: &str) -> Vec<IpAddr> {
    let mut looked_up = LOOKED_UP.lock().unwrap();
    let is_first = !looked_up.iter().any(|known| known == name);
    looked_up.push(name.to_owned());
    let address = if is_first { PUBLIC } else { PRIVATE };
    vec![address.parse().unwrap()]
}

/// Listens on all addresses of this machine, and replies to each request that it consents.
struct Listener {
    port: u16,
    connections: Arc<Mutex<Vec<Connection>>>,
}

#[derive(Clone, Copy)]
struct Connection {
    from: SocketAddr,
    to: SocketAddr,
}

impl Listener {
    fn start() -> Self {
        // One socket for both families; a machine may have no IPv6.
        let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0"));
        let listener = listener.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let accepted = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                accepted.lock().unwrap().push(Connection {
                    from: canonical(stream.peer_addr().unwrap()),
                    to: canonical(stream.local_addr().unwrap()),
                });
                thread::spawn(move || reply(&mut stream));
            }
        });
        Self { port, connections }
    }

    /// Returns the addresses to which there were connections. It connects itself and waits until it is accepted: those
    /// before were accepted earlier.
    fn addresses(&self) -> Vec<IpAddr> {
        let control = TcpStream::connect((PRIVATE, self.port)).unwrap();
        let control = control.local_addr().unwrap();
        let started = Instant::now();
        loop {
            let mut connections = self.connections.lock().unwrap();
            if let Some(index) = connections.iter().position(|one| one.from == control) {
                connections.remove(index);
                let addresses = connections.drain(..).map(|one| one.to.ip());
                return addresses.collect();
            }
            drop(connections);
            assert!(started.elapsed() < Duration::from_secs(10), "not accepted");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Replies to one request: 200, and with consent to a handshake. TLS fails by it.
fn reply(stream: &mut TcpStream) {
    let mut request = [0; 65_536];
    if stream.read(&mut request).is_ok_and(|length| length > 0) {
        let reply = "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(reply.as_bytes());
    }
}

/// Puts the port of the listener into a URL that has an authority, unless its port is 0.
fn at_port(url: &str, port: u16) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, old_port) = match authority.rsplit_once(':') {
        Some((host, old)) if old.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(old)),
        _ => (authority, None),
    };
    if host.is_empty() || old_port == Some("0") {
        return url.to_owned();
    }
    format!("{scheme}://{host}:{port}{path}")
}

/// Returns the addresses of this machine beside loopback: those from which it would send.
fn own_addresses() -> Vec<IpAddr> {
    // Connecting a datagram socket sends nothing.
    let address = |local: &str, remote: &str| {
        let socket = UdpSocket::bind(local).ok()?;
        socket.connect(remote).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let v4 = address("0.0.0.0:0", "192.0.2.1:9");
    let v6 = address("[::]:0", "[2001:db8::1]:9");
    v4.into_iter().chain(v6).collect()
}

fn strict(builder: SalverBuilder) -> SalverBuilder {
    builder.endpoint_lookup(look_up)
}

/// Allows endpoints on this machine.
fn lax(builder: SalverBuilder) -> SalverBuilder {
    let builder = builder.endpoint_lookup(look_up).allow_http_endpoints();
    builder.allow_endpoint_networks(["127.0.0.0/8", "::1/128"])
}

fn rebinding(builder: SalverBuilder) -> SalverBuilder {
    let builder = builder.endpoint_lookup(rebind).allow_http_endpoints();
    builder.allow_endpoint_networks([format!("{PUBLIC}/32")])
}

async fn waiting(salver: &Salver) -> Vec<Delivery> {
    let deliveries = salver.deliveries();
    deliveries.list(DeliveryState::Waiting, None).await.unwrap()
}

fn reasons(deliveries: &[Delivery]) -> Vec<&str> {
    let reasons = deliveries.iter().flat_map(|delivery| &delivery.attempts);
    reasons.map(|attempt| &*attempt.error).collect()
}

#[test]
fn hostile_urls_get_no_connection() {
    run_with_proxy("webhooks::hostile::child_with_hostile_urls");
}

#[test]
fn rebinding_name_gets_no_connection_to_its_private_address() {
    run_with_proxy("webhooks::hostile::child_with_rebinding_name");
}

/// Runs an ignored test in a process whose environment names a proxy, and checks that the proxy gets no connection.
fn run_with_proxy(test: &str) {
    let proxy = Listener::start();
    let url = format!("http://{PRIVATE}:{}", proxy.port);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(variable, &url);
        command.env(variable.to_lowercase(), &url);
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    command.stdout(Stdio::piped());
    let mut process = processes::start(&mut command, "cargo");
    let lines: Vec<_> = process.lines().map(Result::unwrap).collect();
    assert!(process.wait().success(), "{lines:#?}");
    let figures = lines.iter().find(|line| line.starts_with("FAULT "));
    let figures = figures.unwrap_or_else(|| panic!("{lines:#?}"));
    let connections = proxy.addresses().len();
    println!("{figures} proxy_connections={connections}");
    assert_eq!(connections, 0);
}

#[tokio::test]
#[ignore = "runs in a process with a proxy in its environment"]
async fn child_with_hostile_urls() {
    let listener = Listener::start();
    let inboxes = Inboxes::redis_with_clock_and(strict);
    let site = &inboxes.salver;
    // The listener sees connections to each address of this machine.
    let mut own = own_addresses();
    own.extend([PRIVATE, PUBLIC].map(|address| address.parse::<IpAddr>().unwrap()));
    if TcpListener::bind("[::1]:0").is_ok() {
        own.push("::1".parse().unwrap());
    }
    for address in &own {
        TcpStream::connect((*address, listener.port)).unwrap();
    }
    assert_eq!(listener.addresses(), own);

    // Each is refused when it is registered, at the latest by its handshake.
    let urls: HashMap<_, _> = URLS
        .iter()
        .map(|hostile| (&*hostile.name, at_port(&hostile.url, listener.port)))
        .collect();
    assert_eq!(urls.len(), 60);
    let endpoints = site.endpoints();
    for (name, url) in &urls {
        for url in [url, &url.replacen("https://", "http://", 1)] {
            let added = endpoints.add(Endpoint::new(url).handshake());
            let error = added.await.expect_err(name);
            assert_eq!(error.field(), Some("url"), "{name}: {error}");
        }
    }
    let by_address = URLS.iter().filter(|one| one.refused_by == "address");
    let mut hosts: Vec<_> = by_address.map(|one| host(&one.url).unwrap()).collect();
    hosts.sort();
    let mut registered = names();
    registered.sort();
    assert_eq!(registered, hosts, "names of other URLs were looked up");
    assert_eq!(listener.addresses(), [] as [IpAddr; 0]);

    // Those that another site, which allows loopback, has stored are refused at each attempt.
    let other = inboxes.process(lax);
    let mut stored = 0;
    for (name, url) in &urls {
        // Packets to them may leave the machine where loopback is allowed.
        if !["compatible", "NAT64"].contains(name) {
            stored += usize::from(other.endpoints().add(Endpoint::new(url)).await.is_ok());
        }
    }
    assert!(stored > 20, "{stored}");
    site.publish(order_paid("1")).await.unwrap();
    deliver(site).await;
    let refused = waiting(site).await;
    assert_eq!(
        reasons(&refused),
        vec!["the host may not be called"; stored]
    );
    let connections = listener.addresses();
    assert_eq!(connections, [] as [IpAddr; 0]);
    let mut looked_up = names();
    looked_up.sort();
    assert_eq!(looked_up, hosts);

    // The site that allows loopback connects: the listener would have seen the connections.
    inboxes.advance(FIRST_BACKOFF);
    deliver(&other).await;
    let allowed = listener.addresses();
    assert!(allowed.len() > 10, "{allowed:?}");
    assert!(allowed.iter().all(IpAddr::is_loopback), "{allowed:?}");
    println!(
        "FAULT webhooks_hostile n={} connections={} addresses={} stored={stored} refused={} allowed={} names={}",
        urls.len(),
        connections.len(),
        own.len(),
        refused.len(),
        allowed.len(),
        hosts.len(),
    );
}

#[tokio::test]
#[ignore = "runs in a process with a proxy in its environment"]
async fn child_with_rebinding_name() {
    let listener = Listener::start();
    let inboxes = Inboxes::redis_with_clock_and(rebinding);
    let site = &inboxes.salver;
    let url = |name: &str| format!("http://{name}.example:{}/", listener.port);
    let (public, none): (IpAddr, [IpAddr; 0]) = (PUBLIC.parse().unwrap(), []);

    // One lookup for one connection: there is none between the check and the connection.
    let added = site.endpoints().add(Endpoint::new(url("first"))).await;
    let (id, _) = added.unwrap();
    site.publish(order_paid("1")).await.unwrap();
    deliver(site).await;
    assert!(waiting(site).await.is_empty());
    assert_eq!(listener.addresses(), [public]);
    assert_eq!(names(), ["first.example"]);
    assert!(site.endpoints().remove(&id).await.unwrap());

    // The name is private after the handshake.
    let endpoints = site.endpoints();
    let added = endpoints.add(Endpoint::new(url("second")).handshake());
    added.await.unwrap();
    assert_eq!(listener.addresses(), [public]);
    site.publish(order_paid("2")).await.unwrap();
    for attempt in 1..=3 {
        deliver(site).await;
        let refused = waiting(site).await;
        assert_eq!(
            reasons(&refused),
            vec!["the host may not be called"; attempt]
        );
        inboxes.advance(Duration::from_secs(3_600));
    }
    let connections = listener.addresses();
    let lookups = names();
    println!(
        "FAULT webhooks_rebinding n={} private_connections={}",
        lookups.len(),
        connections.len()
    );
    assert_eq!((lookups.len(), &connections[..]), (4, &none[..]));
}
