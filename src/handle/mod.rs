//! The handle of an application: [`Salver`], with one file for each group of operations.

mod add;
mod builder;
mod call;
mod claim;
mod claim_future;
mod claim_guard;
mod health;
#[cfg(feature = "jobs")]
mod health_sources;
mod listen;
#[cfg(feature = "mail")]
mod mail;
mod migrate;
#[cfg(feature = "web")]
mod page_latency;
mod read;
mod remove;
mod salver;
mod stats;
#[cfg(feature = "conformance")]
mod stop;
mod sweep;
#[cfg(all(test, feature = "web"))]
mod tests;
#[cfg(feature = "webhooks")]
mod webhooks;

pub use self::add::Added;
pub use self::builder::SalverBuilder;
#[cfg(feature = "web")]
pub(crate) use self::claim_guard::ClaimGuard;
pub use self::health::{Health, PendingIndex};
#[cfg(feature = "jobs")]
pub(crate) use self::health_sources::HealthSource;
pub use self::salver::Salver;
