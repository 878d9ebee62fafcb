//! One connection that is kept, and one request at a time on it.

use std::io::{Error, Result};
use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Room for a page and its head.
const ROOM: usize = 16 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";
const LENGTH: &[u8] = b"content-length: ";

pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

pub(crate) struct Response<'a> {
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(ROOM),
        })
    }

    /// Sends a request and waits for all of its response.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Response<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let body_at = loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(Error::other("the site has closed the connection"));
            }
            if let Some((at, length)) = measure(&self.received)?
                && self.received.len() >= at + length
            {
                break at;
            }
        };
        let (head, body) = self.received.split_at(body_at);
        Ok(Response { head, body })
    }
}

/// Finds where the body of a response begins, and how long it is; nothing until all of the head is there.
fn measure(received: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = memmem::find(received, HEAD_END) else {
        return Ok(None);
    };
    let (head, _) = received.split_at(end);
    let digits = memmem::find(head, LENGTH).map(|at| head.split_at(at + LENGTH.len()).1);
    let digits = digits.ok_or_else(|| Error::other("a response does not tell its length"))?;
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    Ok(Some((end + HEAD_END.len(), length)))
}
