//! Faulty twins: a store with one fault planted must turn its law red.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use salver::store::conformance::{TESTS, run};
use salver::store::{
    AddOutcome, Claim, Clock, Issue, Limits, MemoryStore, ReadResult, Selector, Store, StoreFuture,
    SweepProgress, WhenFull,
};
use salver::{Context, Error, Message, MessageId, SessionId, View};

use crate::conformance::around;

/// What is planted, by the law that must notice.
const FAULTS: [(&str, &str); 26] = [
    ("order_reversed", "order_is_by_id"),
    ("claim_does_not_hide", "two_claimers_never_share"),
    ("repeat_takes_a_new_id", "a_repeated_add_makes_one"),
    ("repeat_ends_the_lease", "a_repeated_add_keeps_the_lease"),
    ("release_does_nothing", "a_release_gives_back_at_once"),
    (
        "release_frees_anyones",
        "a_late_release_does_not_free_anothers_claim",
    ),
    ("confirm_only_releases", "a_late_confirm_removes"),
    (
        "add_before_room",
        "a_full_context_of_leased_messages_keeps_the_new_one",
    ),
    (
        "displaced_is_silent",
        "the_oldest_is_displaced_and_told_once",
    ),
    ("reject_drops", "a_batch_that_does_not_fit_is_refused_whole"),
    ("schedule_ignored", "a_scheduled_message_waits"),
    (
        "expiry_ignores_schedule",
        "a_message_scheduled_beyond_the_expiry_appears",
    ),
    ("next_unsaid", "a_look_answers_next"),
    ("tag_ignored", "a_tag_replaces"),
    ("expiry_ignored", "what_has_expired_is_unseen"),
    ("age_ignored", "what_is_too_old_is_unseen"),
    ("view_ignored", "views_are_isolated"),
    ("session_ignored", "sessions_and_applications_are_isolated"),
    (
        "poison_breaks_the_page",
        "what_cannot_be_read_is_skipped_and_goes_with_the_confirm",
    ),
    (
        "newer_is_unreported",
        "what_a_newer_version_wrote_is_left_there",
    ),
    ("take_only_peeks", "take_removes_at_once"),
    ("logout_stays_open", "a_closed_session_takes_nothing"),
    (
        "migrate_forgets",
        "migrate_carries_messages_leases_and_schedules",
    ),
    ("sweep_spares_the_old", "a_sweep_drops_what_is_old"),
    (
        "replicas_are_taken_for_granted",
        "an_add_that_no_replica_has_is_in_doubt",
    ),
    (
        "contexts_unlimited",
        "a_session_has_a_limited_number_of_contexts",
    ),
];

/// A memory store with one fault in front of it.
#[derive(Debug)]
struct Twin {
    fault: &'static str,
    inner: Arc<MemoryStore>,
}

impl Twin {
    fn has(&self, fault: &str) -> bool {
        self.fault == fault
    }

    fn place(&self, context: &Context) -> Context {
        if self.has("view_ignored") {
            return context.with_view(View::ANY);
        }
        if self.has("session_ignored") {
            return context.with_session(crate::support::session("everybody"));
        }
        context.clone()
    }

    fn places(&self, contexts: &[Context]) -> Vec<Context> {
        contexts.iter().map(|context| self.place(context)).collect()
    }

    fn age(&self, age: Duration) -> Duration {
        if self.has("age_ignored") {
            age * 100
        } else {
            age
        }
    }

