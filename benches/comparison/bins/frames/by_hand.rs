//! The side by hand: adds and reads in pipelines, and bare Server-Sent Events.

use std::sync::{Arc, Mutex, PoisonError};

use comparison::Result;
use comparison::inbox_by_hand;
use redis::aio::MultiplexedConnection;
use redis::{Client, pipe};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::PAGES;
use crate::site::{self, IN_FLIGHT};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 1000\n\n";

/// The open streams by person.
type Streams = Arc<Mutex<Vec<Option<OwnedWriteHalf>>>>;

pub(crate) fn serve(redis: &str) -> Result {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let streams = Streams::default();
    lock(&streams).resize_with(PAGES, || None);
    let client = Client::open(redis)?;
    let (listener, mut connection) = runtime.block_on(async {
        let connection = client.get_multiplexed_async_connection().await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok::<_, Box<dyn std::error::Error>>((listener, connection))
    })?;
    let port = listener.local_addr()?.port();
    // Standard input blocks, so it has a thread of its own.
    let (sender, mut requests) = mpsc::unbounded_channel();
    std::thread::spawn(move || site::run(port, || Ok(sender.send(())?)).map_err(drop));
    runtime.spawn(accept_all(listener, Arc::clone(&streams)));
    runtime.block_on(async {
        let mut position = 0;
        while requests.recv().await.is_some() {
            position += 1;
            notify_all(&mut connection, &streams, position).await?;
        }
        Ok(())
    })
}

fn lock(streams: &Streams) -> std::sync::MutexGuard<'_, Vec<Option<OwnedWriteHalf>>> {
    streams.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept_all(listener: TcpListener, streams: Streams) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(open(stream, Arc::clone(&streams)));
    }
}

/// Reads the request of a page, and keeps its stream.
async fn open(stream: TcpStream, streams: Streams) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut person = None;
    while let Some(line) = lines
        .next_line()
        .await
        .ok()?
        .filter(|line| !line.is_empty())
    {
        person = person.or_else(|| line.strip_prefix("cookie: user=")?.parse::<usize>().ok());
    }
    writer.write_all(HEAD.as_bytes()).await.ok()?;
    *lock(&streams).get_mut(person?)? = Some(writer);
    Some(())
}

async fn notify_all(
    connection: &mut MultiplexedConnection,
    streams: &Streams,
    position: u64,
) -> Result {
    for first in (0..PAGES).step_by(IN_FLIGHT) {
        let people = first..PAGES.min(first + IN_FLIGHT);
        let mut adds = pipe();
        for person in people.clone() {
            inbox_by_hand::add(&mut adds, person, position)?;
        }
        adds.exec_async(connection).await?;
        let mut reads = pipe();
        people
            .clone()
            .for_each(|person| inbox_by_hand::counts(&mut reads, person));
        let counts: Vec<redis::Value> = reads.query_async(connection).await?;
        for (person, counts) in people.zip(counts.chunks(2)) {
            let [unread, newest] = counts else {
                return Err("a count is missing".into());
            };
            let unread: u64 = redis::from_redis_value(unread.clone())?;
            let newest: Vec<(String, f64)> = redis::from_redis_value(newest.clone())?;
            let newest = newest.first().map_or(0.0, |(_, position)| *position);
            let frame = format!(
                "id: {newest}\nevent: counts\ndata: {{\"unread\":{unread},\"unseen\":{unread},\
                 \"text\":\"{unread} unread\"}}\n\nid: {newest}\nevent: inbox\ndata: {newest}\n\n"
            );
            let stream = lock(streams).get_mut(person).and_then(Option::take);
            if let Some(mut stream) = stream {
                stream.write_all(frame.as_bytes()).await?;
                if let Some(place) = lock(streams).get_mut(person) {
                    *place = Some(stream);
                }
            }
        }
    }
    Ok(())
}
