//! What a mail looks like, in a browser that shows its HTML.

use salver::mail::{Cadence, Letter, Mailer, Profile};
use salver::{Message, Notification, Salver, Translation};

use crate::support::browser::Browser;
use crate::support::inboxes::{ada, bob};
use crate::support::processes::scratch;
use crate::support::xss_payloads::payloads;

fn in_hebrew(message: &Message) -> Option<Translation> {
    let text = match message.get_key()? {
        "salver-mail-language" => "he",
        "salver-mail-direction" => "rtl",
        "salver-mail-reason" => "הודעה זו נשלחה אל ada@example.org מאת graphspace.example.",
        "graph-ready" => {
            return Some(
                Translation::new("הגרף שלך מוכן.")
                    .title("גרף p53")
                    .action("פתח"),
            );
        }
        _ => return None,
    };
    Some(text.into())
}

/// Returns the mail about these notifications, as one digest if there are several.
async fn mail(locale: &'static str, notes: Vec<Notification>) -> Letter {
    let cadence = match notes.len() {
        1 => Cadence::AtOnce,
        _ => Cadence::IfUnread(std::time::Duration::from_secs(1)),
    };
    let builder = Salver::builder("graphspace")
        .site("https://graphspace.example")
        .secret([7; 32]);
    let salver = builder.default_cadence("*", cadence).build().unwrap();
    for note in notes {
        salver.notify([ada()], note).await.unwrap();
    }
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let mailer = Mailer::memory().translate(|locale| {
        let is_hebrew = locale == "he";
        move |message: &Message| in_hebrew(message).filter(|_| is_hebrew)
    });
    let worker = salver.worker().mail(mailer.clone());
    let worker = worker.profiles(move |who| async move {
        let profile = |who| {
            Profile::new(who)
                .email("ada@example.org")
                .name("Ada")
                .locale(locale)
        };
        Ok::<_, salver::Error>(who.into_iter().map(profile).collect())
    });
    worker.drain().await.unwrap();
    let mut sent = mailer.sent();
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

fn ready() -> Notification {
    let text = "Your graph **p53** has 1,234 nodes and [a report](/reports/7).\n\n- 3 warnings\n- `p53.json`";
    let text = Message::success(text)
        .markdown()
        .title("Graph p53 is ready");
    let text = text
        .action("Open the graph", "/graphs/7")
        .key("graph-ready");
    Notification::new("graph.ready", text).actor(&bob(), "Bob")
}

fn digest() -> Vec<Notification> {
    let mut notes = vec![ready()];
    for number in 0..12 {
        let text = Message::info(format!("Graph {number} was uploaded."))
            .action("Open", format!("/graphs/{number}"));
        let actor = ["Bob", "Carol", "Dan"][number % 3];
        notes.push(
            Notification::new("graph.uploaded", text)
                .group("uploads")
                .actor(&bob(), actor),
        );
    }
    let long = format!("A name without spaces: {}", "x".repeat(300));
    notes.push(Notification::new(
        "graph.shared",
        Message::info(long).title("Shared with you"),
    ));
    notes
}

async fn show(browser: &Browser, letter: &Letter) {
    let file = scratch("mail").join("mail.html");
    std::fs::write(&file, &letter.html).unwrap();
    browser.open(&format!("file://{}", file.display())).await;
}

/// No sideways scrolling at 320 px, no violation of axe-core, no request to another host. The screenshots are
/// under `target/screenshots`.
#[actix_web::test]
async fn mails_are_readable_on_a_phone_in_light_and_dark() {
    let mails = [
        ("one", mail("en", vec![ready()]).await),
        ("digest", mail("en", digest()).await),
        ("right-to-left", mail("he", vec![ready()]).await),
    ];
    let browser = Browser::start().await;
    let mut violations = 0;
    for (name, letter) in &mails {
        assert!(
            !letter.html.contains("<img") && !letter.html.contains("url("),
            "{name}"
        );
        show(&browser, letter).await;
        for (appearance, dark, width) in [
            ("light", false, 640),
            ("dark", true, 640),
            ("phone", false, 320),
        ] {
            browser.dark(dark).await;
            browser.width(width).await;
            let wide = browser
                .run("return document.documentElement.scrollWidth")
                .await;
            assert!(
                wide.as_u64().unwrap() <= u64::from(width),
                "{name} {appearance}: {wide}"
            );
            let (found, contrast) = browser.axe().await;
            assert!(
                found.is_empty() && contrast >= 4.5,
                "{name} {appearance}: {contrast} {found:?}"
            );
            violations += found.len();
            browser.picture(&format!("mail-{name}-{appearance}")).await;
        }
    }
    println!(
        "MAIL axe_violations={violations} screens={}",
        mails.len() * 3
    );
    browser.quit().await;
}

#[tokio::test]
async fn plain_text_reads_well() {
    let one = mail("en", vec![ready()]).await;
    assert_eq!(one.subject, "Graph p53 is ready");
    let text = concat!(
        "Graph p53 is ready\n\n",
        "Your graph **p53** has 1,234 nodes and [a report](/reports/7).\n\n- 3 warnings\n- `p53.json`\n\n",
        "by Bob\n\n",
        "Open the graph: https://graphspace.example/graphs/7\n\n",
        "-- \nThis e-mail was sent to ada@example.org by graphspace.example.\n",
    );
    let url = one.unsubscribe_url.unwrap();
    assert_eq!(one.text, format!("{text}Unsubscribe: {url}\n"));
    let digest = mail("en", digest()).await;
    assert_eq!(digest.subject, "14 new notifications");
    assert!(
        digest.text.contains(concat!(
            "Graph 11 was uploaded.\n\nand 11 more, by Dan, Carol and Bob\n\n",
            "Open: https://graphspace.example/graphs/11\n\n\n",
        )),
        "{}",
        digest.text
    );
    let hebrew = mail("he", vec![ready()]).await;
    assert_eq!(hebrew.subject, "גרף p53");
}

#[actix_web::test]
async fn content_is_escaped_and_links_are_absolute() {
    let links = mail("en", vec![ready()]).await.html;
    assert!(
        links.contains(r#"href="https://graphspace.example/graphs/7""#),
        "{links}"
    );
    assert!(
        links.contains(r#"href="https://graphspace.example/reports/7""#),
        "{links}"
    );
    let mut notes = Vec::new();
    for payload in payloads(300) {
        let text: String = payload.chars().filter(|c| !c.is_control()).collect();
        let message = Message::info(&text).markdown();
        let message = match text.trim().is_empty() || text.len() > 100 {
            true => message,
            false => message.title(&text).action(&text, "/"),
        };
        notes.extend((!text.trim().is_empty()).then(|| Notification::new("test", message)));
    }
    let browser = Browser::start().await;
    let mut shown = 0;
    for notes in notes.chunks(50) {
        let letter = mail("en", notes.to_vec()).await;
        show(&browser, &letter).await;
        let script = "return [window.pwned, document.querySelectorAll('script, img, iframe, svg, form').length, \
                      document.querySelectorAll('.row').length]";
        let found = browser.run(script).await;
        assert!(found[0].is_null() && found[1] == 0, "{found}");
        shown += found[2].as_u64().unwrap();
    }
    println!("MAIL payloads={} shown={shown} ran=0", notes.len());
    assert_eq!(shown, notes.len() as u64);
    browser.quit().await;
}
