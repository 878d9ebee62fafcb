//! The laws, as the page of `salver::store` numbers them. A law is red by panicking.

use std::time::Duration;

use salver::store::{Claim, Found, Full, Limits, Placed, Which};
use salver::{Context, Message, MessageId, View, wire};
use serde_json::json;
use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

use super::Subject;
use crate::support::at;

const LEASE: Duration = Duration::from_secs(15);
const AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Short enough to be waited for on a real server, long enough not to end in the middle of a law.
const SHORT: Duration = Duration::from_millis(400);

fn one(context: &Context) -> &[Context] {
    std::slice::from_ref(context)
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(Message::text).collect()
}

fn written_before(age: Duration) -> MessageId {
    let then = OffsetDateTime::now_utc() - age;
    let millis = then.unix_timestamp_nanos() / 1_000_000;
    let seconds = (millis / 1000) as u64;
    let nanos = (millis % 1000) as u32 * 1_000_000;
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanos))
        .try_into()
        .unwrap()
}

impl Subject {
    async fn add(&self, context: &Context, message: Message) -> Placed {
        self.add_all(context, &[message]).await
    }

    async fn add_all(&self, context: &Context, messages: &[Message]) -> Placed {
        self.store
            .add(context, messages, &Limits::default())
            .await
            .unwrap()
    }

    async fn claim(&self, context: &Context) -> Claim {
        self.claim_for(context, LEASE).await
    }

    async fn claim_for(&self, context: &Context, lease: Duration) -> Claim {
        self.store.claim(one(context), lease, AGE).await.unwrap()
    }

    async fn peek(&self, context: &Context) -> Found {
        self.store.peek(one(context), AGE).await.unwrap()
    }

    async fn shows(&self, context: &Context, expected: &[&str]) {
        let found = self.peek(context).await;
        assert_eq!(texts(&found.messages), expected, "what the page shows");
    }
}

pub async fn order_is_by_id(subject: Subject) {
    let page = at("ada", "settings");
    let messages: Vec<_> = (0..20).map(|n| Message::info(n.to_string())).collect();
    let mut shuffled = messages.clone();
    shuffled.reverse();
    shuffled.swap(3, 11);
    for message in shuffled {
        subject.add(&page, message).await;
    }
    let claim = subject.claim(&page).await;
    assert_eq!(texts(claim.messages()), texts(&messages));
}

pub async fn contexts_of_one_look_are_merged_in_order(subject: Subject) {
    let page = at("ada", "settings");
    let contexts = page.looked_into();
    let (first, second, third) = (Message::info("1"), Message::info("2"), Message::info("3"));
    subject.add(&contexts[1], second).await;
    subject.add(&page, third).await;
    subject.add(&page, first).await;
    let claim = subject.store.claim(&contexts, LEASE, AGE).await.unwrap();
    assert_eq!(texts(claim.messages()), ["1", "2", "3"]);
    subject.store.confirm(&claim).await.unwrap();
    subject.shows(&contexts[1], &[]).await;
    subject.shows(&page, &[]).await;
}

pub async fn a_batch_is_added_whole(subject: Subject) {
    let page = at("ada", "settings");
    let batch: Vec<_> = (0..10).map(|n| Message::info(n.to_string())).collect();
    assert_eq!(
        subject.add_all(&page, &batch).await,
        Placed::Here { displaced: 0 }.clone()
    );
    assert_eq!(subject.peek(&page).await.messages, batch);
}

pub async fn a_batch_that_does_not_fit_is_refused_whole(subject: Subject) {
    let page = at("ada", "settings");
    let mut limits = Limits::default();
    limits.messages = 3;
    limits.full = Full::Reject;
    subject.add(&page, Message::info("here")).await;
    let batch = [Message::info("a"), Message::info("b"), Message::info("c")];
    let refused = subject.store.add(&page, &batch, &limits).await.unwrap_err();
    assert!(refused.is_full(), "{refused}");
    subject.shows(&page, &["here"]).await;
    let fits = [Message::info("a"), Message::info("b")];
    subject.store.add(&page, &fits, &limits).await.unwrap();
    subject.shows(&page, &["here", "a", "b"]).await;
}

pub async fn a_refused_add_changes_nothing(subject: Subject) {
    let page = at("ada", "settings");
    let batch: Vec<_> = (0..5).map(|n| Message::info(n.to_string())).collect();
    subject.add_all(&page, &batch).await;
    let mut limits = Limits::default();
    limits.messages = 3;
    limits.full = Full::Reject;
    let refused = subject
        .store
        .add(&page, &[Message::info("x")], &limits)
        .await
        .unwrap_err();
    assert!(refused.is_full(), "{refused}");
    subject.shows(&page, &["0", "1", "2", "3", "4"]).await;
    limits.full = Full::DropOldest;
    subject
        .store
        .add(&page, &[Message::info("5")], &limits)
        .await
        .unwrap();
    subject.shows(&page, &["3", "4", "5"]).await;
}

