//! Partitions: keys that belong to no person are spread over the servers of a Cluster.

use crate::redis::Client;

/// The only partition where all keys are on one server.
const SINGLE: [&str; 1] = ["0"];
/// The hash tags of a Cluster. The tag with index i is the smallest number whose hash slot lies in the
/// i-th of 16 equal parts of the slots. The numbers 0 to 15 themselves would leave half of the parts
/// without a key.
const IN_CLUSTER: [&str; 16] = [
    "10", "3", "61", "43", "11", "2", "60", "42", "12", "1", "63", "41", "13", "0", "62", "40",
];

impl Client {
    /// Returns the hash tags of all partitions.
    pub(crate) fn partitions(&self) -> &'static [&'static str] {
        match self.is_cluster() {
            true => &IN_CLUSTER,
            false => &SINGLE,
        }
    }
}
