//! Notifications arrive once, and what was removed never comes back.

use std::time::Duration;

use salver::{InboxFilter, Message, MessageId, Notification, ReadState, Recipient};
use time::OffsetDateTime;

use crate::support::inboxes::{Inboxes, ada, bob, note};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the id of a step of one job. Later steps have later ids.
fn id(step: u32) -> MessageId {
    MessageId::for_job_step(OffsetDateTime::UNIX_EPOCH + 20_000 * DAY, "test", step)
}

fn tagged(text: &str, id: MessageId) -> Notification {
    Notification::new("test", Message::info(text).tag("progress").with_id(id))
}

#[tokio::test]
async fn notify_runs_in_task_of_its_own() {
    let inboxes = Inboxes::memory();
    let salver = inboxes.salver.clone();
    let add = tokio::spawn(async move { salver.notify([ada(), bob()], note("one")).await });
    add.await.unwrap().unwrap();
    assert_eq!(inboxes.counts().await, (1, 1, 1));
}

crate::inbox_tests! {
    async fn notification_stays_in_list_until_it_is_removed(inboxes: Inboxes) {
        inboxes.notify(note("one").subject("graphs/7")).await;
        for _ in 0..2 {
            assert_eq!(inboxes.texts(InboxFilter::all()).await, ["one"]);
            assert_eq!(inboxes.counts().await, (1, 1, 1));
        }
        let removed = inboxes.inbox().retract(&InboxFilter::all().subject("graphs/7")).await;
        assert_eq!(removed.unwrap(), 1);
        assert!(inboxes.texts(InboxFilter::all()).await.is_empty());
        assert_eq!(inboxes.counts().await, (0, 0, 0));
    }

    async fn newest_notification_is_first(inboxes: Inboxes) {
        for text in ["one", "two", "three"] {
            inboxes.notify(note(text)).await;
        }
        assert_eq!(inboxes.texts(InboxFilter::all()).await, ["three", "two", "one"]);
    }

    async fn repeated_notification_changes_nothing(inboxes: Inboxes) {
        let note = note("one");
        inboxes.notify(note.clone()).await;
        inboxes.inbox().mark(&InboxFilter::all(), ReadState::Read).await.unwrap();
        inboxes.notify(note).await;
        assert_eq!(inboxes.counts().await, (0, 0, 1));
    }

    async fn removed_notification_does_not_come_back(inboxes: Inboxes) {
        let note = note("one");
        inboxes.notify(note.clone()).await;
        inboxes.inbox().retract(&InboxFilter::all()).await.unwrap();
        inboxes.notify(note).await;
        assert_eq!(inboxes.counts().await, (0, 0, 0));
    }

    async fn latest_notification_of_tag_stays_whatever_arrives_first(inboxes: Inboxes) {
        inboxes.notify(tagged("20 %", id(2))).await;
        inboxes.inbox().mark(&InboxFilter::all(), ReadState::Read).await.unwrap();
        inboxes.notify(tagged("10 %", id(1))).await;
        assert_eq!(inboxes.texts(InboxFilter::all()).await, ["20 %"]);
        assert_eq!(inboxes.counts().await, (0, 0, 1));
        inboxes.notify(tagged("30 %", id(3))).await;
        assert_eq!(inboxes.texts(InboxFilter::all()).await, ["30 %"]);
        assert_eq!(inboxes.counts().await, (1, 1, 1));
        // What it replaced does not come back when the later one is gone.
        inboxes.inbox().retract(&InboxFilter::all()).await.unwrap();
        inboxes.notify(tagged("20 %", id(2))).await;
        assert_eq!(inboxes.counts().await, (0, 0, 0));
    }

    async fn notification_that_is_already_read_counts_as_neither_unread_nor_unseen(inboxes: Inboxes) {
        inboxes.notify(note("one").already_read()).await;
        assert_eq!(inboxes.texts(InboxFilter::all()).await, ["one"]);
        assert_eq!(inboxes.counts().await, (0, 0, 1));
    }

    async fn actor_gets_wording_of_their_own(inboxes: Inboxes) {
        let text = |who: &str| Message::info(format!("Shared by {who}."));
        let note = Notification::new("graph.shared", text("Ada")).actor(&ada(), "Ada").for_actor(text("you"));
        inboxes.salver.notify([ada(), bob()], note).await.unwrap();
        assert_eq!(inboxes.texts(InboxFilter::all()).await, ["Shared by you."]);
        let page = inboxes.salver.inbox(&bob()).list(&InboxFilter::all(), None).await.unwrap();
        assert_eq!(page.rows[0].newest.text(), "Shared by Ada.");
        assert_eq!(page.rows[0].actors, ["Ada"]);
    }

    async fn all_fields_of_notification_are_kept(inboxes: Inboxes) {
        let message = Message::warning("*text*").title("Title").markdown().tag("tag")
            .action("Open", "/graphs/7").key("greeting").arg("name", "Ada").data([1, 2]);
        let note = Notification::new("graph.uploaded", message).subject("graphs/7").group("uploads").actor(&bob(), "Bob");
        inboxes.notify(note.clone()).await;
        let page = inboxes.inbox().list(&InboxFilter::all(), None).await.unwrap();
        let listed = page.rows[0].newest.clone();
        assert!(listed.position() > 0 && listed.is_unread());
        let fields = |note: &Notification| {
            let mut fields = serde_json::to_value(note).unwrap();
            fields.as_object_mut().unwrap().remove("position");
            fields["id"] = "".into();
            fields
        };
        assert_eq!(fields(&listed), fields(&note));
    }

    async fn recipient_named_twice_gets_notification_once(inboxes: Inboxes) {
        inboxes.salver.notify([ada(), ada()], note("one")).await.unwrap();
        assert_eq!(inboxes.counts().await, (1, 1, 1));
    }

    async fn invalid_notification_is_rejected_for_all_recipients(inboxes: Inboxes) {
        let delayed = Notification::new("test", Message::info("x").after(Duration::from_secs(1)));
        let expiring = Notification::new("test", Message::info("x").expires_at(OffsetDateTime::now_utc()));
        for (invalid, field) in [
            (Notification::new("a b", Message::info("x")), "kind"),
            (Notification::new("", Message::info("x")), "kind"),
            (note(""), "text"),
            (note("x").subject(""), "subject"),
            (note("x").group("a\nb"), "group"),
            (note("x").actor(&Recipient::user(""), "Ada"), "recipient"),
            (note("x").actor(&ada(), ""), "actor"),
            (note("x").for_actor(Message::info("")), "text"),
            (delayed, "after"),
            (expiring, "expires_at"),
            (note(&"x".repeat(4096)).subject("s".repeat(256)).for_actor(Message::info("x").data("d".repeat(4090)).title("t".repeat(256)).key("k").arg("a", "a".repeat(4090))), "notification"),
        ] {
            let error = inboxes.salver.notify([ada(), bob()], invalid).await.unwrap_err();
            assert!(error.is_invalid(), "{error}");
            assert_eq!(error.field(), Some(field), "{error}");
        }
        let error = inboxes.salver.notify([ada(), Recipient::user("")], note("x")).await.unwrap_err();
        assert_eq!(error.field(), Some("recipient"));
        assert_eq!(inboxes.counts().await, (0, 0, 0));
    }
}

