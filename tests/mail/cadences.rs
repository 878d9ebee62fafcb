//! When a user is mailed, and about what.

use std::time::Duration;

use salver::jobs::Worker;
use salver::mail::{Cadence, Letter, Mailer, Profile};
use salver::{
    Error, InboxFilter, Message, MessageId, Notification, ReadState, Recipient, Salver,
    SalverBuilder,
};
use time::OffsetDateTime;

use crate::support::inboxes::{Inboxes, ada, bob};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the profiles of users, whose addresses are made of their ids.
pub(super) async fn profiles(who: Vec<Recipient>) -> Result<Vec<Profile>, Error> {
    let profile = |who: Recipient| {
        let id = who.user_id().unwrap().to_owned();
        Profile::new(who)
            .email(format!("{id}@example.org"))
            .time_zone("Europe/Berlin")
    };
    Ok(who.into_iter().map(profile).collect())
}

fn worker(inboxes: &Inboxes, mailer: &Mailer) -> Worker {
    inboxes
        .salver
        .worker()
        .mail(mailer.clone())
        .profiles(profiles)
}

fn note(kind: &str, text: &str) -> Notification {
    Notification::new(kind, Message::info(text))
}

/// Sends what is due, and returns what was sent then.
async fn sent(inboxes: &Inboxes, mailer: &Mailer) -> Vec<Letter> {
    let before = mailer.sent().len();
    worker(inboxes, mailer).drain().await.unwrap();
    mailer.sent().split_off(before)
}

/// Returns the texts of a mail, newest first.
fn texts(letter: &Letter) -> Vec<&str> {
    let notifications = letter.rows.iter().flat_map(|row| row.notifications());
    notifications.map(|one| one.text()).collect()
}

/// Graphs are mailed daily, letters if they are unread for ten minutes, security at once.
fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder
        .default_cadence("graph", Cadence::Daily { hour: 8 })
        .default_cadence("letter", Cadence::IfUnread(10 * MINUTE))
        .default_cadence("security", Cadence::AtOnce)
        .critical(["security"])
}

