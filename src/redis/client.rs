//! The client of one Redis deployment, which all modules share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ::redis::{Cmd, Value};

use crate::Error;
#[cfg(feature = "web")]
use crate::redis::batch::{Batch, BatchReply};
use crate::redis::connect::{ConnectionConfig, Connector};
use crate::redis::connection::{Connection, WeakConnection};
#[cfg(feature = "jobs")]
use crate::redis::parts::Parts;
use crate::redis::replication::ReplicatedWriter;
use crate::redis::request::Request;
use crate::redis::tracking::entries::TrackingHandler;
use crate::redis::tracking::tracker::{Registration, Tracker};

/// A client of one server, of the primary behind Sentinels, or of a Cluster.
///
/// Cheap to clone; clones share their connections: one for all shared calls, one per worker thread,
/// a pool for writes that wait for replicas, and one on which each server reports changed keys.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    connection: Connection,
    replicated_writer: ReplicatedWriter,
    /// The connections of worker threads, so that an app with several wrapped scopes has one per
    /// worker.
    per_thread: Arc<Mutex<HashMap<ThreadId, WeakConnection>>>,
    tracker: Arc<Tracker>,
    /// The commands of the modules in use, for the health check.
    commands: Arc<Mutex<Vec<&'static [&'static str]>>>,
}

impl Client {
    /// Parses the addresses. Does not connect.
    pub(crate) fn new(config: &ConnectionConfig) -> Result<Self, Error> {
        Ok(Self::with_connector(Connector::new(config)?))
    }

    /// Creates a client that takes its connections from a pool and does not return them.
    pub(crate) fn from_pool(pool: deadpool_redis::Pool) -> Self {
        Self::with_connector(Connector::Pool(pool))
    }

    fn with_connector(connector: Connector) -> Self {
        Self {
            replicated_writer: ReplicatedWriter::new(connector.clone()),
            tracker: Arc::new(Tracker::new(connector.clone())),
            connection: Connection::on_background_runtime(connector),
            per_thread: Arc::default(),
            commands: Arc::default(),
        }
    }

    /// Returns the client with the connection of the calling worker thread.
    pub(crate) fn for_current_runtime(&self) -> Self {
        let mut connections = self.lock_per_thread();
        connections.retain(|_, connection| connection.is_used());
        let thread = thread::current().id();
        let existing = connections.get(&thread);
        let existing = existing.and_then(|weak| weak.upgrade(&self.connection));
        let connection = existing.unwrap_or_else(|| self.connection.for_current_runtime());
        connections.insert(thread, connection.downgrade());
        Self {
            connection,
            ..self.clone()
        }
    }

    /// Returns the client with a connection of its own, whose tasks run on the runtime that uses it first: no other thread is
    /// between it and the socket.
    pub(crate) fn for_worker(&self) -> Self {
        Self {
            connection: self.connection.for_current_runtime(),
            ..self.clone()
        }
    }

    /// Returns whether the keys of different sessions may be on different servers.
    pub(crate) fn is_cluster(&self) -> bool {
        self.connection.is_cluster()
    }

    /// Runs a script and returns the elements of its reply after the first, which names the
    /// requested key. Has no timeout: the caller sets the deadline.
    ///
    /// If the connection turns out to be broken, the request is sent once more over a new one,
    /// unless it is not idempotent.
    pub(crate) async fn execute(&self, request: &Request) -> Result<Vec<Value>, Error> {
        match self.of_this_thread() {
            Some(connection) => connection.execute(request).await,
            None => self.connection.execute(request).await,
        }
    }

    /// Runs a batch, as [`execute`](Self::execute) runs a script. Only for a client that
    /// [`runs_batches`](Self::runs_batches).
    #[cfg(feature = "web")]
    pub(crate) async fn execute_batch(&self, batch: &Batch) -> Result<BatchReply, Error> {
        self.connection.execute_batch(batch).await
    }

    /// Returns whether all calls come from one runtime, and all keys are on one server.
    #[cfg(feature = "web")]
    pub(crate) fn runs_batches(&self) -> bool {
        !self.connection.is_shared() && !self.connection.is_cluster()
    }

    /// Returns the connection of the calling worker thread, which a shared client can use too: with the shared connection,
    /// another thread would be between a handler and the socket.
    fn of_this_thread(&self) -> Option<Connection> {
        if !self.connection.is_shared() {
            return None;
        }
        let connections = self.lock_per_thread();
        let connection = connections.get(&thread::current().id())?;
        connection.upgrade(&self.connection)
    }

    fn lock_per_thread(&self) -> MutexGuard<'_, HashMap<ThreadId, WeakConnection>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.per_thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a script, and returns its reply after a first word, which distinguishes it from the replies of
    /// other scripts with the same key.
    ///
    /// # Errors
    ///
    /// `is_unreadable` for another word.
    #[cfg(feature = "jobs")]
    pub(crate) async fn execute_expecting(
        &self,
        request: &Request,
        word: &str,
    ) -> Result<Parts, Error> {
        let mut reply = Parts::new(self.execute(request).await?);
        match reply.next::<String>()? == word {
            true => Ok(reply),
            false => Err(Error::unreadable("a Redis reply")),
        }
    }

    /// Runs a script, and waits until `replicas` replicas have acknowledged its write. Returns
    /// whether they did within the time.
    pub(crate) async fn execute_replicated(
        &self,
        request: Request,
        replicas: u32,
        within: Duration,
    ) -> Result<(Vec<Value>, bool), Error> {
        let writer = &self.replicated_writer;
        writer.execute(request, replicas, within).await
    }

    /// Sends a read-only command that concerns a server as a whole. In a Cluster it goes to the
    /// primary with the number `node`, counted from 0. Returns `None` if there are fewer primaries.
    pub(crate) async fn execute_on_node(
        &self,
        node: usize,
        command: Cmd,
    ) -> Result<Option<Value>, Error> {
        self.connection.execute_on_node(node, command).await
    }

    /// Adds the commands of a module to those whose permission the health check tests. They are words
    /// separated by spaces; `KEY` stands for a key that does not exist.
    #[cfg(feature = "inbox")]
    pub(crate) fn require_commands(&self, commands: &'static [&'static str]) {
        let mut required = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if !required.contains(&commands) {
            required.push(commands);
        }
    }

    /// Returns the commands of the modules that have been used.
    pub(crate) fn required_commands(&self) -> Vec<&'static str> {
        let required = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        required.concat()
    }

    /// Returns whether the servers can report key changes: all of them but those of a pool.
    pub(crate) fn supports_tracking(&self) -> bool {
        self.connection.connector().supports_tracking()
    }

    /// Reports the changes of all keys with a prefix to a handler, until the registration is
    /// dropped. All registrations share one connection, in a Cluster one to each primary.
    ///
    /// `channel`: a channel that the user may subscribe to. Nothing is published on it.
    ///
    /// # Errors
    ///
    /// `is_unavailable` when the background thread cannot be started.
    pub(crate) fn track(
        &self,
        prefix: String,
        channel: String,
        handler: Arc<dyn TrackingHandler>,
    ) -> Result<Registration, Error> {
        self.tracker.register(prefix, channel, handler)
    }
}
