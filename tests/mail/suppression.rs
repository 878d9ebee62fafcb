//! Addresses that are not mailed again.

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

    async fn mailbox_that_does_not_exist_is_not_mailed_again(inboxes: Inboxes) {
        let (server, salver) = (SmtpServer::start(), &inboxes.salver);
        let worker = salver.worker().mail(mailer(&server.url()));
        let [unknown, refused] = ["r550.5.1.1+ada@example.org", "r554+bob@example.org"];
        let recipients = || [unknown, refused].map(|address| Recipient::email(address).unwrap());
        salver.notify(recipients(), note()).await.unwrap();
        assert_eq!(worker.drain().await.unwrap(), 2);
        assert!(salver.is_mail_suppressed(unknown).await.unwrap());
        assert!(!salver.is_mail_suppressed(refused).await.unwrap());
        // The next mail does not reach the server, and is not dead.
        salver.notify(recipients(), note()).await.unwrap();
        assert_eq!(worker.drain().await.unwrap(), 2);
        assert_eq!(salver.deliveries().counts().await.unwrap().dead, 3);
        salver.allow_mail(unknown).await.unwrap();
        assert!(!salver.is_mail_suppressed(unknown).await.unwrap());
    }

    async fn suppressed_user_is_not_mailed_in_any_spelling(inboxes: Inboxes) {
        let (mailer, salver) = (Mailer::memory(), &inboxes.salver);
        let profiles = |who: Vec<Recipient>| async {
            let profile = |who| Profile::new(who).email("Ada@Example.org");
            Ok::<_, Error>(who.into_iter().map(profile).collect())
        };
        let worker = salver.worker().mail(mailer.clone()).profiles(profiles);
        salver.suppress_mail("ADA@example.ORG").await.unwrap();
        salver.notify([ada()], note()).await.unwrap();
        worker.drain().await.unwrap();
        assert!(mailer.sent().is_empty());
        // An erasure leaves it.
        salver.erase(&ada()).await.unwrap();
        assert!(salver.is_mail_suppressed("ada@example.org").await.unwrap());
        salver.allow_mail("ada@example.org").await.unwrap();
        salver.notify([ada()], note()).await.unwrap();
        worker.drain().await.unwrap();
        assert_eq!(mailer.sent().len(), 1);
        assert!(salver.suppress_mail("ada").await.unwrap_err().is_invalid());
    }
}
