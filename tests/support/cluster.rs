//! Redis Clusters of real servers, one for each test that asks.

use std::ops::RangeInclusive;
use std::process::Command;
use std::time::{Duration, Instant};

use salver::Context;

use super::processes::free_port;
use super::redis::Server;

/// How long a node may be silent before the others take it for dead.
pub const NODE_TIMEOUT: Duration = Duration::from_millis(1000);
/// How far the port by which the nodes talk is from that of the clients.
const BUS: u16 = 10_000;

/// A Cluster, primaries first.
#[derive(Debug)]
pub struct Cluster {
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// Starts one server that has every slot: the rules of a Cluster without its size.
    pub fn alone() -> Self {
        Self::alone_with(&[])
    }

    pub fn alone_with(options: &[&str]) -> Self {
        let node = node(options);
        let _: String = node.run(&[b"CLUSTER", b"ADDSLOTSRANGE", b"0", b"16383"]);
        let cluster = Self { nodes: vec![node] };
        cluster.agrees();
        cluster
    }

    /// Starts so many primaries, and so many replicas of each.
    pub fn start(primaries: usize, replicas: usize) -> Self {
        Self::start_with(primaries, replicas, &[])
    }

    pub fn start_with(primaries: usize, replicas: usize, options: &[&str]) -> Self {
        let nodes: Vec<_> = (0..primaries * (1 + replicas))
            .map(|_| node(options))
            .collect();
        let cluster = Self { nodes };
        let mut command = vec!["create".to_owned()];
        command.extend(cluster.nodes.iter().map(address));
        command.extend(["--cluster-replicas".to_owned(), replicas.to_string()]);
        cluster.manage(&command);
        cluster.agrees();
        cluster
    }

    /// Runs `redis-cli --cluster`, as an operator does.
    pub fn manage(&self, words: &[String]) {
        let mut command = Command::new("redis-cli");
        command.arg("--cluster").args(words).arg("--cluster-yes");
        let output = command
            .output()
            .expect("redis-cli is missing: install it, on Debian by `apt-get install redis-tools`");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "redis-cli --cluster: {said}");
    }

    /// Moves so many slots from one primary to another.
    pub fn reshard(&self, from: &Server, to: &Server, slots: usize) {
        // What was moved before has to be known everywhere: redis-cli refuses else.
        self.agrees();
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
    }

    /// Moves the slot of a key as a busy Cluster does: its keys are on both sides for a while.
    pub fn move_slowly(&self, key: &str, from: &Server, to: &Server, pause: Duration) {
        let slot = from
            .run::<u64>(&[b"CLUSTER", b"KEYSLOT", key.as_bytes()])
            .to_string();
        let slot = slot.as_bytes();
        let id = |node: &Server| node.run::<String>(&[b"CLUSTER", b"MYID"]);
        let (from_id, to_id, port) = (id(from), id(to), to.port.to_string());
        let set = |node: &Server, word: &[u8], id: &str| {
            let _: String = node.run(&[b"CLUSTER", b"SETSLOT", slot, word, id.as_bytes()]);
        };
        set(to, b"IMPORTING", &from_id);
        set(from, b"MIGRATING", &to_id);
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
            set(node, b"NODE", &to_id);
        }
    }

    /// Waits until every node says that the Cluster is well and the same of every slot, and every replica has
    /// caught up.
    fn agrees(&self) {
        let started = Instant::now();
        let agree = || {
            self.nodes
                .windows(2)
                .all(|two| slots(&two[0]) == slots(&two[1]))
        };
        while !(self.nodes.iter().all(is_well) && agree()) {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "the Cluster does not agree"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Gives the addresses of all nodes.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }

    /// Waits until a node that runs sees that a port has no slot any more.
    pub fn settle(&self, failed: u16, seen_by: &Server) {
        let started = Instant::now();
        while slots(seen_by).iter().any(|range| range.port == failed) {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "no replica takes over"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Counts what is in a context, visible or not.
    pub fn members(&self, context: &Context) -> u64 {
        let key = context.key();
        let home = &self.nodes[self.home(&self.nodes[0], &key)];
        home.run(&[b"ZCARD", key.as_bytes()])
    }

    /// Gives the number of the node that a key is on, as a node that runs sees it.
    pub fn home(&self, seen_by: &Server, key: &str) -> usize {
        let slot: u16 = seen_by.run(&[b"CLUSTER", b"KEYSLOT", key.as_bytes()]);
        let mut ranges = slots(seen_by).into_iter();
        let range = ranges.find(|range| range.slots.contains(&slot));
        let port = range.expect("the slot is nobody's").port;
        let mut nodes = self.nodes.iter();
        nodes.position(|node| node.port == port).unwrap()
    }
}

/// Slots and the port of their primary.
#[derive(PartialEq)]
struct Range {
    slots: RangeInclusive<u16>,
    port: u16,
}

fn slots(seen_by: &Server) -> Vec<Range> {
    let ranges: Vec<Vec<redis::Value>> = seen_by.run(&[b"CLUSTER", b"SLOTS"]);
    let number = |value: &redis::Value| redis::from_redis_value(value.clone()).unwrap();
    let read = |range: &Vec<redis::Value>| {
        let primary: Vec<redis::Value> = redis::from_redis_value(range[2].clone()).unwrap();
        Range {
            slots: number(&range[0])..=number(&range[1]),
            port: number(&primary[1]),
        }
    };
    let mut ranges: Vec<_> = ranges.iter().map(read).collect();
    ranges.sort_by_key(|range| *range.slots.start());
    ranges
}

fn node(options: &[&str]) -> Server {
    let timeout = NODE_TIMEOUT.as_millis().to_string();
    let mut all = vec![
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        &timeout,
    ];
    all.extend(["--repl-diskless-sync-delay", "0"]);
    all.extend(options);
    Server::start_on(cluster_port, &all)
}

/// Finds a port that is free for clients, and the other one for nodes too.
pub fn cluster_port() -> u16 {
    loop {
        let port = free_port();
        let bus = port.checked_add(BUS);
        if bus.is_some_and(|bus| std::net::TcpListener::bind(("127.0.0.1", bus)).is_ok()) {
            return port;
        }
    }
}

fn address(node: &Server) -> String {
    format!("127.0.0.1:{}", node.port)
}

fn is_well(node: &Server) -> bool {
    let info: String = node.run(&[b"CLUSTER", b"INFO"]);
    let replication: String = node.run(&[b"INFO", b"replication"]);
    info.contains("cluster_state:ok") && !replication.contains("master_link_status:down")
}