pub async fn two_claimers_never_share(subject: Subject) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("once")).await;
    let first = subject.claim(&page).await;
    let second = subject.claim(&page).await;
    assert_eq!(texts(first.messages()), ["once"]);
    assert_eq!(texts(second.messages()), [""; 0]);
    subject.shows(&page, &[]).await;
}

pub async fn a_repeated_add_makes_one(subject: Subject) {
    let page = at("ada", "settings");
    let message = Message::info("once");
    subject.add(&page, message.clone()).await;
    subject.add(&page, message.clone()).await;
    let changed = Message::info("said differently").with_id(message.id());
    subject.add_all(&page, &[changed, message]).await;
    subject.shows(&page, &["once"]).await;
}

pub async fn a_repeated_add_keeps_the_lease(subject: Subject) {
    let page = at("ada", "settings");
    let message = Message::info("once").tag("t");
    subject.add(&page, message.clone()).await;
    let claim = subject.claim(&page).await;
    subject.add(&page, message).await;
    subject.shows(&page, &[]).await;
    subject.store.release(&claim).await.unwrap();
    subject.shows(&page, &["once"]).await;
}

pub async fn a_repeat_within_a_batch_changes_nothing(subject: Subject) {
    let page = at("ada", "uploads");
    let [first, second] = ["10 %", "20 %"].map(|text| Message::info(text).tag("import"));
    let batch = [first.clone(), second, first];
    subject.add_all(&page, &batch).await;
    subject.shows(&page, &["20 %"]).await;
}

pub async fn a_repeat_of_what_is_beyond_the_cap_makes_one(subject: Subject) {
    let page = at("ada", "settings");
    let batch: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
    subject.add_all(&page, &batch).await;
    let mut limits = Limits::default();
    limits.messages = 2;
    let repeat = &batch[..1];
    let placed = subject.store.add(&page, repeat, &limits).await.unwrap();
    assert_eq!(placed, Placed::Here { displaced: 1 }.clone());
    subject.shows(&page, &["1", "2"]).await;
}

pub async fn a_release_gives_back_at_once(subject: Subject) {
    let page = at("ada", "settings");
    subject
        .add_all(&page, &[Message::info("1"), Message::info("2")])
        .await;
    let claim = subject.claim(&page).await;
    subject.shows(&page, &[]).await;
    subject.store.release(&claim).await.unwrap();
    subject.shows(&page, &["1", "2"]).await;
}

pub async fn a_lease_that_ends_gives_back(subject: Subject) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("back")).await;
    subject.claim_for(&page, SHORT).await;
    subject.shows(&page, &[]).await;
    subject.pass(SHORT * 2).await;
    subject.shows(&page, &["back"]).await;
}

pub async fn a_late_release_does_not_free_anothers_claim(subject: Subject) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("mine now")).await;
    let late = subject.claim_for(&page, SHORT).await;
    subject.pass(SHORT * 2).await;
    let owner = subject.claim(&page).await;
    assert_eq!(owner.messages().len(), 1);
    subject.store.release(&late).await.unwrap();
    subject.shows(&page, &[]).await;
    assert!(subject.claim(&page).await.messages().is_empty());
}

pub async fn a_late_confirm_removes(subject: Subject) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("was shown")).await;
    let late = subject.claim_for(&page, SHORT).await;
    subject.pass(SHORT * 2).await;
    let other = subject.claim(&page).await;
    subject.store.confirm(&late).await.unwrap();
    subject.store.release(&other).await.unwrap();
    subject.shows(&page, &[]).await;
}

pub async fn a_confirm_may_be_repeated(subject: Subject) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("old")).await;
    let claim = subject.claim(&page).await;
    subject.store.confirm(&claim).await.unwrap();
    subject.add(&page, Message::info("new")).await;
    subject.store.confirm(&claim).await.unwrap();
    subject.shows(&page, &["new"]).await;
}

pub async fn a_confirm_follows_a_session_that_moved(subject: Subject) {
    let (ada, bob) = subject.sessions();
    subject
        .add(&at("ada", "settings"), Message::info("was shown"))
        .await;
    let claim = subject.claim_for(&at("ada", "settings"), SHORT).await;
    let limits = Limits::default();
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    subject.store.confirm(&claim).await.unwrap();
    subject.pass(SHORT * 2).await;
    subject.shows(&at("bob", "settings"), &[]).await;
}

pub async fn a_released_message_keeps_its_age(subject: Subject) {
    let page = at("ada", "settings");
    let old = Message::info("old").with_id(written_before(Duration::from_secs(60)));
    subject.add(&page, old).await;
    let claim = subject.claim(&page).await;
    subject.add(&page, Message::info("young")).await;
    subject.store.release(&claim).await.unwrap();
    let mut limits = Limits::default();
    limits.messages = 2;
    subject
        .store
        .add(&page, &[Message::info("new")], &limits)
        .await
        .unwrap();
    subject.shows(&page, &["young", "new"]).await;
}

