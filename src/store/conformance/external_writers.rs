//! Members of external writers: requirement 11.

use crate::store::conformance::store_under_test::{
    AGE, SHORT, StoreUnderTest, context, id_created_before, sessions, texts,
};
use crate::store::{AddOutcome, Selector};
use crate::{Message, MessageId};

pub(crate) async fn undecodable_members_are_skipped_and_removed_on_confirm(store: StoreUnderTest) {
    let page = context("ada", "settings");
    store.add(&page, Message::info("good")).await;
    let id = MessageId::new();
    let script = format!(
        r#"{{"id":"{id}","text":"x","action":{{"label":"x","url":"javascript:alert(1)"}}}}"#
    );
    let undecodable: [&[u8]; 5] = [
        b"garbage",
        b"{}",
        b"{\"id\":\"",
        b"\xff\xfe",
        script.as_bytes(),
    ];
    for member in undecodable {
        store.put_member(&page, member).await;
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

pub(crate) async fn member_of_newer_version_is_kept(store: StoreUnderTest) {
    let page = context("ada", "settings");
    store.add(&page, Message::info("good")).await;
    let (id, other) = (MessageId::new(), MessageId::new());
    let newer = format!(r#"{{"id":"{id}","v":2,"words":["of","tomorrow"]}}"#);
    let tagged = format!(r#"{{"id":"{other}","tag":"t","v":17,"text":"x"}}"#);
    store.put_member(&page, newer).await;
    store.put_member(&page, tagged).await;
    let claim = store.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.result.unsupported),
        (vec!["good"], 2)
    );
    store.confirm(&claim).await;
    assert_eq!(
        store.claim(&page).await.result.unsupported,
        2,
        "newer versions can still read it"
    );
}

pub(crate) async fn unknown_fields_are_kept(store: StoreUnderTest) {
    let (page, (ada, bob)) = (context("ada", "settings"), sessions());
    let id = MessageId::new();
    let member = format!(r#"{{"id":"{id}","v":1,"text":"kept","mood":"blue"}}"#);
    store.add(&page, Message::info("first")).await;
    store.put_member(&page, &member).await;
    store.migrate(&ada, &bob).await;
    let claim = store.claim(&context("bob", "settings")).await;
    assert_eq!(claim.messages().len(), 2);
    let members: Vec<_> = claim
        .members
        .iter()
        .flat_map(|claimed| &claimed.members)
        .collect();
    assert!(
        members.contains(&&member.into_bytes()),
        "the member is not byte for byte the same"
    );
}

pub(crate) async fn member_with_invalid_header_has_no_id(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let old = id_created_before(AGE + SHORT);
    store.add(&page, Message::info("good")).await;
    let uppercase = format!(r#"{{"ID":"{old}","tag":"t","v":2,"text":"x"}}"#);
    store.put_member(&page, uppercase).await;
    store.put_member(&page, format!(r#"{{"id":"{old}"#)).await;
    let result = store.peek(&page).await;
    let counts = (result.undecodable, result.unsupported, result.expired);
    assert_eq!(
        counts,
        (2, 0, 0),
        "an invalid header has no age and no version"
    );
    let same = Message::info("same").tag("t").with_id(old);
    let outcome = store.add(&page, same).await;
    assert_eq!(outcome, AddOutcome::Added { displaced: 0 });
    let result = store.peek(&page).await;
    let counts = (result.undecodable, result.expired);
    assert_eq!(
        counts,
        (2, 1),
        "the id and the tag did not match an invalid header"
    );
}

pub(crate) async fn member_truncated_in_tag_has_id(store: StoreUnderTest) {
    let page = context("ada", "settings");
    let id = MessageId::new();
    store.add(&page, Message::info("good")).await;
    store
        .put_member(&page, format!(r#"{{"id":"{id}","tag":"impo"#))
        .await;
    assert_eq!(store.peek(&page).await.undecodable, 1);
    let removed = store.store().retract(&page, &Selector::from(id)).await;
    assert_eq!(removed.unwrap(), 1);
    store.assert_visible(&page, &["good"]).await;
}
