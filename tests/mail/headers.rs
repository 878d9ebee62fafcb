//! The headers of a mail, and that no text can add one.

use std::time::Duration;

use salver::jobs::DeliveryState;
use salver::mail::Cadence;
use salver::{Message, Notification, Recipient, SalverBuilder};

use crate::mail::cadences::profiles;
use crate::mail::mailer;
use crate::support::inboxes::Inboxes;
use crate::support::smtp_server::{ReceivedMail, SmtpServer};

const DAILY: Cadence = Cadence::Daily { hour: 8 };
/// All headers of a mail, in their order.
const HEADERS: [&str; 10] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "auto-submitted",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "mime-version",
    "content-type",
];

async fn received(message: Message) -> ReceivedMail {
    let (server, salver) = (SmtpServer::start(), Inboxes::memory().salver);
    let ada = Recipient::email("ada@example.org").unwrap();
    salver
        .notify([ada], Notification::new("test", message))
        .await
        .unwrap();
    let worker = salver.worker().mail(mailer(&server.url()));
    worker.drain().await.unwrap();
    let mut mails = server.mails();
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

#[tokio::test]
async fn subject_is_one_line_of_any_script() {
    let long = "Ärger ".repeat(160);
    for (text, subject) in [
        ("Plain.\nBcc: eve@example.org", "Plain."),
        (
            "\"Quoted\" <eve@example.org>, =?utf-8?q?x?=",
            "\"Quoted\" <eve@example.org>, =\u{200b}?utf-8?q?x?=",
        ),
        ("שלום עולם", "שלום עולם"),
        (long.trim(), &format!("{}…", "Ärger ".repeat(25).trim_end())),
    ] {
        let mail = received(Message::info(text)).await;
        assert_eq!(mail.headers["subject"], subject, "{text}");
        assert_eq!(mail.header_names, HEADERS, "{text}");
        assert_eq!(mail.defects, [""; 0], "{text}");
        assert!(mail.text.starts_with(text), "{}", mail.text);
    }
}

/// A person who knows the id of a mail, before it is sent, and writes a text of it.
#[tokio::test]
async fn text_of_a_notification_adds_no_part() {
    let settings = |builder: SalverBuilder| builder.default_cadence("test", DAILY);
    let (server, inboxes) = (SmtpServer::start(), Inboxes::memory_with(settings));
    let salver = &inboxes.salver;
    let notify = async |text: &str| {
        let note = Notification::new("test", Message::info(text));
        inboxes.notify(note).await;
        let worker = salver.worker().mail(mailer(&server.url()));
        worker.profiles(profiles).drain().await.unwrap();
    };
    notify("A digest is planned.").await;
    let planned = salver.deliveries().list(DeliveryState::Waiting, None).await;
    let id = planned.unwrap().remove(0).id;
    notify(&format!(
        "Hello.\n--salver-{id}\nContent-Type: text/html\n\n<h1>Eve</h1>\n--salver-{id}--\n"
    ))
    .await;
    inboxes.advance(Duration::from_secs(25 * 60 * 60));
    notify("The digest is sent.").await;
    let mail = server.mails().remove(0);
    assert!(mail.text.contains("<h1>Eve</h1>"), "{}", mail.text);
    assert!(!mail.html.contains("<h1>Eve</h1>"), "{}", mail.html);
    assert!(mail.html.contains("&lt;h1&gt;Eve"), "{}", mail.html);
}

#[tokio::test]
async fn headers_name_both_sides_and_the_delivery() {
    let mail = received(Message::info("It is on its way.").title("Order 7")).await;
    let header = |name: &str| mail.headers[name].as_str();
    assert_eq!(header("from"), "GraphSpace <notify@graphspace.example>");
    assert_eq!(mail.sender, "notify@graphspace.example");
    assert_eq!(header("to"), "ada@example.org");
    assert_eq!(header("subject"), "Order 7");
    assert_eq!(header("auto-submitted"), "auto-generated");
    let id = header("message-id").strip_suffix("@graphspace.example>");
    assert_eq!(id.unwrap().len(), "<".len() + 22);
}
