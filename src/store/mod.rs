//! The storage of messages: the [`Store`] trait, its requirements, and the two stores of this
//! crate.
//!
//! This module uses the core types and the connections to servers, but no handle, request or page.
//!
//! [`MemoryStore`] is the default: one process, bounded, without persistence.
//! [`RedisStore`] is shared by any number of processes, in any language.
//!
//! # Requirements
//!
//! A custom store has to meet these requirements. The tests in [`conformance`] check them: both
//! stores of this crate pass, and `salver::conformance_tests!` runs the tests on a custom store. A
//! message is *visible* when its time has come and it has not expired.
//!
//! 1. **One time decides.** A message has a time from which it is visible. An add sets it to now
//!    plus the message's delay. A claim sets it to the end of the lease. A release sets it to the
//!    time in the id, never later than now. A read finds the messages whose time is now or earlier.
//! 2. **Messages are ordered by id**, over all contexts of one read.
//! 3. **A repeated add changes nothing.** A message whose id is already stored is left unchanged,
//!    and so is its lease. If a batch contains an id twice, the first message counts.
//! 4. **A tag replaces** the messages with the same tag in the same context, leased or not.
//! 5. **Two claims never share** a message while its lease is active.
//! 6. **Confirm removes** the messages, even if another claim holds them by then, and wherever
//!    their session has moved. **Release makes visible** only the messages that are still under
//!    this claim's lease.
//! 7. **An add frees capacity first.** It displaces the messages with the earliest times before it
//!    adds the new ones. So a context full of leased messages keeps the new ones. Displaced
//!    messages are counted. The next claim or take reports the count once. The count is discarded
//!    with the context's last message.
//! 8. **Expiry is checked on read.** A context lives at least [`Limits::ttl`] after its last add,
//!    or after its last message becomes visible. A read does not extend that time, and no add
//!    shortens it. A message that is older than [`Limits::max_age`] by its id, or past its own
//!    deadline, is never returned.
//! 9. **A read returns [`next_due_in`](ReadResult::next_due_in)**: the time until the earliest
//!    message that it did not return becomes visible.
//! 10. **Contexts are isolated.** No two contexts have the same key, and a read of one never
//!     returns a message of another.
//! 11. **An undecodable member breaks nothing.** It is skipped, counted, and removed on confirm. A
//!     member of a newer version is kept and counted. Only a member with a header that
//!     [`wire::member_header`](crate::wire::member_header) accepts has an id, a tag or a version.
//! 12. **A closed session accepts nothing.** Adds return [`AddOutcome::SessionMoved`] after a
//!     migrate and fail with [`Error::is_session_closed`](crate::Error::is_session_closed) after a close, for
//!     [`Limits::ttl`]. Reads find nothing in it, even if another program has written there.
//! 13. **A sweep removes old messages**, leased or not, in steps of bounded size. It works in a
//!     store that is full.
//!
//! # A complete store
//!
//! `examples/custom_store.rs` is a complete store; [its page](crate::docs::custom_store) shows the
//! source.
#![cfg_attr(feature = "conformance", doc = "\n[`conformance`]: self::conformance")]
#![cfg_attr(
    not(feature = "conformance"),
    doc = "\n[`conformance`]: crate#features"
)]

mod backend;
mod claim;
#[cfg(feature = "conformance")]
pub mod conformance;
mod health;
mod memory;
mod millis;
#[cfg(feature = "redis")]
mod redis;
mod stats;
mod store_trait;

#[doc(hidden)]
pub use self::backend::Backend;
pub(crate) use self::backend::BackendKind;
#[cfg(feature = "inbox")]
pub(crate) use self::backend::MemoryBackend;
pub use self::claim::{Claim, ClaimedMembers, ReadResult};
pub use self::health::{Issue, IssueKind};
pub use self::memory::{Clock, MemoryStore};
pub(crate) use self::millis::millis;
#[cfg(feature = "redis")]
pub use self::redis::{ADD_SCRIPT, RedisStore, RedisStoreBuilder};
#[cfg(all(feature = "redis", feature = "inbox", feature = "live"))]
pub(crate) use self::redis::{SessionEnd, SessionEnds};
pub use self::stats::{ContextStats, StoreStats, SweepProgress};
pub(crate) use self::store_trait::MAX_REDIRECTS;
pub use self::store_trait::{AddOutcome, Selector, Store, StoreFuture};
pub use crate::changes::{Changes, Listener};
pub use crate::config::{Limits, WhenFull};