crate::inbox_tests! {
    (settings)

    async fn notification_is_mailed_at_once_unless_it_was_read(inboxes: Inboxes) {
        let mailer = Mailer::memory();
        let unread = note("security.login", "You have logged in.");
        inboxes.salver.notify([ada(), bob()], unread.clone()).await.unwrap();
        inboxes.inbox().mark(&InboxFilter::all(), ReadState::Read).await.unwrap();
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to, "bob@example.org");
        assert_eq!(texts(&mails[0]), ["You have logged in."]);
        // It stays in the inbox, unread, and is not mailed again.
        assert_eq!(inboxes.salver.inbox(&bob()).counts().await.unwrap().unread, 1);
        inboxes.salver.notify([ada(), bob()], unread).await.unwrap();
        inboxes.inbox().mark(&InboxFilter::all(), ReadState::Unread).await.unwrap();
        let again = note("security.login", "Again.").already_read();
        inboxes.salver.notify([ada()], again).await.unwrap();
        assert!(sent(&inboxes, &mailer).await.is_empty());
    }

    async fn what_stays_unread_is_mailed_together(inboxes: Inboxes, clock) {
        let mailer = Mailer::memory();
        for text in ["one", "two", "three"] {
            inboxes.notify(note("letter", text)).await;
        }
        inboxes.notify(note("other", "never mailed")).await;
        assert!(sent(&inboxes, &mailer).await.is_empty());
        let read = inboxes.inbox().list(&InboxFilter::all().text("two"), None).await.unwrap();
        let read = InboxFilter::all().ids([read.rows[0].newest.id()]);
        inboxes.inbox().mark(&read, ReadState::Read).await.unwrap();
        inboxes.advance(11 * MINUTE);
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(texts(&mails[0]), ["three", "one"]);
        assert_eq!(mails[0].subject, "2 new notifications");
        inboxes.advance(HOUR);
        assert!(sent(&inboxes, &mailer).await.is_empty());
    }

    async fn ended_choice_is_planned_by_that_for_a_shorter_kind(inboxes: Inboxes, clock) {
        let (mailer, inbox) = (Mailer::memory(), inboxes.inbox());
        inbox.set_mail("*", Cadence::Hourly).await.unwrap();
        // In some days.
        let weekday = OffsetDateTime::now_utc().weekday().next().next().next();
        let weekly = Cadence::Weekly { weekday, hour: 8 };
        inbox.set_mail("news", weekly).await.unwrap();
        inboxes.notify(note("news.today", "Waits.")).await;
        inboxes.advance(2 * HOUR);
        assert!(sent(&inboxes, &mailer).await.is_empty());
        inbox.reset_mail("news").await.unwrap();
        assert!(sent(&inboxes, &mailer).await.is_empty());
        inboxes.advance(2 * HOUR);
        let letters = sent(&inboxes, &mailer).await;
        assert_eq!(letters.len(), 1);
        assert_eq!(texts(&letters[0]), ["Waits."]);
    }

    async fn digest_is_sent_once_a_day(inboxes: Inboxes, clock) {
        let mailer = Mailer::memory();
        let graph = |text| note("graph.uploaded", text).group("uploads");
        for text in ["one", "two"] {
            inboxes.notify(graph(text)).await;
        }
        assert!(sent(&inboxes, &mailer).await.is_empty());
        inboxes.advance(DAY + HOUR);
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(texts(&mails[0]), ["two", "one"]);
        assert_eq!(mails[0].rows.len(), 1, "a group is one row");

        // Nothing is unread and unmailed on the next day.
        inboxes.advance(DAY);
        assert!(sent(&inboxes, &mailer).await.is_empty());
        inboxes.notify(graph("three")).await;
        assert!(sent(&inboxes, &mailer).await.is_empty());
        inboxes.advance(DAY);
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(texts(&mails[0]), ["three"]);
    }

    async fn hourly_digests_of_one_day_are_each_sent(inboxes: Inboxes, clock) {
        let mailer = Mailer::memory();
        inboxes.inbox().set_mail("*", Cadence::Hourly).await.unwrap();
        for text in ["one", "two", "three"] {
            inboxes.notify(note("news", text)).await;
            assert!(sent(&inboxes, &mailer).await.is_empty());
            inboxes.advance(HOUR);
            let mails = sent(&inboxes, &mailer).await;
            assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), [text]);
        }
    }

    async fn shorter_time_right_after_a_longer_one_counts(inboxes: Inboxes, clock) {
        let (mailer, inbox) = (Mailer::memory(), inboxes.inbox());
        inboxes.notify(note("graph", "waits")).await;
        for time in [DAY, 10 * MINUTE] {
            inbox.set_mail("graph", Cadence::IfUnread(time)).await.unwrap();
        }
        inboxes.advance(11 * MINUTE);
        assert_eq!(sent(&inboxes, &mailer).await.len(), 1);
    }

    async fn notification_with_an_old_id_is_mailed_when_it_was_unread_for_its_time(inboxes: Inboxes, clock) {
        let mailer = Mailer::memory();
        let started_at = OffsetDateTime::now_utc() - 2 * HOUR;
        let last_step = MessageId::for_job_step(started_at, "import-7", 9);
        let message = Message::info("Done.").with_id(last_step);
        inboxes.notify(note("letter", "first")).await;
        inboxes.advance(5 * MINUTE);
        inboxes.notify(Notification::new("letter", message)).await;
        let first = InboxFilter::all().text("first");
        inboxes.inbox().mark(&first, ReadState::Read).await.unwrap();
        for minutes in [0, 6] {
            inboxes.advance(minutes * MINUTE);
            // The job of the first one comes.
            assert!(sent(&inboxes, &mailer).await.is_empty());
        }
        inboxes.advance(5 * MINUTE);
        assert_eq!(sent(&inboxes, &mailer).await.len(), 1);
    }

    async fn notifications_that_replace_each_other_displace_no_other_from_the_digest(inboxes: Inboxes, clock) {
        let mailer = Mailer::memory();
        inboxes.notify(note("graph", "invoice")).await;
        for number in 0..2_001 {
            let progress = Message::info(number.to_string()).tag("progress");
            inboxes.notify(Notification::new("graph", progress)).await;
        }
        sent(&inboxes, &mailer).await;
        inboxes.advance(DAY + HOUR);
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), ["2000", "invoice"]);
    }

    async fn preference_of_the_longest_kind_decides(inboxes: Inboxes) {
        let (mailer, inbox) = (Mailer::memory(), inboxes.inbox());
        inbox.set_mail("*", Cadence::AtOnce).await.unwrap();
        inbox.set_mail("graph", Cadence::Never).await.unwrap();
        inbox.set_mail("graph.shared", Cadence::AtOnce).await.unwrap();
        inbox.set_mail("security", Cadence::Never).await.unwrap();
        for kind in ["graph.uploaded", "graph.shared.group", "other", "security.login"] {
            inboxes.notify(note(kind, kind)).await;
        }
        let mails = sent(&inboxes, &mailer).await;
        let mut mailed: Vec<_> = mails.iter().flat_map(texts).collect();
        mailed.sort();
        assert_eq!(mailed, ["graph.shared.group", "other", "security.login"]);
        let set = inbox.mail().await.unwrap();
        assert_eq!(set["graph"], Cadence::Never);
        assert_eq!(set.len(), 4);
        // Another person has their own, for a kind that has no default.
        let others = inboxes.salver.inbox(&bob());
        others.set_mail("chat", Cadence::AtOnce).await.unwrap();
        for kind in ["other", "chat.room", "chats"] {
            inboxes.salver.notify([bob()], note(kind, kind)).await.unwrap();
        }
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), ["chat.room"]);
        inboxes.salver.erase(&ada()).await.unwrap();
        assert!(inbox.mail().await.unwrap().is_empty());
    }

    async fn preference_counts_for_what_waits(inboxes: Inboxes, clock) {
        let (mailer, inbox) = (Mailer::memory(), inboxes.inbox());
        inboxes.notify(note("letter", "never")).await;
        inbox.set_mail("letter", Cadence::Never).await.unwrap();
        inboxes.advance(11 * MINUTE);
        assert!(sent(&inboxes, &mailer).await.is_empty());

        inboxes.notify(note("graph", "daily")).await;
        inbox.set_mail("graph", Cadence::AtOnce).await.unwrap();
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), ["daily"]);

        inbox.set_mail("letter", Cadence::Hourly).await.unwrap();
        inboxes.advance(HOUR + MINUTE);
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), [""; 0]);
        inboxes.advance(2 * HOUR);
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), ["never"]);
    }

    async fn wrong_preferences_are_refused(inboxes: Inboxes) {
        let inbox = inboxes.inbox();
        let error = inbox.set_mail("a b", Cadence::Never).await.unwrap_err();
        assert_eq!(error.field(), Some("kind"));
        let error = inbox.set_mail("a", Cadence::Daily { hour: 24 }).await.unwrap_err();
        assert_eq!(error.field(), Some("cadence"));
        for number in 0..100 {
            inbox.set_mail(&format!("kind{number}"), Cadence::Never).await.unwrap();
        }
        assert!(inbox.set_mail("one.more", Cadence::Never).await.unwrap_err().is_full());
        inbox.set_mail("kind7", Cadence::AtOnce).await.unwrap();
    }

    async fn many_that_wait_for_a_digest_do_not_hold_up_others(inboxes: Inboxes, clock) {
        let mailer = Mailer::memory();
        // Later than what is mailed meanwhile, at any time of the day.
        let hour = (OffsetDateTime::now_utc().hour() + 12) % 24;
        inboxes.inbox().set_mail("graph", Cadence::Daily { hour }).await.unwrap();
        // More than a mail has.
        for number in 0..250 {
            inboxes.notify(note("graph", &number.to_string())).await;
        }
        inboxes.notify(note("security.login", "at once")).await;
        inboxes.notify(note("letter", "if unread")).await;
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), ["at once"]);
        inboxes.advance(11 * MINUTE);
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), ["if unread"]);
        let mut sizes = Vec::new();
        for _ in 0..3 {
            inboxes.advance(DAY + HOUR);
            let mails = sent(&inboxes, &mailer).await;
            sizes.extend(mails.iter().map(|mail| texts(mail).len()));
        }
        assert_eq!(sizes, [200, 50], "the newer ones wait for the next digest");
    }

    async fn read_notifications_do_not_hold_up_others(inboxes: Inboxes, clock) {
        let mailer = Mailer::memory();
        // More than a mail has.
        for number in 0..210 {
            inboxes.notify(note("graph", &number.to_string())).await;
        }
        inboxes.inbox().mark(&InboxFilter::all(), ReadState::Read).await.unwrap();
        inboxes.notify(note("graph", "new")).await;
        assert!(sent(&inboxes, &mailer).await.is_empty());
        inboxes.advance(DAY + HOUR);
        let mails = sent(&inboxes, &mailer).await;
        assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), ["new"]);
    }
}