#[tokio::test]
async fn failure_for_one_recipient_is_returned_after_all_were_tried() {
    let inboxes = Inboxes::redis();
    let server = inboxes.server.as_ref().unwrap();
    // Another program has written a string where the inbox of Ada is.
    let key = b"app!inbox:{user%3Aada}";
    server.run::<()>(&[b"SET", key, b"x"]);
    let note = note("one");
    // More than `notify` tries at once.
    let others = || (0..40).map(Recipient::user);
    let recipients = || std::iter::once(ada()).chain(others());
    let error = inboxes.salver.notify(recipients(), note.clone()).await;
    assert!(error.unwrap_err().is_unreadable());
    server.run::<()>(&[b"DEL", key]);
    assert_eq!(inboxes.counts().await, (0, 0, 0));
    for recipient in others() {
        let counts = inboxes.salver.inbox(&recipient).counts().await.unwrap();
        assert_eq!(counts.total, 1, "{recipient:?}");
    }
    // A repeat reaches the one that is missing, and changes nothing for the others.
    inboxes.salver.notify(recipients(), note).await.unwrap();
    for recipient in recipients() {
        let counts = inboxes.salver.inbox(&recipient).counts().await.unwrap();
        assert_eq!(counts.total, 1, "{recipient:?}");
    }
}

#[tokio::test]
async fn add_that_an_error_has_ended_is_completed_by_its_repeat() {
    let (inboxes, note) = (Inboxes::redis(), note("one"));
    inboxes.notify(note.clone()).await;
    let server = inboxes.server.as_ref().unwrap();
    for part in ["inbox", "unread"] {
        let key = format!("app!{part}:{{user%3Aada}}");
        server.run::<()>(&[b"DEL", key.as_bytes()]);
    }
    assert_eq!(inboxes.counts().await, (0, 0, 0));
    inboxes.notify(note).await;
    assert_eq!(inboxes.texts(InboxFilter::all()).await, ["one"]);
    assert_eq!(inboxes.counts().await, (1, 1, 1));
}
