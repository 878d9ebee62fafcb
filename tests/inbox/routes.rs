//! The routes of the inbox: JSON, click-through, and who may use them.

use std::future::ready;

use actix_web::test::TestRequest;
use actix_web::web::{Json, ServiceConfig, get, scope};
use actix_web::{FromRequest, HttpRequest};
use actix_web::{HttpMessage, HttpResponse};
use salver::{Inbox, InboxFilter, Message, Notification, ReadState, Recipient, Salver};
use serde_json::{Value, json};

use crate::support::inbox_site::{send, user};
use crate::support::inboxes::{Inboxes, ada, note};
use crate::support::site::site;

async fn json_of(salver: &Salver, request: TestRequest) -> (u16, Value) {
    let request = request.insert_header(("accept", "application/json"));
    let response = send(salver, salver.inbox_routes(), request).await;
    assert!(
        response.header("content-type").unwrap().contains("json"),
        "{response:?}"
    );
    (
        response.status.as_u16(),
        serde_json::from_str(&response.body).unwrap(),
    )
}

fn get_as(user: &str, path: &str) -> TestRequest {
    TestRequest::get()
        .uri(&format!("/salver/inbox{path}"))
        .insert_header(("x-user", user))
}

fn post_as(user: &str, path: &str, body: Value) -> TestRequest {
    let request = TestRequest::post().uri(&format!("/salver/inbox{path}"));
    request.insert_header(("x-user", user)).set_json(body)
}

fn form_as(user: &str, body: &str) -> TestRequest {
    let request = TestRequest::post()
        .uri("/salver/inbox/mark")
        .insert_header(("x-user", user));
    let request = request.insert_header(("content-type", "application/x-www-form-urlencoded"));
    request.set_payload(body.to_owned())
}

async fn first(inboxes: &Inboxes) -> Notification {
    let page = inboxes
        .inbox()
        .list(&InboxFilter::all(), None)
        .await
        .unwrap();
    page.rows[0].newest.clone()
}

