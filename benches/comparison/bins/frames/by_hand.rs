//! The sides by hand: adds and reads in pipelines, and bare Server-Sent Events.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use comparison::Result;
use comparison::inbox_by_hand;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, PushInfo, pipe};
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

/// Who reads the inboxes that have changed.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Reader {
    /// The program, after each pipeline of adds.
    Adder,
    /// A connection to which Redis reports the changes, as it reports them to other processes.
    Tracking,
}

pub(crate) fn serve(redis: &str, reader: Reader) -> Result {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let streams = Streams::default();
    lock(&streams).resize_with(PAGES, || None);
    let client = Client::open(format!("{redis}?protocol=resp3"))?;
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
    if reader == Reader::Tracking {
        let streams = Arc::clone(&streams);
        runtime.spawn(async move { read_reported(client, &streams).await.map_err(drop) });
    }
    runtime.block_on(async {
        let mut position = 0;
        while requests.recv().await.is_some() {
            position += 1;
            for first in (0..PAGES).step_by(IN_FLIGHT) {
                let people: Vec<_> = (first..PAGES.min(first + IN_FLIGHT)).collect();
                add(&mut connection, &people, position).await?;
                if reader == Reader::Adder {
                    send_counts(&mut connection, &streams, &people).await?;
                }
            }
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

async fn add(connection: &mut MultiplexedConnection, people: &[usize], position: u64) -> Result {
    let mut adds = pipe();
    for person in people {
        inbox_by_hand::add(&mut adds, *person, position)?;
    }
    Ok(adds.exec_async(connection).await?)
}

/// Reads the inboxes of which Redis reports changes.
async fn read_reported(client: Client, streams: &Streams) -> Result {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let config = AsyncConnectionConfig::new().set_push_sender(sender);
    let mut connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    redis::cmd("CLIENT")
        .arg(&["TRACKING", "ON", "BCAST", "PREFIX", inbox_by_hand::PREFIX])
        .exec_async(&mut connection)
        .await?;
    let mut reports = Vec::new();
    while receiver.recv_many(&mut reports, IN_FLIGHT).await > 0 {
        let people: BTreeSet<_> = reports.drain(..).flat_map(changed_people).collect();
        let people: Vec<_> = people.into_iter().collect();
        send_counts(&mut connection, streams, &people).await?;
    }
    Ok(())
}

/// Returns the people whose inboxes a report names.
fn changed_people(report: PushInfo) -> Vec<usize> {
    let keys = report.data.into_iter();
    let keys = keys.flat_map(|keys| Vec::<String>::from_redis_value(keys).unwrap_or_default());
    keys.filter_map(|key| inbox_by_hand::recipient_of(&key))
        .collect()
}

/// Reads the counts of people, and writes them to their streams.
async fn send_counts(
    connection: &mut MultiplexedConnection,
    streams: &Streams,
    people: &[usize],
) -> Result {
    let mut reads = pipe();
    for person in people {
        inbox_by_hand::counts(&mut reads, *person);
    }
    let counts: Vec<redis::Value> = reads.query_async(connection).await?;
    for (person, counts) in people.iter().zip(counts.chunks(2)) {
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
        write(streams, *person, frame.as_bytes()).await?;
    }
    Ok(())
}

async fn write(streams: &Streams, person: usize, frame: &[u8]) -> Result {
    let stream = lock(streams).get_mut(person).and_then(Option::take);
    let Some(mut stream) = stream else {
        return Ok(());
    };
    stream.write_all(frame).await?;
    if let Some(place) = lock(streams).get_mut(person) {
        *place = Some(stream);
    }
    Ok(())
}