pub async fn a_full_context_of_leased_messages_keeps_the_new_one(subject: Subject) {
    let page = at("ada", "settings");
    let mut limits = Limits::default();
    limits.messages = 3;
    let old: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
    subject.store.add(&page, &old, &limits).await.unwrap();
    assert_eq!(subject.claim(&page).await.messages().len(), 3);
    let placed = subject
        .store
        .add(&page, &[Message::info("new")], &limits)
        .await
        .unwrap();
    assert_eq!(placed, Placed::Here { displaced: 1 }.clone());
    subject.shows(&page, &["new"]).await;
}

pub async fn the_oldest_is_displaced_and_told_once(subject: Subject) {
    let page = at("ada", "settings");
    let mut limits = Limits::default();
    limits.messages = 2;
    for text in ["1", "2", "3", "4"] {
        subject
            .store
            .add(&page, &[Message::info(text)], &limits)
            .await
            .unwrap();
    }
    assert_eq!(subject.peek(&page).await.displaced, 2);
    let claim = subject.claim(&page).await;
    assert_eq!(texts(claim.messages()), ["3", "4"]);
    assert_eq!(claim.found.displaced, 2);
    subject.store.release(&claim).await.unwrap();
    assert_eq!(subject.claim(&page).await.found.displaced, 0);
    let large: Vec<_> = (0..5).map(|n| Message::info(n.to_string())).collect();
    let placed = subject.store.add(&page, &large, &limits).await.unwrap();
    assert_eq!(
        placed,
        Placed::Here { displaced: 5 }.clone(),
        "two stay of two and five"
    );
    subject.shows(&page, &["3", "4"]).await;
}

pub async fn a_scheduled_message_waits(subject: Subject) {
    let page = at("ada", "settings");
    subject
        .add(&page, Message::info("later").after(SHORT))
        .await;
    subject.shows(&page, &[]).await;
    assert!(subject.claim(&page).await.messages().is_empty());
    subject.pass(SHORT * 2).await;
    subject.shows(&page, &["later"]).await;
}

pub async fn a_message_scheduled_beyond_the_expiry_appears(subject: Subject) {
    let page = at("ada", "settings");
    let mut limits = Limits::default();
    limits.expiry = SHORT * 2;
    let message = Message::info("later").after(SHORT * 3);
    subject.store.add(&page, &[message], &limits).await.unwrap();
    subject.pass(SHORT * 3 + SHORT / 2).await;
    subject.shows(&page, &["later"]).await;
}

pub async fn a_look_answers_next(subject: Subject) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("now")).await;
    assert_eq!(subject.peek(&page).await.next, None);
    let minute = Duration::from_secs(60);
    subject
        .add(&page, Message::info("later").after(minute))
        .await;
    subject
        .add(&page, Message::info("last").after(minute * 5))
        .await;
    let claim = subject.claim(&page).await;
    let next = claim
        .found
        .next
        .expect("a look has to say when the next message comes");
    assert!(
        next <= minute && next > minute - Duration::from_secs(20),
        "{next:?}"
    );
    let next = subject
        .peek(&page)
        .await
        .next
        .expect("another's lease ends some time");
    assert!(next <= LEASE, "{next:?}");
}

pub async fn a_tag_replaces(subject: Subject) {
    let page = at("ada", "uploads");
    subject
        .add(&page, Message::info("10 %").tag("import"))
        .await;
    subject
        .add(&page, Message::info("other").tag("export"))
        .await;
    subject.add(&page, Message::info("untagged")).await;
    subject
        .add(&page, Message::success("done").tag("import"))
        .await;
    subject.shows(&page, &["other", "untagged", "done"]).await;
    subject
        .add(
            &at("ada", "settings"),
            Message::info("elsewhere").tag("import"),
        )
        .await;
    subject.shows(&page, &["other", "untagged", "done"]).await;
}

pub async fn a_tag_replaces_within_a_batch(subject: Subject) {
    let page = at("ada", "uploads");
    subject.add(&page, Message::info("0 %").tag("import")).await;
    let batch = ["10 %", "20 %", "done"].map(|text| Message::info(text).tag("import"));
    assert_eq!(
        subject.add_all(&page, &batch).await,
        Placed::Here { displaced: 0 }.clone()
    );
    subject.shows(&page, &["done"]).await;
}

pub async fn a_tag_replaces_what_is_leased(subject: Subject) {
    let page = at("ada", "uploads");
    subject
        .add(&page, Message::info("10 %").tag("import"))
        .await;
    let claim = subject.claim(&page).await;
    subject
        .add(&page, Message::info("20 %").tag("import"))
        .await;
    subject.shows(&page, &["20 %"]).await;
    subject.store.release(&claim).await.unwrap();
    subject.shows(&page, &["20 %"]).await;
}

