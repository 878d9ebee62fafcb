//! The commands that a redis-server executed, as it reports them itself, independent of any client.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use salver::MessageId;

use super::history::{Event, History};
use super::redis::Server;

/// Reads a server's `MONITOR` output and records claims, releases and confirms in a history.
pub struct Monitor {
    /// The markers that `catch_up` sent and the server reported.
    markers: Receiver<String>,
}

impl Monitor {
    pub fn start(server: &Server, history: &History) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut lines = BufReader::new(stream).split(b'\n');
        let first = lines.next().unwrap().unwrap();
        assert!(
            first.starts_with(b"+OK"),
            "{}",
            String::from_utf8_lossy(&first)
        );
        let (send, markers) = channel();
        let history = history.clone();
        thread::spawn(move || {
            // The commands of a script follow the line that ran the script.
            let mut confirming = false;
            for line in lines.map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                if line.contains("\"EVAL") {
                    confirming = is_confirm(&line);
                }
                // Salver removes members without a script only to confirm them.
                let is_script = line.contains(" lua] ");
                for event in parse(&line, confirming || !is_script) {
                    history.record(event);
                }
                if let Some((_, marker)) = line.split_once("\"ECHO\" \"marker-") {
                    let _ = send.send(marker.trim_end_matches(['"', '\r']).to_owned());
                }
            }
        });
        Self { markers }
    }

    /// Waits until the history contains everything that the server has executed so far.
    pub fn catch_up(&self, server: &Server) {
        let _: String = server.run(&[b"ECHO", b"marker-end"]);
        self.markers
            .recv_timeout(Duration::from_secs(30))
            .expect("the monitor did not catch up within 30 seconds");
    }
}

/// Returns the commands that clients send to a server within a time, without those that scripts run.
pub fn client_commands(server: &Server, time: Duration) -> Vec<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.write_all(b"MONITOR\r\n").unwrap();
    let ends = Instant::now() + time;
    let mut commands = Vec::new();
    let mut reader = BufReader::new(stream);
    loop {
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        reader.get_ref().set_read_timeout(Some(left)).unwrap();
        let mut line = String::new();
        if reader.read_line(&mut line).is_ok() && line.contains('[') && !line.contains(" lua] ") {
            commands.push(line);
        }
    }
    commands
}

/// Returns whether a line runs the script `confirm.lua`, by its hash or by its source.
fn is_confirm(line: &str) -> bool {
    const SOURCE: &str = include_str!("../../src/store/redis/scripts/confirm.lua");
    static HASH: LazyLock<String> =
        LazyLock::new(|| redis::Script::new(SOURCE).get_hash().to_owned());
    // Up to the first character that `MONITOR` would escape.
    let is_escaped = |c: char| !c.is_ascii_graphic() && c != ' ' || matches!(c, '"' | '\\');
    let header = SOURCE.split(is_escaped).next().unwrap();
    line.contains(&*HASH) || line.contains(header)
}

/// Parses one line: `+1700000000.123456 [0 lua] "ZADD" "key" "XX" "1700000015123" "{\"id\":\"…`.
fn parse(line: &str, confirmed: bool) -> Vec<Event> {
    let Some((head, command)) = line.split_once("] ") else {
        return Vec::new();
    };
    if command.starts_with("\"ZREM\" ") {
        let removed = ids(command).map(|id| Event::Removed { id, confirmed });
        return removed.collect();
    }
    let mut arguments = command.split(' ');
    if arguments.next() != Some("\"ZADD\"") {
        return Vec::new();
    }
    let seconds = head.trim_start_matches('+').split(' ').next().unwrap();
    let at = (seconds.parse::<f64>().unwrap() * 1000.0) as u64;
    let score = arguments.nth(2).unwrap_or_default().trim_matches('"');
    let Ok(score) = score.parse::<f64>() else {
        return Vec::new();
    };
    let scored = |id| Event::Scored {
        id,
        score: score as u64,
        at,
    };
    ids(command).map(scored).collect()
}

fn ids(command: &str) -> impl Iterator<Item = MessageId> {
    let starts = command.split(r#""{\"id\":\""#).skip(1);
    starts.filter_map(|member| member.get(..36)?.parse().ok())
}
