//! Filters, groups and pages of a list.

use std::collections::HashSet;
use std::time::Duration;

use actix_web::test::TestRequest;
use salver::{InboxFilter, Message, Notification, ReadState, Recipient};
use time::OffsetDateTime;

use crate::support::inbox_site::send;
use crate::support::inboxes::{Inboxes, ada, bob, note};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Returns the texts of the rows of all pages, and the number of pages.
async fn all_pages(inboxes: &Inboxes, filter: &InboxFilter) -> (Vec<String>, usize) {
    let (mut texts, mut pages, mut cursor) = (Vec::new(), 0, None::<String>);
    loop {
        let page = inboxes
            .inbox()
            .list(filter, cursor.as_deref())
            .await
            .unwrap();
        texts.extend(page.rows.iter().map(|row| row.newest.text().to_owned()));
        pages += 1;
        cursor = page.next;
        if cursor.is_none() {
            return (texts, pages);
        }
    }
}

crate::inbox_tests! {
    async fn filter_selects_by_each_condition(inboxes: Inboxes) {
        let one = Notification::new("graph.uploaded", Message::info("Straße").title("Title")).subject("graphs/7");
        let two = Notification::new("graphics", Message::info("two")).group("g").actor(&bob(), "Bob");
        inboxes.notify(one).await;
        inboxes.notify(two).await;
        inboxes.notify(note("three")).await;
        let page = inboxes.inbox().list(&InboxFilter::all().ungrouped(), None).await.unwrap();
        let ids: Vec<_> = page.rows.iter().map(|row| row.newest.id()).collect();

        let all = InboxFilter::all;
        let now = OffsetDateTime::now_utc();
        for (filter, expected) in [
            (all().kind("graph"), &["Straße"][..]),
            (all().kind("graph.uploaded"), &["Straße"]),
            (all().kind("graph.upload"), &[]),
            (all().subject("graphs/7"), &["Straße"]),
            (all().group("g"), &["two"]),
            (all().ids([ids[0], ids[2]]), &["three", "Straße"]),
            (all().text("STRASSE"), &[]),
            (all().text(" STRAßE "), &["Straße"]),
            (all().text("title"), &["Straße"]),
            (all().text("bob"), &["two"]),
            (all().text("t").kind("test"), &["three"]),
            (all().since(now - HOUR), &["three", "two", "Straße"]),
            (all().since(now + HOUR), &[]),
            (all().until(now + HOUR), &["three", "two", "Straße"]),
            (all().until(now - HOUR), &[]),
            (InboxFilter::archived(), &[]),
        ] {
            assert_eq!(inboxes.texts(filter.clone()).await, expected, "{filter:?}");
        }
        inboxes.inbox().mark(&all().kind("test"), ReadState::Read).await.unwrap();
        assert_eq!(inboxes.texts(InboxFilter::unread()).await, ["two", "Straße"]);
    }

    async fn list_changes_nothing(inboxes: Inboxes) {
        inboxes.notify(note("one")).await;
        for filter in [InboxFilter::all(), InboxFilter::unread(), InboxFilter::archived()] {
            inboxes.inbox().list(&filter, None).await.unwrap();
        }
        assert_eq!(inboxes.counts().await, (1, 1, 1));
    }

    async fn page_that_ends_with_the_oldest_has_no_next(inboxes: Inboxes) {
        for number in 0..4 {
            inboxes.notify(note(&number.to_string())).await;
        }
        for filter in [InboxFilter::all(), InboxFilter::all().ungrouped()] {
            let (texts, pages) = all_pages(&inboxes, &filter.limit(2)).await;
            assert_eq!((texts.len(), pages), (4, 2));
        }
    }

    async fn pages_have_each_notification_once_while_others_arrive(inboxes: Inboxes) {
        for number in 0..45 {
            inboxes.notify(note(&number.to_string())).await;
        }
        let filter = InboxFilter::all().limit(10);
        let first = inboxes.inbox().list(&filter, None).await.unwrap();
        inboxes.notify(note("new")).await;
        let (mut texts, mut cursor) = (Vec::new(), first.next);
        while let Some(after) = cursor {
            let page = inboxes.inbox().list(&filter, Some(&after)).await.unwrap();
            texts.extend(page.rows.iter().map(|row| row.newest.text().to_owned()));
            cursor = page.next;
        }
        let expected: Vec<_> = (0..35).rev().map(|number| number.to_string()).collect();
        assert_eq!(texts, expected);
    }

    async fn group_that_grows_while_pages_are_read_keeps_its_place(inboxes: Inboxes) {
        inboxes.notify(note("first of g").group("g")).await;
        for number in 0..30 {
            inboxes.notify(note(&number.to_string())).await;
        }
        let filter = InboxFilter::all().limit(20);
        let first = inboxes.inbox().list(&filter, None).await.unwrap();
        inboxes.notify(note("second of g").group("g")).await;
        let second = inboxes.inbox().list(&filter, first.next.as_deref()).await.unwrap();
        let last = second.rows.last().unwrap();
        assert_eq!((second.rows.len(), last.count, last.newest.text()), (11, 1, "first of g"));
    }

    async fn group_that_reaches_over_pages_is_one_complete_row(inboxes: Inboxes) {
        // 250 notifications: a group of 60, spread among others.
        for number in 0..250 {
            let text = number.to_string();
            let note = match number % 4 {
                0 => note(&text).group("g"),
                _ => note(&text),
            };
            inboxes.notify(note).await;
        }
        let (texts, pages) = all_pages(&inboxes, &InboxFilter::all().limit(20)).await;
        let unique: HashSet<_> = texts.iter().collect();
        assert_eq!((texts.len(), unique.len(), pages), (188, 188, 10));
        let page = inboxes.inbox().list(&InboxFilter::all().limit(20), None).await.unwrap();
        let group = page.rows.iter().find(|row| row.count > 1).unwrap();
        assert_eq!((group.count, group.newest.text()), (63, "248"));
    }

    async fn invalid_filter_is_rejected(inboxes: Inboxes) {
        let all = InboxFilter::all;
        for (filter, field) in [
            (all().limit(0), "limit"),
            (all().limit(101), "limit"),
            (all().kind("a b"), "kind"),
            (all().subject(""), "subject"),
            (all().group("\n"), "group"),
            (all().text("  "), "text"),
        ] {
            let inbox = inboxes.inbox();
            let error = inbox.list(&filter, None).await.unwrap_err();
            assert_eq!(error.field(), Some(field));
            let error = inbox.mark(&filter, ReadState::Read).await.unwrap_err();
            assert_eq!(error.field(), Some(field));
        }
        for cursor in ["", "x", "-1", "0", "0.5", "1.x"] {
            let error = inboxes.inbox().list(&all(), Some(cursor)).await.unwrap_err();
            assert_eq!(error.field(), Some("after"));
        }
        let invalid = inboxes.salver.inbox(&Recipient::user("\n"));
        assert_eq!(invalid.counts().await.unwrap_err().field(), Some("recipient"));
    }
}

