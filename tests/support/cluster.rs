//! Redis Clusters of real servers, one for each test that asks.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use super::programs::free_port;
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
        let node = node(&[]);
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

    /// Waits until every node that runs says that the Cluster is well and every replica has caught up.
    fn agrees(&self) {
        let started = Instant::now();
        while !self.nodes.iter().all(is_well) {
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

    /// Gives the ports of the primaries with how many slots each has, as a node that runs sees it.
    pub fn primaries(&self, seen_by: &Server) -> BTreeMap<u16, usize> {
        let ranges: Vec<(usize, usize, (String, u16, String))> = slots(seen_by);
        let mut primaries = BTreeMap::new();
        for (first, last, (_, port, _)) in ranges {
            *primaries.entry(port).or_default() += last - first + 1;
        }
        primaries
    }

    /// Gives the number of the node that a key is on, as a node that runs sees it.
    pub fn home(&self, seen_by: &Server, key: &str) -> usize {
        let slot: usize = seen_by.run(&[b"CLUSTER", b"KEYSLOT", key.as_bytes()]);
        let mut ranges = slots(seen_by).into_iter();
        let range = ranges.find(|(first, last, _)| (*first..=*last).contains(&slot));
        let (_, _, (_, port, _)) = range.expect("the slot is nobody's");
        let home = self.nodes.iter().position(|node| node.port == port);
        home.unwrap()
    }
}

type Range = (usize, usize, (String, u16, String));

fn slots(seen_by: &Server) -> Vec<Range> {
    let ranges: Vec<Vec<redis::Value>> = seen_by.run(&[b"CLUSTER", b"SLOTS"]);
    let read = |range: Vec<redis::Value>| {
        let [first, last, primary] = range.into_iter().take(3).collect::<Vec<_>>().try_into().unwrap();
        let primary: Vec<redis::Value> = redis::from_redis_value(primary).unwrap();
        let [host, port, id] = primary.into_iter().take(3).collect::<Vec<_>>().try_into().unwrap();
        (
            redis::from_redis_value(first).unwrap(),
            redis::from_redis_value(last).unwrap(),
            (
                redis::from_redis_value(host).unwrap(),
                redis::from_redis_value(port).unwrap(),
                redis::from_redis_value(id).unwrap(),
            ),
        )
    };
    ranges.into_iter().map(read).collect()
}

fn node(options: &[&str]) -> Server {
    let timeout = NODE_TIMEOUT.as_millis().to_string();
    let mut all = vec!["--cluster-enabled", "yes", "--cluster-node-timeout", &timeout];
    all.extend(["--repl-diskless-sync-delay", "0"]);
    all.extend(options);
    Server::start_at(cluster_port, &all)
}

/// Finds a port that is free for clients, and the other one for nodes too.
fn cluster_port() -> u16 {
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
