//! What a server sends before it receives a command: the reason why it closes the connection.

use std::io::ErrorKind;
use std::time::Duration;

use ::redis::{Client, ConnectionAddr};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::redis::server_reply;

/// Longest wait for the reason, in addition to twice the time of connecting. A server that rejects a
/// connection sends it at once. Much shorter than an add waits for its first attempt.
const GREETING_TIMEOUT: Duration = Duration::from_millis(20);
/// Longest part of the reason that is read.
const MAX_GREETING: usize = 1024;

/// Returns why the server closes each new connection, such as `DENIED Redis is running in protected
/// mode…` or `ERR max number of clients reached`.
///
/// The client has already sent its first command when it reads. The operating system then discards
/// the reason along with the closed connection. So a second connection reads it and sends nothing.
pub(super) async fn read(client: &Client) -> Option<String> {
    let ConnectionAddr::Tcp(host, port) = client.get_connection_info().addr() else {
        return None;
    };
    let started = Instant::now();
    let stream = TcpStream::connect((host.as_str(), *port)).await.ok()?;
    let wait = started.elapsed() * 2 + GREETING_TIMEOUT;
    let reading = async {
        let mut greeting = Vec::new();
        let mut part = [0; 256];
        while greeting.len() < MAX_GREETING && !greeting.contains(&b'\n') {
            stream.readable().await.ok()?;
            match stream.try_read(&mut part) {
                Ok(length @ 1..) => greeting.extend(part.iter().take(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                _ => break,
            }
        }
        let text = String::from_utf8_lossy(&greeting).into_owned();
        text.strip_prefix('-').map(server_reply::shorten)
    };
    timeout(wait, reading).await.ok().flatten()
}
