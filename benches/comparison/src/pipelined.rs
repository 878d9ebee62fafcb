//! A pipelined connection, which measures the maximum throughput of a server.

use std::io::Write;
use std::net::TcpStream;

use redis::{Cmd, Parser};

use crate::Result;
use crate::scripts::Scripts;
use crate::server::Server;

/// Number of commands in one batch. Two batches are in flight at a time, so that the server never
/// waits for the client.
const BATCH: usize = 128;

pub struct PipelinedConnection {
    stream: TcpStream,
    replies: Parser,
}

impl PipelinedConnection {
    /// Connects to a server and loads the scripts into it.
    ///
    /// # Errors
    ///
    /// The server does not reply.
    pub fn open(server: &Server) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", server.port()))?;
        stream.set_nodelay(true)?;
        let replies = Parser::new();
        let mut connection = Self { stream, replies };
        connection.send(Scripts::load_commands())?;
        Ok(connection)
    }

    /// Sends commands and waits for all replies.
    ///
    /// # Errors
    ///
    /// The server rejects a command.
    pub fn send(&mut self, commands: impl IntoIterator<Item = Cmd>) -> Result {
        let mut commands = commands.into_iter().fuse();
        let (mut batch, mut in_flight) = (Vec::new(), 0);
        loop {
            batch.clear();
            let sent = commands
                .by_ref()
                .take(BATCH)
                .map(|command| command.write_packed_command(&mut batch))
                .count();
            self.stream.write_all(&batch)?;
            for _ in 0..in_flight {
                self.replies.parse_value(&self.stream)?.extract_error()?;
            }
            in_flight = sent;
            if sent == 0 {
                return Ok(());
            }
        }
    }
}
