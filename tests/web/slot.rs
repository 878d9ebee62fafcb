//! The slot: where it is found, how it is filled, and how messages are rendered.

use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::middleware::{Compress, ErrorHandlers};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, test};
use futures_util::stream;
use salver::{Message, Messages, Pending, Salver, assert_messages};

use crate::support::logs::Logs;
use crate::support::redis::Server;
use crate::support::site::{PAGE, WebTestSite, ada, context_of_ada, html, is_html, site_of_ada};

async fn filled(page: &'static str) -> String {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let site = site_of_ada(&salver, |app| {
        _ = app.route("/p", web::get().to(move || async move { html(page) }))
    });
    site.await.get("/p").await.body
}

#[actix_web::test]
async fn first_slot_is_filled_and_no_other() {
    const SLOT: &str = "<salver-messages></salver-messages>";
    let fills = [
        ("<p>", SLOT, "</p>"),
        (
            "",
            "<salver-messages class=\"a>b\" data-x='<'></salver-messages>",
            "",
        ),
        ("", "<salver-messages /></salver-messages>", ""),
        ("", "<SALVER-Messages\n>\n \t</salver-MESSAGES >", ""),
        ("<!-- <salver-messages></salver-messages> -->", SLOT, ""),
        (
            "<script>'<salver-messages></salver-messages>'</script>",
            SLOT,
            "",
        ),
        (
            "<textarea><salver-messages></salver-messages></textarea>",
            SLOT,
            "",
        ),
        (
            "<template><salver-messages></salver-messages></template>",
            SLOT,
            "",
        ),
        (
            "<title><salver-messages></salver-messages></title>",
            SLOT,
            "",
        ),
        (
            "<p title=\"<salver-messages></salver-messages>\">",
            SLOT,
            "",
        ),
        ("", "<salver-messages>Loading</salver-messages>", SLOT),
        ("", "<salver-messages><!-- here --></salver-messages>", ""),
        ("<svg><title/><style><b></style></svg>", SLOT, ""),
        ("<svg><salver-messages></salver-messages></svg>", SLOT, ""),
        ("<math><mi><b>x</b></mi></math>", SLOT, ""),
        (
            "<svg><![CDATA[></svg><salver-messages></salver-messages>]]></svg>",
            SLOT,
            "",
        ),
        ("<!-- ended --!>", SLOT, ""),
        (
            "<script><!-- <script> </script> <salver-messages></salver-messages> --></script>",
            SLOT,
            "",
        ),
        (
            "<template><template></template><salver-messages></salver-messages></template>",
            SLOT,
            "",
        ),
        ("<salver-messages-x></salver-messages-x> 1 < 2 <", SLOT, ""),
        ("", SLOT, "<salver-messages></salver-messages>"),
        ("<!--><p data-x=it's>", SLOT, ""),
        ("<!---><p title='\"'>", SLOT, ""),
        (
            "<noscript><salver-messages></salver-messages></noscript>",
            SLOT,
            "",
        ),
    ];
    for (before, slot, after) in fills {
        let page: &'static str = format!("{before}{slot}{after}").leak();
        let filled = filled(page).await;
        let content = ["Loading", "<!--", "\n \t", "</"].map(|content| slot.find(content));
        let (start_tag, rest) = slot.split_at(content.into_iter().flatten().min().unwrap());
        let expected = format!("{before}{start_tag}<ul class=\"salver-messages\"");
        assert!(filled.starts_with(&expected), "{page}\n{filled}");
        assert!(
            filled.ends_with(&format!("{rest}{after}")),
            "{page}\n{filled}"
        );
        assert_eq!(filled.matches("hello").count(), 1, "{filled}");
    }
    for page in [
        "<p>",
        "",
        "<salver-messages",
        "<template><salver-messages></salver-messages>",
        "<svg><salver-messages></salver-messages>",
        "<plaintext><salver-messages></salver-messages>",
    ] {
        assert_eq!(
            filled(page.to_owned().leak()).await,
            page,
            "no slot, no change"
        );
    }
}

