//! Contextual flash messages: messages on the page where they make sense.

use std::process::Command;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Redirect, get, post};
use salver::{Level, Message, Messages, Pending, Salver};

use super::{on_each_store, print_row};
use crate::support::eventually;
use crate::support::inboxes::Inboxes;
use crate::support::site::{PAGE, ada, context_of_ada, html, site_of_ada};

/// The key of the uploads of Ada in Redis.
const KEY: &[u8] = b"app:{ada}:uploads";

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(Message::text).collect()
}

#[actix_web::test]
async fn i01_message_is_shown_once_on_its_view() {
    on_each_store("i01_message_is_shown_once_on_its_view", async |inboxes| {
        let salver = &inboxes.salver;
        let site = site_of_ada(salver, |app| {
            app.route("/uploads", get().to(async || html(PAGE)));
        })
        .await;
        let uploads = context_of_ada(salver, "uploads");
        salver
            .add(&uploads, Message::success("Done."))
            .await
            .unwrap();
        assert!(site.get("/uploads").await.shows("Done."));
        assert!(!site.get("/uploads").await.shows("Done."));
    })
    .await;
}

#[actix_web::test]
async fn i02_other_view_of_visitor_does_not_show_it() {
    on_each_store(
        "i02_other_view_of_visitor_does_not_show_it",
        async |inboxes| {
            let salver = &inboxes.salver;
            let site = site_of_ada(salver, |app| {
                app.route("/uploads", get().to(async || html(PAGE)))
                    .route("/settings", get().to(async || html(PAGE)));
            })
            .await;
            let uploads = context_of_ada(salver, "uploads");
            salver
                .add(&uploads, Message::success("Done."))
                .await
                .unwrap();
            assert!(!site.get("/settings").await.shows("Done."));
            assert!(site.get("/uploads").await.shows("Done."));
        },
    )
    .await;
}

#[actix_web::test]
async fn i03_job_in_another_process_adds_out_of_band() {
    let inboxes = Inboxes::redis();
    let site = site_of_ada(&inboxes.salver, |app| {
        app.route("/uploads", get().to(async || html(PAGE)));
    })
    .await;
    let job = Command::new(env!("CARGO_BIN_EXE_salver"))
        .args(["add", "app:{ada}:uploads", "120 icons are ready."])
        .env("REDIS_URL", inboxes.server.as_ref().unwrap().url())
        .status();
    assert!(job.unwrap().success());
    assert!(site.get("/uploads").await.shows("120 icons are ready."));
    print_row("i03_job_in_another_process_adds_out_of_band", "ok");
}

#[actix_web::test]
async fn i04_key_is_a_sorted_set_scored_by_time() {
    let inboxes = Inboxes::redis();
    let (salver, server) = (&inboxes.salver, inboxes.server.as_ref().unwrap());
    let uploads = context_of_ada(salver, "uploads");
    let (seconds, _): (u64, u64) = server.run(&[b"TIME"]);
    salver.add(&uploads, Message::info("one")).await.unwrap();
    assert_eq!(server.run::<String>(&[b"TYPE", KEY]), "zset");
    let scored: Vec<(String, u64)> = server.run(&[b"ZRANGE", KEY, b"0", b"-1", b"WITHSCORES"]);
    let [(member, score)] = scored.as_slice() else {
        panic!("{scored:?}");
    };
    assert!(member.contains("one"));
    assert!(
        (seconds * 1000..(seconds + 10) * 1000).contains(score),
        "{score}"
    );
    print_row("i04_key_is_a_sorted_set_scored_by_time", "ok");
}

#[actix_web::test]
async fn i05_keys_expire_after_a_period_without_an_add() {
    let inboxes = Inboxes::redis();
    let server = inboxes.server.as_ref().unwrap();
    let salver = Salver::builder("app")
        .redis(&server.url())
        .ttl(Duration::from_secs(1));
    let salver = salver.build().unwrap();
    let uploads = context_of_ada(&salver, "uploads");
    salver.add(&uploads, Message::info("one")).await.unwrap();
    eventually("all keys have expired", async || {
        server
            .run::<Vec<String>>(&[b"KEYS", b"*"])
            .is_empty()
            .then_some(())
    })
    .await;
    let memory = Inboxes::memory();
    let uploads = context_of_ada(&memory.salver, "uploads");
    memory
        .salver
        .add(&uploads, Message::info("one"))
        .await
        .unwrap();
    memory.advance(Duration::from_secs(60 * 60));
    assert_eq!(memory.salver.count(&uploads).await.unwrap(), 0);
    print_row("i05_keys_expire_after_a_period_without_an_add", "ok");
}