#[tokio::test]
async fn damaged_notification_is_skipped() {
    let inboxes = Inboxes::redis();
    for text in ["one", "two", "three"] {
        inboxes.notify(note(text)).await;
    }
    let page = inboxes
        .inbox()
        .list(&InboxFilter::all(), None)
        .await
        .unwrap();
    let server = inboxes.server.as_ref().unwrap();
    let key = b"app!notifications:{user%3Aada}";
    let ids: Vec<_> = page
        .rows
        .iter()
        .map(|row| row.newest.id().to_string())
        .collect();
    server.run::<()>(&[b"HSET", key, ids[0].as_bytes(), b"0000000000000000{}"]);
    server.run::<()>(&[b"HDEL", key, ids[1].as_bytes()]);
    assert_eq!(inboxes.texts(InboxFilter::all()).await, ["one"]);
    assert_eq!(
        inboxes
            .inbox()
            .mark(&InboxFilter::all(), ReadState::Read)
            .await
            .unwrap(),
        3
    );
    assert_eq!(
        inboxes.salver.inbox(&ada()).counts().await.unwrap().unread,
        0
    );
}

/// Also without any row.
#[tokio::test]
async fn page_marks_damaged_notifications_as_read() {
    for damaged in [1, 2] {
        let inboxes = Inboxes::redis();
        for text in ["one", "two"] {
            inboxes.notify(note(text)).await;
        }
        let page = inboxes.inbox().list(&InboxFilter::all(), None).await;
        let server = inboxes.server.as_ref().unwrap();
        for row in page.unwrap().rows.iter().take(damaged) {
            let (key, id) = (b"app!notifications:{user%3Aada}", row.newest.id());
            server.run::<()>(&[b"HSET", key, id.to_string().as_bytes(), b"{}"]);
        }
        let (salver, user) = (&inboxes.salver, ("x-user", "ada"));
        let request = TestRequest::get().uri("/salver/inbox");
        let request = request.insert_header(user);
        let page = send(salver, salver.inbox_routes(), request).await.body;
        let upto = page.split_once(r#"name="upto" value=""#).unwrap().1;
        let upto = upto.split_once('"').unwrap().0;
        let form = TestRequest::post().uri("/salver/inbox/mark");
        let form = form.insert_header(user);
        let form = form.set_form([("change", "read"), ("tab", "unread"), ("upto", upto)]);
        send(salver, salver.inbox_routes(), form).await;
        assert_eq!(inboxes.counts().await, (0, 0, 2), "{damaged}");
    }
}
