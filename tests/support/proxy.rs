//! A proxy between Redis and its clients that injects faults of networks and servers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// One reply in this many is dropped, duplicated or swapped.
const REPLY_FAULT_INTERVAL: usize = 3;

/// The fault that a proxy injects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    /// The port is closed, and open connections break.
    Refuse,
    /// No data passes until the fault ends, then all of it: a server process that is stopped and
    /// continued.
    Pause,
    /// All data is discarded: a host that is gone.
    BlackHole,
    /// Every reply is delayed.
    Delay(Duration),
    /// Replies with this text are delayed.
    DelayText(&'static str, Duration),
    /// The connection breaks before a request reaches the server.
    CutBefore,
    /// The server executes a request, and the connection breaks before the reply reaches the
    /// client.
    CutAfter,
    DropReply,
    DuplicateReply,
    SwapReplies,
    OneByteAtATime,
    /// Push messages are delayed.
    DelayPushes(Duration),
    /// No data reaches the client over connections that have received a push message.
    SilencePushConnections,
    /// Every request gets this error reply and does not reach the server.
    ErrorReply(&'static str),
    /// The first text replaces the second in replies. Both have the same length.
    ReplaceText(&'static str, &'static str),
}

/// The faults after which replies belong to no request, or to another one.
pub const REPLY_FAULTS: [Fault; 5] = [
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::DropReply,
    Fault::DuplicateReply,
    Fault::SwapReplies,
];

/// A running proxy. It has its own thread, so that a busy test does not delay it.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    fault: watch::Sender<Fault>,
}

impl Proxy {
    /// Starts a proxy to the server on this port, without a fault.
    pub fn start(server: u16) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let (fault, faults) = watch::channel(Fault::None);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let run = run(listener, server, faults);
            runtime.unwrap().block_on(run);
        });
        Self { port, fault }
    }

    /// Starts a proxy to the server at `url` with this fault. Returns the proxy and its address,
    /// with the same user.
    pub fn with_fault(fault: Fault, url: &str) -> (Self, String) {
        let (user, port) = url.rsplit_once(':').unwrap();
        let proxy = Self::start(port.parse().unwrap());
        proxy.set(fault);
        let url = format!("{user}:{}", proxy.port);
        (proxy, url)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn set(&self, fault: Fault) {
        self.fault.send(fault).unwrap();
    }
}

async fn run(listener: std::net::TcpListener, server: u16, mut faults: watch::Receiver<Fault>) {
    let port = listener.local_addr().unwrap().port();
    let mut listener = Some(TcpListener::from_std(listener).unwrap());
    loop {
        let fault = *faults.borrow_and_update();
        if fault == Fault::Refuse {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(("127.0.0.1", port)).await.ok();
        }
        let Some(open) = &listener else {
            if faults.changed().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            changed = faults.changed() => if changed.is_err() { return },
            client = open.accept() => {
                let (client, _) = client.unwrap();
                tokio::spawn(forward(client, server, faults.clone()));
            }
        }
    }
}

/// Forwards one connection until either side or a fault closes it.
async fn forward(client: TcpStream, server: u16, faults: watch::Receiver<Fault>) {
    let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    upstream.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = upstream.into_split();
    let pending = Arc::new(Mutex::new(VecDeque::new()));
    let client_side = Arc::new(tokio::sync::Mutex::new(to_client));
    let mut closed = faults.clone();
    tokio::select! {
        () = requests(from_client, to_server, client_side.clone(), pending.clone(), faults.clone()) => {}
        () = replies(from_server, client_side, pending, faults) => {}
        _ = closed.wait_for(|fault| *fault == Fault::Refuse) => {}
    }
}

/// Returns whether a request belongs to the setup of a connection. Most faults spare such requests
/// and their replies.
fn is_handshake(request: &[u8]) -> bool {
    let head = request
        .get(..request.len().min(40))
        .unwrap_or_default()
        .to_ascii_uppercase();
    ["HELLO", "CLIENT", "AUTH", "SELECT"].iter().any(|command| {
        head.windows(command.len())
            .any(|window| window == command.as_bytes())
    })
}

type ClientSide = Arc<tokio::sync::Mutex<OwnedWriteHalf>>;
/// For each request without a reply, in order: whether it belongs to the connection setup.
type PendingRequests = Arc<Mutex<VecDeque<bool>>>;

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    client: ClientSide,
    pending: PendingRequests,
    mut faults: watch::Receiver<Fault>,
) {
    let mut frames = Frames::default();
    while let Some(request) = frames.next(&mut from).await {
        let is_setup_request = is_handshake(&request);
        let fault = *faults.borrow();
        match fault {
            // Forever: the client has to open a new connection.
            Fault::BlackHole => std::future::pending().await,
            Fault::Pause => drop(faults.wait_for(|fault| *fault != Fault::Pause).await),
            Fault::CutBefore if !is_setup_request => return,
            Fault::ErrorReply(error) if !is_setup_request => {
                let reply = format!("-{error}\r\n");
                let written = client.lock().await.write_all(reply.as_bytes()).await;
                if written.is_err() {
                    return;
                }
                continue;
            }
            _ => {}
        }
        pending.lock().unwrap().push_back(is_setup_request);
        if to.write_all(&request).await.is_err() {
            return;
        }
    }
}

