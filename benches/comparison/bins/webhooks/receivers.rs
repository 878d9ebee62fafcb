//! Receivers that accept everything after a delay, each on a port of its own, all in one process.

use std::cell::{Cell, RefCell};
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use comparison::Result;
use comparison::connection::Connection;
use comparison::programs::Running;
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

const HEAD_END: &[u8] = b"\r\n\r\n";
const LENGTH: &[u8] = b"content-length: ";
/// How long nothing may arrive.
const TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// What all receivers have got.
#[derive(Default)]
struct Received {
    count: Cell<usize>,
    last: RefCell<Vec<u8>>,
}

/// Serves the receivers. Prints their ports in one line.
pub(crate) fn serve(count: usize, delay_ms: u64) -> Result {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let (received, mut ports) = (Rc::<Received>::default(), Vec::new());
        for _ in 0..count {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            ports.push(listener.local_addr()?.port().to_string());
            let received = Rc::clone(&received);
            spawn_local(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let connection = answer(stream, Rc::clone(&received), delay_ms);
                    spawn_local(async { drop(connection.await) });
                }
            });
        }
        println!("{}", ports.join(" "));
        std::future::pending().await
    })
}

/// Answers the requests of a connection: a GET by the number of POSTs, a space, and the body of the last one.
async fn answer(
    mut stream: TcpStream,
    received: Rc<Received>,
    delay_ms: u64,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    while stream.read_buf(&mut buffer).await? > 0 {
        let Some((head, length)) = head_and_length(&buffer) else {
            continue;
        };
        if buffer.len() < head + length {
            continue;
        }
        let response = match buffer.starts_with(b"GET") {
            true => {
                let (count, last) = (received.count.get(), received.last.borrow());
                let body = format!("{count} {}", String::from_utf8_lossy(&last));
                format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
            false => {
                received.count.set(received.count.get() + 1);
                *received.last.borrow_mut() = buffer.split_off(head);
                if delay_ms > 0 {
                    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                }
                "HTTP/1.1 204 No Content\r\n\r\n".to_owned()
            }
        };
        buffer.clear();
        stream.write_all(response.as_bytes()).await?;
    }
    Ok(())
}

/// Returns the length of the head of a request, and of its body; `None` until the head is complete.
fn head_and_length(request: &[u8]) -> Option<(usize, usize)> {
    let head = memmem::find(request, HEAD_END)? + HEAD_END.len();
    let at = memmem::find(request.get(..head)?, LENGTH).map(|at| at + LENGTH.len());
    let digits = at.and_then(|at| request.get(at..head)).unwrap_or_default();
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    Some((head, length))
}

/// Receivers in a process of their own.
pub(crate) struct Receivers {
    pub(crate) ports: Vec<u16>,
    _process: Running,
}

impl Receivers {
    pub(crate) fn start(command: &mut Command, count: usize, delay_ms: u64) -> Result<Self> {
        let arguments = [
            "receivers".to_owned(),
            count.to_string(),
            delay_ms.to_string(),
        ];
        let mut process = Running::start_with_pipes(command.args(arguments))?;
        let ports = process.first_line()?;
        let ports: Result<Vec<u16>, _> = ports.split_whitespace().map(str::parse).collect();
        Ok(Self {
            ports: ports?,
            _process: process,
        })
    }

    /// Returns how many requests have arrived, and the body of the last one.
    pub(crate) async fn received(&self) -> Result<(usize, String)> {
        let port = *self.ports.first().ok_or("no receivers")?;
        let mut connection = Connection::open(([127, 0, 0, 1], port).into()).await?;
        let response = connection.send(b"GET / HTTP/1.1\r\n\r\n").await?;
        let body = String::from_utf8_lossy(response.body);
        let (count, last) = body.split_once(' ').ok_or("no count")?;
        Ok((count.parse()?, last.to_owned()))
    }

    /// Waits until so many requests have arrived.
    pub(crate) async fn wait_for(&self, count: usize) -> Result {
        let mut last = (0, Instant::now());
        loop {
            let (received, _) = self.received().await?;
            if received == count {
                return Ok(());
            }
            if received > count || last.1.elapsed() > TIMEOUT {
                return Err(format!("{received} requests arrived instead of {count}").into());
            }
            if received > last.0 {
                last = (received, Instant::now());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
