//! Counts the commands that clients send, with `MONITOR`. `INFO commandstats` also counts the
//! commands that scripts run.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use redis::cmd;

use crate::Result;
use crate::server::Server;

/// Time for commands that a site sends after its last response, such as a confirm.
const TRAILING_COMMANDS_TIME: Duration = Duration::from_millis(100);
/// The argument of the command that ends the count.
const END_MARKER: &str = "end-of-count";

/// The number of times that each command was sent.
pub type CommandCounts = BTreeMap<String, u64>;

/// Runs a closure. Returns its result and the commands that clients sent meanwhile.
///
/// # Errors
///
/// The closure fails, or the connection to the server is lost.
pub fn count_commands<T>(
    server: &mut Server,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, CommandCounts)> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port()))?;
    stream.write_all(b"MONITOR\r\n")?;
    let mut lines = BufReader::new(stream).lines();
    // The first line is the reply to MONITOR.
    lines.next().transpose()?;
    let result = work()?;
    sleep(TRAILING_COMMANDS_TIME);
    server.run::<String>(cmd("ECHO").arg(END_MARKER))?;
    let mut counts = CommandCounts::new();
    for line in lines {
        let line = line?;
        if line.contains(END_MARKER) {
            break;
        }
        if let Some(command) = client_command(&line) {
            *counts.entry(command).or_default() += 1;
        }
    }
    Ok((result, counts))
}

/// Returns the command of a line such as `+1339518083.107412 [0 127.0.0.1:60866] "get" "key"`, or
/// `None` if a script ran it. The line of a script has `lua` in place of the client address.
fn client_command(line: &str) -> Option<String> {
    let (prefix, command) = line.split_once("] \"")?;
    let name = command.split('"').next()?;
    (!prefix.ends_with(" lua")).then(|| name.to_lowercase())
}
