//! Redis servers that refuse writes.

use salver::Error;

use super::processes::free_port;
use super::redis::Server;

/// Why a server refuses writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    OutOfMemory,
    Replica,
    FailedSnapshot,
}

pub const REFUSALS: [Refusal; 3] = [
    Refusal::OutOfMemory,
    Refusal::Replica,
    Refusal::FailedSnapshot,
];

impl Refusal {
    pub async fn begin(self, server: &Server) {
        match self {
            Self::OutOfMemory => server.set_config("maxmemory", "1"),
            Self::Replica => {
                // No server listens there, so that the data stays.
                let port = free_port().to_string();
                let _: String = server.run(&[b"REPLICAOF", b"127.0.0.1", port.as_bytes()]);
            }
            Self::FailedSnapshot => server.fail_snapshots().await,
        }
    }

    pub fn end(self, server: &Server) {
        match self {
            Self::OutOfMemory => server.set_config("maxmemory", "0"),
            Self::Replica => {
                let _: String = server.run(&[b"REPLICAOF", b"NO", b"ONE"]);
            }
            Self::FailedSnapshot => server.set_config("save", ""),
        }
    }

    /// Checks that an error says what is wrong with the server.
    pub fn assert_refused(self, error: &Error) {
        let is_full = self == Self::OutOfMemory;
        assert_eq!(error.is_full(), is_full, "{self:?}: {error:?}");
        assert_eq!(error.is_unavailable(), !is_full, "{self:?}: {error:?}");
    }
}
