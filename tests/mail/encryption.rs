//! How connections to the SMTP server are encrypted, and who logs in to it.

use salver::mail::Mailer;
use salver::{Message, Notification, Recipient};

use crate::mail::mailer;
use crate::support::certificates::Authority;
use crate::support::inboxes::Inboxes;
use crate::support::logs::Logs;
use crate::support::smtp_server::SmtpServer;

/// Notifies an address and attempts to mail it. Returns why the queue rests then.
async fn attempt(mailer: Mailer, logs: &Logs) -> Option<String> {
    let salver = Inboxes::memory().salver;
    let ada = Recipient::email("ada@example.org").unwrap();
    let note = Notification::new("order.sent", Message::info("It is on its way."));
    salver.notify([ada], note).await.unwrap();
    let before = logs.text().len();
    salver.worker().mail(mailer).drain().await.unwrap();
    let text = logs.text().split_off(before);
    let mut lines = text.lines();
    lines
        .find(|line| line.contains("the queue rests"))
        .map(str::to_owned)
}

#[tokio::test]
async fn mail_is_encrypted_from_the_first_byte_or_by_starttls() {
    let (authority, logs) = (Authority::new(), Logs::everywhere());
    for (tls, query) in [("tls", ""), ("starttls", "?tls=required")] {
        let server = SmtpServer::encrypted(tls, &authority);
        let scheme = if tls == "tls" { "smtps" } else { "smtp" };
        let url = format!("{scheme}://localhost:{}{query}", server.port());
        let trusting = mailer(&url).ca_certificate(authority.pem()).unwrap();
        assert_eq!(attempt(trusting, &logs).await, None);
        let mails = server.mails();
        assert_eq!(mails.len(), 1, "{tls}");
        assert!(mails[0].is_encrypted, "{tls}");

        // A certificate that no known authority has signed.
        let reason = attempt(mailer(&url), &logs).await.unwrap();
        assert!(reason.contains("SMTP connect: "), "{tls}: {reason}");
        assert_eq!(server.mails().len(), 1, "{tls}");
    }
}

#[tokio::test]
async fn server_without_starttls_gets_no_mail() {
    let server = SmtpServer::start();
    let mailer = mailer(&format!("{}?tls=required", server.url()));
    let reason = attempt(mailer, &Logs::everywhere()).await.unwrap();
    assert!(reason.contains("STARTTLS is not supported"), "{reason}");
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn mailer_logs_in_with_user_and_password() {
    let server = SmtpServer::with_password("p@ss word");
    let url = |password: &str| format!("smtp://salver:{password}@127.0.0.1:{}", server.port());
    let (logs, right) = (Logs::everywhere(), mailer(&url("p%40ss%20word")));
    assert_eq!(attempt(right, &logs).await, None);
    assert!(server.mails()[0].is_authenticated);
    let reason = attempt(mailer(&url("wrong")), &logs).await.unwrap();
    assert!(reason.contains("SMTP AUTH: 535"), "{reason}");
    assert!(!reason.contains("wrong"), "{reason}");
    assert_eq!(server.mails().len(), 1);
}

#[test]
fn other_urls_are_refused_without_their_password() {
    for url in [
        "",
        "localhost",
        "http://localhost",
        "smtp://localhost?tls=maybe",
        "smtps://localhost?tls=none",
        "smtp://u:s3cret@[::1",
        "smtp://u:s3cret@host:99999",
        "smtp:u:s3cret",
    ] {
        let error = Mailer::smtp(url).unwrap_err();
        assert!(error.is_invalid() && error.field() == Some("smtp"), "{url}");
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{url}");
    }
    let debug = format!("{:?}", Mailer::smtp("smtp://u:s3cret@host").unwrap());
    assert!(
        debug.contains("StartTls") && debug.contains("587"),
        "{debug}"
    );
    assert!(!debug.contains("s3cret"), "{debug}");
    let certificate = Mailer::smtp("smtps://host").unwrap().ca_certificate("x");
    assert_eq!(certificate.unwrap_err().field(), Some("ca_certificate"));
}
