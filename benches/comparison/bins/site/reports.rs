//! The reports of changes, which every process with a pending index receives.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use comparison::Result;

/// Pause after each read, the same as in Salver: the reports of many changes wake the thread once.
const REST: Duration = Duration::from_micros(500);

/// Receives the reports in a thread of its own, and drops them unread.
pub(crate) fn drop_all(url: &str) -> Result {
    let address = url.strip_prefix("redis://").ok_or("not a Redis URL")?;
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(b"HELLO 3\r\nCLIENT TRACKING ON BCAST PREFIX portal:\r\n")?;
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while connection.read(&mut buffer).is_ok_and(|size| size > 0) {
            thread::sleep(REST);
        }
    });
    Ok(())
}