    fn spoil(&self, found: &mut ReadResult) -> Result<(), Error> {
        match self.fault {
            "order_reversed" => found.messages.reverse(),
            "next_unsaid" => found.next_due_in = None,
            "displaced_is_silent" => found.displaced = 0,
            "newer_is_unreported" => found.unsupported = 0,
            "poison_breaks_the_page" if found.undecodable > 0 => {
                return Err(Error::unreadable("a member"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Gives a message as this twin would add it.
    fn rewrite(&self, message: &Message) -> Message {
        let copy = |with_tag: bool, delay: Duration| {
            let mut copy = Message::new(message.level(), message.text()).with_id(message.id());
            if let Some(tag) = message.get_tag().filter(|_| with_tag) {
                copy = copy.tag(tag);
            }
            copy.after(delay)
        };
        match self.fault {
            "repeat_takes_a_new_id" => copy(true, message.delay()).with_id(MessageId::new()),
            "schedule_ignored" => copy(true, Duration::ZERO),
            "tag_ignored" => copy(false, message.delay()),
            _ => message.clone(),
        }
    }

    fn limits(&self, limits: &Limits, messages: &[Message]) -> Limits {
        let mut limits = *limits;
        match self.fault {
            "reject_drops" => limits.when_full = WhenFull::DropOldest,
            "expiry_ignored" => limits.ttl *= 1000,
            "replicas_are_taken_for_granted" => limits.replicas = 0,
            "contexts_unlimited" => limits.max_contexts = 1000,
            "expiry_ignores_schedule" => {
                let latest = messages
                    .iter()
                    .map(Message::delay)
                    .max()
                    .unwrap_or_default();
                limits.ttl = limits.ttl.saturating_sub(latest);
            }
            _ => {}
        }
        limits
    }
}

impl Store for Twin {
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [Message],
        limits: &'a Limits,
    ) -> StoreFuture<'a, AddOutcome> {
        Box::pin(async move {
            let place = self.place(context);
            let limits = self.limits(limits, messages);
            if self.has("repeat_ends_the_lease") {
                for message in messages {
                    self.inner
                        .retract(&place, &Selector::from(message.id()))
                        .await?;
                }
            }
            let messages: Vec<_> = messages
                .iter()
                .map(|message| self.rewrite(message))
                .collect();
            if self.has("add_before_room") {
                let free = Limits::default();
                self.inner.add(&place, &messages, &free).await?;
                let found = self
                    .inner
                    .peek(std::slice::from_ref(&place), limits.max_age)
                    .await?;
                for message in found.messages.iter().take(1) {
                    self.inner
                        .retract(&place, &Selector::from(message.id()))
                        .await?;
                }
                return Ok(AddOutcome::Added { displaced: 1 }.clone());
            }
            self.inner.add(&place, &messages, &limits).await
        })
    }

    fn peek<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult> {
        Box::pin(async move {
            let mut found = self
                .inner
                .peek(&self.places(contexts), self.age(age))
                .await?;
            self.spoil(&mut found)?;
            Ok(found)
        })
    }

    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        age: Duration,
    ) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            let places = self.places(contexts);
            let mut claim = self.inner.claim(&places, lease, self.age(age)).await?;
            if self.has("claim_does_not_hide") {
                self.inner.release(&claim).await?;
            }
            self.spoil(&mut claim.result)?;
            Ok(claim)
        })
    }

    fn take<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult> {
        if self.has("take_only_peeks") {
            return self.peek(contexts, age);
        }
        Box::pin(async move { self.inner.take(&self.places(contexts), age).await })
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
            if self.has("release_frees_anyones") {
                for held in &claim.members {
                    for message in claim.messages() {
                        self.inner
                            .retract(&held.context, &Selector::from(message.id()))
                            .await?;
                    }
                    let limits = Limits::default();
                    self.inner
                        .add(&held.context, claim.messages(), &limits)
                        .await?;
                }
            }
            self.inner.release(claim).await
        })
    }

    fn retract<'a>(&'a self, context: &'a Context, which: &'a Selector) -> StoreFuture<'a, u64> {
        self.inner.retract(context, which)
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
        let close = close.filter(|_| !self.has("logout_stays_open"));
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
        if self.has("migrate_forgets") {
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
        let age = match self.has("sweep_spares_the_old") {
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

async fn is_red(fault: &'static str, law: &str) -> bool {
    let clock = Clock::manual();
    let inner = Arc::new(MemoryStore::with_clock(clock.clone()));
    let twin = Arc::new(Twin {
        fault,
        inner: Arc::clone(&inner),
    });
    let trial = run(law, around(twin, inner, clock));
    AssertUnwindSafe(trial).catch_unwind().await.is_err()
}

#[tokio::test]
async fn every_planted_fault_turns_its_law_red() {
    std::panic::set_hook(Box::new(|_| ()));
    let mut green = Vec::new();
    for law in TESTS {
        assert!(!is_red("none", law).await, "the twin itself breaks {law}");
    }
    for (fault, law) in FAULTS {
        let red = is_red(fault, law).await;
        println!("TWIN {fault} {law} {}", if red { "red" } else { "GREEN" });
        green.extend((!red).then_some(fault));
    }
    let _ = std::panic::take_hook();
    assert!(green.is_empty(), "nobody noticed {green:?}");
}
