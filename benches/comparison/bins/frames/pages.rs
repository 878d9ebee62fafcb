//! The open pages: clients that read their streams.

use std::time::Duration;

use comparison::Result;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Clients that connect at the same time, the backlog of the listener.
const MAX_CONCURRENT_CONNECTS: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Pages {
    runtime: Runtime,
    /// One task for each page, which ends with the event that the list has changed.
    readers: JoinSet<std::io::Result<BufReader<TcpStream>>>,
    /// The pages that have the event. They stay open, as those of people do: what a site does when a page closes
    /// is not measured.
    notified: Vec<BufReader<TcpStream>>,
}

impl Pages {
    /// Opens the stream of each person.
    ///
    /// # Errors
    ///
    /// A stream cannot be opened: the site or this process lacks file descriptors.
    pub(crate) fn open(port: u16, count: usize) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut readers = JoinSet::new();
        runtime.block_on(async {
            for first in (0..count).step_by(MAX_CONCURRENT_CONNECTS) {
                let people = first..count.min(first + MAX_CONCURRENT_CONNECTS);
                let mut opening = JoinSet::new();
                for person in people {
                    opening.spawn(open(port, person));
                }
                while let Some(stream) = opening.join_next().await {
                    readers.spawn(read_until_notified(stream??));
                }
            }
            Ok::<_, Box<dyn std::error::Error>>(())
        })?;
        Ok(Self {
            runtime,
            readers,
            notified: Vec::with_capacity(count),
        })
    }

    /// Waits until every page has been notified that its list has changed.
    ///
    /// # Errors
    ///
    /// A stream ends, or a page is not notified.
    pub(crate) fn wait_for_notifications(&mut self) -> Result {
        let Self {
            runtime,
            readers,
            notified,
        } = self;
        let all_read = async {
            while let Some(read) = readers.join_next().await {
                notified.push(read??);
            }
            Ok(())
        };
        // The timer needs the runtime.
        runtime.block_on(async { timeout(TIMEOUT, all_read).await })?
    }
}

/// Opens a stream from one of eight addresses, and waits for its first frame.
async fn open(port: u16, person: usize) -> std::io::Result<BufReader<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 2 + (person % 8) as u8], 0).into())?;
    let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await?;
    let request = format!(
        "GET /salver/stream HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: text/event-stream\r\n\
         sec-fetch-site: same-origin\r\ncookie: user={person:06}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut stream = BufReader::new(stream);
    read_until(&mut stream, "retry:").await?;
    Ok(stream)
}

async fn read_until_notified(
    mut stream: BufReader<TcpStream>,
) -> std::io::Result<BufReader<TcpStream>> {
    read_until(&mut stream, "event: inbox").await?;
    Ok(stream)
}

async fn read_until(stream: &mut BufReader<TcpStream>, start: &str) -> std::io::Result<()> {
    let mut line = String::new();
    while !line.starts_with(start) {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
