//! Shared code of the benchmarks: starting programs, comparing two of them, and printing results.

pub mod compare;
pub mod connection;
pub mod environment;
pub mod fixture;
pub mod handle;
pub mod inbox_by_hand;
pub mod listener;
pub mod load;
pub mod pipelined;
pub mod plot;
pub mod programs;
pub mod scripts;
pub mod server;
pub mod site;
pub mod spy;
pub mod statistics;
pub mod visitors;

/// The result of a benchmark or of one of its steps. `main` prints the error and exits.
pub type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The text of every message. The load program searches pages for it.
pub const TEXT: &str =
    "Your settings have been changed. They apply to all orders that you place from today.";
