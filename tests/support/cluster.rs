//! Redis Clusters of real servers. Each test starts its own.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use salver::store::RedisStore;
use salver::{Context, Salver};

use super::eventually;
use super::processes::free_port;
use super::redis::Server;

/// How long a node may be unreachable before the other nodes mark it as failed.
pub const NODE_TIMEOUT: Duration = Duration::from_millis(1000);
const NODE_TIMEOUT_MILLIS: &str = "1000";
/// The setting by which replicas do not take over.
const NO_FAILOVER: &str = "cluster-replica-no-failover";
/// The options of a Cluster that serves while a primary is gone, and whose replicas wait.
pub const REPLICATED: [&str; 6] = [
    "--cluster-require-full-coverage",
    "no",
    "--cluster-replica-no-failover",
    "yes",
    "--cluster-replica-validity-factor",
    "0",
];
/// Distance of the cluster bus port from the client port, as fixed by Redis.
const BUS: u16 = 10_000;

/// A running Cluster.
#[derive(Debug)]
pub struct Cluster {
    /// All nodes, primaries first.
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// Starts one node that owns every hash slot. It applies the rules of a Cluster and starts
    /// faster.
    pub fn single_node() -> Self {
        Self::single_node_with(&[])
    }

    pub fn single_node_with(options: &[&str]) -> Self {
        let node = node(options);
        let _: String = node.run(&[b"CLUSTER", b"ADDSLOTSRANGE", b"0", b"16383"]);
        let cluster = Self { nodes: vec![node] };
        cluster.wait_until_consistent();
        cluster
    }

    /// Starts a Cluster with `replicas` replicas of each primary.
    pub fn start(primaries: usize, replicas: usize) -> Self {
        Self::start_with(primaries, replicas, &[])
    }

    pub fn start_with(primaries: usize, replicas: usize, options: &[&str]) -> Self {
        let nodes = (0..primaries * (1 + replicas)).map(|_| node(options));
        Self::create(nodes.collect(), replicas)
    }

    /// Starts a Cluster whose wall clocks are set by a file.
    pub fn start_at(time: &Path, primaries: usize, replicas: usize, options: &[&str]) -> Self {
        let start = |_| Server::start_on_at(cluster_port, time, &with_defaults(options));
        let nodes = (0..primaries * (1 + replicas)).map(start);
        Self::create(nodes.collect(), replicas)
    }

    /// Makes a Cluster of running nodes.
    fn create(nodes: Vec<Server>, replicas: usize) -> Self {
        let cluster = Self { nodes };
        let mut command = vec!["create".to_owned()];
        command.extend(cluster.nodes.iter().map(address));
        command.extend(["--cluster-replicas".to_owned(), replicas.to_string()]);
        cluster.manage(&command);
        cluster.wait_until_consistent();
        let primaries = cluster.nodes.len() / (1 + replicas);
        for primary in &cluster.nodes[..primaries] {
            primary.wait_for_replicas(replicas);
        }
        cluster
    }

    /// Starts a Cluster that serves while a primary is gone, and whose replicas [take
    /// over](Self::take_over) when a test lets them.
    pub fn replicated() -> Self {
        Self::start_with(3, 1, &REPLICATED)
    }

    /// Lets the replica of a primary that is gone take over, and waits until it has.
    pub fn take_over(&self, gone: &Server) {
        let replicas = &self.nodes[self.nodes.len() / 2..];
        for replica in replicas {
            replica.set_config(NO_FAILOVER, "no");
        }
        self.wait_for_takeover(gone.port, &replicas[0]);
        for replica in replicas {
            replica.set_config(NO_FAILOVER, "yes");
        }
    }

