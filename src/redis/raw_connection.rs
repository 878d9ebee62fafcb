//! An established connection: to one server, or to a Cluster.

#[cfg(feature = "cluster")]
use std::collections::BTreeMap;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
#[cfg(feature = "cluster")]
use ::redis::cluster_async::ClusterConnection;
#[cfg(feature = "cluster")]
use ::redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use ::redis::{Cmd, Pipeline, RedisError, RedisFuture, ServerErrorKind, Value, from_redis_value};

use crate::redis::Request;
#[cfg(feature = "cluster")]
use crate::redis::slot_map::SlotMap;

/// An established connection. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) enum RawConnection {
    Single(MultiplexedConnection),
    #[cfg(feature = "cluster")]
    Cluster(ClusterConnection),
}

/// Arguments of `WAIT`: how many replicas must have the write, and how many milliseconds to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitReplicas {
    pub(crate) replicas: u32,
    pub(crate) millis: u64,
}

impl RawConnection {
    /// Returns whether this is a Cluster connection, whose client retries by itself.
    pub(crate) fn is_cluster(&self) -> bool {
        match self {
            Self::Single(_) => false,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => true,
        }
    }

    /// Runs a script by its hash, and sends its source if the server has not cached it.
    pub(crate) async fn run(&mut self, request: &Request) -> Result<Value, RedisError> {
        let reply = self.send(request.evalsha()).await;
        self.or_with_source(reply, request).await
    }

    /// Returns the reply to a script that was sent by its hash. Sends its source if the server has not
    /// cached it.
    pub(super) async fn or_with_source(
        &mut self,
        reply: Result<Value, RedisError>,
        request: &Request,
    ) -> Result<Value, RedisError> {
        match reply {
            Err(error) if is_unknown_script(&error) => self.send(&request.eval()).await,
            reply => reply,
        }
    }

    async fn send(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let reply = match self {
            Self::Single(connection) => connection.send_packed_command(command).await?,
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.req_packed_command(command).await?,
        };
        reply.extract_error()
    }

    /// Runs a script and returns how many replicas have what it wrote. Both commands are in one
    /// pipeline, so that `WAIT` covers this write, on the connection that made it.
    pub(crate) async fn run_and_wait(
        &mut self,
        request: &Request,
        wait: WaitReplicas,
    ) -> Result<(Value, u32), RedisError> {
        match self.with_wait(request.evalsha().clone(), wait).await {
            Err(error) if is_unknown_script(&error) => self.with_wait(request.eval(), wait).await,
            reply => reply,
        }
    }

    async fn with_wait(
        &mut self,
        script: Cmd,
        wait: WaitReplicas,
    ) -> Result<(Value, u32), RedisError> {
        let mut pipeline = Pipeline::with_capacity(2);
        let commands = pipeline.add_command(script).cmd("WAIT");
        commands.arg(wait.replicas).arg(wait.millis);
        // The error of a whole pipeline would not carry the error code.
        let replies: (Value, Value) = commands.ignore_errors().query_async(self).await?;
        let reply = replies.0.extract_error()?;
        // The script has run. A `WAIT` that was interrupted or refused counts as no replicas.
        let reached = replies
            .1
            .extract_error()
            .ok()
            .and_then(|count| from_redis_value(count).ok());
        Ok((reply, reached.unwrap_or(0)))
    }

    /// Sends a command that concerns a server as a whole. In a Cluster it goes to the primary with
    /// the number `node`. Returns `None` if there is no such server.
    pub(crate) async fn execute_on_node(
        &mut self,
        node: usize,
        command: &Cmd,
    ) -> Result<Option<Value>, RedisError> {
        match self {
            Self::Single(_) if node > 0 => Ok(None),
            Self::Single(_) => self.send(command).await.map(Some),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => {
                let Some(slot) = slot_of_primary(node, connection).await? else {
                    return Ok(None);
                };
                let primary = Route::new(slot, SlotAddr::Master);
                let route = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(primary));
                let reply = connection.route_command(command.clone(), route).await?;
                reply.extract_error().map(Some)
            }
        }
    }
}

/// Returns a hash slot of the primary with this number, for routing. Not its address, which a
/// Cluster may omit and leave for its clients to infer.
#[cfg(feature = "cluster")]
async fn slot_of_primary(
    primary: usize,
    connection: &mut ClusterConnection,
) -> Result<Option<u16>, RedisError> {
    let any_primary = RoutingInfo::SingleNode(SingleNodeRoutingInfo::RandomPrimary);
    let mut slots = ::redis::cmd("CLUSTER");
    slots.arg("SLOTS");
    let reply = connection.route_command(slots, any_primary).await?;
    let SlotMap(ranges) = SlotMap::parse(reply.extract_error()?, "")?;
    // Ordered by node id, which does not change when slots move.
    let primaries = ranges
        .into_iter()
        .map(|range| (range.primary.id, range.first));
    let primaries: BTreeMap<_, _> = primaries.collect();
    Ok(primaries.into_values().nth(primary))
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ServerErrorKind::NoScript.into() || error.code() == Some("NOSCRIPT")
}

macro_rules! delegate {
    ($self:ident, $connection:ident => $call:expr) => {
        match $self {
            Self::Single($connection) => $call,
            #[cfg(feature = "cluster")]
            Self::Cluster($connection) => $call,
        }
    };
}

impl ConnectionLike for RawConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        delegate!(self, connection => connection.req_packed_command(command))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        delegate!(self, connection => connection.req_packed_commands(commands, offset, count))
    }

    fn get_db(&self) -> i64 {
        delegate!(self, connection => connection.get_db())
    }
}
