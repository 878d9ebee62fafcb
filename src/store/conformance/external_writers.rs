//! What other writers left: law 11.

use crate::store::conformance::store_under_test::{
    AGE, SHORT, StoreUnderTest, at, sessions, texts, written_before,
};
use crate::store::{AddOutcome, Selector};
use crate::{Message, MessageId};

pub(crate) async fn what_cannot_be_read_is_skipped_and_goes_with_the_confirm(
    subject: StoreUnderTest,
) {
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
        subject.put(&page, member).await;
    }
    let claim = subject.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.result.undecodable),
        (vec!["good"], 5)
    );
    subject.confirm(&claim).await;
    let found = subject.peek(&page).await;
    assert_eq!((found.messages.len(), found.undecodable), (0, 0));
}

pub(crate) async fn what_a_newer_version_wrote_is_left_there(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    subject.add(&page, Message::info("good")).await;
    let (id, other) = (MessageId::new(), MessageId::new());
    let newer = format!(r#"{{"id":"{id}","v":2,"words":["of","tomorrow"]}}"#);
    let tagged = format!(r#"{{"id":"{other}","tag":"t","v":17,"text":"x"}}"#);
    subject.put(&page, newer).await;
    subject.put(&page, tagged).await;
    let claim = subject.claim(&page).await;
    assert_eq!(
        (texts(claim.messages()), claim.result.unsupported),
        (vec!["good"], 2)
    );
    subject.confirm(&claim).await;
    assert_eq!(
        subject.claim(&page).await.result.unsupported,
        2,
        "visible to who can read it"
    );
}

pub(crate) async fn unknown_fields_survive(subject: StoreUnderTest) {
    let (page, (ada, bob)) = (at("ada", "settings"), sessions());
    let id = MessageId::new();
    let member = format!(r#"{{"id":"{id}","v":1,"text":"kept","mood":"blue"}}"#);
    subject.add(&page, Message::info("first")).await;
    subject.put(&page, &member).await;
    subject.migrate(&ada, &bob).await;
    let claim = subject.claim(&at("bob", "settings")).await;
    assert_eq!(claim.messages().len(), 2);
    let members: Vec<_> = claim
        .members
        .iter()
        .flat_map(|held| &held.members)
        .collect();
    assert!(members.contains(&&member.into_bytes()), "byte for byte");
}

pub(crate) async fn what_does_not_begin_as_it_should_has_no_id(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let old = written_before(AGE + SHORT);
    subject.add(&page, Message::info("good")).await;
    let shouted = format!(r#"{{"ID":"{old}","tag":"t","v":2,"text":"x"}}"#);
    subject.put(&page, shouted).await;
    subject.put(&page, format!(r#"{{"id":"{old}"#)).await;
    let found = subject.peek(&page).await;
    let counts = (found.undecodable, found.unsupported, found.expired);
    assert_eq!(counts, (2, 0, 0), "neither old nor of a newer version");
    let same = Message::info("same").tag("t").with_id(old);
    let placed = subject.add(&page, same).await;
    assert_eq!(placed, AddOutcome::Added { displaced: 0 });
    let found = subject.peek(&page).await;
    let counts = (found.undecodable, found.expired);
    assert_eq!(counts, (2, 1), "nothing was repeated or replaced");
}

pub(crate) async fn what_is_cut_off_in_its_tag_has_an_id(subject: StoreUnderTest) {
    let page = at("ada", "settings");
    let id = MessageId::new();
    subject.add(&page, Message::info("good")).await;
    subject
        .put(&page, format!(r#"{{"id":"{id}","tag":"impo"#))
        .await;
    assert_eq!(subject.peek(&page).await.undecodable, 1);
    let removed = subject.store().retract(&page, &Selector::from(id)).await;
    assert_eq!(removed.unwrap(), 1);
    subject.shows(&page, &["good"]).await;
}