/// Neither a long attribute nor a long comment before the slot hides it in a streamed page.
#[actix_web::test]
async fn streamed_page_with_long_tag_is_filled() {
    let long = "x".repeat(100 * 1024);
    for before in [
        format!("<p title=\"{long}\">"),
        format!("<p {long}>"),
        format!("<!-- {long} -->"),
        format!("<{long}>"),
    ] {
        let salver = Salver::memory("app").unwrap();
        salver
            .add(&context_of_ada(&salver, "p"), Message::info("hello"))
            .await
            .unwrap();
        let page = format!("{before}{PAGE}");
        let handler = move || {
            let chunks: Vec<_> = page
                .as_bytes()
                .chunks(1_000)
                .map(Bytes::copy_from_slice)
                .collect();
            let chunks = stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
            async move {
                HttpResponse::Ok()
                    .content_type("text/html")
                    .streaming(chunks)
            }
        };
        let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
        assert!(
            site.get("/p").await.shows("<salver-messages><ul"),
            "{}",
            &before[..9]
        );
    }
}

#[actix_web::test]
async fn streamed_page_is_filled_at_any_chunk_size() {
    let page = "<!-- <salver-messages></salver-messages> --><p title=\"<salver\">\
                <salver-messages a=\"/>\"> </salver-messages><p>after</p>";
    for size in 1..page.len() {
        let salver = Salver::memory("app").unwrap();
        salver
            .add(&context_of_ada(&salver, "p"), Message::info("hello"))
            .await
            .unwrap();
        let pieces = move || {
            let pieces: Vec<_> = page
                .as_bytes()
                .chunks(size)
                .map(Bytes::copy_from_slice)
                .collect();
            stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>))
        };
        let handler = move || async move {
            HttpResponse::Ok()
                .content_type("text/html")
                .streaming(pieces())
        };
        let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
        let response = site.get("/p").await;
        assert!(
            response.shows("hello") && response.shows("<p>after</p>"),
            "{size}: {}",
            response.body
        );
        let removed = response.body.find("<ul").unwrap()..response.body.find("</ul>").unwrap() + 5;
        let mut rest = response.body.clone();
        rest.replace_range(removed, "");
        assert_eq!(rest, page, "every other byte is unchanged");
        assert_eq!(response.header("cache-control"), Some("no-store, private"));
        salver.flush().await;
        assert_messages!(salver, ada(), "p", []);
        assert!(
            !site.get("/p").await.shows("hello"),
            "the message is shown once"
        );
    }
}

#[actix_web::test]
async fn page_without_slot_is_logged_if_messages_wait_for_it() {
    assert_missing_slot_is_logged(Salver::memory("app").unwrap()).await;
}

#[actix_web::test]
async fn page_without_slot_is_logged_on_redis_too() {
    let server = Server::start();
    assert_missing_slot_is_logged(Salver::redis("app", &server.url()).unwrap()).await;
}

async fn assert_missing_slot_is_logged(salver: Salver) {
    let logs = Logs::start();
    let context = context_of_ada(&salver, "p");
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(|| async { html("<h1>Page</h1>") }));
    })
    .await;
    salver.add(&context, Message::info("hello")).await.unwrap();
    for _ in 0..3 {
        assert_eq!(site.get("/p").await.body, "<h1>Page</h1>");
    }
    let text = logs.text();
    let warning = "wait for a page without `<salver-messages></salver-messages>`";
    assert_eq!(text.matches(warning).count(), 1, "{text}");
    assert!(text.contains("view=p pending=1"), "{text}");
    assert_messages!(salver, ada(), "p", [Info "hello"]);
}

