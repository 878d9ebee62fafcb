//! What a redis-server says that it has done: the testimony that no client can colour.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use salver::MessageId;

use super::history::{Event, History};
use super::redis::Server;

/// Listens to a server with `MONITOR` and tells a history of claims, releases and confirms.
pub struct Monitor {
    marks: Receiver<String>,
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
        let (send, marks) = channel();
        let history = history.clone();
        thread::spawn(move || {
            // What a script does is told after the line that ran it.
            let mut confirming = false;
            for line in lines.map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                if line.contains("\"EVAL") {
                    confirming = is_confirm(&line);
                }
                for event in read(&line, confirming) {
                    history.happened(event);
                }
                if let Some((_, mark)) = line.split_once("\"ECHO\" \"mark-") {
                    let _ = send.send(mark.trim_end_matches(['"', '\r']).to_owned());
                }
            }
        });
        Self { marks }
    }

    /// Waits until everything that the server has done so far is in the history.
    pub fn catch_up(&self, server: &Server) {
        let _: String = server.run(&[b"ECHO", b"mark-here"]);
        self.marks
            .recv_timeout(Duration::from_secs(30))
            .expect("the monitor does not catch up");
    }
}

/// Tells whether a line runs the script that confirms, by its hash or by its source.
fn is_confirm(line: &str) -> bool {
    static HASH: LazyLock<String> = LazyLock::new(|| {
        let source = include_str!("../../src/store/redis/scripts/confirm.lua");
        redis::Script::new(source).get_hash().to_owned()
    });
    line.contains(&*HASH) || line.contains("-- Removes what a claim holds")
}

/// Reads one line: `+1700000000.123456 [0 lua] "ZADD" "key" "XX" "1700000015123" "{\"id\":\"…`.
fn read(line: &str, confirmed: bool) -> Vec<Event> {
    let Some((head, command)) = line.split_once("] ") else {
        return Vec::new();
    };
    if command.starts_with("\"ZREM\" ") {
        let removed = ids(command).map(|id| Event::Removed { id, confirmed });
        return removed.collect();
    }
    let mut words = command.split(' ');
    if words.next() != Some("\"ZADD\"") {
        return Vec::new();
    }
    let seconds = head.trim_start_matches('+').split(' ').next().unwrap();
    let at = (seconds.parse::<f64>().unwrap() * 1000.0) as u64;
    let score = words.nth(2).unwrap_or_default().trim_matches('"');
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
