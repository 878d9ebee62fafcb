//! The laws of a store as tests, for whoever writes one.
//!
//! A law is one sentence of [the laws](super#the-laws) put to one store: an async function that adds,
//! claims, waits and looks, and panics where the store does otherwise. Its name says what it wants.
//!
//! # Running them
//!
//! In the `Cargo.toml` of the store:
//!
//! ```toml
//! [dev-dependencies]
//! salver = { version = "0.1", default-features = false, features = ["conformance"] }
//! tokio = { version = "1", features = ["macros", "rt"] }
//! ```
//!
//! And in its tests, here for the memory store:
//!
//! ```
//! use std::sync::Arc;
//!
//! use salver::store::MemoryStore;
//! use salver::store::conformance::Subject;
//!
//! fn subject() -> Subject {
//!     let store = Arc::new(MemoryStore::new());
//!     let foreign = Arc::clone(&store);
//!     Subject::new(store, move |context, member| {
//!         foreign.put_member(&context, member);
//!         async {}
//!     })
//! }
//!
//! salver::conformance_tests! { subject() }
//! # use salver::store::conformance::{TESTS, run};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! #     assert!(TESTS.contains(&"order_is_by_id"));
//! #     run("order_is_by_id", subject()).await;
//! # }
//! ```
//!
//! `cargo test` then says `test order_is_by_id ... ok`, and so on for each of [`TESTS`].
//! `examples/custom_store.rs` does the same for a store of its own.
//!
//! # What a panic means
//!
//! The store broke the law that the test is named after. The message has what the store said (`left`) and
//! what the law wants (`right`), or the error that the store answered where the law allows none;
//! `RUST_BACKTRACE=1` adds the line of the law. A panic in a closure of the [`Subject`] is not the store's.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a law is red by panicking"
)]

mod adding;
mod capacity;
mod claiming;
mod expiry;
mod external_writers;
mod isolation;
mod removal;
mod sessions;
mod store_under_test;
mod tags;

pub use self::store_under_test::StoreUnderTest;

/// Makes one list of laws into the constant, the function and the macro that go through it.
///
/// The dollar is passed in: a macro that writes a macro cannot spell one.
macro_rules! tests {
    ($dollar:tt $($theme:ident: $($name:ident)*;)*) => {
        /// The laws by name.
        ///
        $($(#[doc = concat!("- `", stringify!($name), "`")])*)*
        pub const TESTS: &[&str] = &[$($(stringify!($name)),*),*];

        /// Puts the law of that name to a store: for who wants to choose among [`TESTS`], or to see a
        /// broken store fail.
        ///
        /// # Panics
        ///
        /// If the store breaks the law, and if no law is called so.
        pub async fn run(name: &str, store: StoreUnderTest) {
            match name {
                $($(stringify!($name) => $theme::$name(store).await,)*)*
                other => panic!("there is no conformance test named {other}"),
            }
        }

        /// Stamps each [law of a store](crate::store::conformance) into a test of its own.
        ///
        /// Takes an expression that makes a [`Subject`](crate::store::conformance::Subject). It is
        /// evaluated for each law, in an async function: `conformance_tests! { subject().await }` will do too.
        /// The tests are `#[tokio::test]` functions, named as the laws, in the module where this stands;
        /// they want tokio, with `macros` and `rt`, among the dev-dependencies there.
        #[macro_export]
        macro_rules! conformance_tests {
            ($dollar store:expr) => {
                $($(
                    #[::tokio::test]
                    async fn $name() {
                        $dollar crate::store::conformance::run(stringify!($name), $dollar store).await;
                    }
                )*)*
            };
        }
    };
}

tests! { $
    adding:
        order_is_by_id
        contexts_of_one_look_are_merged_in_order
        a_batch_is_added_whole
        a_repeated_add_makes_one
        a_repeated_add_keeps_the_lease
        a_repeat_within_a_batch_changes_nothing
        a_repeat_of_what_is_beyond_the_cap_makes_one
        an_add_that_no_replica_has_is_in_doubt;
    claiming:
        two_claimers_never_share
        a_release_gives_back_at_once
        a_lease_that_ends_gives_back
        a_late_release_does_not_free_anothers_claim
        a_late_confirm_removes
        a_confirm_may_be_repeated
        a_confirm_follows_a_session_that_moved
        a_released_message_keeps_its_age
        take_removes_at_once
        peek_changes_nothing;
    tags:
        a_tag_replaces
        a_tag_replaces_within_a_batch
        a_tag_replaces_what_is_leased
        a_tag_inside_data_is_not_a_tag;
    capacity:
        a_batch_that_does_not_fit_is_refused_whole
        a_refused_add_changes_nothing
        a_full_context_of_leased_messages_keeps_the_new_one
        the_oldest_is_displaced_and_told_once
        what_was_displaced_is_told_with_what_is_shown
        what_was_displaced_is_forgotten_with_the_last_message
        a_session_has_a_limited_number_of_contexts
        an_empty_context_needs_room_as_a_new_one_does;
    expiry:
        a_scheduled_message_waits
        a_message_scheduled_beyond_the_expiry_appears
        a_look_answers_next
        what_has_expired_is_unseen
        an_add_never_shortens_a_life
        a_replacement_never_shortens_a_life
        reading_does_not_renew
        what_is_too_old_is_unseen
        what_is_past_its_deadline_is_unseen;
    isolation:
        views_are_isolated
        sessions_and_applications_are_isolated
        contexts_lists_what_is_visible;
    external_writers:
        what_cannot_be_read_is_skipped_and_goes_with_the_confirm
        what_does_not_begin_as_it_should_has_no_id
        what_is_cut_off_in_its_tag_has_an_id
        what_a_newer_version_wrote_is_left_there
        unknown_fields_survive;
    removal:
        retract_removes_by_tag
        retract_removes_by_id
        clear_removes_one_context
        clear_session_removes_all_contexts
        a_sweep_drops_what_is_old;
    sessions:
        a_closed_session_takes_nothing
        nothing_is_found_in_a_closed_session
        migrate_carries_messages_leases_and_schedules
        migrate_says_where_the_session_went
        migrate_may_be_repeated_but_not_redirected
        migrate_merges_into_what_is_there
        migrate_keeps_the_cap
        migrate_counts_what_both_hold_once
        migrate_to_itself_changes_nothing
        a_repeated_migrate_undoes_nothing
        migrate_opens_nothing_unasked
        migrate_opens_the_session_that_it_leads_to
        a_logout_of_a_moved_session_leaves_the_way;
}