/// Without a content type, browsers decide by the first bytes.
#[actix_web::test]
async fn page_without_content_type_is_filled_if_browsers_show_html() {
    let pages = [
        ("<!DOCTYPE html>", true, false),
        ("\n <p>", true, false),
        ("<!-- a page -->", true, false),
        ("<h1>", true, false),
        ("Text ", false, false),
        ("<article>", false, false),
        ("<pre>", false, false),
        ("<!doctype html>", false, true),
    ];
    for (beginning, is_filled, is_nosniff) in pages {
        let salver = Salver::memory("app").unwrap();
        let context = context_of_ada(&salver, "p");
        salver.add(&context, Message::info("grün")).await.unwrap();
        let page = format!("{beginning}<salver-messages></salver-messages>");
        let body = page.clone();
        let handler = move || {
            let mut response = HttpResponse::Ok();
            if is_nosniff {
                response.insert_header(("x-content-type-options", "nosniff"));
            }
            let response = response.body(body.clone());
            async move { response }
        };
        let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
        let response = site.get("/p").await;
        if is_filled {
            assert!(response.shows("<salver-messages><ul"), "{beginning}");
            assert_eq!(response.header("content-type"), Some("text/html"));
        } else {
            assert_eq!(response.body, page);
            assert_eq!(response.header("content-type"), None);
        }
        salver.flush().await;
        let pending = salver.count(&context).await.unwrap();
        assert_eq!(pending, usize::from(!is_filled), "{beginning}");
    }
}

#[actix_web::test]
async fn messages_are_ascii_unless_page_is_utf_8() {
    let content_types = [
        ("text/html; charset=utf-8", true),
        ("text/html;level=1; CHARSET=\"UTF-8\"", true),
        ("text/html; charset=iso-8859-1", false),
        ("text/html", false),
    ];
    for (content_type, is_utf_8) in content_types {
        let salver = Salver::memory("app").unwrap();
        let context = context_of_ada(&salver, "p");
        let message = Message::info("Größe 😀")
            .title("Größe")
            .action("Größe", "/größe");
        salver.add(&context, message).await.unwrap();
        let handler = move || async move {
            HttpResponse::Ok()
                .insert_header((header::CONTENT_TYPE, content_type))
                .body(PAGE)
        };
        let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
        let response = site.get("/p").await;
        assert_eq!(response.body.is_ascii(), !is_utf_8, "{content_type}");
        let text = match is_utf_8 {
            true => "<span class=\"salver-text\">Größe 😀</span>",
            false => "<span class=\"salver-text\">Gr&#246;&#223;e &#128512;</span>",
        };
        assert!(response.shows(text), "{}", response.body);
    }
}

#[actix_web::test]
async fn sized_stream_is_filled_and_resized() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let handler = || async {
        let body = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(PAGE.as_bytes()))]);
        HttpResponse::Ok()
            .content_type("text/html")
            .body(SizedStream::new(PAGE.len() as u64, body))
    };
    let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
    let response = site.get("/p").await;
    assert!(response.shows("hello") && is_html(&response));
    assert_eq!(site.get("/p").await.body, PAGE);
}

#[actix_web::test]
async fn stream_without_slot_releases_messages() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let handler = || async {
        let body = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"<p>no slot"))]);
        HttpResponse::Ok().content_type("text/html").streaming(body)
    };
    let logs = Logs::start();
    let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
    assert_eq!(site.get("/p").await.body, "<p>no slot");
    let text = logs.text();
    assert!(text.contains("wait for a streamed page without"), "{text}");
    salver.flush().await;
    assert_messages!(salver, ada(), "p", [Info "hello"]);
}

#[actix_web::test]
async fn page_rendering_pending_leaves_slot_empty() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let handler = |pending: Pending| async move {
        let texts: Vec<_> = pending
            .iter()
            .map(|message| message.text().to_owned())
            .collect();
        html(format!("{} {PAGE}", texts.join(",")))
    };
    let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
    assert_eq!(site.get("/p").await.body, format!("hello {PAGE}"));
    assert_eq!(site.get("/p").await.body, format!(" {PAGE}"));
}

#[actix_web::test]
async fn counting_pending_is_not_rendering() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let handler = |mut pending: Pending| async move {
        pending.now(Message::warning("now"));
        html(format!("{} {} {PAGE}", pending.len(), pending.is_empty()))
    };
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(handler));
    });
    let response = site.await.get("/p").await;
    assert!(
        response.body.starts_with("2 false") && response.shows("hello"),
        "the slot shows the messages"
    );
    assert!(
        response.shows("now"),
        "the slot shows the message for this response: {}",
        response.body
    );
}