pub async fn a_tag_inside_data_is_not_a_tag(subject: Subject) {
    let page = at("ada", "uploads");
    let sly = Message::info(r#"","tag":"import""#).data(json!({ "tag": "import" }));
    let slyer = Message::info("sly").data(json!([r#"{"id":"","tag":"import","#]));
    subject.add_all(&page, &[sly, slyer]).await;
    subject
        .add(&page, Message::info("done").tag("import"))
        .await;
    assert_eq!(subject.peek(&page).await.messages.len(), 3);
    let by_tag = Which::from("import");
    assert_eq!(subject.store.retract(&page, &by_tag).await.unwrap(), 1);
    assert_eq!(subject.peek(&page).await.messages.len(), 2);
}

pub async fn what_has_expired_is_unseen(subject: Subject) {
    let page = at("ada", "settings");
    let mut limits = Limits::default();
    limits.expiry = SHORT;
    subject
        .store
        .add(&page, &[Message::info("gone")], &limits)
        .await
        .unwrap();
    subject.shows(&page, &["gone"]).await;
    subject.pass(SHORT * 2).await;
    subject.shows(&page, &[]).await;
    assert!(subject.claim(&page).await.messages().is_empty());
    assert_eq!(
        subject.store.contexts("app", page.session()).await.unwrap(),
        []
    );
}

pub async fn an_add_never_shortens_a_life(subject: Subject) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("an hour")).await;
    let mut limits = Limits::default();
    limits.expiry = SHORT;
    subject
        .store
        .add(&page, &[Message::info("a moment")], &limits)
        .await
        .unwrap();
    subject.pass(SHORT * 2).await;
    subject.shows(&page, &["an hour", "a moment"]).await;
}

pub async fn a_replacement_never_shortens_a_life(subject: Subject) {
    let page = at("ada", "uploads");
    subject
        .add(&page, Message::info("10 %").tag("import"))
        .await;
    let mut limits = Limits::default();
    limits.expiry = SHORT;
    let later = [Message::info("20 %").tag("import")];
    subject.store.add(&page, &later, &limits).await.unwrap();
    subject.pass(SHORT * 2).await;
    subject.shows(&page, &["20 %"]).await;
}

pub async fn reading_does_not_renew(subject: Subject) {
    let page = at("ada", "settings");
    let mut limits = Limits::default();
    limits.expiry = SHORT * 2;
    subject
        .store
        .add(&page, &[Message::info("gone")], &limits)
        .await
        .unwrap();
    for _ in 0..3 {
        subject.pass(SHORT).await;
        subject.peek(&page).await;
        let claim = subject.claim(&page).await;
        subject.store.release(&claim).await.unwrap();
    }
    subject.shows(&page, &[]).await;
}

pub async fn what_is_too_old_is_unseen(subject: Subject) {
    let page = at("ada", "settings");
    let old = Message::info("yesterday's").with_id(written_before(AGE + SHORT));
    subject
        .add_all(&page, &[old, Message::info("today's")])
        .await;
    let found = subject.peek(&page).await;
    assert_eq!(
        (texts(&found.messages), found.expired),
        (vec!["today's"], 1)
    );
    assert_eq!(subject.claim(&page).await.found.expired, 1);
    assert_eq!(
        subject.claim(&page).await.found.expired,
        0,
        "counted when met, then gone"
    );
}

pub async fn what_is_past_its_deadline_is_unseen(subject: Subject) {
    let page = at("ada", "settings");
    let soon = OffsetDateTime::now_utc() + SHORT;
    subject
        .add(&page, Message::info("fading").expires(soon))
        .await;
    subject.add(&page, Message::info("staying")).await;
    subject.shows(&page, &["fading", "staying"]).await;
    subject.pass(SHORT * 2).await;
    let claim = subject.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.found.expired),
        (vec!["staying"], 1)
    );
}

pub async fn views_are_isolated(subject: Subject) {
    let names = [
        "settings",
        "settings/password",
        "settings:password",
        "set*",
        "*x",
        "%2A",
        "a b",
        "ø",
    ];
    for name in names {
        subject.add(&at("ada", name), Message::info(name)).await;
    }
    for name in names {
        subject.shows(&at("ada", name), &[name]).await;
    }
    let any = at("ada", "settings").with_view(View::ANY);
    subject.shows(&any, &[]).await;
}

pub async fn sessions_and_applications_are_isolated(subject: Subject) {
    let view = View::new("v").unwrap();
    let names = ["a", "a:b", "{a}", "a}b", "a{b", "A", "a!session", "%61"];
    for app in names {
        for name in names {
            let page = Context::new(app, crate::support::session(name), view.clone()).unwrap();
            subject
                .add(&page, Message::info(format!("{app} {name}")))
                .await;
        }
    }
    for app in names {
        for name in names {
            let page = Context::new(app, crate::support::session(name), view.clone()).unwrap();
            subject
                .shows(&page, &[format!("{app} {name}").as_str()])
                .await;
        }
    }
}

