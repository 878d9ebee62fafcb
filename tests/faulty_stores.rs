//! Faulty stores: each has one fault, and the conformance test of that behaviour must fail.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use salver::store::conformance::{TESTS, run};
use salver::store::{
    AddOutcome, Claim, Clock, Issue, Limits, MemoryStore, ReadResult, Selector, Store, StoreFuture,
    SweepProgress, WhenFull,
};
use salver::wire::EncodedMessage;
use salver::{Context, Error, Message, MessageId, SessionId, View};

use crate::support::conformance::on_memory;
use crate::support::encode_all;

/// The faults, each with the conformance test that must catch it.
const FAULTS: [(&str, &str); 26] = [
    ("order_is_reversed", "messages_are_ordered_by_id"),
    ("claim_does_not_hide", "two_claims_never_share_a_message"),
    ("repeat_uses_new_id", "repeated_add_stores_one_message"),
    ("repeat_ends_lease", "repeated_add_keeps_lease"),
    (
        "release_does_nothing",
        "release_makes_messages_visible_immediately",
    ),
    (
        "release_ends_other_claims",
        "late_release_keeps_messages_of_other_claim",
    ),
    ("confirm_only_releases", "late_confirm_removes_messages"),
    (
        "capacity_is_freed_after_add",
        "full_context_of_leased_messages_keeps_new_message",
    ),
    (
        "displaced_is_not_reported",
        "oldest_message_is_displaced_and_reported_once",
    ),
    (
        "reject_drops_oldest",
        "batch_over_limit_is_rejected_completely",
    ),
    ("delay_is_ignored", "scheduled_message_is_hidden_until_due"),
    (
        "ttl_ignores_delay",
        "message_scheduled_beyond_ttl_becomes_visible",
    ),
    (
        "next_due_in_is_not_reported",
        "read_returns_time_of_next_message",
    ),
    ("tag_is_ignored", "tag_replaces_earlier_message"),
    ("ttl_is_ignored", "expired_context_is_hidden"),
    ("max_age_is_ignored", "message_over_max_age_is_hidden"),
    ("view_is_ignored", "views_are_isolated"),
    (
        "session_is_ignored",
        "sessions_and_applications_are_isolated",
    ),
    (
        "undecodable_member_fails_read",
        "undecodable_members_are_skipped_and_removed_on_confirm",
    ),
    (
        "unsupported_is_not_reported",
        "member_of_newer_version_is_kept",
    ),
    ("take_only_peeks", "take_removes_messages_immediately"),
    (
        "logout_keeps_session_open",
        "closed_session_rejects_add_and_migrate",
    ),
    (
        "migrate_discards_messages",
        "migrate_moves_messages_leases_and_schedules",
    ),
    ("sweep_keeps_old_messages", "sweep_removes_old_messages"),
    (
        "replicas_are_not_checked",
        "add_without_replicas_is_in_doubt",
    ),
    (
        "context_limit_is_ignored",
        "add_over_context_limit_is_rejected",
    ),
];

/// A memory store behind a wrapper with one fault.
#[derive(Debug)]
struct FaultyStore {
    fault: &'static str,
    inner: Arc<MemoryStore>,
}

impl FaultyStore {
    fn has(&self, fault: &str) -> bool {
        self.fault == fault
    }

    fn target(&self, context: &Context) -> Context {
        if self.has("view_is_ignored") {
            return context.with_view(View::ANY);
        }
        if self.has("session_is_ignored") {
            return context.with_session(crate::support::session("shared"));
        }
        context.clone()
    }

    fn targets(&self, contexts: &[Context]) -> Vec<Context> {
        contexts
            .iter()
            .map(|context| self.target(context))
            .collect()
    }

    fn age(&self, age: Duration) -> Duration {
        if self.has("max_age_is_ignored") {
            age * 100
        } else {
            age
        }
    }