crate::inbox_tests! {
    async fn list_is_json_for_script(inboxes: Inboxes) {
        for number in 0..3 {
            inboxes.notify(note(&number.to_string()).group("g").subject("graphs/7").actor(&ada(), "Ada")).await;
        }
        inboxes.notify(note("single")).await;
        let salver = &inboxes.salver;
        let (status, page) = json_of(salver, get_as("ada", "?limit=1")).await;
        assert_eq!((status, &page["unread"], &page["unseen"]), (200, &json!(4), &json!(4)));
        assert_eq!(page["rows"][0]["newest"]["text"], "single");
        let next = page["next"].as_str().unwrap();
        let (_, page) = json_of(salver, get_as("ada", &format!("?limit=1&after={next}"))).await;
        let row = &page["rows"][0];
        assert_eq!((&row["count"], &row["unread"], &row["actors"]), (&json!(3), &json!(3), &json!(["Ada"])));
        assert_eq!(row["older"].as_array().unwrap().len(), 2);
        for field in ["id", "kind", "subject", "group", "actor", "position", "unread", "level"] {
            assert!(row["newest"].get(field).is_some(), "{field}");
        }
        assert_eq!(page["next"], Value::Null);
        let (_, page) = json_of(salver, get_as("ada", "?grouped=false&subject=graphs/7&tab=all")).await;
        assert_eq!(page["rows"].as_array().unwrap().len(), 3);
        // A request that lists changes nothing.
        assert_eq!(inboxes.counts().await, (4, 4, 4));
    }

    async fn script_counts_marks_and_sees(inboxes: Inboxes) {
        for text in ["one", "two", "three"] {
            inboxes.notify(note(text)).await;
        }
        let (salver, newest) = (&inboxes.salver, first(&inboxes).await);
        let (id, position) = (newest.id(), newest.position());
        for (path, body, expected) in [
            ("/seen", json!({ "position": position - 1 }), json!({ "unread": 3, "unseen": 1 })),
            ("/seen", json!({ "position": position + 100 }), json!({ "unread": 3, "unseen": 0 })),
            ("/mark", json!({ "change": "read", "ids": [id] }), json!({ "changed": 1, "unread": 2, "unseen": 0 })),
            ("/mark", json!({ "change": "unread", "ids": [id] }), json!({ "changed": 1, "unread": 3, "unseen": 0 })),
            ("/mark", json!({ "change": "archive", "ids": [id] }), json!({ "changed": 1, "unread": 2, "unseen": 0 })),
            ("/mark", json!({ "change": "unread", "ids": [id] }), json!({ "changed": 1, "unread": 3, "unseen": 0 })),
            ("/mark", json!({ "change": "archive", "ids": [id] }), json!({ "changed": 1, "unread": 2, "unseen": 0 })),
            ("/mark", json!({ "change": "read", "ids": [id], "tab": "archived" }), json!({ "changed": 1, "unread": 2, "unseen": 0 })),
            ("/mark", json!({ "change": "archive", "ids": [id] }), json!({ "changed": 1, "unread": 2, "unseen": 0 })),
            ("/mark", json!({ "change": "restore", "ids": [id] }), json!({ "changed": 1, "unread": 2, "unseen": 0 })),
            ("/mark", json!({ "change": "read", "upto": position }), json!({ "changed": 2, "unread": 0, "unseen": 0 })),
            ("/mark", json!({ "change": "unread", "kind": "test", "tab": "all" }), json!({ "changed": 3, "unread": 3, "unseen": 0 })),
            ("/mark", json!({ "change": "delete", "ids": [id] }), json!({ "changed": 1, "unread": 2, "unseen": 0 })),
        ] {
            let (status, mut marked) = json_of(salver, post_as("ada", path, body.clone())).await;
            if let Some(text) = marked.as_object_mut().unwrap().remove("text") {
                let count = expected["changed"].to_string();
                assert!(text.as_str().unwrap().starts_with(&count), "{text}");
            } else {
                assert_eq!(path, "/seen");
            }
            assert_eq!((status, &marked), (200, &expected), "{body}");
        }
        let (_, counts) = json_of(salver, get_as("ada", "/counts")).await;
        assert_eq!(counts, json!({ "unseen": 0, "unread": 2, "total": 2 }));
    }

    async fn request_without_recipient_gets_401(inboxes: Inboxes) {
        inboxes.notify(note("one")).await;
        let (salver, id) = (&inboxes.salver, first(&inboxes).await.id());
        let paths = ["".to_owned(), "/counts".to_owned(), format!("/{id}")];
        for path in &paths {
            let request = TestRequest::get().uri(&format!("/salver/inbox{path}"));
            let (status, problem) = json_of(salver, request).await;
            assert_eq!((status, &problem["status"]), (401, &json!(401)), "{path}");
        }
        for path in ["/mark", "/seen"] {
            let request = TestRequest::post().uri(&format!("/salver/inbox{path}"));
            let body = json!({ "change": "read", "upto": 9, "position": 9 });
            let (status, _) = json_of(salver, request.set_json(body)).await;
            assert_eq!(status, 401, "{path}");
        }
        // Pages lead to the login, if the site has one.
        let page = send(salver, salver.inbox_routes(), TestRequest::get().uri("/salver/inbox")).await;
        assert_eq!(page.status, 401);
        assert!(page.shows("Log in to see your notifications.") && !page.shows("one"));
        for path in ["".to_owned(), format!("/{id}")] {
            let request = TestRequest::get().uri(&format!("/salver/inbox{path}"));
            let page = send(salver, salver.inbox_routes().login("/login"), request).await;
            assert_eq!((page.status.as_u16(), page.header("location")), (303, Some("/login")));
        }
    }

    async fn invalid_request_is_rejected_and_changes_nothing(inboxes: Inboxes) {
        inboxes.notify(note("one")).await;
        let (salver, id) = (&inboxes.salver, first(&inboxes).await.id());
        for (body, status) in [
            (json!({ "change": "read" }), 422),
            (json!({ "change": "archive", "tab": "all", "text": " " }), 422),
            (json!({ "change": "read", "upto": 1.5 }), 422),
            (json!({ "change": "burn", "ids": [id] }), 422),
            (json!({ "ids": [id] }), 422),
            (json!({ "change": "read", "ids": ["x"] }), 422),
            (json!({ "change": "read", "since": "2026-02-30" }), 422),
            (json!({ "change": "read", "tab": "mine", "upto": 1 }), 422),
            (json!([]), 422),
        ] {
            let (actual, problem) = json_of(salver, post_as("ada", "/mark", body.clone())).await;
            assert_eq!((actual, &problem["status"]), (status, &json!(status)), "{body}");
        }
        for query in ["?limit=0", "?limit=x", "?after=x", "?before=0", "?tab=mine", "?since=1",
            "?until=10000-01-01", "?kind=a%20b"] {
            let (status, _) = json_of(salver, get_as("ada", query)).await;
            assert_eq!(status, 422, "{query}");
            // A link with such a query leads to the list.
            let page = send(salver, salver.inbox_routes(), get_as("ada", query)).await;
            if query != "?limit=0" {
                assert_eq!((page.status.as_u16(), page.header("location")), (303, Some("/salver/inbox")), "{query}");
            }
        }
        let text = post_as("ada", "/mark", json!({})).insert_header(("content-type", "text/plain"));
        assert_eq!(json_of(salver, text).await.0, 415);
        for (method, path) in [("PUT", ""), ("GET", "/mark"), ("POST", "/counts")] {
            let request = TestRequest::default().method(method.parse().unwrap());
            let request = request.uri(&format!("/salver/inbox{path}")).insert_header(("x-user", "ada"));
            let response = send(salver, salver.inbox_routes(), request).await;
            assert_eq!(response.status, 405, "{method} {path}");
        }
        assert_eq!(inboxes.counts().await, (1, 1, 1));
    }

    async fn request_selects_what_it_names(inboxes: Inboxes) {
        for text in ["one", "two"] {
            inboxes.notify(note(text).subject("graphs/7")).await;
        }
        let salver = &inboxes.salver;
        let mark = async |body: Value| json_of(salver, post_as("ada", "/mark", body)).await.1["changed"].clone();
        assert_eq!(mark(json!({ "change": "delete", "tab": "all", "kind": "test", "ids": [] })).await, 0);
        assert_eq!(mark(json!({ "change": "archive", "upto": u64::MAX, "ids": [] })).await, 0);
        // Without a tab, the one that suits the change.
        assert_eq!(mark(json!({ "change": "read", "subject": "graphs/7" })).await, 2);
        assert_eq!(mark(json!({ "change": "unread", "subject": "graphs/7" })).await, 2);
        assert_eq!(mark(json!({ "change": "archive", "upto": u64::MAX })).await, 2);
        assert_eq!(mark(json!({ "change": "restore", "subject": "graphs/7" })).await, 2);
        // Several check boxes of one name.
        let page = inboxes.inbox().list(&InboxFilter::all(), None).await.unwrap();
        let ids: Vec<_> = page.rows.iter().map(|row| format!("ids={}", row.newest.id())).collect();
        let form = form_as("ada", &format!("change=read&{}", ids.join("&")));
        send(salver, salver.inbox_routes(), form).await;
        assert_eq!(inboxes.counts().await, (0, 0, 2));
    }

    async fn invalid_recipient_fails_without_redirect(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let page = send(salver, salver.inbox_routes(), get_as(" ", "")).await;
        assert_eq!(page.status, 500);
    }

    async fn request_of_other_origin_changes_nothing(inboxes: Inboxes) {
        inboxes.notify(note("one")).await;
        let salver = &inboxes.salver;
        for header in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example"), ("origin", "null")] {
            for path in ["/mark", "/seen"] {
                let request = post_as("ada", path, json!({ "change": "read", "upto": u64::MAX, "position": u64::MAX }));
                assert_eq!(json_of(salver, request.insert_header(header)).await.0, 403, "{header:?} {path}");
            }
            let form = form_as("ada", "change=delete&kind=test").insert_header(header);
            assert_eq!(send(salver, salver.inbox_routes(), form).await.status, 403);
        }
        assert_eq!(inboxes.counts().await, (1, 1, 1));
    }

    async fn link_marks_read_and_leads_to_object(inboxes: Inboxes) {
        let message = Message::info("one").action("Open", "/graphs/7");
        inboxes.notify(Notification::new("test", message).subject("graphs/7")).await;
        let (salver, id) = (&inboxes.salver, first(&inboxes).await.id());
        let open = || get_as("ada", &format!("/{id}"));

        // A prefetch marks nothing, and leads nowhere.
        for header in [("sec-purpose", "prefetch"), ("sec-fetch-dest", "image")] {
            let response = send(salver, salver.inbox_routes(), open().insert_header(header)).await;
            assert_eq!((response.status.as_u16(), response.header("location")), (204, None));
            assert_eq!(inboxes.counts().await.1, 1);
        }
        let response = send(salver, salver.inbox_routes(), open()).await;
        assert_eq!((response.status.as_u16(), response.header("location")), (303, Some("/graphs/7")));
        assert_eq!(inboxes.counts().await.1, 0);
        // Also from the archive.
        inboxes.inbox().mark(&InboxFilter::all(), ReadState::Archived).await.unwrap();
        let response = send(salver, salver.inbox_routes(), open()).await;
        assert_eq!(response.header("location"), Some("/graphs/7"));
        // The site knows where the object is now, or that it is gone.
        for (url, location) in [(Some("/moved"), "/moved"), (None, "/salver/inbox"), (Some("a\nb"), "/salver/inbox")] {
            let link = move |_| ready(url.map(str::to_owned));
            let response = send(salver, salver.inbox_routes().link(link), open()).await;
            assert_eq!(response.header("location"), Some(location));
        }
        for missing in ["018bcfe5-6800-7002-acc8-817c1a0cdba3", "018bcfe5-6800-4002-acc8-817c1a0cdba3"] {
            let response = send(salver, salver.inbox_routes(), get_as("ada", &format!("/{missing}"))).await;
            assert_eq!(response.header("location"), Some("/salver/inbox"));
        }
        assert_eq!(send(salver, salver.inbox_routes(), get_as("ada", "/x")).await.status, 404);
    }

    async fn form_returns_to_its_list_only(inboxes: Inboxes) {
        inboxes.notify(note("one")).await;
        let (salver, id) = (&inboxes.salver, first(&inboxes).await.id());
        for (return_to, location) in [
            ("tab%3Dall%26kind%3Dtest", "/salver/inbox?tab=all&kind=test"),
            ("", "/salver/inbox"),
            ("%2F%2Fevil.example", "/salver/inbox?%2F%2Fevil.example="),
            ("a%0D%0Aset-cookie:x", "/salver/inbox?a%0D%0Aset-cookie%3Ax="),
        ] {
            let body = format!("change=unread&ids={id}&upto=&return={return_to}");
            let response = send(salver, salver.inbox_routes(), form_as("ada", &body)).await;
            assert_eq!((response.status.as_u16(), response.header("location")), (303, Some(location)));
            assert_eq!(response.header("cache-control"), Some("no-store, private"));
        }
    }

    async fn routes_work_at_another_path_and_in_a_scope(inboxes: Inboxes) {
        inboxes.notify(note("one")).await;
        let middleware = inboxes.salver.middleware().recipient(user);
        let routes = inboxes.salver.inbox_routes().at("notes/");
        let site = site(middleware, |app: &mut ServiceConfig| {
            app.service(scope("/app").service(routes));
        })
        .await;
        let request = |path: &str| TestRequest::get().uri(path).insert_header(("x-user", "ada"));
        let page = site.send(request("/app/notes")).await;
        assert!(page.shows(r#"action="/app/notes/mark""#) && page.shows("/app/notes/inbox."), "{}", page.body);
        let css = page.body.split(r#"href=""#).find(|link| link.contains("/inbox.")).unwrap();
        let css = site.send(request(css.split('"').next().unwrap())).await;
        assert_eq!(css.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(site.send(request("/app/notes/counts")).await.status, 200);
    }

    async fn routes_work_at_the_root(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let request = |path: &str| TestRequest::get().uri(path).insert_header(("x-user", "ada"));
        for path in ["/", "/counts"] {
            let response = send(salver, salver.inbox_routes().at("/"), request(path)).await;
            assert_eq!(response.status, 200, "{path}");
        }
    }

    async fn forms_and_links_lead_to_the_list_at_the_root_and_in_a_scope(inboxes: Inboxes) {
        inboxes.notify(note("one")).await;
        let id = first(&inboxes).await.id();
        let gone = "018bcfe5-6800-7002-acc8-817c1a0cdba3";
        for (prefix, list) in [("", "/"), ("/app", "/app")] {
            let routes = inboxes.salver.inbox_routes().at("/").daily_mail(8);
            let middleware = inboxes.salver.middleware().recipient(user);
            let site = site(middleware, |app| {
                match prefix {
                    "" => app.service(routes),
                    prefix => app.service(scope(prefix).service(routes)),
                };
            })
            .await;
            let get = |path: &str| TestRequest::get().uri(path).insert_header(("x-user", "ada"));
            let post = |route: &str, body: String| {
                let request = TestRequest::post().uri(&format!("{prefix}{route}")).insert_header(("x-user", "ada"));
                request.insert_header(("content-type", "application/x-www-form-urlencoded")).set_payload(body)
            };
            let all = format!("{list}?tab=all");
            for (request, location) in [
                (post("/mark", format!("change=read&ids={id}&return=tab%3Dall")), &*all),
                (post("/mark", format!("change=unread&ids={id}")), list),
                (post("/preferences", "daily=on".to_owned()), list),
                (get(&format!("{prefix}/{gone}")), list),
                (get(&format!("{prefix}/?tab=nope")), list),
                (get(&format!("{prefix}/?tab=all&after=1")), &*all),
            ] {
                let response = site.send(request).await;
                assert_eq!((response.status.as_u16(), response.header("location")), (303, Some(location)));
            }
            let page = site.send(get(&all)).await;
            assert!(page.shows("1 notification marked as read."), "{}", page.body);
            for page in [page, site.send(get(&format!("{prefix}/?tab=all"))).await] {
                assert!(page.shows("one"), "{}", page.body);
                for link in ["archived", "unread"].map(|tab| format!(r#"<a href="{list}?tab={tab}""#)) {
                    assert!(page.shows(&link), "{link}: {}", page.body);
                }
                assert!(page.shows(&format!(r#"<form method="get" action="{list}">"#)), "{}", page.body);
            }
        }
    }

    async fn extractors_find_recipient_of_request(inboxes: Inboxes) {
        inboxes.notify(note("one")).await;
        let handler = async |me: Recipient, inbox: Inbox| {
            let counts = inbox.counts().await?;
            Ok::<_, salver::Error>(Json(json!([me, counts.unread])))
        };
        let of_middleware = async |request: HttpRequest| {
            request.extensions_mut().insert(ada());
            let me = Recipient::extract(&request).await;
            me.map(|me| HttpResponse::Ok().body(me.to_string()))
        };
        let middleware = inboxes.salver.middleware().recipient(user);
        let site = site(middleware, |app| {
            app.route("/mine", get().to(handler)).route("/extension", get().to(of_middleware));
        })
        .await;
        let request = TestRequest::get().uri("/mine");
        assert_eq!(site.send(request).await.status, 401);
        let request = TestRequest::get().uri("/mine").insert_header(("x-user", "ada"));
        assert_eq!(site.send(request).await.body, r#"["user:ada",1]"#);
        // A recipient in the extensions of the request comes first.
        let request = TestRequest::get().uri("/extension").insert_header(("x-user", "bob"));
        assert_eq!(site.send(request).await.body, "user:ada");
    }
}
