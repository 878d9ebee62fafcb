//! Events and watches: what the mails of subscribers need.

use salver::jobs::DeliveryState;
use salver::mail::Mailer;
use salver::{Message, Notification, Recipient};

use crate::seeds::on_each_store;
use crate::support::smtp_server::SmtpServer;

fn edited() -> Notification {
    Notification::new(
        "wiki.edited",
        Message::info("The page Ports was edited.").action("See it", "/revisions/7"),
    )
}

/// In the text, in the HTML and in the headers.
#[actix_web::test]
async fn t17_every_mail_says_how_to_unsubscribe() {
    on_each_store("t17_every_mail_says_how_to_unsubscribe", async |inboxes| {
        let smtp = SmtpServer::start();
        let readers = ["ada@example.org", "bob@example.org"]
            .map(|address| Recipient::email(address).unwrap());
        inboxes.salver.notify(readers, edited()).await.unwrap();
        let mailer = Mailer::smtp(&smtp.url())
            .unwrap()
            .from("Wiki <wiki@example.org>");
        inboxes.salver.worker().mail(mailer).drain().await.unwrap();
        let mails = smtp.mails();
        assert_eq!(mails.len(), 2);
        for mail in mails {
            let url = mail.headers["list-unsubscribe"].trim_matches(['<', '>']);
            assert!(
                mail.text.contains(&format!("Unsubscribe: {url}")),
                "{}",
                mail.text
            );
            assert!(
                mail.html
                    .contains(&format!(r#"<a href="{url}">Unsubscribe</a>"#)),
                "{}",
                mail.html
            );
        }
    })
    .await;
}

/// Errors of the server and of the site's own code are recorded, and the mail is sent when they end.
#[actix_web::test]
async fn t21_mail_that_fails_is_retried_and_reported() {
    on_each_store(
        "t21_mail_that_fails_is_retried_and_reported",
        async |inboxes| {
            let (smtp, salver) = (SmtpServer::start(), &inboxes.salver);
            let mailer = || {
                Mailer::smtp(&smtp.url())
                    .unwrap()
                    .from("Wiki <wiki@example.org>")
            };
            let reader = || Recipient::email("ada@example.org").unwrap();
            salver.notify([reader()], edited()).await.unwrap();
            smtp.set_mode("451");
            salver.worker().mail(mailer()).drain().await.unwrap();
            let deliveries = salver.deliveries();
            let waiting = deliveries.list(DeliveryState::Waiting, None).await.unwrap();
            assert_eq!(
                waiting[0].attempts[0].error,
                "SMTP MAIL: 451 sender refused by the test"
            );

            smtp.set_mode("");
            let broken = mailer().body(|_| panic!("a bug in a template"));
            deliveries.retry(&waiting[0].id).await.unwrap();
            salver.worker().mail(broken).drain().await.unwrap();
            assert!(smtp.mails().is_empty());
            let waiting = deliveries.list(DeliveryState::Waiting, None).await.unwrap();
            assert_eq!(waiting[0].attempts[1].error, "panicked");
            deliveries.retry(&waiting[0].id).await.unwrap();
            salver.worker().mail(mailer()).drain().await.unwrap();
            assert_eq!(smtp.mails().len(), 1);
            assert!(
                deliveries
                    .list(DeliveryState::Waiting, None)
                    .await
                    .unwrap()
                    .is_empty()
            );
        },
    )
    .await;
}
