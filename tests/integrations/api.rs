//! Messages as JSON: what pages that draw themselves ask for, and what they are told.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use actix_web::{App, HttpServer};
use reqwest::{Client, Method, RequestBuilder, Response};
use salver::store::RedisStore;
use salver::{Level, Message, Salver, View};
use serde_json::{Value, json};

use crate::faults::column;
use crate::faults::site::{WHO, visitor};
use crate::support::browser::target;
use crate::support::processes::free_port;
use crate::support::{at, eventually};

/// A site that serves all of it, and lets pages leave messages if told so.
struct Site {
    url: String,
    client: Client,
}

impl Site {
    fn start(salver: &Salver, takes_messages: bool) -> Self {
        let salver = salver.clone();
        let server = HttpServer::new(move || {
            let routes = match takes_messages {
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

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.request(method, url).header(WHO, "ada")
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.ask(Method::POST, path).json(body)
    }

    async fn claim(&self, view: &str) -> Value {
        let answer = self.post("/claim", &json!({ "view": view })).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["cache-control"], "no-store, private");
        answer.json().await.unwrap()
    }

    async fn count(&self, view: &str) -> u64 {
        let answer = self.ask(Method::GET, &format!("/count?view={view}"));
        let answer: Value = answer.send().await.unwrap().json().await.unwrap();
        answer["count"].as_u64().unwrap()
    }
}

/// Reads a problem, which says its own status.
async fn problem(answer: Response) -> Value {
    let status = answer.status().as_u16();
    assert_eq!(
        answer.headers()["content-type"],
        "application/problem+json",
        "{status}"
    );
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status);
    problem
}

const LEASE: Duration = Duration::from_secs(1);

#[actix_web::test]
async fn what_is_claimed_is_hidden_until_it_is_confirmed_or_the_lease_has_ended() {
    let salver = Salver::builder("app").lease(LEASE).build().unwrap();
    let site = Site::start(&salver, false);
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
    assert_eq!(site.count("p").await, 2, "and nothing has changed");
    assert_eq!(site.count("q").await, 1);

    // As a page: what nobody looks at yet is told nothing.
    let ahead = site.post("/claim", &json!({ "view": "p" }));
    let ahead = ahead.header("sec-purpose", "prefetch").send().await;
    let ahead: Value = ahead.unwrap().json().await.unwrap();
    assert_eq!((&ahead["messages"], site.count("p").await), (&json!([]), 2));

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
        (&claimed["lease"], &claimed["displaced"]),
        (&json!(1000), &json!(0))
    );
    // Nobody else is shown them meanwhile, and none of them is gone.
    assert_eq!(site.claim("p").await["messages"], json!([]));
    let again = eventually("what is not confirmed comes again", async || {
        let again = site.claim("p").await;
        (again["messages"].as_array().unwrap().len() == 2).then_some(again)
    })
    .await;
    assert_eq!(again["messages"], claimed["messages"]);

    let ids: Vec<_> = claimed["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["id"].clone())
        .collect();
    let said = site.post("/confirm", &json!({ "view": "p", "ids": ids }));
    assert_eq!(said.send().await.unwrap().status(), 204);
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(site.count("p").await, 0);
    assert_eq!(salver.count(&at("bob", "p")).await.unwrap(), 1);
}

#[actix_web::test]
async fn a_page_leaves_messages_for_its_own_visitor_where_the_site_allows_it() {
    let salver = Salver::memory("app").unwrap();
    let message = json!({
        "view": "p", "level": "warning", "title": "Title", "text": "text", "tag": "t",
        "format": "markdown", "autoclose": 8000, "action": { "label": "Look", "url": "/p" }, "data": { "n": 1 },
    });
    let refused = Site::start(&salver, false).post("/messages", &message);
    assert_eq!(refused.send().await.unwrap().status(), 404);

    let site = Site::start(&salver, true);
    let left = site.post("/messages", &message).send().await.unwrap();
    assert_eq!(left.status(), 201);
    let id: Value = left.json().await.unwrap();
    let found = salver.peek(&at("ada", "p")).await.unwrap();
    assert_eq!(found[0].id().to_string(), id["id"]);
    assert_eq!(found[0].level(), Level::Warning);
    let read = serde_json::to_value(&found[0]).unwrap();
    for field in [
        "title",
        "text",
        "tag",
        "format",
        "autoclose",
        "action",
        "data",
    ] {
        assert_eq!(read[field], message[field], "{field}");
    }
    // Who has no session is given none.
    let nobody = site.client.post(format!("{}/messages", site.url));
    let refused = nobody.json(&message).send().await.unwrap();
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
async fn what_is_wrong_is_told_and_nothing_is_changed() {
    let salver = Salver::memory("app").unwrap();
    let site = Site::start(&salver, true);
    let page = at("ada", "p");
    salver.add(&page, Message::info("text")).await.unwrap();
    let long = "x".repeat(257);
    for (path, body, status, field) in [
        ("/claim", json!({ "view": "" }), 422, json!("view")),
        ("/claim", json!({ "view": long }), 422, json!("view")),
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
        let answer = site.post(path, &body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path} {body}");
        assert_eq!(problem(answer).await["field"], field, "{path} {body}");
    }
    let plain = site.ask(Method::POST, "/claim").body("{\"view\":\"p\"}");
    let answer = plain.header("content-type", "text/plain").send().await;
    assert_eq!(problem(answer.unwrap()).await["status"], 415);
    let missing = site.ask(Method::GET, "/count").send().await.unwrap();
    assert_eq!(problem(missing).await["field"], "view");

    // A page of another site, by whatever it is known.
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
            let answer = site.post(path, &body).header(name, value).send().await;
            assert_eq!(
                problem(answer.unwrap()).await["status"],
                403,
                "{path} {name}"
            );
        }
        let count = site.ask(Method::GET, "/count?view=p").header(name, value);
        assert_eq!(problem(count.send().await.unwrap()).await["status"], 403);
    }
    assert_eq!(salver.count(&page).await.unwrap(), 1);
}