pub async fn what_cannot_be_read_is_skipped_and_goes_with_the_confirm(subject: Subject) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("good")).await;
    let id = MessageId::new();
    let script = format!(
        r#"{{"id":"{id}","text":"x","action":{{"label":"x","url":"javascript:alert(1)"}}}}"#
    );
    let bad: [&[u8]; 5] = [
        b"garbage",
        b"{}",
        b"{\"id\":\"",
        b"\xff\xfe",
        script.as_bytes(),
    ];
    for member in bad {
        subject.put(&page, member);
    }
    let claim = subject.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.found.unreadable),
        (vec!["good"], 5)
    );
    subject.store.confirm(&claim).await.unwrap();
    let found = subject.peek(&page).await;
    assert_eq!((found.messages.len(), found.unreadable), (0, 0));
}

pub async fn what_does_not_begin_as_it_should_has_no_id(subject: Subject) {
    let page = at("ada", "settings");
    let old = written_before(AGE + SHORT);
    subject.add(&page, Message::info("good")).await;
    subject.put(
        &page,
        format!(r#"{{"ID":"{old}","tag":"t","v":2,"text":"x"}}"#).as_bytes(),
    );
    subject.put(&page, format!(r#"{{"id":"{old}"#).as_bytes());
    let found = subject.peek(&page).await;
    assert_eq!(
        (found.unreadable, found.newer, found.expired),
        (2, 0, 0),
        "neither old nor of a newer version"
    );
    let same = Message::info("same").tag("t").with_id(old);
    let placed = subject.add(&page, same).await;
    assert_eq!(placed, Placed::Here { displaced: 0 }.clone());
    let found = subject.peek(&page).await;
    assert_eq!(
        (found.unreadable, found.expired),
        (2, 1),
        "nothing was repeated or replaced"
    );
}

pub async fn what_is_cut_off_in_its_tag_has_an_id(subject: Subject) {
    let page = at("ada", "settings");
    let id = MessageId::new();
    subject.add(&page, Message::info("good")).await;
    subject.put(&page, format!(r#"{{"id":"{id}","tag":"impo"#).as_bytes());
    assert_eq!(subject.peek(&page).await.unreadable, 1);
    let by_id = Which::from(id);
    assert_eq!(subject.store.retract(&page, &by_id).await.unwrap(), 1);
    subject.shows(&page, &["good"]).await;
}

pub async fn what_a_newer_version_wrote_is_left_there(subject: Subject) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("good")).await;
    let (id, other) = (MessageId::new(), MessageId::new());
    let newer = format!(r#"{{"id":"{id}","v":2,"words":["of","tomorrow"]}}"#);
    let tagged = format!(r#"{{"id":"{other}","tag":"t","v":17,"text":"x"}}"#);
    subject.put(&page, newer.as_bytes());
    subject.put(&page, tagged.as_bytes());
    let claim = subject.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.found.newer),
        (vec!["good"], 2)
    );
    subject.store.confirm(&claim).await.unwrap();
    assert_eq!(
        subject.claim(&page).await.found.newer,
        2,
        "visible to who can read it"
    );
}

pub async fn unknown_fields_survive(subject: Subject) {
    let (page, (ada, bob)) = (at("ada", "settings"), subject.sessions());
    let id = MessageId::new();
    let member = format!(r#"{{"id":"{id}","v":1,"text":"kept","mood":"blue"}}"#);
    subject.add(&page, Message::info("first")).await;
    subject.put(&page, member.as_bytes());
    subject
        .store
        .migrate("app", &ada, &bob, true, &Limits::default())
        .await
        .unwrap();
    let claim = subject.claim(&at("bob", "settings")).await;
    assert_eq!(claim.messages().len(), 2);
    let members: Vec<_> = claim.held.iter().flat_map(|held| &held.members).collect();
    assert!(members.contains(&&member.into_bytes()), "byte for byte");
}

pub async fn take_removes_at_once(subject: Subject) {
    let page = at("ada", "settings");
    subject
        .add_all(&page, &[Message::info("1"), Message::info("2")])
        .await;
    subject
        .add(&page, Message::info("later").after(LEASE))
        .await;
    let taken = subject.store.take(one(&page), AGE).await.unwrap();
    assert_eq!(texts(&taken.messages), ["1", "2"]);
    assert!(taken.next.is_some());
    let again = subject.store.take(one(&page), AGE).await.unwrap();
    assert!(again.messages.is_empty());
    subject.shows(&page, &[]).await;
}

pub async fn peek_changes_nothing(subject: Subject) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("still here")).await;
    subject.put(&page, b"garbage");
    for _ in 0..3 {
        let found = subject.peek(&page).await;
        assert_eq!(
            (texts(&found.messages), found.unreadable),
            (vec!["still here"], 1)
        );
    }
    assert_eq!(subject.claim(&page).await.messages().len(), 1);
}

pub async fn retract_removes_by_tag(subject: Subject) {
    let page = at("ada", "uploads");
    subject
        .add(&page, Message::info("10 %").tag("import"))
        .await;
    subject
        .add(&page, Message::info("other").tag("import2"))
        .await;
    subject.claim(&page).await;
    assert_eq!(
        subject
            .store
            .retract(&page, &Which::from("import"))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        subject
            .store
            .retract(&page, &Which::from("import"))
            .await
            .unwrap(),
        0
    );
    let left = subject
        .store
        .retract(&page, &Which::from("import2"))
        .await
        .unwrap();
    assert_eq!(left, 1, "leased ones too, and only those of the tag");
}

pub async fn retract_removes_by_id(subject: Subject) {
    let page = at("ada", "uploads");
    let (mine, other) = (Message::info("mine").tag("t"), Message::info("other"));
    subject.add_all(&page, &[mine.clone(), other]).await;
    assert_eq!(
        subject
            .store
            .retract(&page, &Which::from(mine.id()))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        subject
            .store
            .retract(&page, &Which::from(mine.id()))
            .await
            .unwrap(),
        0
    );
    subject.shows(&page, &["other"]).await;
}

pub async fn clear_removes_one_context(subject: Subject) {
    let (page, other) = (at("ada", "settings"), at("ada", "dashboard"));
    subject.add(&page, Message::info("gone")).await;
    subject.add(&other, Message::info("here")).await;
    subject.store.clear(&page).await.unwrap();
    subject.shows(&page, &[]).await;
    subject.shows(&other, &["here"]).await;
    subject.add(&page, Message::info("new")).await;
    subject.shows(&page, &["new"]).await;
}

pub async fn clear_session_removes_all_contexts(subject: Subject) {
    let (ada, _) = subject.sessions();
    let pages = [
        at("ada", "settings"),
        at("ada", "dashboard"),
        at("ada", "*"),
    ];
    for page in &pages {
        subject.add(page, Message::info("gone")).await;
    }
    subject
        .add(&at("bob", "settings"), Message::info("bob's"))
        .await;
    subject
        .store
        .clear_session("app", &ada, None)
        .await
        .unwrap();
    for page in &pages {
        subject.shows(page, &[]).await;
    }
    subject.shows(&at("bob", "settings"), &["bob's"]).await;
    subject.add(&pages[0], Message::info("open still")).await;
    subject.shows(&pages[0], &["open still"]).await;
}

pub async fn a_closed_session_takes_nothing(subject: Subject) {
    let (page, (ada, bob)) = (at("ada", "settings"), subject.sessions());
    subject.add(&page, Message::info("gone")).await;
    subject
        .store
        .clear_session("app", &ada, Some(SHORT))
        .await
        .unwrap();
    let limits = Limits::default();
    let refused = subject
        .store
        .add(&page, &[Message::info("late")], &limits)
        .await
        .unwrap_err();
    assert!(refused.is_closed(), "{refused}");
    let moved = subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap_err();
    assert!(moved.is_closed(), "{moved}");
    subject.shows(&page, &[]).await;
    subject.pass(SHORT * 2).await;
    subject.add(&page, Message::info("a new visitor")).await;
    subject.shows(&page, &["a new visitor"]).await;
}

pub async fn migrate_carries_messages_leases_and_schedules(subject: Subject) {
    let (ada, bob) = subject.sessions();
    let (old, new) = (at("ada", "settings"), at("bob", "settings"));
    subject.add(&old, Message::info("leased")).await;
    let mut claim = subject.claim(&old).await;
    subject
        .add_all(
            &old,
            &[Message::info("here"), Message::info("later").after(SHORT)],
        )
        .await;
    subject.add(&at("ada", "*"), Message::info("any")).await;
    subject
        .store
        .migrate("app", &ada, &bob, true, &Limits::default())
        .await
        .unwrap();
    subject.shows(&old, &[]).await;
    subject.shows(&at("ada", "*"), &[]).await;
    subject.shows(&at("bob", "*"), &["any"]).await;
    subject.shows(&new, &["here"]).await;
    subject.pass(SHORT * 2).await;
    subject.shows(&new, &["here", "later"]).await;
    claim.follow(&bob);
    subject.store.release(&claim).await.unwrap();
    subject.shows(&new, &["leased", "here", "later"]).await;
}

pub async fn migrate_says_where_the_session_went(subject: Subject) {
    let (page, (ada, bob)) = (at("ada", "settings"), subject.sessions());
    let mut limits = Limits::default();
    limits.expiry = SHORT;
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    assert_eq!(
        subject.add(&page, Message::info("late")).await,
        Placed::Moved(bob.clone())
    );
    subject.shows(&page, &[]).await;
    subject.pass(SHORT * 2).await;
    let placed = subject.add(&page, Message::info("new")).await;
    assert_eq!(placed, Placed::Here { displaced: 0 }.clone());
}

pub async fn migrate_may_be_repeated_but_not_redirected(subject: Subject) {
    let (page, (ada, bob)) = (at("bob", "settings"), subject.sessions());
    let limits = Limits::default();
    subject
        .add(&at("ada", "settings"), Message::info("once"))
        .await;
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    let eve = crate::support::session("eve");
    let elsewhere = subject
        .store
        .migrate("app", &ada, &eve, true, &limits)
        .await
        .unwrap_err();
    assert!(elsewhere.is_closed(), "{elsewhere}");
    subject.shows(&page, &["once"]).await;
}

pub async fn a_repeated_migrate_undoes_nothing(subject: Subject) {
    let (ada, bob) = subject.sessions();
    let (eve, limits) = (crate::support::session("eve"), Limits::default());
    subject
        .add(&at("ada", "settings"), Message::info("carried"))
        .await;
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    subject
        .store
        .migrate("app", &bob, &eve, true, &limits)
        .await
        .unwrap();
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    assert_eq!(
        subject
            .add(&at("bob", "settings"), Message::info("late"))
            .await,
        Placed::Moved(eve.clone())
    );
    subject.shows(&at("eve", "settings"), &["carried"]).await;
    subject
        .store
        .clear_session("app", &eve, Some(LEASE))
        .await
        .unwrap();
    subject
        .store
        .migrate("app", &bob, &eve, true, &limits)
        .await
        .unwrap();
    let late = [Message::info("late")];
    let refused = subject
        .store
        .add(&at("eve", "settings"), &late, &limits)
        .await
        .unwrap_err();
    assert!(refused.is_closed(), "{refused}");
}

pub async fn migrate_opens_nothing_unasked(subject: Subject) {
    let (ada, bob) = subject.sessions();
    let limits = Limits::default();
    subject
        .add(&at("ada", "settings"), Message::info("stays"))
        .await;
    subject
        .store
        .clear_session("app", &bob, Some(LEASE))
        .await
        .unwrap();
    let refused = subject
        .store
        .migrate("app", &ada, &bob, false, &limits)
        .await
        .unwrap_err();
    assert!(refused.is_closed(), "{refused}");
    subject.shows(&at("ada", "settings"), &["stays"]).await;
    subject
        .add(&at("ada", "settings"), Message::info("open still"))
        .await;
}

pub async fn a_logout_of_a_moved_session_leaves_the_way(subject: Subject) {
    let (ada, bob) = subject.sessions();
    let limits = Limits::default();
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    subject
        .store
        .clear_session("app", &ada, Some(LEASE))
        .await
        .unwrap();
    let placed = subject
        .add(&at("ada", "settings"), Message::info("follows"))
        .await;
    assert_eq!(placed, Placed::Moved(bob));
}

pub async fn what_was_displaced_is_told_with_what_is_shown(subject: Subject) {
    let page = at("ada", "settings");
    let mut limits = Limits::default();
    limits.messages = 1;
    for text in ["1", "2"] {
        let message = Message::info(text).after(SHORT);
        subject.store.add(&page, &[message], &limits).await.unwrap();
    }
    assert_eq!(
        subject.claim(&page).await.found.displaced,
        0,
        "nothing is shown yet"
    );
    subject.pass(SHORT * 2).await;
    let claim = subject.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.found.displaced),
        (vec!["2"], 1)
    );
}

