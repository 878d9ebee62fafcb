//! Where the addresses of users come from.

use std::sync::{Arc, Mutex};

use salver::jobs::DeliveryState;
use salver::mail::{Cadence, Mailer, Profile};
use salver::{Error, Message, Notification, Recipient, SalverBuilder};

use crate::mail::mailer;
use crate::support::inboxes::ada;
use crate::support::smtp_server::SmtpServer;

fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder.default_cadence("*", Cadence::AtOnce)
}

fn note() -> Notification {
    Notification::new("test", Message::info("It is on its way."))
}

crate::inbox_tests! {
    (settings)

    async fn site_is_asked_for_many_at_once(inboxes: Inboxes) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let profiles = move |who: Vec<Recipient>| {
            log.lock().unwrap().push(who.len());
            let known = who.into_iter().filter(|who| who.user_id() != Some("7"));
            let known: Vec<_> = known.map(|who| {
                let address = format!("{}@example.org", who.user_id().unwrap());
                Profile::new(who).email(address)
            }).collect();
            async { Ok::<_, Error>(known) }
        };
        inboxes.salver.notify((0..1_200).map(Recipient::user), note()).await.unwrap();
        let mailer = Mailer::memory();
        let worker = inboxes.salver.worker().mail(mailer.clone()).profiles(profiles);
        let worker = worker.concurrency(1_000);
        assert_eq!(worker.drain().await.unwrap(), 1_200);
        let mut to: Vec<_> = mailer.sent().into_iter().map(|letter| letter.to).collect();
        to.sort();
        to.dedup();
        // The site does not know the user 7.
        assert_eq!(to.len(), 1_199);
        let asked = asked.lock().unwrap();
        println!("MAIL profiles asked={asked:?}");
        assert_eq!(asked.iter().sum::<usize>(), 1_200);
        assert!(asked.len() <= 20 && asked.iter().all(|size| *size <= 500), "{asked:?}");
    }

    async fn failing_profiles_are_asked_again(inboxes: Inboxes) {
        inboxes.salver.notify([ada()], note()).await.unwrap();
        let mailer = Mailer::memory();
        let failing = |_| async { Err("the database is down") };
        let worker = inboxes.salver.worker().mail(mailer.clone()).profiles(failing);
        assert_eq!(worker.drain().await.unwrap(), 1);
        let deliveries = inboxes.salver.deliveries();
        let waiting = deliveries.list(DeliveryState::Waiting, None).await.unwrap();
        assert_eq!(waiting[0].attempts[0].error, "profiles: the database is down");

        let panicking = |_| -> std::future::Ready<Result<Vec<Profile>, Error>> { panic!("a bug") };
        let worker = inboxes.salver.worker().mail(mailer.clone()).profiles(panicking);
        deliveries.retry(&waiting[0].id).await.unwrap();
        worker.drain().await.unwrap();
        let waiting = deliveries.list(DeliveryState::Waiting, None).await.unwrap();
        assert_eq!(waiting[0].attempts.len(), 2, "{waiting:?}");

        let working = |who: Vec<Recipient>| async {
            let profile = |who| Profile::new(who).email("ada@example.org");
            Ok::<_, Error>(who.into_iter().map(profile).collect())
        };
        deliveries.retry(&waiting[0].id).await.unwrap();
        let worker = inboxes.salver.worker().mail(mailer.clone()).profiles(working);
        worker.drain().await.unwrap();
        assert_eq!(mailer.sent().len(), 1);
    }

    async fn name_of_a_profile_adds_no_header(inboxes: Inboxes) {
        let names = [
            "Ada\r\nBcc: eve@example.org",
            "Ada\" <eve@example.org>, \"",
            "=?utf-8?q?=0D=0ABcc:_eve@example.org?=",
            "Ægir ☃",
            &"x".repeat(1_000),
            "\u{202e}Ada\u{0}",
            " ",
        ];
        let owned = names.map(str::to_owned);
        let profiles = move |who: Vec<Recipient>| {
            let profile = |who: Recipient| {
                let number: usize = who.user_id().unwrap().parse().unwrap();
                Profile::new(who).email("ada@example.org").name(owned[number].clone())
            };
            let profiles = who.into_iter().map(profile).collect();
            async { Ok::<_, Error>(profiles) }
        };
        inboxes.salver.notify((0..names.len()).map(Recipient::user), note()).await.unwrap();
        let server = SmtpServer::start();
        let worker = inboxes.salver.worker().mail(mailer(&server.url())).profiles(profiles);
        worker.drain().await.unwrap();
        let mails = server.mails();
        assert_eq!(mails.len(), names.len());
        for mail in mails {
            let to = &mail.headers["to"];
            assert!(to.ends_with("ada@example.org>") || to == "ada@example.org", "{to}");
            assert!(to.chars().count() < 200 && !to.contains(['\r', '\n']), "{to}");
            assert_eq!(mail.to, "ada@example.org");
            assert!(!mail.header_names.contains(&"bcc".to_owned()), "{:?}", mail.headers);
            assert_eq!(mail.header_names.len(), 10, "{:?}", mail.headers);
            assert_eq!(mail.defects, [""; 0], "{to}");
        }
    }

    async fn wrong_address_of_a_profile_is_dead(inboxes: Inboxes) {
        let profiles = |who: Vec<Recipient>| async {
            let address = "ada@example.org>\r\nRCPT TO:<eve@example.org";
            Ok::<_, Error>(who.into_iter().map(|who| Profile::new(who).email(address)).collect())
        };
        inboxes.salver.notify([ada()], note()).await.unwrap();
        let server = SmtpServer::start();
        let worker = inboxes.salver.worker().mail(mailer(&server.url())).profiles(profiles);
        worker.drain().await.unwrap();
        assert!(server.mails().is_empty());
        let dead = inboxes.salver.deliveries().list(DeliveryState::Dead, None).await.unwrap();
        assert!(dead[0].attempts[0].error.contains("is not an e-mail address"), "{dead:?}");
    }
}
