//! The JSON API, for pages that render messages themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{App, HttpServer};
use reqwest::{Client, Method, RequestBuilder, Response};
use salver::store::RedisStore;
use salver::{Level, Message, Salver, View};
use serde_json::{Value, json};

use crate::support::fault_site::{VISITOR_HEADER, visitor};
use crate::support::processes::free_port;
use crate::support::schemathesis::schemathesis;
use crate::support::{at, eventually};

/// A site that serves the API. With `accepts_messages` pages can add messages.
struct ApiSite {
    url: String,
    client: Client,
}

impl ApiSite {
    fn start(salver: &Salver, accepts_messages: bool) -> Self {
        let salver = salver.clone();
        let server = HttpServer::new(move || {
            let routes = match accepts_messages {
                true => salver.routes().accept_messages(),
                false => salver.routes(),
            };
            App::new()
                .wrap(salver.middleware().session(visitor))
                .service(routes)
        });
        let server = server
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        let url = format!("http://{}/salver", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        Self {
            url,
            client: Client::new(),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client
            .request(method, url)
            .header(VISITOR_HEADER, "ada")
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    async fn claim(&self, view: &str) -> Value {
        let request = self.post("/claim", &json!({ "view": view }));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["cache-control"], "no-store, private");
        response.json().await.unwrap()
    }

    async fn count(&self, view: &str) -> u64 {
        let request = self.request(Method::GET, &format!("/count?view={view}"));
        let response: Value = request.send().await.unwrap().json().await.unwrap();
        response["count"].as_u64().unwrap()
    }
}

/// Returns the body of an error response, and asserts that its `status` is that of the response.
async fn problem(response: Response) -> Value {
    let status = response.status().as_u16();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json",
        "{status}"
    );
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["status"], status);
    problem
}

const LEASE: Duration = Duration::from_secs(1);

