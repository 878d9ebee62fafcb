//! Where messages are kept: the [`Store`] trait, its laws, and the two stores of this crate.
//!
//! Floor 2: knows words, and links to servers; nothing about handles, requests or pages.
//!
//! [`MemoryStore`] is the embedded default: one process, bounded, nothing survives its end.
//! [`RedisStore`] is shared by any number of processes, in any language.
//!
//! # The laws
//!
//! A store of your own has to keep these. They are tests, in [`conformance`]: both stores of this crate
//! pass them, and `salver::conformance_tests!` puts them to yours.
//! *Visible* means: its time has come, and it is not too old.
//!
//! 1. **One number decides.** A message has a time from which it may be shown. An add sets it to now
//!    (plus the message's delay); a claim sets it to the end of the lease; a release sets it to the
//!    time in the id, never later than now. A look sees what is at or before now.
//! 2. **Order** is the order of ids, over all contexts of one look.
//! 3. **A repeated add changes nothing**: a message whose id is there is left alone, its lease too. Of an id
//!    that a batch has twice the first counts.
//! 4. **A tag replaces** what has the same tag in the same context, leased or not.
//! 5. **Two claimers never share** a message while a lease holds.
//! 6. **Confirm removes**, whoever holds the message by now, and wherever its session has moved. **Release gives back** only what is still
//!    under this claim's lease.
//! 7. **Room is made before the add**, lowest time first, so that a context full of leased messages keeps
//!    the new one; what was displaced is counted and told once, by the next claim or take, and forgotten
//!    with the context's last message.
//! 8. **Expiry is judged on read.** A context lives at least [`Limits::expiry`] after its last add, or
//!    after the last message becomes visible; reading does not renew it, and no add shortens it. A message
//!    older than [`Limits::age`] by its id, or past its own deadline, is never shown.
//! 9. **A look answers `next`**: how long until the earliest message that it did not hand out may be shown.
//! 10. **Contexts are isolated**: no two spell the same key, and nothing is found under another.
//! 11. **What cannot be read breaks nothing**: it is skipped, counted and removed on confirm; what a newer
//!     version wrote is left there, and counted. Only what [`wire::head`] finds has an id, a tag or a version.
//! 12. **A closed session takes nothing**: after a migrate adds answer [`Placed::Moved`], after a close
//!     [`Error::is_closed`], for [`Limits::expiry`]. Nothing is found in it either, whoever wrote it there.
//! 13. **A sweep drops what is old**, leased or not, in steps of bounded size, and works in a store that is full.
//!
//! # A whole store
//!
//! `examples/custom_store.rs` is one; [its page](crate::docs::custom_store) shows it whole.
#![cfg_attr(feature = "conformance", doc = "\n[`conformance`]: self::conformance")]
#![cfg_attr(
    not(feature = "conformance"),
    doc = "\n[`conformance`]: crate#features"
)]

mod claim;
#[cfg(feature = "conformance")]
pub mod conformance;
mod health;
mod interface;
mod memory;
mod millis;
#[cfg(feature = "redis")]
mod redis;
mod stats;

pub use self::claim::{Claim, ClaimedMembers, ReadResult};
pub use self::health::{Issue, IssueKind};
pub(crate) use self::interface::MAX_REDIRECTS;
pub use self::interface::{AddOutcome, Selector, Store, StoreFuture};
pub use self::memory::{Clock, MemoryStore};
pub(crate) use self::millis::millis;
#[cfg(feature = "redis")]
pub use self::redis::{ADD_SCRIPT, RedisStore, RedisStoreBuilder};
pub use self::stats::{ContextStats, StoreStats, SweepProgress};
pub use crate::changes::{Changes, Listener};
pub use crate::config::{Limits, WhenFull};