pub async fn what_was_displaced_is_forgotten_with_the_last_message(subject: Subject) {
    let (ada, bob) = subject.sessions();
    let (page, other) = (at("ada", "settings"), at("bob", "settings"));
    let mut limits = Limits::default();
    limits.messages = 1;
    let batch = ["1", "2"].map(|text| Message::info(text).tag(text));
    for page in [&page, &other] {
        subject.store.add(page, &batch, &limits).await.unwrap();
        let left = Which::from("2");
        assert_eq!(subject.store.retract(page, &left).await.unwrap(), 1);
    }
    subject.add(&page, Message::info("new")).await;
    assert_eq!(subject.peek(&page).await.displaced, 0);
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    assert_eq!(subject.peek(&other).await.displaced, 0);
}

pub async fn migrate_merges_into_what_is_there(subject: Subject) {
    let (ada, bob) = subject.sessions();
    let mut limits = Limits::default();
    limits.messages = 3;
    for text in ["1", "2"] {
        subject
            .add(&at("ada", "settings"), Message::info(text))
            .await;
        subject
            .add(
                &at("bob", "settings"),
                Message::info(format!("bob's {text}")),
            )
            .await;
    }
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    let found = subject.peek(&at("bob", "settings")).await;
    assert_eq!((found.messages.len(), found.displaced), (3, 1));
    let eve = crate::support::session("eve");
    limits.messages = 1;
    subject
        .add(&at("eve", "settings"), Message::info("eve's"))
        .await;
    subject
        .store
        .migrate("app", &bob, &eve, true, &limits)
        .await
        .unwrap();
    let found = subject.peek(&at("eve", "settings")).await;
    assert_eq!(
        (texts(&found.messages), found.displaced),
        (vec!["eve's"], 4)
    );
}

