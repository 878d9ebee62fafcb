//! The scripts, each behind one typed function.

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
pub(crate) use self::add::{add, added};
pub(crate) use self::call::read;
pub(crate) use self::maintenance::{check, survey, sweep};
pub(crate) use self::migrate::migrate;
pub(crate) use self::read::{Mode, contexts, look};
pub(crate) use self::remove::{clear, clear_session, retract};
pub(crate) use self::settle::{confirm, release};
