//! A proxy between Redis and its clients that does to replies what networks and servers do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// How often a reply is dropped, doubled or swapped.
const EVERY: usize = 3;

/// What the proxy does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    /// Nobody listens; connections that are there break.
    Refuse,
    /// Nothing goes through, and all of it once the fault ends: a server that is stopped and goes on.
    Hold,
    /// Everything is swallowed: a host that has vanished.
    BlackHole,
    /// Every reply is late.
    Delay(Duration),
    /// The connection breaks instead of a request.
    CutBefore,
    /// A request is carried out and the connection breaks instead of the reply.
    CutAfter,
    DropReply,
    DuplicateReply,
    SwapReplies,
    OneByteAtATime,
    /// What the server says unasked comes late.
    LatePushes(Duration),
    /// Nothing comes over connections on which the server speaks unasked.
    MuteListeners,
    /// The server answers every request with this error.
    Answer(&'static str),
    /// In replies the first stands instead of the second, which is as long.
    Say(&'static str, &'static str),
}

/// A listening proxy, on a thread of its own so that no test keeps it waiting.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    fault: watch::Sender<Fault>,
}

impl Proxy {
    /// Starts one before the server on that port.
    pub fn before(server: u16) -> Self {
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

    /// Starts one that does this before the server at an address; gives the address there, with the same user.
    pub fn doing(fault: Fault, url: &str) -> (Self, String) {
        let (user, port) = url.rsplit_once(':').unwrap();
        let proxy = Self::before(port.parse().unwrap());
        proxy.set(fault);
        let there = format!("{user}:{}", proxy.port);
        (proxy, there)
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
                tokio::spawn(carry(client, server, faults.clone()));
            }
        }
    }
}

/// Carries one connection until either side ends it or a fault does.
async fn carry(client: TcpStream, server: u16, faults: watch::Receiver<Fault>) {
    let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    upstream.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = upstream.into_split();
    let asked = Arc::new(Mutex::new(VecDeque::new()));
    let client_side = Arc::new(tokio::sync::Mutex::new(to_client));
    let mut refused = faults.clone();
    tokio::select! {
        () = requests(from_client, to_server, client_side.clone(), asked.clone(), faults.clone()) => {}
        () = replies(from_server, client_side, asked, faults) => {}
        _ = refused.wait_for(|fault| *fault == Fault::Refuse) => {}
    }
}

/// Whether a request belongs to the set-up of a connection, which faults of replies leave alone.
fn is_set_up(request: &[u8]) -> bool {
    let head = request
        .get(..request.len().min(40))
        .unwrap_or_default()
        .to_ascii_uppercase();
    ["HELLO", "CLIENT", "AUTH", "SELECT"].iter().any(|word| {
        head.windows(word.len())
            .any(|window| window == word.as_bytes())
    })
}

type ClientSide = Arc<tokio::sync::Mutex<OwnedWriteHalf>>;
type Asked = Arc<Mutex<VecDeque<bool>>>;

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    client: ClientSide,
    asked: Asked,
    mut faults: watch::Receiver<Fault>,
) {
    let mut frames = Frames::default();
    while let Some(request) = frames.next(&mut from).await {
        let set_up = is_set_up(&request);
        let fault = *faults.borrow();
        match fault {
            // For good: what has vanished comes back as another connection.
            Fault::BlackHole => std::future::pending().await,
            Fault::Hold => drop(faults.wait_for(|fault| *fault != Fault::Hold).await),
            Fault::CutBefore if !set_up => return,
            Fault::Answer(error) if !set_up => {
                let answer = format!("-{error}\r\n");
                let written = client.lock().await.write_all(answer.as_bytes()).await;
                if written.is_err() {
                    return;
                }
                continue;
            }
            _ => {}
        }
        asked.lock().unwrap().push_back(set_up);
        if to.write_all(&request).await.is_err() {
            return;
        }
    }
}

async fn replies(
    mut from: OwnedReadHalf,
    client: ClientSide,
    asked: Asked,
    mut faults: watch::Receiver<Fault>,
) {
    let (mut frames, mut count, mut kept, mut listens) = (Frames::default(), 0, None, false);
    while let Some(reply) = frames.next(&mut from).await {
        let push = reply.first() == Some(&b'>');
        listens |= push;
        let set_up = push || asked.lock().unwrap().pop_front().unwrap_or(true);
        let fault = *faults.borrow();
        count += 1;
        let nth = !set_up && count % EVERY == 0;
        let mut out = vec![reply];
        match fault {
            Fault::BlackHole => std::future::pending().await,
            Fault::Hold => drop(faults.wait_for(|fault| *fault != Fault::Hold).await),
            Fault::Delay(time) => sleep(time).await,
            Fault::LatePushes(time) if push => {
                let (client, push) = (client.clone(), out.swap_remove(0));
                tokio::spawn(async move {
                    sleep(time).await;
                    // Whoever was to hear it may be gone.
                    let _ = client.lock().await.write_all(&push).await;
                });
                continue;
            }
            Fault::MuteListeners if listens => continue,
            Fault::Say(new, old) => replace(&mut out[0], new.as_bytes(), old.as_bytes()),
            Fault::CutAfter if !set_up => return,
            Fault::DropReply if nth => continue,
            Fault::DuplicateReply if nth => out.push(out[0].clone()),
            Fault::SwapReplies if nth && kept.is_none() => {
                kept = out.pop();
                continue;
            }
            _ => {}
        }
        out.extend(kept.take());
        for reply in out {
            let mut client = client.lock().await;
            let piece = if fault == Fault::OneByteAtATime {
                1
            } else {
                reply.len()
            };
            for piece in reply.chunks(piece) {
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

fn replace(reply: &mut [u8], new: &[u8], old: &[u8]) {
    let found = reply.windows(old.len()).position(|window| window == old);
    if let Some(at) = found {
        reply[at..at + old.len()].copy_from_slice(new);
    }
}

/// Cuts a stream into whole values of RESP, requests or replies.
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

/// Where the value ends that begins at `at`; nothing when it is not there whole.
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
fn values_are_cut_where_they_end() {
    let whole = b"*3\r\n$3\r\nfoo\r\n:12\r\n%1\r\n+a\r\n$-1\r\n";
    for cut in 0..whole.len() {
        assert_eq!(end_of_value(&whole[..cut], 0), None, "{cut}");
    }
    assert_eq!(end_of_value(whole, 0), Some(whole.len()));
    assert_eq!(end_of_value(b"-ERR no\r\n+OK\r\n", 0), Some(9));
}