#[actix_web::test]
async fn i06_old_messages_are_purged_by_age() {
    on_each_store("i06_old_messages_are_purged_by_age", async |inboxes| {
        let salver = &inboxes.salver;
        let uploads = context_of_ada(salver, "uploads");
        let old = salver::MessageId::for_job_step(
            std::time::SystemTime::now() - Duration::from_secs(2 * 60 * 60),
            "job",
            0,
        );
        let old = Message::info("old").with_id(old);
        salver
            .add_all(&uploads, vec![old, Message::info("new")])
            .await
            .unwrap();
        let hour = Duration::from_secs(60 * 60);
        assert_eq!(salver.sweep(hour, |_| ()).await.unwrap().removed, 1);
        assert_eq!(texts(&salver.peek(&uploads).await.unwrap()), ["new"]);
        // A full context displaces its oldest messages.
        let more = (0..100).map(|number| Message::info(number.to_string()));
        salver.add_all(&uploads, more.collect()).await.unwrap();
        let messages = salver.peek(&uploads).await.unwrap();
        assert_eq!((messages.len(), messages[0].text()), (100, "0"));
    })
    .await;
}

#[actix_web::test]
async fn i07_message_has_markdown_title_status_and_autoclose() {
    let name = "i07_message_has_markdown_title_status_and_autoclose";
    on_each_store(name, async |inboxes| {
        let salver = &inboxes.salver;
        let site = site_of_ada(salver, |app| {
            app.route("/uploads", get().to(async || html(PAGE)));
        })
        .await;
        let message = Message::new(Level::Warning, "**120** icons")
            .markdown()
            .title("Import");
        let message = message.autoclose(Duration::from_secs(8));
        let uploads = context_of_ada(salver, "uploads");
        salver.add(&uploads, message).await.unwrap();
        let page = site.get("/uploads").await;
        for part in [
            "<strong>120</strong> icons",
            "<strong>Import</strong>",
            "salver-warning",
            r#"data-salver-autoclose="8000""#,
        ] {
            assert!(page.shows(part), "{part}: {}", page.body);
        }
    })
    .await;
}

#[actix_web::test]
async fn i08_one_call_adds_and_one_gets_outside_of_a_request() {
    let name = "i08_one_call_adds_and_one_gets_outside_of_a_request";
    on_each_store(name, async |inboxes| {
        let uploads = inboxes.salver.context(ada(), "uploads").unwrap();
        inboxes
            .salver
            .add(&uploads, Message::info("one"))
            .await
            .unwrap();
        assert_eq!(
            texts(&inboxes.salver.take(&uploads).await.unwrap()),
            ["one"]
        );
        assert!(inboxes.salver.take(&uploads).await.unwrap().is_empty());
    })
    .await;
}

#[actix_web::test]
async fn i09_template_has_messages_without_the_handler_asking() {
    let name = "i09_template_has_messages_without_the_handler_asking";
    on_each_store(name, async |inboxes| {
        let salver = &inboxes.salver;
        let template =
            async |pending: Pending| html(format!("<h1>Mine</h1><ul>{}</ul>", pending.html()));
        let site = site_of_ada(salver, |app| {
            app.route("/slot", get().to(async || html(PAGE)))
                .route("/template", get().to(template));
        })
        .await;
        for path in ["/slot", "/template"] {
            let context = context_of_ada(salver, path.trim_start_matches('/'));
            salver.add(&context, Message::info("Hello.")).await.unwrap();
            assert!(site.get(path).await.shows("Hello."), "{path}");
        }
    })
    .await;
}

#[actix_web::test]
async fn i10_add_message_of_a_handler_has_session_and_view() {
    let name = "i10_add_message_of_a_handler_has_session_and_view";
    on_each_store(name, async |inboxes| {
        let salver = &inboxes.salver;
        let save = async |messages: Messages| {
            messages.add_message(Message::success("Saved.")).await?;
            Ok::<_, salver::Error>(Redirect::to("/uploads").see_other())
        };
        let site = site_of_ada(salver, |app| {
            app.route("/uploads", get().to(async || html(PAGE)))
                .route("/uploads", post().to(save))
                .route("/other", get().to(async || HttpResponse::Ok().finish()));
        })
        .await;
        site.post("/uploads").await;
        let uploads = context_of_ada(salver, "uploads");
        assert_eq!(texts(&salver.peek(&uploads).await.unwrap()), ["Saved."]);
        assert!(site.get("/uploads").await.shows("Saved."));
    })
    .await;
}