    fn apply_to_result(&self, result: &mut ReadResult) -> Result<(), Error> {
        match self.fault {
            "order_is_reversed" => result.messages.reverse(),
            "next_due_in_is_not_reported" => result.next_due_in = None,
            "displaced_is_not_reported" => result.displaced = 0,
            "unsupported_is_not_reported" => result.unsupported = 0,
            "undecodable_member_fails_read" if result.undecodable > 0 => {
                return Err(Error::unreadable("a member"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the message that the faulty store adds instead.
    fn rewrite(&self, encoded: &EncodedMessage) -> EncodedMessage {
        let message = encoded.message();
        let copy = |with_tag: bool, delay: Duration| {
            let mut copy = Message::new(message.level(), message.text()).with_id(message.id());
            if let Some(tag) = message.get_tag().filter(|_| with_tag) {
                copy = copy.tag(tag);
            }
            copy.after(delay)
        };
        let rewritten = match self.fault {
            "repeat_uses_new_id" => copy(true, message.delay()).with_id(MessageId::new()),
            "delay_is_ignored" => copy(true, Duration::ZERO),
            "tag_is_ignored" => copy(false, message.delay()),
            _ => return encoded.clone(),
        };
        EncodedMessage::new(rewritten).unwrap()
    }

    fn limits(&self, limits: &Limits, messages: &[EncodedMessage]) -> Limits {
        let mut limits = *limits;
        match self.fault {
            "reject_drops_oldest" => limits.when_full = WhenFull::DropOldest,
            "ttl_is_ignored" => limits.ttl *= 1000,
            "replicas_are_not_checked" => limits.replicas = 0,
            "context_limit_is_ignored" => limits.max_contexts = 1000,
            "ttl_ignores_delay" => {
                let max_delay = messages
                    .iter()
                    .map(|encoded| encoded.message().delay())
                    .max()
                    .unwrap_or_default();
                limits.ttl = limits.ttl.saturating_sub(max_delay);
            }
            _ => {}
        }
        limits
    }
}

impl Store for FaultyStore {
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [EncodedMessage],
        limits: &'a Limits,
    ) -> StoreFuture<'a, AddOutcome> {
        Box::pin(async move {
            let target = self.target(context);
            let limits = self.limits(limits, messages);
            if self.has("repeat_ends_lease") {
                for encoded in messages {
                    self.inner
                        .retract(&target, &Selector::from(encoded.message().id()))
                        .await?;
                }
            }
            let messages: Vec<_> = messages
                .iter()
                .map(|encoded| self.rewrite(encoded))
                .collect();
            if self.has("capacity_is_freed_after_add") {
                let unlimited = Limits::default();
                self.inner.add(&target, &messages, &unlimited).await?;
                let result = self
                    .inner
                    .peek(std::slice::from_ref(&target), limits.max_age)
                    .await?;
                for message in result.messages.iter().take(1) {
                    self.inner
                        .retract(&target, &Selector::from(message.id()))
                        .await?;
                }
                return Ok(AddOutcome::Added { displaced: 1 }.clone());
            }
            self.inner.add(&target, &messages, &limits).await
        })
    }

    fn peek<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult> {
        Box::pin(async move {
            let mut result = self
                .inner
                .peek(&self.targets(contexts), self.age(age))
                .await?;
            self.apply_to_result(&mut result)?;
            Ok(result)
        })
    }

    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        age: Duration,
    ) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            let targets = self.targets(contexts);
            let mut claim = self.inner.claim(&targets, lease, self.age(age)).await?;
            if self.has("claim_does_not_hide") {
                self.inner.release(&claim).await?;
            }
            self.apply_to_result(&mut claim.result)?;
            Ok(claim)
        })
    }

    fn take<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult> {
        if self.has("take_only_peeks") {
            return self.peek(contexts, age);
        }
        Box::pin(async move { self.inner.take(&self.targets(contexts), age).await })
    }

    fn confirm<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        if self.has("confirm_only_releases") {
            return self.inner.release(claim);
        }
        self.inner.confirm(claim)
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if self.has("release_does_nothing") {
                return Ok(());
            }
            if self.has("release_ends_other_claims") {
                for claimed in &claim.members {
                    for message in claim.messages() {
                        self.inner
                            .retract(&claimed.context, &Selector::from(message.id()))
                            .await?;
                    }
                    let limits = Limits::default();
                    self.inner
                        .add(
                            &claimed.context,
                            &encode_all(claim.messages().iter().cloned()),
                            &limits,
                        )
                        .await?;
                }
            }
            self.inner.release(claim).await
        })
    }

    fn retract<'a>(&'a self, context: &'a Context, selector: &'a Selector) -> StoreFuture<'a, u64> {
        self.inner.retract(context, selector)
    }

    fn clear<'a>(&'a self, context: &'a Context) -> StoreFuture<'a, ()> {
        self.inner.clear(context)
    }

    fn clear_session<'a>(
        &'a self,
        app: &'a str,
        session: &'a SessionId,
        close: Option<Duration>,
    ) -> StoreFuture<'a, ()> {
        let close = close.filter(|_| !self.has("logout_keeps_session_open"));
        self.inner.clear_session(app, session, close)
    }

    fn migrate<'a>(
        &'a self,
        app: &'a str,
        from: &'a SessionId,
        to: &'a SessionId,
        open: bool,
        limits: &'a Limits,
    ) -> StoreFuture<'a, ()> {
        if self.has("migrate_discards_messages") {
            return self.inner.clear_session(app, from, Some(limits.ttl));
        }
        self.inner.migrate(app, from, to, open, limits)
    }

    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> StoreFuture<'a, Vec<View>> {
        self.inner.contexts(app, session)
    }

    fn sweep<'a>(
        &'a self,
        app: &'a str,
        age: Duration,
        from: Option<&'a str>,
    ) -> StoreFuture<'a, SweepProgress> {
        let age = match self.has("sweep_keeps_old_messages") {
            true => age * 1000,
            false => age,
        };
        self.inner.sweep(app, age, from)
    }

    fn health_check<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<Issue>> {
        self.inner.health_check(app)
    }

    fn for_current_runtime(self: Arc<Self>) -> Arc<dyn Store> {
        self
    }
}

async fn is_caught(fault: &'static str, test: &str) -> bool {
    let clock = Clock::manual();
    let inner = Arc::new(MemoryStore::with_clock(clock.clone()));
    let store = Arc::new(FaultyStore {
        fault,
        inner: Arc::clone(&inner),
    });
    let outcome = run(test, on_memory(store, inner, clock));
    AssertUnwindSafe(outcome).catch_unwind().await.is_err()
}

#[tokio::test]
async fn every_fault_is_caught_by_its_test() {
    std::panic::set_hook(Box::new(|_| ()));
    let mut missed = Vec::new();
    for test in TESTS {
        assert!(
            !is_caught("none", test).await,
            "a store without a fault fails {test}"
        );
    }
    for (fault, test) in FAULTS {
        let caught = is_caught(fault, test).await;
        println!(
            "FAULTY_STORE {fault} {test} {}",
            if caught { "caught" } else { "MISSED" }
        );
        missed.extend((!caught).then_some(fault));
    }
    let _ = std::panic::take_hook();
    assert!(missed.is_empty(), "no test caught {missed:?}");
}
