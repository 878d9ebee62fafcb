//! What the benchmarks share: the programs that they start, how two of them are compared, and how it is told.

pub mod compare;
pub mod environment;
pub mod fixture;
pub mod handle;
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

/// What a benchmark comes to: an error is told as it is, and ends it.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The message that every mode carries, and that the load looks for.
pub const TEXT: &str =
    "Your settings have been changed. They hold for every order from now on, as of today.";
