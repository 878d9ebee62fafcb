//! Events and watches: what the mails of subscribers need.

use salver::jobs::DeliveryState;
use salver::mail::{Cadence, Mailer};
use salver::{Message, Notification, Recipient};

use super::{EDIT_IN_LANGUAGE, activate, german, mails, mails_of_an_edit, reader, user};
use crate::seeds::on_each_store;
use crate::support::mail_pages::{get, path, serve};
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

/// In the mails to users and to addresses, and on both pages. One without a description has the name of its type.
#[actix_web::test]
async fn t19_subscription_describes_itself() {
    on_each_store("t19_subscription_describes_itself", async |inboxes| {
        let (salver, ada, eve) = (&inboxes.salver, user("ada"), reader("eve"));
        salver.subscribe(&eve, german()).await.unwrap();
        let asked = mails(salver).await.pop().unwrap();
        let about = "asked app.example to e-mail eve@example.org about: edits in German.";
        assert!(asked.text.contains(about), "{}", asked.text);
        let page = async |link: &Option<String>| {
            let link = path(link.as_ref().unwrap());
            get(&format!("{}{link}", serve(salver))).await.1
        };
        let item = "<li><bdi>edits in German</bdi></li>";
        assert!(page(&asked.activation_url).await.contains(item));

        activate(salver, &asked).await;
        let all = EDIT_IN_LANGUAGE.subscription();
        salver.subscribe(&ada, all).await.unwrap();
        inboxes.next_millisecond().await;
        salver.subscribe(&ada, german()).await.unwrap();
        let inbox = salver.inbox(&ada);
        inbox.set_mail("wiki", Cadence::AtOnce).await.unwrap();
        let letters = mails_of_an_edit(salver).await;
        let to = |address: &str| letters.iter().find(|letter| letter.to == address).unwrap();
        let (of_user, of_address) = (to("ADA@Example.org"), to("eve@example.org"));
        for (letter, text, html) in [
            (
                of_address,
                "edits in German",
                "\u{2068}edits in German\u{2069}",
            ),
            (
                of_user,
                "wiki.edit.language, edits in German",
                "\u{2068}wiki.edit.language\u{2069}, \u{2068}edits in German\u{2069}",
            ),
        ] {
            let because = "You get this because you follow:";
            let line = format!("\n-- \n{because} {text}.\n");
            assert!(letter.text.contains(&line), "{}", letter.text);
            let line = format!("{because} {html}.<br>");
            assert!(letter.html.contains(&line), "{}", letter.html);
            assert_eq!(letter.subscriptions.join(", "), text);
        }
        // The page ends the subscription of an address, and stops the kind for a user.
        assert!(page(&of_address.unsubscribe_url).await.contains(item));
        let of_user = page(&of_user.unsubscribe_url).await;
        assert!(
            of_user.contains("<li><bdi>wiki.edit.document</bdi></li>"),
            "{of_user}"
        );
    })
    .await;
}
