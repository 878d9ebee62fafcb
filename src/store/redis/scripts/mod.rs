//! The Lua scripts, each with one typed function.

mod add;
mod call;
#[cfg(feature = "cluster")]
pub(crate) mod cluster;
mod maintenance;
mod migrate;
mod read;
mod remove;
mod settle;

pub use self::add::ADD;
pub(crate) use self::add::{add, parse_added};
pub(crate) use self::maintenance::{check_permissions, stats, sweep};
pub(crate) use self::migrate::migrate;
#[cfg(all(feature = "inbox", feature = "live"))]
pub(crate) use self::read::session_ended;
pub(crate) use self::read::{ReadMode, contexts, read};
pub(crate) use self::remove::{clear, clear_session, retract};
#[cfg(feature = "web")]
pub(crate) use self::settle::confirm_batch;
pub(crate) use self::settle::{confirm, release};