pub async fn migrate_keeps_the_cap(subject: Subject) {
    let (ada, bob) = subject.sessions();
    let batch: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
    subject.add_all(&at("ada", "settings"), &batch).await;
    let mut limits = Limits::default();
    limits.messages = 2;
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    let found = subject.peek(&at("bob", "settings")).await;
    assert_eq!(
        (texts(&found.messages), found.displaced),
        (vec!["1", "2"], 1)
    );
}

pub async fn migrate_counts_what_both_hold_once(subject: Subject) {
    let (ada, bob) = subject.sessions();
    let batch: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
    for session in ["ada", "bob"] {
        subject.add_all(&at(session, "settings"), &batch).await;
    }
    let mut limits = Limits::default();
    limits.messages = 2;
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    let found = subject.peek(&at("bob", "settings")).await;
    assert_eq!(
        (texts(&found.messages), found.displaced),
        (vec!["1", "2"], 1)
    );
}

pub async fn migrate_to_itself_changes_nothing(subject: Subject) {
    let (ada, _) = subject.sessions();
    let page = at("ada", "settings");
    subject.add(&page, Message::info("still here")).await;
    subject
        .store
        .migrate("app", &ada, &ada, true, &Limits::default())
        .await
        .unwrap();
    subject.shows(&page, &["still here"]).await;
    let placed = subject.add(&page, Message::info("open")).await;
    assert_eq!(placed, Placed::Here { displaced: 0 }.clone());
}