#[actix_web::test]
async fn a_store_that_gives_no_answer_is_told_as_such() {
    let store = RedisStore::new(&format!("redis://127.0.0.1:{}", free_port())).unwrap();
    let site = Site::start(&Salver::new("app", store).unwrap(), true);
    for (path, body) in [
        ("/claim", json!({ "view": "p" })),
        ("/messages", json!({ "view": "p", "text": "x" })),
    ] {
        let answer = site.post(path, &body).send().await.unwrap();
        assert_eq!(answer.status(), 503, "{path}");
        assert!(answer.headers().contains_key("retry-after"));
        let problem = problem(answer).await;
        assert_eq!(problem.get("detail"), None, "inside is inside: {problem}");
    }
}

/// The document names each route with its methods, and no other.
#[actix_web::test]
async fn the_document_is_what_is_served() {
    let site = Site::start(&Salver::memory("app").unwrap(), true);
    let document = site.ask(Method::GET, "/openapi.json").send().await.unwrap();
    assert_eq!(document.headers()["content-type"], "application/json");
    let document: Value = document.json().await.unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods =
        |item: &Value| -> Vec<String> { item.as_object().unwrap().keys().cloned().collect() };
    let described: BTreeMap<_, _> = paths
        .iter()
        .map(|(path, item)| (path.as_str(), methods(item)))
        .collect();
    let source = include_str!("../../src/web/api/mod.rs");
    let routes: Vec<_> = source
        .split("at(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(routes.len(), described.len(), "{routes:?} {described:?}");
    for (path, methods) in &described {
        assert!(routes.contains(&&path[1..]), "{path}");
        for method in ["get", "post", "put", "patch", "delete"] {
            let asked = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = site.ask(asked, path).send().await.unwrap();
            let is_described = methods.iter().any(|described| described == method);
            assert_eq!(answer.status() != 405, is_described, "{method} {path}");
            if !is_described {
                let allow = answer.headers()["allow"].to_str().unwrap();
                assert_eq!(allow, methods[0].to_uppercase(), "{path}");
            }
        }
    }
}

/// Requests that follow the document, and that do not; each answer is one that it describes.
#[actix_web::test]
async fn schemathesis_finds_nothing() {
    let site = Site::start(&Salver::memory("app").unwrap(), true);
    // What is a link, no pattern says: of what follows the document some is refused.
    for (name, only) in [
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
        let mut command = Command::new(target().join("venv/bin/schemathesis"));
        // It leaves what it has found where it runs.
        command.current_dir(target());
        let document = format!("{}/openapi.json", site.url);
        command
            .args(["run", &document, "--url", &site.url])
            .args(only);
        command.args([
            "--header",
            &format!("{WHO}: ada"),
            "--seed",
            "1",
            "--no-color",
        ]);
        // Limits are of bytes, and the document's of characters: one is the other.
        command.args(["--generation-codec", "ascii"]);
        command.args(["--max-examples", &column(50, 2_000).to_string()]);
        let ran = tokio::task::spawn_blocking(move || command.output()).await;
        let ran = ran.unwrap().unwrap_or_else(|error| {
            panic!(
                "schemathesis: {error}; `tests/run integrations` installs it, `pip install schemathesis`"
            )
        });
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success(), "{said}");
        let found = said.lines().find(|line| line.contains("generated"));
        println!("HANDS schemathesis {name}: {}", found.unwrap().trim());
    }
}
