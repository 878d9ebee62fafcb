//! A client: one connection, and the visitors that use it in turn.

use std::io::{Error, Result};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use comparison::TEXT;
use memchr::memmem;

use crate::visitor::Visitor;
use comparison::connection::Connection;

/// What a client has counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) measured: u64,
    pub(crate) missed: u64,
    pub(crate) requests: u64,
}

pub(crate) struct Client {
    connection: Connection,
    visitors: Vec<Visitor>,
    pub(crate) counts: Counts,
}

impl Client {
    /// Connects, posts the form and gets the page as each visitor, so that each has a session.
    pub(crate) async fn connect(address: SocketAddr, visitors: usize) -> Result<Self> {
        let mut client = Self {
            connection: Connection::open(address).await?,
            visitors: (0..visitors).map(|_| Visitor::new(address)).collect(),
            counts: Counts::default(),
        };
        client.post().await?;
        client.get().await?;
        Ok(client)
    }

    /// Posts the form as each visitor.
    pub(crate) async fn post(&mut self) -> Result<()> {
        for visitor in &mut self.visitors {
            let response = self.connection.send(visitor.post()).await?;
            expect_status(response.head, b"HTTP/1.1 303 ")?;
            visitor.store_cookies(response.head);
            self.counts.requests += 1;
        }
        Ok(())
    }

    /// Gets the page as each visitor. Returns the number of messages on all these pages.
    pub(crate) async fn get(&mut self) -> Result<usize> {
        let mut messages = 0;
        for visitor in &mut self.visitors {
            let response = self.connection.send(visitor.get()).await?;
            expect_status(response.head, b"HTTP/1.1 200 ")?;
            messages += memmem::find_iter(response.body, TEXT).count();
            visitor.store_cookies(response.head);
            self.counts.requests += 1;
        }
        Ok(messages)
    }

    /// Gets the page as each visitor, and counts the difference to the expected number of messages
    /// on each page.
    pub(crate) async fn get_expecting(&mut self, messages: usize) -> Result<()> {
        let expected = messages * self.visitors.len();
        let found = self.get().await?;
        self.counts.missed += expected.abs_diff(found) as u64;
        Ok(())
    }

    /// Posts the form and gets the page as one visitor, and counts whether the page has its message.
    pub(crate) async fn cycle(&mut self, visitor: usize) -> Result<Duration> {
        let visitor = &mut self.visitors[visitor];
        let response = self.connection.send(visitor.post()).await?;
        expect_status(response.head, b"HTTP/1.1 303 ")?;
        visitor.store_cookies(response.head);
        let started = Instant::now();
        let response = self.connection.send(visitor.get()).await?;
        let took = started.elapsed();
        expect_status(response.head, b"HTTP/1.1 200 ")?;
        let messages = memmem::find_iter(response.body, TEXT).count();
        visitor.store_cookies(response.head);
        self.counts.missed += messages.abs_diff(1) as u64;
        self.counts.requests += 2;
        Ok(took)
    }

    /// Gets the page as one visitor with nothing pending.
    pub(crate) async fn get_idle(&mut self, visitor: usize) -> Result<()> {
        let visitor = &mut self.visitors[visitor];
        let response = self.connection.send(visitor.get()).await?;
        expect_status(response.head, b"HTTP/1.1 200 ")?;
        let messages = memmem::find_iter(response.body, TEXT).count();
        visitor.store_cookies(response.head);
        self.counts.missed += messages as u64;
        self.counts.requests += 1;
        Ok(())
    }

    /// Expires the short-lived cookies of one visitor.
    pub(crate) fn expire_cookies_of(&mut self, visitor: usize) {
        self.visitors[visitor].expire_cookies();
    }

    /// Expires the short-lived cookies of all visitors.
    pub(crate) fn expire_cookies(&mut self) {
        self.visitors.iter_mut().for_each(Visitor::expire_cookies);
    }

    pub(crate) fn visitors(&self) -> u64 {
        self.visitors.len() as u64
    }
}

fn expect_status(head: &[u8], status: &[u8]) -> Result<()> {
    if head.starts_with(status) {
        return Ok(());
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    Err(Error::other(format!("unexpected response '{line}'")))
}
