//! What other writers left: law 11.

use crate::store::conformance::store_under_test::{
    AGE, SHORT, StoreUnderTest, at, sessions, texts, written_before,
};
use crate::store::{AddOutcome, Selector};
use crate::{Message, MessageId};

pub(crate) async fn what_cannot_be_read_is_skipped_and_goes_with_the_confirm(
    store: StoreUnderTest,
) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("good")).await;
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
        store.put(&page, member).await;
    }
    let claim = store.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.result.undecodable),
        (vec!["good"], 5)
    );
    store.confirm(&claim).await;
    let result = store.peek(&page).await;
    assert_eq!((result.messages.len(), result.undecodable), (0, 0));
}

pub(crate) async fn what_a_newer_version_wrote_is_left_there(store: StoreUnderTest) {
    let page = at("ada", "settings");
    store.add(&page, Message::info("good")).await;
    let (id, other) = (MessageId::new(), MessageId::new());
    let newer = format!(r#"{{"id":"{id}","v":2,"words":["of","tomorrow"]}}"#);
    let tagged = format!(r#"{{"id":"{other}","tag":"t","v":17,"text":"x"}}"#);
    store.put(&page, newer).await;
    store.put(&page, tagged).await;
    let claim = store.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.result.unsupported),
        (vec!["good"], 2)
    );
    store.confirm(&claim).await;
    assert_eq!(
        store.claim(&page).await.result.unsupported,
        2,
        "visible to who can read it"
    );
}

pub(crate) async fn unknown_fields_survive(store: StoreUnderTest) {
    let (page, (ada, bob)) = (at("ada", "settings"), sessions());
    let id = MessageId::new();
    let member = format!(r#"{{"id":"{id}","v":1,"text":"kept","mood":"blue"}}"#);
    store.add(&page, Message::info("first")).await;
    store.put(&page, &member).await;
    store.migrate(&ada, &bob).await;
    let claim = store.claim(&at("bob", "settings")).await;
    assert_eq!(claim.messages().len(), 2);
    let members: Vec<_> = claim
        .members
        .iter()
        .flat_map(|claimed| &claimed.members)
        .collect();
    assert!(members.contains(&&member.into_bytes()), "byte for byte");
}

pub(crate) async fn what_does_not_begin_as_it_should_has_no_id(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let old = written_before(AGE + SHORT);
    store.add(&page, Message::info("good")).await;
    let shouted = format!(r#"{{"ID":"{old}","tag":"t","v":2,"text":"x"}}"#);
    store.put(&page, shouted).await;
    store.put(&page, format!(r#"{{"id":"{old}"#)).await;
    let result = store.peek(&page).await;
    let counts = (result.undecodable, result.unsupported, result.expired);
    assert_eq!(counts, (2, 0, 0), "neither old nor of a newer version");
    let same = Message::info("same").tag("t").with_id(old);
    let outcome = store.add(&page, same).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
    let result = store.peek(&page).await;
    let counts = (result.undecodable, result.expired);
    assert_eq!(counts, (2, 1), "nothing was repeated or replaced");
}

pub(crate) async fn what_is_cut_off_in_its_tag_has_an_id(store: StoreUnderTest) {
    let page = at("ada", "settings");
    let id = MessageId::new();
    store.add(&page, Message::info("good")).await;
    store
        .put(&page, format!(r#"{{"id":"{id}","tag":"impo"#))
        .await;
    assert_eq!(store.peek(&page).await.undecodable, 1);
    let removed = store.store().retract(&page, &Selector::from(id)).await;
    assert_eq!(removed.unwrap(), 1);
    store.shows(&page, &["good"]).await;
}