#[actix_web::test]
async fn pending_can_be_displayed_serialised_and_iterated() {
    let salver = Salver::memory("app").unwrap();
    let add = async || {
        let message = Message::info("a < b").title("T").data(7);
        salver
            .add(&context_of_ada(&salver, "{format}"), message)
            .await
            .unwrap();
    };
    let handler = |format: web::Path<String>, pending: Pending| async move {
        match format.as_str() {
            "print" => HttpResponse::Ok().body(pending.to_string()),
            "html" => HttpResponse::Ok().body(pending.html()),
            "json" => HttpResponse::Ok().json(pending),
            _ => {
                let texts: Vec<_> = pending.into_iter().map(|m| m.text().to_owned()).collect();
                HttpResponse::Ok().body(texts.concat())
            }
        }
    };
    let site = site_of_ada(&salver, |app| {
        _ = app.route("/{format}", web::get().to(handler))
    })
    .await;
    for (format, expected) in [
        (
            "print",
            "<strong>T</strong> <span class=\"salver-text\">a &lt; b</span></div></li></ul>",
        ),
        ("html", "role=\"status\""),
        ("json", "\"text\":\"a < b\",\"data\":7}]"),
        ("iterate", "a < b"),
    ] {
        add().await;
        let response = site.get(&format!("/{format}")).await;
        assert!(response.shows(expected), "{format}: {}", response.body);
        assert_eq!(response.header("cache-control"), Some("no-store, private"));
        salver.flush().await;
        assert_messages!(salver, ada(), "{format}", []);
    }
}

#[actix_web::test]
async fn now_is_shown_in_this_response_only() {
    let salver = Salver::memory("app").unwrap();
    let site = crate::support::site::site(salver.middleware(), |app| {
        app.route(
            "/p",
            web::post().to(|messages: Messages| async move {
                messages.now(Message::error("wrong"));
                messages.now(Message::error(""));
                html(PAGE)
            }),
        );
        app.route("/p", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    let response = site.post("/p").await;
    assert!(response.shows("wrong") && response.shows("role=\"alert\""));
    assert_eq!(response.header("cache-control"), Some("no-store, private"));
    assert_eq!(
        site.cookie(),
        None,
        "no message was stored, so no session was created"
    );
    assert_eq!(site.get("/p").await.body, PAGE);
}

/// A handler fails, and its error renders the page with the form again.
#[actix_web::test]
async fn page_of_failed_handler_shows_only_messages_for_this_response() {
    #[derive(Debug)]
    struct Invalid;
    impl std::fmt::Display for Invalid {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("invalid")
        }
    }
    impl actix_web::ResponseError for Invalid {
        fn error_response(&self) -> HttpResponse {
            HttpResponse::UnprocessableEntity()
                .content_type("text/html; charset=utf-8")
                .body(PAGE)
        }
    }
    let salver = Salver::memory("app").unwrap();
    let context = context_of_ada(&salver, "p");
    salver
        .add(&context, Message::info("pending"))
        .await
        .unwrap();
    let handler = |messages: Messages| async move {
        messages.now(Message::error("wrong"));
        Err::<HttpResponse, _>(Invalid)
    };
    let site = site_of_ada(&salver, |app| _ = app.route("/p", web::post().to(handler))).await;
    let response = site.post("/p").await;
    assert_eq!(response.status.as_u16(), 422);
    assert!(response.shows("wrong") && !response.shows("pending"));
    assert_eq!(response.header("cache-control"), Some("no-store, private"));
    salver.flush().await;
    assert_messages!(salver, ada(), "p", [Info "pending"]);
}

#[actix_web::test]
async fn message_added_to_own_page_is_shown_in_it() {
    let salver = Salver::memory("app").unwrap();
    let handler = |messages: Messages| async move {
        messages.info("just now").await;
        html(PAGE)
    };
    let site = crate::support::site::site(salver.middleware(), |app| {
        _ = app.route("/p", web::get().to(handler))
    });
    assert!(site.await.get("/p").await.shows("just now"));
}

#[actix_web::test]
async fn slot_is_filled_before_compression_and_error_handlers() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(
            &context_of_ada(&salver, "p"),
            Message::info("hello ".repeat(50)),
        )
        .await
        .unwrap();
    let app = App::new()
        .wrap(salver.middleware().session(|_: &_| Some(ada())))
        .wrap(Compress::default())
        .wrap(ErrorHandlers::new().default_handler_server(|response| {
            Ok(actix_web::middleware::ErrorHandlerResponse::Response(
                response.map_into_left_body(),
            ))
        }))
        .route("/p", web::get().to(|| async { html(PAGE) }));
    let app = test::init_service(app).await;
    let request = test::TestRequest::get()
        .uri("/p")
        .insert_header((header::ACCEPT_ENCODING, "gzip"));
    let response = test::call_service(&app, request.to_request()).await;
    assert_eq!(response.headers().get("content-encoding").unwrap(), "gzip");
    let body = test::read_body(response).await;
    assert!(body.len() < 400, "{} bytes", body.len());
    salver.flush().await;
    assert_messages!(salver, ada(), "p", []);
}

#[actix_web::test]
async fn compressed_body_is_unchanged() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let app = App::new()
        .wrap(Compress::default())
        .wrap(salver.middleware().session(|_: &_| Some(ada())))
        .route("/p", web::get().to(|| async { html(PAGE.repeat(20)) }));
    let site = WebTestSite::of(test::init_service(app).await);
    let request = test::TestRequest::get()
        .uri("/p")
        .insert_header((header::ACCEPT_ENCODING, "gzip"));
    let response = site.call(request).await.unwrap();
    assert_eq!(response.headers().get("content-encoding").unwrap(), "gzip");
    assert_messages!(salver, ada(), "p", [Info "hello"]);
}

