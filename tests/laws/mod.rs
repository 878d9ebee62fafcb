//! The laws of a store, each one test for each store.

mod suite;
mod under_load;

use std::sync::Arc;
use std::time::Duration;

use salver::store::{Clock, MemoryStore, RedisStore, Store};
use salver::{Context, SessionId};

use crate::support::redis::Server;

#[path = "../../examples/custom_store.rs"]
#[expect(dead_code, reason = "the example's own main does not run here")]
mod custom_store;

type Put = Box<dyn Fn(&Context, &[u8]) + Send + Sync>;

/// A store on trial, with what the laws need beside it.
pub struct Subject {
    pub store: Arc<dyn Store>,
    /// Puts a raw member in, as a foreign writer would.
    put: Put,
    clock: Option<Clock>,
    server: Option<Server>,
}

impl Subject {
    pub fn memory() -> Self {
        let clock = Clock::manual();
        let store = Arc::new(MemoryStore::with_clock(clock.clone()));
        Self::around(store.clone(), store, clock)
    }

    /// A store that stands before a memory store.
    pub fn around(store: Arc<dyn Store>, inner: Arc<MemoryStore>, clock: Clock) -> Self {
        Self {
            store,
            put: Box::new(move |context, member| inner.put_member(context, member)),
            clock: Some(clock),
            server: None,
        }
    }

    pub fn redis() -> Self {
        let server = Server::start();
        let store = Arc::new(RedisStore::new(&server.url()).unwrap());
        let (port, url) = (server.port, server.url());
        let put = move |context: &Context, member: &[u8]| {
            let mut connection = redis::Client::open(url.as_str())
                .unwrap()
                .get_connection()
                .unwrap();
            let now: (u64, u64) = redis::cmd("TIME").query(&mut connection).unwrap();
            let now = now.0 * 1000 + now.1 / 1000;
            let mut zadd = redis::cmd("ZADD");
            zadd.arg(context.key()).arg("NX").arg(now).arg(member);
            zadd.query::<()>(&mut connection).unwrap();
            assert_ne!(port, 0);
        };
        Self {
            store,
            put: Box::new(put),
            clock: None,
            server: Some(server),
        }
    }

    pub fn custom() -> Self {
        let store = Arc::new(custom_store::ListStore::default());
        let inner = store.clone();
        Self {
            store,
            put: Box::new(move |context, member| inner.put_member(context, member.to_vec())),
            clock: None,
            server: None,
        }
    }

    pub fn put(&self, context: &Context, member: &[u8]) {
        (self.put)(context, member);
    }

    /// Lets time pass, by the store's clock.
    pub async fn pass(&self, time: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(time),
            None => tokio::time::sleep(time).await,
        }
    }

    /// Two sessions of this subject's own.
    pub fn sessions(&self) -> (SessionId, SessionId) {
        let _ = &self.server;
        (
            crate::support::session("ada"),
            crate::support::session("bob"),
        )
    }
}

/// Stamps every law into one test for each store.
macro_rules! stamp {
    ($($law:ident)*) => {
        /// The laws by name, for the twins.
        pub const LAWS: &[&str] = &[$(stringify!($law)),*];

        /// Runs the law of that name.
        pub async fn try_law(name: &str, subject: Subject) {
            match name {
                $(stringify!($law) => suite::$law(subject).await,)*
                other => panic!("no law is called {other}"),
            }
        }

        mod memory { $(#[tokio::test] async fn $law() { super::suite::$law(super::Subject::memory()).await; })* }
        mod redis_server { $(#[tokio::test] async fn $law() { super::suite::$law(super::Subject::redis()).await; })* }
        mod custom { $(#[tokio::test] async fn $law() { super::suite::$law(super::Subject::custom()).await; })* }
    };
}

stamp! {
    order_is_by_id
    contexts_of_one_look_are_merged_in_order
    a_batch_is_added_whole
    a_batch_that_does_not_fit_is_refused_whole
    a_refused_add_changes_nothing
    two_claimers_never_share
    a_repeated_add_makes_one
    a_repeated_add_keeps_the_lease
    a_repeat_within_a_batch_changes_nothing
    a_repeat_of_what_is_beyond_the_cap_makes_one
    a_release_gives_back_at_once
    a_lease_that_ends_gives_back
    a_late_release_does_not_free_anothers_claim
    a_late_confirm_removes
    a_confirm_may_be_repeated
    a_confirm_follows_a_session_that_moved
    a_released_message_keeps_its_age
    a_full_context_of_leased_messages_keeps_the_new_one
    the_oldest_is_displaced_and_told_once
    a_scheduled_message_waits
    a_message_scheduled_beyond_the_expiry_appears
    a_look_answers_next
    a_tag_replaces
    a_tag_replaces_within_a_batch
    a_tag_replaces_what_is_leased
    a_tag_inside_data_is_not_a_tag
    what_has_expired_is_unseen
    an_add_never_shortens_a_life
    a_replacement_never_shortens_a_life
    reading_does_not_renew
    what_is_too_old_is_unseen
    what_is_past_its_deadline_is_unseen
    views_are_isolated
    sessions_and_applications_are_isolated
    what_cannot_be_read_is_skipped_and_goes_with_the_confirm
    what_does_not_begin_as_it_should_has_no_id
    what_is_cut_off_in_its_tag_has_an_id
    what_a_newer_version_wrote_is_left_there
    unknown_fields_survive
    take_removes_at_once
    peek_changes_nothing
    retract_removes_by_tag
    retract_removes_by_id
    clear_removes_one_context
    clear_session_removes_all_contexts
    a_closed_session_takes_nothing
    migrate_carries_messages_leases_and_schedules
    migrate_says_where_the_session_went
    migrate_may_be_repeated_but_not_redirected
    migrate_merges_into_what_is_there
    migrate_keeps_the_cap
    migrate_counts_what_both_hold_once
    migrate_to_itself_changes_nothing
    a_repeated_migrate_undoes_nothing
    migrate_opens_nothing_unasked
    a_logout_of_a_moved_session_leaves_the_way
    what_was_displaced_is_told_with_what_is_shown
    what_was_displaced_is_forgotten_with_the_last_message
    migrate_opens_the_session_that_it_leads_to
    contexts_lists_what_is_visible
    a_session_has_a_limited_number_of_contexts
    an_empty_context_needs_room_as_a_new_one_does
}
