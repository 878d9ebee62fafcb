//! The hash slots of a Cluster, as one of its nodes reports them.

use ::redis::aio::ConnectionLike;
use ::redis::{ParsingError, RedisError, Value, from_redis_value};

/// A primary of a Cluster. Ordered by its id, which does not change when slots move.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClusterNode {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Hash slots in a row, and their primary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotRange {
    pub(crate) first: u16,
    last: u16,
    pub(crate) primary: ClusterNode,
}

/// All assigned hash slots, in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotMap(pub(crate) Vec<SlotRange>);

impl SlotMap {
    /// Queries the node that a connection leads to. `host` is the host of that node.
    pub(crate) async fn query(
        connection: &mut impl ConnectionLike,
        host: &str,
    ) -> Result<Self, RedisError> {
        let mut slots = ::redis::cmd("CLUSTER");
        slots.arg("SLOTS");
        let reply: Value = slots.query_async(connection).await?;
        Ok(Self::parse(reply, host)?)
    }

    /// Parses the reply to `CLUSTER SLOTS`. `host` stands for the hosts that the node omits: a node
    /// may leave it to its clients to infer them.
    pub(crate) fn parse(reply: Value, host: &str) -> Result<Self, ParsingError> {
        // Each range: first slot, last slot, the primary (host, port, id, ...), the replicas.
        let ranges: Vec<Vec<Value>> = from_redis_value(reply)?;
        let ranges = ranges.into_iter().filter_map(|range| {
            let mut parts = range.into_iter();
            let (first, last, primary) = (parts.next()?, parts.next()?, parts.next()?);
            Some((first, last, primary))
        });
        let parse = |(first, last, primary): (Value, Value, Value)| {
            Ok(SlotRange {
                first: from_redis_value(first)?,
                last: from_redis_value(last)?,
                primary: parse_node(primary, host)?,
            })
        };
        let mut ranges: Vec<_> = ranges.map(parse).collect::<Result<_, ParsingError>>()?;
        // Nodes before Redis 7 report them in an order of their own.
        ranges.sort();
        Ok(Self(ranges))
    }
}

fn parse_node(node: Value, host: &str) -> Result<ClusterNode, ParsingError> {
    let mut parts = from_redis_value::<Vec<Value>>(node)?.into_iter();
    let mut next = || parts.next().unwrap_or(Value::Nil);
    let reported: Option<String> = from_redis_value(next())?;
    Ok(ClusterNode {
        port: from_redis_value(next())?,
        id: from_redis_value(next())?,
        host: reported
            .filter(|host| !host.is_empty())
            .unwrap_or_else(|| host.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "a test fails by panicking"
    )]

    use super::*;

    fn range(first: i64, last: i64, host: &Value, id: &str) -> Value {
        let text = |text: &str| Value::BulkString(text.into());
        let node = |id| Value::Array(vec![host.clone(), Value::Int(7000), text(id)]);
        let replica = node("a replica");
        Value::Array(vec![Value::Int(first), Value::Int(last), node(id), replica])
    }

    fn parse(ranges: Vec<Value>) -> SlotMap {
        SlotMap::parse(Value::Array(ranges), "10.0.0.1").unwrap()
    }

    #[test]
    fn omitted_host_is_that_of_the_queried_node() {
        let text = |text: &str| Value::BulkString(text.into());
        let hosts = [
            (Value::Nil, "10.0.0.1"),
            (text(""), "10.0.0.1"),
            (text("b"), "b"),
        ];
        for (host, expected) in hosts {
            let SlotMap(ranges) = parse(vec![range(0, 16383, &host, "a")]);
            assert_eq!(ranges[0].primary.host, expected);
            assert_eq!(ranges[0].primary.id, "a");
        }
    }

    #[test]
    fn order_of_reply_makes_no_other_map() {
        let [low, high] = [(0, 100, "b"), (101, 16383, "a")]
            .map(|(first, last, id)| range(first, last, &Value::Nil, id));
        let map = parse(vec![high.clone(), low.clone()]);
        assert_eq!(map, parse(vec![low, high]));
        assert_eq!(map.0[0].first, 0);
    }
}