#[actix_web::test]
async fn page_shows_number_of_displaced_messages_once() {
    let salver = Salver::builder("app").max_messages(2).build().unwrap();
    for n in 0..5 {
        salver
            .add(
                &context_of_ada(&salver, "p"),
                Message::info(format!("message {n}")),
            )
            .await
            .unwrap();
    }
    let site = site_of_ada(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    let response = site.get("/p").await;
    assert!(
        response.shows("message 4") && !response.shows("message 2") && response.shows("and 3 more")
    );
    assert_eq!(site.get("/p").await.body, PAGE);
}

#[actix_web::test]
async fn rejected_link_is_not_rendered() {
    for url in ["javascript:alert(1)", "//evil.example", "data:text/html,x"] {
        let html = salver::fragment(&[Message::info("hello").action("link", url)], 0);
        assert!(html.contains("hello") && !html.contains("<a"), "{html}");
    }
}

#[actix_web::test]
async fn pending_json_is_safe_in_script_element() {
    let salver = Salver::memory("app").unwrap();
    let evil = "</script><!--<script>&'\u{2028}\u{2029}\"\\";
    let message = Message::info(evil).data(serde_json::json!({ evil: evil }));
    salver
        .add(&context_of_ada(&salver, "p"), message.clone())
        .await
        .unwrap();
    let site = site_of_ada(&salver, |app| {
        let handler = |pending: Pending| async move { html(pending.json()) };
        app.route("/p", web::get().to(handler));
    })
    .await;
    let body = site.get("/p").await.body;
    assert!(
        !body.contains(['<', '>', '&', '\'', '\u{2028}', '\u{2029}']),
        "{body}"
    );
    let read: Vec<Message> = serde_json::from_str(&body).unwrap();
    assert_eq!(read, [message]);
    salver.flush().await;
    assert_messages!(salver, ada(), "p", []);
}

#[actix_web::test]
async fn fragment_escapes_all_text() {
    let salver = Salver::memory("app").unwrap();
    let evil = "<script>alert('1')</script>\"&";
    let message = Message::error(evil)
        .title(evil)
        .action(evil, "/?a=\"><script>");
    salver
        .add(&context_of_ada(&salver, "p"), message.clone())
        .await
        .unwrap();
    salver
        .add(
            &context_of_ada(&salver, "p"),
            message.with_id(salver::MessageId::new()).markdown(),
        )
        .await
        .unwrap();
    let linked =
        "[x](javascript:alert(1)) <img src=x onerror=alert(1)> **bold** [y](https://example.org)";
    salver
        .add(
            &context_of_ada(&salver, "p"),
            Message::info(linked).markdown(),
        )
        .await
        .unwrap();
    let site = site_of_ada(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    let body = site.get("/p").await.body;
    for forbidden in ["<script", "javascript:", "<img", "onerror=alert(1)>"] {
        assert!(!body.contains(forbidden), "{forbidden} in {body}");
    }
    let text = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;";
    assert!(body.contains(&format!(
        "<strong>{text}</strong> <span class=\"salver-text\">{text}</span>"
    )));
    assert!(body.contains(&format!("href=\"/?a=&quot;&gt;&lt;script&gt;\">{text}</a>")));
    assert!(body.contains("<strong>bold</strong>"));
    assert!(body.contains("<a href=\"https://example.org\" rel=\"noopener nofollow\">y</a>"));
}

#[actix_web::test]
async fn extractors_of_one_request_share_claim() {
    let (store, report) = crate::support::spy::SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let handler = |one: Pending, _: HttpRequest, other: Pending| async move {
        html(format!("{} {} {PAGE}", one.len(), other.len()))
    };
    let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
    report.slow(Duration::from_millis(5));
    report.take();
    let response = site.get("/p").await;
    assert!(response.body.starts_with("1 1 ") && response.shows("hello"));
    salver.flush().await;
    assert_eq!(report.take(), ["claim", "confirm"]);
}

#[actix_web::test]
async fn stream_ending_inside_markup_is_unchanged() {
    for end in ["<!-- never closed", "<script>", "<p title=\"cut"] {
        let salver = Salver::memory("app").unwrap();
        salver
            .add(&context_of_ada(&salver, "p"), Message::info("hello"))
            .await
            .unwrap();
        let handler = move || async move {
            // As most streams do, this stream panics when it is polled after its end.
            let page = stream::unfold(Some(end), |page| async move {
                Some((
                    Ok::<_, std::io::Error>(Bytes::from_static(page?.as_bytes())),
                    None,
                ))
            });
            HttpResponse::Ok().content_type("text/html").streaming(page)
        };
        let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
        assert_eq!(site.get("/p").await.body, end);
        salver.flush().await;
        assert_messages!(salver, ada(), "p", [Info "hello"]);
    }
}

#[actix_web::test]
async fn page_of_unclosed_tags_is_parsed_in_linear_time() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    let page: &'static str = "<a ".repeat(200_000).leak();
    let streamed = move || async move {
        let pieces = page
            .as_bytes()
            .chunks(1000)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece)));
        HttpResponse::Ok()
            .content_type("text/html")
            .streaming(stream::iter(pieces.collect::<Vec<_>>()))
    };
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(move || async move { html(page) }));
        app.route("/s", web::get().to(streamed));
    })
    .await;
    // A quadratic parser would need minutes, and the test runner would stop it.
    assert_eq!(site.get("/p").await.body.len(), page.len());
    assert_eq!(site.get("/s").await.body.len(), page.len());
}

#[actix_web::test]
async fn expired_messages_are_not_counted_as_displaced() {
    let clock = salver::store::Clock::manual();
    let store = salver::store::MemoryStore::with_clock(clock.clone());
    let salver = Salver::builder("app")
        .store(store)
        .max_messages(1)
        .build()
        .unwrap();
    let add = async |text: &str| {
        salver
            .add(&context_of_ada(&salver, "p"), Message::info(text))
            .await
            .unwrap()
    };
    add("1").await;
    add("2").await;
    clock.advance(Duration::from_secs(3601));
    add("3").await;
    let rendered = |pending: Pending| async move { html(pending.html()) };
    let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(rendered))).await;
    assert!(!site.get("/p").await.shows("more"));
}
