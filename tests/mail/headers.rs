//! The headers of a mail, and that no text can add one.

use salver::{Message, Notification, Recipient};

use crate::mail::mailer;
use crate::support::inboxes::Inboxes;
use crate::support::smtp_server::{ReceivedMail, SmtpServer};

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