#[actix_web::test]
async fn claimed_messages_are_hidden_until_confirm_or_lease_end() {
    let salver = Salver::builder("app").lease(LEASE).build().unwrap();
    let site = ApiSite::start(&salver, false);
    salver
        .add(&at("ada", "p"), Message::success("for p").tag("import"))
        .await
        .unwrap();
    let any = View::try_from("*".to_owned()).unwrap();
    let any = at("ada", "p").with_view(any);
    salver.add(&any, Message::info("for any")).await.unwrap();
    salver
        .add(&at("bob", "p"), Message::info("for another"))
        .await
        .unwrap();
    assert_eq!(site.count("p").await, 2);
    assert_eq!(site.count("q").await, 1);

    // Like a page, a prefetch claims nothing.
    let prefetch = site.post("/claim", &json!({ "view": "p" }));
    let prefetch = prefetch.header("sec-purpose", "prefetch").send().await;
    let prefetch: Value = prefetch.unwrap().json().await.unwrap();
    assert_eq!(prefetch["messages"], json!([]));
    assert_eq!(site.count("p").await, 2);

    let claimed = site.claim("p").await;
    let texts: Vec<_> = claimed["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["for p", "for any"]);
    assert_eq!(claimed["messages"][0]["tag"], "import");
    assert_eq!(
        (&claimed["lease_ms"], &claimed["displaced"]),
        (&json!(1000), &json!(0))
    );
    // Other claims return nothing until the lease expires.
    assert_eq!(site.claim("p").await["messages"], json!([]));
    let second = eventually("unconfirmed messages are visible again", async || {
        let claim = site.claim("p").await;
        (claim["messages"].as_array().unwrap().len() == 2).then_some(claim)
    })
    .await;
    assert_eq!(second["messages"], claimed["messages"]);

    let ids: Vec<_> = claimed["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["id"].clone())
        .collect();
    let confirm = site.post("/confirm", &json!({ "view": "p", "ids": ids }));
    assert_eq!(confirm.send().await.unwrap().status(), 204);
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(site.count("p").await, 0);
    assert_eq!(salver.count(&at("bob", "p")).await.unwrap(), 1);
}

#[actix_web::test]
async fn messages_are_added_for_own_visitor_if_site_allows() {
    let salver = Salver::memory("app").unwrap();
    let message = json!({
        "view": "p", "level": "warning", "title": "Title", "text": "text", "tag": "t",
        "format": "markdown", "autoclose": 8000, "action": { "label": "Look", "url": "/p" }, "data": { "n": 1 },
    });
    let refused = ApiSite::start(&salver, false).post("/messages", &message);
    assert_eq!(refused.send().await.unwrap().status(), 404);

    let site = ApiSite::start(&salver, true);
    let created = site.post("/messages", &message).send().await.unwrap();
    assert_eq!(created.status(), 201);
    let created: Value = created.json().await.unwrap();
    let pending = salver.peek(&at("ada", "p")).await.unwrap();
    assert_eq!(pending[0].id().to_string(), created["id"]);
    assert_eq!(pending[0].level(), Level::Warning);
    let added = serde_json::to_value(&pending[0]).unwrap();
    for field in [
        "title",
        "text",
        "tag",
        "format",
        "autoclose",
        "action",
        "data",
    ] {
        assert_eq!(added[field], message[field], "{field}");
    }
    // A visitor without a session is refused, and gets no session.
    let request = site.client.post(format!("{}/messages", site.url));
    let refused = request.json(&message).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(refused.headers().get("set-cookie").is_none());
    salver
        .close_session(at("ada", "p").session())
        .await
        .unwrap();
    let closed = site.post("/messages", &message).send().await.unwrap();
    assert_eq!(closed.status(), 409);
    problem(closed).await;
}

#[actix_web::test]
async fn invalid_and_cross_origin_requests_change_nothing() {
    let salver = Salver::memory("app").unwrap();
    let site = ApiSite::start(&salver, true);
    let context = at("ada", "p");
    salver.add(&context, Message::info("text")).await.unwrap();
    let too_long = "x".repeat(257);
    for (path, body, status, field) in [
        ("/claim", json!({ "view": "" }), 422, json!("view")),
        ("/claim", json!({ "view": too_long }), 422, json!("view")),
        ("/claim", json!({ "view": "*" }), 422, json!("view")),
        ("/claim", json!({}), 400, Value::Null),
        ("/claim", json!({ "view": 1 }), 400, Value::Null),
        (
            "/confirm",
            json!({ "view": "p", "ids": ["x"] }),
            400,
            Value::Null,
        ),
        (
            "/messages",
            json!({ "view": "p", "text": "" }),
            422,
            json!("text"),
        ),
        (
            "/messages",
            json!({ "view": "p", "text": "x", "tag": "a b" }),
            422,
            json!("tag"),
        ),
        (
            "/messages",
            json!({ "view": "p", "text": "x", "id": "x" }),
            400,
            Value::Null,
        ),
        (
            "/messages",
            json!({ "view": "p", "text": "x".repeat(20_000) }),
            413,
            Value::Null,
        ),
    ] {
        let response = site.post(path, &body).send().await.unwrap();
        assert_eq!(response.status(), status, "{path} {body}");
        assert_eq!(problem(response).await["field"], field, "{path} {body}");
    }
    let plain = site
        .request(Method::POST, "/claim")
        .body("{\"view\":\"p\"}");
    let response = plain.header("content-type", "text/plain").send().await;
    assert_eq!(problem(response.unwrap()).await["status"], 415);
    let missing = site.request(Method::GET, "/count").send().await.unwrap();
    assert_eq!(problem(missing).await["field"], "view");

    // A page of another origin, identified by any of these headers.
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/page"),
    ] {
        for (path, body) in [
            ("/claim", json!({ "view": "p" })),
            ("/confirm", json!({ "view": "p", "ids": [] })),
            ("/messages", json!({ "view": "p", "text": "x" })),
        ] {
            let response = site.post(path, &body).header(name, value).send().await;
            assert_eq!(
                problem(response.unwrap()).await["status"],
                403,
                "{path} {name}"
            );
        }
        let count = site
            .request(Method::GET, "/count?view=p")
            .header(name, value);
        assert_eq!(problem(count.send().await.unwrap()).await["status"], 403);
    }
    assert_eq!(salver.count(&context).await.unwrap(), 1);
}

#[actix_web::test]
async fn unreachable_store_replies_503_with_retry_after() {
    let store = RedisStore::new(&format!("redis://127.0.0.1:{}", free_port())).unwrap();
    let site = ApiSite::start(&Salver::new("app", store).unwrap(), true);
    for (path, body) in [
        ("/claim", json!({ "view": "p" })),
        ("/messages", json!({ "view": "p", "text": "x" })),
    ] {
        let response = site.post(path, &body).send().await.unwrap();
        assert_eq!(response.status(), 503, "{path}");
        assert!(response.headers().contains_key("retry-after"));
        let problem = problem(response).await;
        assert_eq!(problem.get("detail"), None, "internal details: {problem}");
    }
}

/// The OpenAPI document lists each route with its methods, and no others.
#[actix_web::test]
async fn openapi_document_matches_served_routes() {
    let site = ApiSite::start(&Salver::memory("app").unwrap(), true);
    let document = site.request(Method::GET, "/openapi.json").send();
    let document = document.await.unwrap();
    assert_eq!(document.headers()["content-type"], "application/json");
    let document: Value = document.json().await.unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods =
        |item: &Value| -> Vec<String> { item.as_object().unwrap().keys().cloned().collect() };
    let documented: BTreeMap<_, _> = paths
        .iter()
        .map(|(path, item)| (path.as_str(), methods(item)))
        .collect();
    let source = include_str!("../../src/web/api/mod.rs");
    let routes: Vec<_> = source
        .split("at(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(routes.len(), documented.len(), "{routes:?} {documented:?}");
    for (path, methods) in &documented {
        assert!(routes.contains(&&path[1..]), "{path}");
        for method in ["get", "post", "put", "patch", "delete"] {
            let name = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let response = site.request(name, path).send().await.unwrap();
            let is_documented = methods.iter().any(|documented| documented == method);
            assert_eq!(response.status() != 405, is_documented, "{method} {path}");
            if !is_documented {
                let allow = response.headers()["allow"].to_str().unwrap();
                assert_eq!(allow, methods[0].to_uppercase(), "{path}");
            }
        }
    }
}

/// Schemathesis sends valid and invalid requests: each response is one that the document lists.
#[actix_web::test]
async fn schemathesis_finds_no_mismatch() {
    let site = ApiSite::start(&Salver::memory("app").unwrap(), true);
    // No pattern describes a valid URL: some URLs that match the document are refused.
    for (name, arguments) in [
        (
            "all",
            &["--exclude-path", "/messages", "--checks", "all"][..],
        ),
        (
            "add",
            &[
                "--include-path",
                "/messages",
                "--exclude-checks",
                "positive_data_acceptance",
            ],
        ),
    ] {
        let document = format!("{}/openapi.json", site.url);
        let visitor = format!("{VISITOR_HEADER}: ada");
        let arguments = [arguments, &["--header", &visitor]].concat();
        let summary = schemathesis(&document, &site.url, &arguments).await;
        println!("INTEGRATION schemathesis {name}: {summary}");
    }
}
