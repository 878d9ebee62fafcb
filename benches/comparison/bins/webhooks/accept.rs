//! Events that are posted by 32 clients.

use std::net::SocketAddr;
use std::time::Instant;

use comparison::Result;
use comparison::compare::{self, Side};
use comparison::connection::Connection;
use comparison::programs::{OTHER_CORE, Running, SITE_CORE, on_core, pin_to_core};
use comparison::server::Server;
use comparison::statistics::Statistics;
use futures_util::future::try_join_all;
use tokio::runtime::Builder;

use crate::broker::TOKEN;

const CLIENTS: usize = 32;
const EVENTS_PER_CLIENT: usize = 250;
const EVENTS: usize = CLIENTS * EVENTS_PER_CLIENT;

/// Measures events that a broker accepts per second, against a bare handler of actix-web that adds them to a stream.
/// Each has one thread; Redis and the clients share the other core.
pub(crate) fn measure() -> Result<Statistics> {
    pin_to_core(OTHER_CORE)?;
    let mut server = Server::start(&[])?;
    let sides = ["broker", "bare"].map(|mode| Process::start(mode, &server.url()));
    let [broker, bare] = sides;
    let sides = [broker?, bare?];
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut measure = |side: Side| {
        server.flush()?;
        let address = match side {
            Side::Left => sides[0].address,
            Side::Right => sides[1].address,
        };
        let started = Instant::now();
        let clients = (0..CLIENTS).map(|client| post(address, client));
        runtime.block_on(try_join_all(clients))?;
        Ok(EVENTS as f64 / started.elapsed().as_secs_f64())
    };
    measure(Side::Left)?;
    measure(Side::Right)?;
    let pair = compare::measure_alternating(measure)?;
    println!("{:<24} {:.0} per second", "accept, Salver", pair.left);
    println!("{:<24} {:.0} per second", "accept, XADD", pair.right);
    Ok(pair.ratio)
}

/// Posts events one after another.
async fn post(address: SocketAddr, client: usize) -> Result {
    let mut connection = Connection::open(address).await?;
    for number in 0..EVENTS_PER_CLIENT {
        let body = format!(
            r#"{{"specversion":"1.0","id":"{client}-{number}","source":"/shop","type":"order.paid","data":{{"order":{number},"total":"39.90","currency":"EUR"}}}}"#
        );
        let request = format!(
            "POST /v1/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/cloudevents+json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let response = connection.send(request.as_bytes()).await?;
        if !response.head.starts_with(b"HTTP/1.1 202 ") {
            let head = String::from_utf8_lossy(response.head);
            return Err(format!("an event was not accepted: {head}").into());
        }
    }
    Ok(())
}

/// A server on the core of the sites.
struct Process {
    address: SocketAddr,
    _process: Running,
}

impl Process {
    fn start(mode: &str, redis: &str) -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = on_core(SITE_CORE, &program.to_string_lossy());
        let mut process = Running::start_with_pipes(command.args([mode, redis]))?;
        Ok(Self {
            address: process.first_line()?.parse()?,
            _process: process,
        })
    }
}