async fn replies(
    mut from: OwnedReadHalf,
    client: ClientSide,
    pending: PendingRequests,
    mut faults: watch::Receiver<Fault>,
) {
    let (mut frames, mut count, mut swapped, mut receives_pushes) =
        (Frames::default(), 0, None, false);
    while let Some(reply) = frames.next(&mut from).await {
        let push = reply.first() == Some(&b'>');
        receives_pushes |= push;
        let is_setup_request = push || pending.lock().unwrap().pop_front().unwrap_or(true);
        let fault = *faults.borrow();
        count += 1;
        let is_due = !is_setup_request && count % REPLY_FAULT_INTERVAL == 0;
        let mut out = vec![reply];
        match fault {
            Fault::BlackHole => std::future::pending().await,
            Fault::Pause => drop(faults.wait_for(|fault| *fault != Fault::Pause).await),
            Fault::Delay(time) => sleep(time).await,
            Fault::DelayText(text, time) if contains(&out[0], text) => sleep(time).await,
            Fault::DelayPushes(time) if push => {
                let (client, push) = (client.clone(), out.swap_remove(0));
                tokio::spawn(async move {
                    sleep(time).await;
                    // The client may have disconnected.
                    let _ = client.lock().await.write_all(&push).await;
                });
                continue;
            }
            Fault::SilencePushConnections if receives_pushes => continue,
            Fault::ReplaceText(new, old) => replace(&mut out[0], new.as_bytes(), old.as_bytes()),
            Fault::CutAfter if !is_setup_request => return,
            Fault::DropReply if is_due => continue,
            Fault::DuplicateReply if is_due => out.push(out[0].clone()),
            Fault::SwapReplies if is_due && swapped.is_none() => {
                swapped = out.pop();
                continue;
            }
            _ => {}
        }
        out.extend(swapped.take());
        for reply in out {
            let mut client = client.lock().await;
            let size = if fault == Fault::OneByteAtATime {
                1
            } else {
                reply.len()
            };
            for piece in reply.chunks(size) {
                if client.write_all(piece).await.is_err() {
                    return;
                }
                if fault == Fault::OneByteAtATime {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

fn contains(reply: &[u8], text: &str) -> bool {
    position(reply, text.as_bytes()).is_some()
}

fn position(reply: &[u8], text: &[u8]) -> Option<usize> {
    reply.windows(text.len()).position(|window| window == text)
}

fn replace(reply: &mut [u8], new: &[u8], old: &[u8]) {
    if let Some(at) = position(reply, old) {
        reply[at..at + old.len()].copy_from_slice(new);
    }
}

/// Splits a stream into complete RESP values: requests or replies.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    async fn next(&mut self, from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = end_of_value(&self.bytes, 0) {
                return Some(self.bytes.drain(..end).collect());
            }
            if from.read_buf(&mut self.bytes).await.ok()? == 0 {
                return None;
            }
        }
    }
}

/// Returns where the value that begins at `at` ends. `None` if it is incomplete.
fn end_of_value(bytes: &[u8], at: usize) -> Option<usize> {
    let line = bytes[at..].windows(2).position(|pair| pair == b"\r\n")?;
    let (kind, text) = (bytes[at], &bytes[at + 1..at + line]);
    let mut end = at + line + 2;
    let number = || std::str::from_utf8(text).ok()?.parse::<i64>().ok();
    let values = match kind {
        b'$' | b'=' | b'!' => {
            if let Ok(length) = usize::try_from(number()?) {
                end += length + 2;
            }
            0
        }
        b'*' | b'~' | b'>' => number()?.max(0),
        b'%' | b'|' => number()?.max(0) * 2,
        _ => 0,
    };
    for _ in 0..values {
        end = end_of_value(bytes, end)?;
    }
    (end <= bytes.len()).then_some(end)
}

#[test]
fn incomplete_resp_value_has_no_end() {
    let value = b"*3\r\n$3\r\nfoo\r\n:12\r\n%1\r\n+a\r\n$-1\r\n";
    for cut in 0..value.len() {
        assert_eq!(end_of_value(&value[..cut], 0), None, "{cut}");
    }
    assert_eq!(end_of_value(value, 0), Some(value.len()));
    assert_eq!(end_of_value(b"-ERR no\r\n+OK\r\n", 0), Some(9));
}
