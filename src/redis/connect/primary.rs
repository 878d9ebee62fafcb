//! The servers that have keys: one, or the primaries of a Cluster.

#[cfg(feature = "cluster")]
use crate::redis::slot_map::ClusterNode;

/// A server with keys that no other server has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Primary {
    /// The only one: that of the URL, or the one that the Sentinels report.
    Single,
    #[cfg(feature = "cluster")]
    Node(ClusterNode),
}
