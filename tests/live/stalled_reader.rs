//! A client that opens a stream and reads nothing.

use std::time::Duration;

use salver::{Message, Salver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::support::at;
use crate::support::event_stream::EventStream;
use crate::support::fault_site::VISITOR_HEADER;
use crate::support::live_site::LiveSite;

/// The stall timeout of a stream.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of bytes that the socket buffers and one read of the stream hold for a stalled
/// client.
const MAX_BUFFERED: usize = 8 * 1024 * 1024;

/// Opens Ada's stream with a small receive buffer.
async fn open_stream(site: &LiveSite) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = site.url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /salver/stream?view=p HTTP/1.1\r\nhost: site\r\naccept: text/event-stream\r\nsec-fetch-site: same-origin\r\n{VISITOR_HEADER}: ada\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The server sends what the socket buffers hold and no more; the other messages stay visible to
/// other pages. The server closes the stream when the client reads again, and the next stream sends
/// the rest.
#[actix_web::test]
async fn stalled_reader_gets_bounded_data_and_is_disconnected() {
    let salver = Salver::memory("app").unwrap();
    let site = LiveSite::start(&salver);
    let context = at("ada", "p");
    let mut reader = open_stream(&site).await;
    let (mut sent, text) = (0, "x".repeat(4_000));
    let stalled_at = loop {
        let batch = (0..100).map(|_| Message::info(text.clone())).collect();
        salver.add_all(&context, batch).await.unwrap();
        let claimed = async {
            while salver.count(&context).await.unwrap() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let started_at = Instant::now();
        if timeout(Duration::from_secs(2), claimed).await.is_err() {
            break started_at;
        }
        sent += 100 * text.len();
        assert!(sent < MAX_BUFFERED, "{sent} bytes sent to a stalled reader");
    };
    println!("LIVE stalled_reader_sent_kib {}", sent / 1024);
    // Messages that were not sent are visible to the visitor's other pages.
    assert_eq!(salver.count(&context).await.unwrap(), 100);

    // The client now reads the buffered frames and the end of the response. A stream that stayed
    // open would have sent all messages.
    tokio::time::sleep_until(stalled_at + STALL_TIMEOUT + Duration::from_secs(1)).await;
    let mut received = Vec::new();
    let end = timeout(Duration::from_secs(10), async {
        while !received.ends_with(b"\r\n0\r\n\r\n") {
            let count = reader.read_buf(&mut received).await.unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&received));
        }
    });
    end.await.expect("the server closes the stream");
    let bytes = received.len();
    assert!(bytes < 4 * sent + MAX_BUFFERED, "{bytes} bytes");
    let mut events = EventStream::open(&site, "ada", "p").await;
    for _ in 0..100 {
        assert_eq!(events.expect_next().await.text(), text);
    }
    site.stop().await;
}
