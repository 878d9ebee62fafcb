//! One connection down which commands go without waiting: what a server can do at most.

use std::io::Write;
use std::net::TcpStream;

use redis::{Cmd, Parser};

use crate::Outcome;
use crate::scripts::Scripts;
use crate::server::Server;

/// How many commands go out in one piece. Two pieces are on their way at once, so that the server has always
/// something to do.
const PIECE: usize = 128;

pub struct Pipe {
    stream: TcpStream,
    replies: Parser,
}

impl Pipe {
    /// Opens one to a server, which knows the scripts from then on.
    ///
    /// # Errors
    ///
    /// A server that does not answer.
    pub fn open(server: &Server) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", server.port()))?;
        stream.set_nodelay(true)?;
        let replies = Parser::new();
        let mut pipe = Self { stream, replies };
        pipe.send(Scripts::loads())?;
        Ok(pipe)
    }

    /// Sends commands and waits until all are answered.
    ///
    /// # Errors
    ///
    /// A command that is refused.
    pub fn send(&mut self, commands: impl IntoIterator<Item = Cmd>) -> Outcome {
        let mut commands = commands.into_iter().fuse();
        let (mut piece, mut unanswered) = (Vec::new(), 0);
        loop {
            piece.clear();
            let sent = commands
                .by_ref()
                .take(PIECE)
                .map(|command| command.write_packed_command(&mut piece))
                .count();
            self.stream.write_all(&piece)?;
            for _ in 0..unanswered {
                self.replies.parse_value(&self.stream)?.extract_error()?;
            }
            unanswered = sent;
            if sent == 0 {
                return Ok(());
            }
        }
    }
}
