//! A keep-alive connection with one request at a time.

use std::io::{Error, Result};
use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Initial capacity of the buffer, enough for a page and its headers.
const BUFFER_CAPACITY: usize = 16 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";
const CONTENT_LENGTH: &[u8] = b"content-length: ";

pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

pub struct Response<'a> {
    pub head: &'a [u8],
    pub body: &'a [u8],
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(BUFFER_CAPACITY),
        })
    }

    /// Sends a request and waits for the complete response.
    pub async fn send(&mut self, request: &[u8]) -> Result<Response<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let body_at = loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(Error::other("the site closed the connection"));
            }
            if let Some((at, length)) = find_body(&self.received)?
                && self.received.len() >= at + length
            {
                break at;
            }
        };
        let (head, body) = self.received.split_at(body_at);
        Ok(Response { head, body })
    }
}

/// Returns the start and the length of the body, or `None` until the head is complete.
fn find_body(received: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = memmem::find(received, HEAD_END) else {
        return Ok(None);
    };
    let (head, _) = received.split_at(end);
    let digits =
        memmem::find(head, CONTENT_LENGTH).map(|at| head.split_at(at + CONTENT_LENGTH.len()).1);
    let digits = digits.ok_or_else(|| Error::other("a response has no content-length"))?;
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    Ok(Some((end + HEAD_END.len(), length)))
}