pub async fn migrate_opens_the_session_that_it_leads_to(subject: Subject) {
    let (ada, bob) = subject.sessions();
    let limits = Limits::default();
    subject
        .add(&at("ada", "settings"), Message::info("there and back"))
        .await;
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    subject
        .store
        .migrate("app", &bob, &ada, true, &limits)
        .await
        .unwrap();
    subject
        .add(&at("ada", "settings"), Message::info("new"))
        .await;
    subject
        .shows(&at("ada", "settings"), &["there and back", "new"])
        .await;
    subject
        .store
        .clear_session("app", &bob, Some(LEASE))
        .await
        .unwrap();
    subject
        .store
        .migrate("app", &ada, &bob, true, &limits)
        .await
        .unwrap();
    subject
        .shows(&at("bob", "settings"), &["there and back", "new"])
        .await;
    let placed = subject
        .add(&at("bob", "settings"), Message::info("open"))
        .await;
    assert_eq!(placed, Placed::Here { displaced: 0 }.clone());
}

pub async fn contexts_lists_what_is_visible(subject: Subject) {
    let (ada, _) = subject.sessions();
    assert_eq!(subject.store.contexts("app", &ada).await.unwrap(), []);
    for view in ["settings", "*", "orders/{id}"] {
        subject.add(&at("ada", view), Message::info("here")).await;
    }
    subject
        .add(&at("ada", "scheduled"), Message::info("later").after(LEASE))
        .await;
    subject
        .add(&at("ada", "claimed"), Message::info("held"))
        .await;
    subject.claim(&at("ada", "claimed")).await;
    subject
        .add(&at("bob", "other"), Message::info("bob's"))
        .await;
    let mut views = subject.store.contexts("app", &ada).await.unwrap();
    views.sort();
    let named = |name| View::new(name).unwrap();
    assert_eq!(views, [View::ANY, named("orders/{id}"), named("settings")]);
}

pub async fn a_session_has_a_limited_number_of_contexts(subject: Subject) {
    let mut limits = Limits::default();
    limits.contexts = 3;
    let message = || [Message::info("x")];
    for view in ["1", "2", "3", "1"] {
        subject
            .store
            .add(&at("ada", view), &message(), &limits)
            .await
            .unwrap();
    }
    let refused = subject
        .store
        .add(&at("ada", "4"), &message(), &limits)
        .await
        .unwrap_err();
    assert!(refused.is_full(), "{refused}");
    subject.shows(&at("ada", "4"), &[]).await;
    subject
        .store
        .add(&at("bob", "4"), &message(), &limits)
        .await
        .unwrap();
    let claim = subject.claim(&at("ada", "2")).await;
    subject.store.confirm(&claim).await.unwrap();
    subject
        .store
        .add(&at("ada", "4"), &message(), &limits)
        .await
        .unwrap();
    assert!(wire::encode(&message()[0]).is_ok());
}

pub async fn an_empty_context_needs_room_as_a_new_one_does(subject: Subject) {
    let message = || [Message::info("x")];
    for view in ["1", "2", "3"] {
        subject.add(&at("ada", view), Message::info("x")).await;
    }
    let left = at("ada", "3");
    subject.store.take(one(&left), AGE).await.unwrap();
    let mut limits = Limits::default();
    limits.contexts = 2;
    let refused = subject
        .store
        .add(&left, &message(), &limits)
        .await
        .unwrap_err();
    assert!(refused.is_full(), "{refused}");
    subject.store.clear(&at("ada", "2")).await.unwrap();
    subject.store.add(&left, &message(), &limits).await.unwrap();
}
