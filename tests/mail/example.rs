//! The example `graphspace` sends mails to a real SMTP server.

use crate::support::eventually;
use crate::support::example_programs::start_example_with;
use crate::support::smtp_server::SmtpServer;

#[actix_web::test]
async fn example_mails_what_is_shared() {
    let smtp = SmtpServer::start();
    let (url, mut site) = start_example_with("graphspace", "", &[("SMTP_URL", &smtp.url())]).await;
    let client = reqwest::Client::builder()
        .cookie_store(true)
        .build()
        .unwrap();
    let post = async |path: &str, form: &[(&str, &str)]| {
        let response = client.post(format!("{url}{path}")).form(form).send().await;
        assert!(response.unwrap().status().is_success(), "{path}");
    };
    post("/login", &[("user", "1")]).await;
    post("/graphs", &[("name", "p53")]).await;
    post("/graphs/1/share", &[]).await;
    let are_sent = async || (smtp.mails().len() == 3).then_some(());
    eventually("each member gets a mail", are_sent).await;
    let mut mails = smtp.mails();
    mails.sort_by(|a, b| a.to.cmp(&b.to));
    let texts: Vec<_> = mails
        .iter()
        .map(|mail| mail.headers["subject"].as_str())
        .collect();
    let others = "Graph p53 was shared by Ada.";
    assert_eq!(texts, ["Graph p53 was shared by you.", others, others]);
    assert_eq!(mails[1].headers["to"], "Bob <bob@example.org>");
    assert!(
        mails[1].text.contains(&format!("Open: {url}/graphs/1")),
        "{}",
        mails[1].text
    );
    assert!(site.interrupt().success());
}
