//! A fake Redis server that replies to every script call with configured values.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running server with its own threads.
#[derive(Debug)]
pub struct FakeRedis {
    pub port: u16,
    values: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl FakeRedis {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let values = Arc::default();
        let server = Self {
            port,
            values: Arc::clone(&values),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let values = Arc::clone(&values);
                thread::spawn(move || serve(stream.unwrap(), &values));
            }
        });
        server
    }

    /// Sets the values that follow the key in every reply to a script call.
    pub fn set(&self, values: &[&[u8]]) {
        *self.values.lock().unwrap() = values.iter().map(|value| value.to_vec()).collect();
    }
}

/// Replies to requests until the client disconnects.
fn serve(stream: TcpStream, values: &Mutex<Vec<Vec<u8>>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut replies = stream.try_clone()?;
    let mut requests = BufReader::new(stream);
    loop {
        let request = read(&mut requests)?;
        let reply = match request[0].as_slice() {
            b"HELLO" => b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec(),
            // EVALSHA, hash, number of keys, first key.
            b"EVALSHA" => write(&request[3], &values.lock().unwrap()),
            _ => b"+OK\r\n".to_vec(),
        };
        replies.write_all(&reply)?;
    }
}

/// Reads one request, an array of bulk strings.
fn read(requests: &mut impl BufRead) -> Result<Vec<Vec<u8>>> {
    let count = number(requests)?;
    let mut arguments = Vec::with_capacity(count);
    for _ in 0..count {
        let length = number(requests)?;
        let mut argument = vec![0; length + 2];
        requests.read_exact(&mut argument)?;
        argument.truncate(length);
        arguments.push(argument);
    }
    Ok(arguments)
}

/// Reads a line such as `*3` or `$10`.
fn number(requests: &mut impl BufRead) -> Result<usize> {
    let mut line = String::new();
    requests.read_line(&mut line)?;
    let digits = line.trim_end().get(1..).unwrap_or_default();
    digits.parse().map_err(std::io::Error::other)
}

/// Encodes a reply: an array of the key and the values.
fn write(key: &Vec<u8>, values: &[Vec<u8>]) -> Vec<u8> {
    let mut reply = format!("*{}\r\n", values.len() + 1).into_bytes();
    for value in [key].into_iter().chain(values) {
        reply.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
        reply.extend_from_slice(value);
        reply.extend_from_slice(b"\r\n");
    }
    reply
}
