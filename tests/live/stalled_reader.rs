//! A reader that takes nothing.

use std::time::Duration;

use salver::{Message, Salver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::Site;
use super::client::Events;
use crate::faults::site::WHO;
use crate::support::at;

/// How long a stream waits for a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most that the system keeps for a connection whose reader takes nothing, and the stream beside it: one look.
const MOST: usize = 8 * 1024 * 1024;

/// Asks for Ada's stream, with room for little of it.
async fn ask(site: &Site) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = site.url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /salver/stream?view=p HTTP/1.1\r\nhost: site\r\naccept: text/event-stream\r\nsec-fetch-site: same-origin\r\n{WHO}: ada\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// It is given what the system holds for it and no more; what it was not given is for others; it is cut off when it
/// reads again, and catches up over another stream.
#[actix_web::test]
async fn a_reader_that_takes_nothing_is_given_no_more_and_is_cut_off() {
    let salver = Salver::memory("app").unwrap();
    let site = Site::start(&salver);
    let page = at("ada", "p");
    let mut reader = ask(&site).await;
    let (mut given, text) = (0, "x".repeat(4_000));
    let stalled = loop {
        let flood = (0..100).map(|_| Message::info(text.clone())).collect();
        salver.add_all(&page, flood).await.unwrap();
        let taken = async {
            while salver.count(&page).await.unwrap() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let began = Instant::now();
        if timeout(Duration::from_secs(2), taken).await.is_err() {
            break began;
        }
        given += 100 * text.len();
        assert!(given < MOST, "{given} bytes are given to nobody");
    };
    println!("LIVE deaf_given_kib {}", given / 1024);
    // What is not given to it is not hidden from the visitor's other pages.
    assert_eq!(salver.count(&page).await.unwrap(), 100);

    // What it was given until then, and an end; in between it could have had all, if the stream had gone on.
    tokio::time::sleep_until(stalled + PATIENCE + Duration::from_secs(1)).await;
    let mut read = Vec::new();
    let end = timeout(Duration::from_secs(10), async {
        while !read.ends_with(b"\r\n0\r\n\r\n") {
            let more = reader.read_buf(&mut read).await.unwrap();
            assert!(more > 0, "{}", String::from_utf8_lossy(&read));
        }
    });
    end.await.expect("it is not cut off");
    assert!(read.len() < 4 * given + MOST, "{} bytes", read.len());
    let mut events = Events::open(&site, "ada", "p").await;
    for _ in 0..100 {
        assert_eq!(events.soon().await.text(), text);
    }
    site.stop().await;
}
