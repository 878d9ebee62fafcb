//! Counts what clients send to a server: its own counts do not tell that from what scripts do.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use redis::cmd;

use crate::Outcome;
use crate::server::Server;

/// What comes after a response, such as a confirm, has come by then.
const LATE: Duration = Duration::from_millis(100);
const LAST: &str = "that-was-all";

/// How often each command was sent.
pub type Sent = BTreeMap<String, u64>;

/// Does something and tells what was sent meanwhile.
///
/// # Errors
///
/// What is done fails, or the server goes.
pub fn during<T>(server: &mut Server, act: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Sent)> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port()))?;
    stream.write_all(b"MONITOR\r\n")?;
    let mut lines = BufReader::new(stream).lines();
    // The first line says that it listens.
    lines.next().transpose()?;
    let acted = act()?;
    sleep(LATE);
    server.run::<String>(cmd("ECHO").arg(LAST))?;
    let mut sent = Sent::new();
    for line in lines {
        let line = line?;
        if line.contains(LAST) {
            break;
        }
        if let Some(command) = sent_by_client(&line) {
            *sent.entry(command).or_default() += 1;
        }
    }
    Ok((acted, sent))
}

/// Reads `+1339518083.107412 [0 127.0.0.1:60866] "get" "key"`; in place of the address a script has `lua`.
fn sent_by_client(line: &str) -> Option<String> {
    let (head, command) = line.split_once("] \"")?;
    let word = command.split('"').next()?;
    (!head.ends_with(" lua")).then(|| word.to_lowercase())
}
