//! How `salver serve` ends: by signals, and by itself.

use std::future::{pending, ready};
use std::io::{Read, Write};
use std::net::TcpStream;

use futures_util::FutureExt;

use super::site::{STRUCTURED, TOKEN, event};
use crate::support::broker_process::BrokerProcess;
use crate::support::eventually;
use crate::support::redis::Server;

#[path = "../../src/bin/salver/commands/serve/ending.rs"]
mod ending;

/// Begins a request, whose body is to follow, and notifies the process to end.
async fn terminate_in_a_request(serve: &BrokerProcess, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&serve.address).unwrap();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: broker\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: {STRUCTURED}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // A reply on another connection: the process has read the first one by then.
    assert_eq!(
        reqwest::get(serve.url("/healthz")).await.unwrap().status(),
        200
    );
    serve.process.signal("TERM");
    eventually("no more connections are accepted", async || {
        TcpStream::connect(&serve.address).err()
    })
    .await;
    stream
}

#[tokio::test]
async fn terminated_broker_finishes_its_requests() {
    let server = Server::start();
    let mut serve = BrokerProcess::start(&server.url());
    let body = event("1").to_string();
    let mut stream = terminate_in_a_request(&serve, &body).await;
    stream.write_all(body.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 202 "), "{reply}");
    assert!(serve.process.wait().success());
    let events: Vec<String> = server.run(&[b"KEYS", b"app!event:*"]);
    assert_eq!(events.len(), 1);
}

/// Otherwise an operator has to wait for the slowest request and attempt, or to kill the process.
#[tokio::test]
async fn second_signal_ends_a_broker_at_once() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut serve = BrokerProcess::run(&mut BrokerProcess::command(&[]));
        let _request = terminate_in_a_request(&serve, &event("1").to_string()).await;
        assert!(!serve.process.has_exited());
        serve.process.signal(signal);
        assert_eq!(serve.process.wait().code(), Some(code));
    }
}

#[test]
fn broker_ends_when_a_part_of_it_has_ended() {
    let (signal, http, worker) = (pending::<i32>, pending::<()>, pending::<()>);
    let ended = ending::first_end(signal(), http(), worker()).now_or_never();
    assert_eq!(ended, None);
    let ended = ending::first_end(ready(15), http(), worker()).now_or_never();
    assert_eq!(ended, Some(None));
    let ended = ending::first_end(signal(), ready(()), worker()).now_or_never();
    assert_eq!(ended, Some(Some("the HTTP server has ended by itself")));
    let ended = ending::first_end(signal(), http(), ready(())).now_or_never();
    assert_eq!(ended, Some(Some("the worker has ended by itself")));
}

/// The program that collects the log has ended, for example.
#[test]
fn broker_whose_log_is_not_read_goes_on() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = BrokerProcess::command(&[]);
    let serve = BrokerProcess::run(command.stderr(writer));
    // It logs that it ends.
    serve.stop();
}
