//! One connection, and the visitors who use it in turn.

use std::io::{Error, Result};
use std::net::SocketAddr;

use comparison::TEXT;
use memchr::memmem;

use crate::connection::Connection;
use crate::visitor::Visitor;

/// What was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) measured: u64,
    pub(crate) missed: u64,
    pub(crate) requests: u64,
}

pub(crate) struct Guest {
    connection: Connection,
    visitors: Vec<Visitor>,
    pub(crate) counted: Counted,
}

impl Guest {
    /// Lets visitors in who have posted a form and seen its message: from now on the site knows them.
    pub(crate) async fn arrive(address: SocketAddr, visitors: usize) -> Result<Self> {
        let mut guest = Self {
            connection: Connection::open(address).await?,
            visitors: (0..visitors).map(|_| Visitor::new(address)).collect(),
            counted: Counted::default(),
        };
        guest.post().await?;
        guest.get().await?;
        Ok(guest)
    }

    /// Each visitor posts the form.
    pub(crate) async fn post(&mut self) -> Result<()> {
        for visitor in &mut self.visitors {
            let response = self.connection.ask(visitor.post()).await?;
            expect(response.head, b"HTTP/1.1 303 ")?;
            visitor.learn(response.head);
            self.counted.requests += 1;
        }
        Ok(())
    }

    /// Each visitor looks at the page; tells how often the message was on it.
    pub(crate) async fn get(&mut self) -> Result<usize> {
        let mut seen = 0;
        for visitor in &mut self.visitors {
            let response = self.connection.ask(visitor.get()).await?;
            expect(response.head, b"HTTP/1.1 200 ")?;
            seen += memmem::find_iter(response.body, TEXT).count();
            visitor.learn(response.head);
            self.counted.requests += 1;
        }
        Ok(seen)
    }

    /// Looks at the page and notes whether each visitor saw so many messages.
    pub(crate) async fn see(&mut self, messages: usize) -> Result<()> {
        let expected = messages * self.visitors.len();
        let seen = self.get().await?;
        self.counted.missed += expected.abs_diff(seen) as u64;
        Ok(())
    }

    pub(crate) fn rest(&mut self) {
        self.visitors.iter_mut().for_each(Visitor::rest);
    }

    pub(crate) fn visitors(&self) -> u64 {
        self.visitors.len() as u64
    }
}

fn expect(head: &[u8], status: &[u8]) -> Result<()> {
    if head.starts_with(status) {
        return Ok(());
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    Err(Error::other(format!("the site answered '{line}'")))
}
