//! A primary with replicas, and the three Sentinels that watch it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::processes::{Running, free_port, scratch, start};
use super::redis::Server;

/// How long a primary may be silent before the Sentinels take it for dead.
pub const DOWN_AFTER: Duration = Duration::from_millis(500);
/// What the Sentinels call the primary.
pub const PRIMARY: &str = "main";
const QUORUM: usize = 2;
/// A replica need not wait for others that may come.
const AT_ONCE: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

/// A watched primary with its replicas.
#[derive(Debug)]
pub struct Watched {
    /// The first primary, then its replicas.
    pub servers: Vec<Server>,
    sentinels: Vec<Sentinel>,
}

#[derive(Debug)]
struct Sentinel {
    port: u16,
    process: Running,
}

impl Watched {
    /// Starts a primary with so many replicas and three Sentinels, and waits until all know each other.
    pub fn start(replicas: usize) -> Self {
        let primary = Server::start_with(&AT_ONCE);
        let port = primary.port.to_string();
        let replica = || {
            let follow = ["--replicaof", "127.0.0.1", &port];
            Server::start_with(&[&follow[..], &AT_ONCE].concat())
        };
        let mut servers = vec![primary];
        servers.extend((0..replicas).map(|_| replica()));
        wait("a replica has not caught up", || {
            let info: String = servers[0].run(&[b"INFO", b"replication"]);
            info.matches("state=online").count() == replicas
        });
        let settings = format!("sentinel monitor {PRIMARY} 127.0.0.1 {port} {QUORUM}");
        let sentinels = (0..3).map(|_| Sentinel::start(&settings)).collect();
        let watched = Self { servers, sentinels };
        wait("the Sentinels do not find each other", || {
            let mut sentinels = watched.sentinels.iter();
            sentinels.all(|sentinel| sentinel.knows(replicas, 2))
        });
        watched
    }

    /// Sets one Sentinel up before a primary, with the lines of its file that say where that is.
    pub fn alone(primary: Server, settings: &str) -> Self {
        let watched = Self {
            servers: vec![primary],
            sentinels: vec![Sentinel::start(settings)],
        };
        wait("the Sentinel does not find the primary", || {
            watched.sentinels[0].knows(0, 0)
        });
        watched
    }

    /// Gives the addresses of the Sentinels.
    pub fn urls(&self) -> Vec<String> {
        let url = |sentinel: &Sentinel| format!("redis://127.0.0.1:{}", sentinel.port);
        self.sentinels.iter().map(url).collect()
    }

    /// Lets a Sentinel that stands alone watch another primary.
    pub fn watch(&self, primary: &Server) {
        let mut sentinel = connect(self.sentinels[0].port).unwrap();
        let mut tell = |words: &[&str]| {
            let mut command = redis::cmd("SENTINEL");
            command.arg(words).exec(&mut sentinel).unwrap();
        };
        tell(&["REMOVE", PRIMARY]);
        let port = primary.port.to_string();
        tell(&["MONITOR", PRIMARY, "127.0.0.1", &port, "1"]);
    }

    /// Gives what waits for the Sentinels to name another primary; the first of them need not answer.
    pub fn watching(&self) -> Watching {
        Watching {
            sentinels: self.sentinels.iter().skip(1).map(|one| one.port).collect(),
            first: self.servers[0].port,
        }
    }

    /// Sends a signal to one of the Sentinels.
    pub fn signal_sentinel(&self, number: usize, name: &str) {
        self.sentinels[number].process.signal(name);
    }

    /// Gives the number of the server that is the primary by its own word, other than the one that failed.
    pub fn successor(&self, failed: usize) -> Option<usize> {
        let mut others = (0..self.servers.len()).filter(|number| *number != failed);
        others.find(|number| is_primary(&self.servers[*number]))
    }
}

/// Sentinels that are asked for the primary.
#[derive(Debug)]
pub struct Watching {
    sentinels: Vec<u16>,
    first: u16,
}

impl Watching {
    /// Waits until all of them name another primary than the first.
    pub fn settle(&self) {
        wait("the Sentinels do not settle on a primary", || {
            self.sentinels
                .iter()
                .all(|port| named(*port) != Some(self.first))
        });
    }
}

fn named(sentinel: u16) -> Option<u16> {
    let mut ask = redis::cmd("SENTINEL");
    let ask = ask.arg("GET-MASTER-ADDR-BY-NAME").arg(PRIMARY);
    let (_, port): (String, u16) = ask.query(&mut connect(sentinel)?).ok()?;
    Some(port)
}

fn connect(port: u16) -> Option<redis::Connection> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    client.get_connection().ok()
}

impl Sentinel {
    fn start(settings: &str) -> Self {
        let port = free_port();
        let (folder, down_after) = (scratch("sentinel"), DOWN_AFTER.as_millis());
        let settings = format!(
            "port {port}\nbind 127.0.0.1\n{settings}\n\
             sentinel down-after-milliseconds {PRIMARY} {down_after}\n\
             sentinel failover-timeout {PRIMARY} 5000\n"
        );
        let file = folder.join("sentinel.conf");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("redis-server");
        command.arg(&file).arg("--sentinel").stdout(Stdio::null());
        let process = start(&mut command, "redis-server");
        Self { port, process }
    }

    /// Tells whether it knows so many replicas, and so many other Sentinels.
    fn knows(&self, replicas: usize, others: usize) -> bool {
        let Some(mut connection) = connect(self.port) else {
            return false;
        };
        let mut ask = redis::cmd("SENTINEL");
        let known = ask.arg("MASTER").arg(PRIMARY);
        let known: std::collections::HashMap<String, String> =
            known.query(&mut connection).unwrap_or_default();
        known.get("num-slaves") == Some(&replicas.to_string())
            && known.get("num-other-sentinels") == Some(&others.to_string())
    }
}

/// Asks a server that may hang up on whoever asks, since it changes its role.
fn is_primary(server: &Server) -> bool {
    let Some(mut connection) = connect(server.port) else {
        return false;
    };
    let mut info = redis::cmd("INFO");
    let told: Result<String, _> = info.arg("replication").query(&mut connection);
    told.is_ok_and(|told| told.contains("role:master"))
}

fn wait(complaint: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(30), "{complaint}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