#[tokio::test]
async fn process_without_settings_notifies_by_those_of_the_workers() {
    let (inboxes, mailer) = (Inboxes::redis_with(settings), Mailer::memory());
    let url = inboxes.server.as_ref().unwrap().url();
    let note = || note("security.login", "You have logged in.");
    // Such as the command-line tool. No worker has stored the settings yet.
    let early = Salver::redis("app", &url).unwrap();
    early.notify([ada()], note()).await.unwrap();
    worker(&inboxes, &mailer).start().unwrap().stop().await;
    let late = Salver::redis("app", &url).unwrap();
    late.notify([bob()], note()).await.unwrap();
    let mails = sent(&inboxes, &mailer).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, "bob@example.org");
}

/// Such as `salver worker --site` and `salver serve --site`.
#[tokio::test]
async fn process_that_knows_the_site_alone_mails_by_the_settings_of_the_workers() {
    let (inboxes, mailer) = (Inboxes::redis_with_clock_and(settings), Mailer::memory());
    worker(&inboxes, &mailer).start().unwrap().stop().await;
    let site_alone = inboxes.process(|builder| builder);
    let worker = || {
        let worker = site_alone.worker().mail(mailer.clone());
        worker.profiles(profiles)
    };
    let inbox = site_alone.inbox(&ada());
    // A critical kind is mailed whatever Ada has chosen.
    inbox.set_mail("*", Cadence::Never).await.unwrap();
    let login = note("security.login", "You have logged in.");
    site_alone.notify([ada()], login).await.unwrap();
    worker().drain().await.unwrap();
    let mails = mailer.sent();
    assert_eq!(
        mails.iter().flat_map(texts).collect::<Vec<_>>(),
        ["You have logged in."]
    );
    // In some days, until the default counts again.
    let weekday = OffsetDateTime::now_utc().weekday().next().next().next();
    let weekly = Cadence::Weekly { weekday, hour: 8 };
    inbox.set_mail("*", weekly).await.unwrap();
    let letter = note("letter", "Waits.");
    site_alone.notify([ada()], letter).await.unwrap();
    worker().drain().await.unwrap();
    inbox.reset_mail("*").await.unwrap();
    inboxes.advance(11 * MINUTE);
    worker().drain().await.unwrap();
    let mails = mailer.sent().split_off(1);
    assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), ["Waits."]);
}

/// The site has been changed, and mails later than the jobs that wait.
#[tokio::test]
async fn longer_time_of_the_site_counts_for_what_waits() {
    let (inboxes, mailer) = (Inboxes::redis_with_clock_and(settings), Mailer::memory());
    inboxes.notify(note("letter", "one")).await;
    let changed = inboxes
        .process(|builder| settings(builder).default_cadence("letter", Cadence::IfUnread(HOUR)));
    let worker = changed.worker().mail(mailer.clone()).profiles(profiles);
    inboxes.advance(11 * MINUTE);
    worker.drain().await.unwrap();
    assert!(mailer.sent().is_empty());
    inboxes.advance(50 * MINUTE);
    worker.drain().await.unwrap();
    let mails = mailer.sent();
    assert_eq!(mails.iter().flat_map(texts).collect::<Vec<_>>(), ["one"]);
}
