//! The requirements of a store as tests, for authors of stores.
//!
//! Each test checks one part of [the requirements](super#requirements) on one store. It is an async
//! function that adds, claims, waits and reads, and panics if the store behaves differently. Its
//! name states the expected behaviour.
//!
//! # Running the tests
//!
//! In the `Cargo.toml` of the store:
//!
//! ```toml
//! [dev-dependencies]
//! salver = { version = "0.2", default-features = false, features = ["conformance"] }
//! tokio = { version = "1", features = ["macros", "rt"] }
//! ```
//!
//! In the tests of the store, here for the memory store:
//!
//! ```
//! use std::sync::Arc;
//!
//! use salver::store::MemoryStore;
//! use salver::store::conformance::StoreUnderTest;
//!
//! fn store_under_test() -> StoreUnderTest {
//!     let store = Arc::new(MemoryStore::new());
//!     let raw = Arc::clone(&store);
//!     StoreUnderTest::new(store, move |context, member| {
//!         raw.put_member(&context, member);
//!         async {}
//!     })
//! }
//!
//! salver::conformance_tests! { store_under_test() }
//! # use salver::store::conformance::{TESTS, run};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! #     assert!(TESTS.contains(&"messages_are_ordered_by_id"));
//! #     run("messages_are_ordered_by_id", store_under_test()).await;
//! # }
//! ```
//!
//! `cargo test` then prints `test messages_are_ordered_by_id ... ok`, and one line for each other
//! test of [`TESTS`]. `examples/custom_store.rs` runs the tests on a custom store.
//!
//! # Meaning of a panic
//!
//! The store violates the requirement that the test is named after. The panic message contains the
//! actual value (`left`) and the expected value (`right`), or an unexpected error of the store.
//! `RUST_BACKTRACE=1` adds the line of the test. A panic in a closure of the [`StoreUnderTest`] is
//! not a failure of the store.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
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

/// Generates the constant, the function and the macro of the list of tests.
///
/// The dollar sign is an argument, because a macro that generates a macro cannot contain one.
macro_rules! tests {
    ($dollar:tt $($file:ident: $($name:ident)*;)*) => {
        /// The names of the tests.
        ///
        $($(#[doc = concat!("- `", stringify!($name), "`")])*)*
        pub const TESTS: &[&str] = &[$($(stringify!($name)),*),*];

        /// Runs the test with this name on a store: to run some of [`TESTS`], or to check that a
        /// faulty store fails.
        ///
        /// # Panics
        ///
        /// If the store fails the test, or if there is no test with this name.
        pub async fn run(name: &str, store: StoreUnderTest) {
            match name {
                $($(stringify!($name) => $file::$name(store).await,)*)*
                other => panic!("there is no conformance test named {other}"),
            }
        }

        /// Generates a test function for each [conformance test](crate::store::conformance).
        ///
        /// Takes an expression that creates a
        /// [`StoreUnderTest`](crate::store::conformance::StoreUnderTest). The expression is
        /// evaluated for each test in an async function, so it can contain `.await`. The generated
        /// functions are `#[tokio::test]` functions in the calling module, with the names in
        /// [`TESTS`](crate::store::conformance::TESTS). The calling crate needs tokio with `macros`
        /// and `rt` as a dev-dependency.
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
        messages_are_ordered_by_id
        messages_of_several_contexts_are_merged_by_id
        batch_is_added_completely
        repeated_add_stores_one_message
        repeated_add_keeps_lease
        duplicate_id_in_batch_is_ignored
        repeated_add_of_message_beyond_limit_adds_nothing
        add_without_replicas_is_in_doubt;
    claiming:
        two_claims_never_share_a_message
        release_makes_messages_visible_immediately
        messages_are_visible_after_lease_ends
        late_release_keeps_messages_of_other_claim
        late_confirm_removes_messages
        repeated_confirm_keeps_new_messages
        confirm_follows_moved_session
        released_message_keeps_its_age
        take_removes_messages_immediately
        peek_changes_nothing;
    tags:
        tag_replaces_earlier_message
        tag_replaces_earlier_message_in_batch
        tag_replaces_leased_message
        tag_in_message_data_is_ignored;
    capacity:
        batch_over_limit_is_rejected_completely
        rejected_add_changes_nothing
        full_context_of_leased_messages_keeps_new_message
        oldest_message_is_displaced_and_reported_once
        displaced_count_is_reported_with_visible_messages
        displaced_count_is_discarded_with_last_message
        add_over_context_limit_is_rejected
        empty_context_counts_as_new_for_context_limit;
    expiry:
        scheduled_message_is_hidden_until_due
        message_scheduled_beyond_ttl_becomes_visible
        read_returns_time_of_next_message
        expired_context_is_hidden
        add_never_shortens_ttl
        replacement_never_shortens_ttl
        read_does_not_extend_ttl
        message_over_max_age_is_hidden
        message_past_deadline_is_hidden;
    isolation:
        views_are_isolated
        sessions_and_applications_are_isolated
        contexts_lists_views_with_visible_messages;
    external_writers:
        undecodable_members_are_skipped_and_removed_on_confirm
        member_with_invalid_header_has_no_id
        member_truncated_in_tag_has_id
        member_of_newer_version_is_kept
        unknown_fields_are_kept;
    removal:
        retract_removes_by_tag
        retract_removes_by_id
        clear_removes_one_context
        clear_session_removes_all_contexts
        sweep_removes_old_messages;
    sessions:
        closed_session_rejects_add_and_migrate
        read_of_closed_session_finds_nothing
        migrate_moves_messages_leases_and_schedules
        add_after_migrate_returns_new_session
        migrate_to_second_target_is_rejected
        migrate_merges_into_existing_messages
        migrate_keeps_message_limit
        migrate_counts_common_messages_once
        migrate_to_same_session_changes_nothing
        repeated_migrate_undoes_nothing
        migrate_without_open_keeps_target_closed
        migrate_with_open_reopens_target
        logout_of_moved_session_keeps_redirect;
}
