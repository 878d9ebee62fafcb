//! A server that speaks the protocol of Redis and answers every script with what it was told to.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A listening server, on threads of its own.
#[derive(Debug)]
pub struct Answers {
    pub port: u16,
    parts: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Answers {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let parts = Arc::default();
        let answers = Self {
            port,
            parts: Arc::clone(&parts),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let parts = Arc::clone(&parts);
                thread::spawn(move || serve(stream.unwrap(), &parts));
            }
        });
        answers
    }

    /// Sets what follows the key that was asked for in every reply.
    pub fn set(&self, parts: &[&[u8]]) {
        *self.parts.lock().unwrap() = parts.iter().map(|part| part.to_vec()).collect();
    }
}

/// Answers until the client has gone.
fn serve(stream: TcpStream, parts: &Mutex<Vec<Vec<u8>>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut replies = stream.try_clone()?;
    let mut requests = BufReader::new(stream);
    loop {
        let words = read(&mut requests)?;
        let reply = match words[0].as_slice() {
            b"HELLO" => b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec(),
            // EVALSHA, hash, number of keys, first key.
            b"EVALSHA" => write(&words[3], &parts.lock().unwrap()),
            _ => b"+OK\r\n".to_vec(),
        };
        replies.write_all(&reply)?;
    }
}

fn read(requests: &mut impl BufRead) -> Result<Vec<Vec<u8>>> {
    let count = number(requests)?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let length = number(requests)?;
        let mut word = vec![0; length + 2];
        requests.read_exact(&mut word)?;
        word.truncate(length);
        words.push(word);
    }
    Ok(words)
}

/// Reads a line such as `*3` or `$10`.
fn number(requests: &mut impl BufRead) -> Result<usize> {
    let mut line = String::new();
    requests.read_line(&mut line)?;
    let digits = line.trim_end().get(1..).unwrap_or_default();
    digits.parse().map_err(std::io::Error::other)
}

fn write(key: &Vec<u8>, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut reply = format!("*{}\r\n", parts.len() + 1).into_bytes();
    for part in [key].into_iter().chain(parts) {
        reply.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        reply.extend_from_slice(part);
        reply.extend_from_slice(b"\r\n");
    }
    reply
}