    /// Starts another primary, which has no slots yet, and waits until the others know it. It becomes
    /// the last node.
    pub fn add_primary(&mut self, options: &[&str]) {
        self.nodes.push(node(options));
        let (added, others) = self.nodes.split_last().unwrap();
        let port = added.port.to_string();
        let meet: [&[u8]; 4] = [b"CLUSTER", b"MEET", b"127.0.0.1", port.as_bytes()];
        let _: String = others[0].run(&meet);
        let id: String = added.run(&[b"CLUSTER", b"MYID"]);
        let knows = |node: &Server| node.run::<String>(&[b"CLUSTER", b"NODES"]).contains(&id);
        let started = Instant::now();
        while !(others.iter().all(knows) && is_healthy(added)) {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "the nodes of the Cluster do not know the new one"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs `redis-cli --cluster` with these arguments.
    pub fn manage(&self, arguments: &[String]) {
        let mut command = Command::new("redis-cli");
        command
            .arg("--cluster")
            .args(arguments)
            .arg("--cluster-yes");
        let output = command
            .output()
            .expect("redis-cli is missing: install it, on Debian by `apt-get install redis-tools`");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "redis-cli --cluster: {stdout}");
    }

    /// Moves `slots` hash slots from one primary to another.
    fn reshard(&self, from: &Server, to: &Server, slots: usize) {
        self.manage(&[
            "reshard".to_owned(),
            address(to),
            "--cluster-from".to_owned(),
            from.run(&[b"CLUSTER", b"MYID"]),
            "--cluster-to".to_owned(),
            to.run(&[b"CLUSTER", b"MYID"]),
            "--cluster-slots".to_owned(),
            slots.to_string(),
        ]);
        self.wait_until_consistent();
    }

    /// Moves `slots` hash slots of each primary to the next, then slowly those of these keys.
    ///
    /// The last primary gives its slots first, so that no slot moves twice at once: Redis 7.0 may give a slot
    /// back to the primary before, if a message that was under way still claims it.
    pub fn move_slots(&self, slots: usize, keys: &[String], pause: Duration) {
        let primaries = primaries(&self.nodes[0]).len();
        let next = |from: usize| &self.nodes[(from + 1) % primaries];
        for from in (0..primaries).rev() {
            let giver = &self.nodes[from];
            if has_slots(giver) {
                self.reshard(giver, next(from), slots);
            }
        }
        for key in keys {
            let from = self.primary_of(&self.nodes[0], key);
            self.migrate_slot_slowly(key, &self.nodes[from], next(from), pause);
        }
    }

    /// Returns keys of the application, each of another slot.
    pub fn keys_of_slots(&self, number: usize) -> Vec<String> {
        let keys_of = |node: &Server| node.run::<Vec<String>>(&[b"KEYS", b"app!*"]);
        let slot_of =
            |key: &String| -> u64 { self.nodes[0].run(&[b"CLUSTER", b"KEYSLOT", key.as_bytes()]) };
        let keys = self.nodes.iter().flat_map(keys_of);
        let by_slot: BTreeMap<_, _> = keys.map(|key| (slot_of(&key), key)).collect();
        by_slot.into_values().take(number).collect()
    }

    /// Migrates the hash slot of a key one key at a time, with a pause after each. Meanwhile the
    /// keys of the slot are spread over both nodes, as in a busy Cluster.
    pub fn migrate_slot_slowly(&self, key: &str, from: &Server, to: &Server, pause: Duration) {
        let slot = from
            .run::<u64>(&[b"CLUSTER", b"KEYSLOT", key.as_bytes()])
            .to_string();
        let slot = slot.as_bytes();
        let id = |node: &Server| node.run::<String>(&[b"CLUSTER", b"MYID"]);
        let (from_id, to_id, port) = (id(from), id(to), to.port.to_string());
        let set_slot = |node: &Server, state: &[u8], id: &str| {
            let _: String = node.run(&[b"CLUSTER", b"SETSLOT", slot, state, id.as_bytes()]);
        };
        set_slot(to, b"IMPORTING", &from_id);
        set_slot(from, b"MIGRATING", &to_id);
        std::thread::sleep(pause);
        loop {
            let keys: Vec<String> = from.run(&[b"CLUSTER", b"GETKEYSINSLOT", slot, b"1"]);
            let Some(key) = keys.first() else {
                break;
            };
            let port = port.as_bytes();
            let migrate: [&[u8]; 6] = [
                b"MIGRATE",
                b"127.0.0.1",
                port,
                key.as_bytes(),
                b"0",
                b"5000",
            ];
            let _: String = from.run(&migrate);
            std::thread::sleep(pause);
        }
        for node in [to, from] {
            set_slot(node, b"NODE", &to_id);
        }
        self.wait_until_consistent();
    }

    /// Waits until every node reports the state `ok` and the same slots and configuration epochs of the
    /// primaries, and every replica is in sync.
    ///
    /// Slots move only after this. A primary that receives a slot takes the next epoch that it knows of: if it
    /// does not know the latest, two primaries have the same epoch, and the nodes may never agree on a slot.
    fn wait_until_consistent(&self) {
        let started = Instant::now();
        let agree = || {
            let mut views = self.nodes.iter().map(primaries);
            let first = views.next();
            views.all(|view| Some(&view) == first.as_ref())
        };
        while !(self.nodes.iter().all(is_healthy) && agree()) {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "the nodes of the Cluster do not agree: {:?}",
                self.nodes.iter().map(primaries).collect::<Vec<_>>()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the addresses of all nodes.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }

    /// Waits until a running node reports that the node on port `failed` owns no slot any more.
    pub fn wait_for_takeover(&self, failed: u16, observer: &Server) {
        let started = Instant::now();
        while slots(observer).iter().any(|range| range.port == failed) {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "no replica took over the slots of the failed node"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns the number of members of a context, visible or not.
    pub fn members(&self, context: &Context) -> u64 {
        let key = context.key();
        let primary = &self.nodes[self.primary_of(&self.nodes[0], &key)];
        primary.run(&[b"ZCARD", key.as_bytes()])
    }

    /// Returns the index of the primary that owns a key, according to a running node.
    pub fn primary_of(&self, observer: &Server, key: &str) -> usize {
        let slot: u16 = observer.run(&[b"CLUSTER", b"KEYSLOT", key.as_bytes()]);
        let mut ranges = slots(observer).into_iter();
        let range = ranges.find(|range| range.slots.contains(&slot));
        let port = range.expect("no node owns the slot").port;
        let mut nodes = self.nodes.iter();
        nodes.position(|node| node.port == port).unwrap()
    }
}

/// Waits until the replica of a primary has what the primary has now.
pub async fn wait_until_replicated(primary: &Server) {
    let offset = |prefix: &str| {
        let info: String = primary.run(&[b"INFO", b"replication"]);
        let (_, rest) = info.split_once(prefix)?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u64>().ok()
    };
    let written = offset("master_repl_offset:").unwrap();
    eventually("the replica has all writes", async || {
        (offset("state=online,offset=")? >= written).then_some(())
    })
    .await;
}

/// A range of hash slots and the port of their primary.
#[derive(PartialEq)]
struct SlotRange {
    slots: RangeInclusive<u16>,
    port: u16,
}

/// Returns the id, the configuration epoch and the slots of each primary, as a node knows them.
fn primaries(observer: &Server) -> BTreeMap<String, (String, Vec<String>)> {
    let nodes: String = observer.run(&[b"CLUSTER", b"NODES"]);
    let primary = |line: &str| {
        let fields: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let slots = fields[8..].to_vec();
        let is_primary = fields[2].contains("master");
        is_primary.then(|| (fields[0].clone(), (fields[6].clone(), slots)))
    };
    nodes.lines().filter_map(primary).collect()
}

fn has_slots(primary: &Server) -> bool {
    slots(primary)
        .iter()
        .any(|range| range.port == primary.port)
}

fn slots(observer: &Server) -> Vec<SlotRange> {
    let ranges: Vec<Vec<redis::Value>> = observer.run(&[b"CLUSTER", b"SLOTS"]);
    let number = |value: &redis::Value| redis::from_redis_value(value.clone()).unwrap();
    let parse = |range: &Vec<redis::Value>| {
        let primary: Vec<redis::Value> = redis::from_redis_value(range[2].clone()).unwrap();
        SlotRange {
            slots: number(&range[0])..=number(&range[1]),
            port: number(&primary[1]),
        }
    };
    let mut ranges: Vec<_> = ranges.iter().map(parse).collect();
    ranges.sort_by_key(|range| *range.slots.start());
    ranges
}

fn node(options: &[&str]) -> Server {
    Server::start_on(cluster_port, &with_defaults(options))
}

/// Returns the options of a node.
fn with_defaults<'a>(options: &[&'a str]) -> Vec<&'a str> {
    let cluster = ["--cluster-enabled", "yes"];
    let timeout = ["--cluster-node-timeout", NODE_TIMEOUT_MILLIS];
    let sync = ["--repl-diskless-sync-delay", "0"];
    [&cluster[..], &timeout, &sync, options].concat()
}

/// Returns a free port whose cluster bus port is free too.
pub fn cluster_port() -> u16 {
    loop {
        let port = free_port();
        if std::net::TcpListener::bind(("127.0.0.1", port + BUS)).is_ok() {
            return port;
        }
    }
}

fn address(node: &Server) -> String {
    format!("127.0.0.1:{}", node.port)
}

fn is_healthy(node: &Server) -> bool {
    let info: String = node.run(&[b"CLUSTER", b"INFO"]);
    let replication: String = node.run(&[b"INFO", b"replication"]);
    info.contains("cluster_state:ok") && !replication.contains("master_link_status:down")
}

/// Creates a handle for all nodes of a Cluster, with a lease short enough to wait for.
pub fn cluster_handle(cluster: &Cluster) -> Salver {
    let salver = Salver::builder("app").store(cluster_store(cluster));
    salver.lease(Duration::from_secs(1)).build().unwrap()
}

/// Creates a store on all nodes of a Cluster.
pub fn cluster_store(cluster: &Cluster) -> RedisStore {
    let urls = cluster.urls();
    let builder = RedisStore::builder(&urls[0]);
    let builder = urls
        .iter()
        .skip(1)
        .fold(builder, |builder, url| builder.seed(url));
    builder.cluster().build().unwrap()
}
