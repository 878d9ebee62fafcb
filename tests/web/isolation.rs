//! Messages reach their own session and view only, also in a context with undecodable members.

use actix_web::web;
use salver::{Message, MessageId, Messages, Salver, View, assert_messages};

use crate::support::session;
use crate::support::site::{PAGE, ada, context_of_ada, html, site, site_of_ada};
use crate::support::spy::SpyStore;

#[actix_web::test]
async fn message_reaches_only_its_view() {
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        for path in ["/one", "/two"] {
            app.route(path, web::get().to(|| async { html(PAGE) }));
        }
    })
    .await;
    salver
        .add(&context_of_ada(&salver, "two"), Message::info("for two"))
        .await
        .unwrap();
    salver
        .add(
            &context_of_ada(&salver, View::ANY),
            Message::info("for any"),
        )
        .await
        .unwrap();
    let one = site.get("/one").await;
    assert!(one.shows("for any") && !one.shows("for two"));
    let two = site.get("/two").await;
    assert!(two.shows("for two") && !two.shows("for any"));
}

#[actix_web::test]
async fn visitors_see_only_their_own_messages() {
    let salver = Salver::memory("app").unwrap();
    let routes = |app: &mut web::ServiceConfig| {
        let save = |messages: Messages, name: web::Path<String>| async move {
            messages.to("page").info(format!("for {name}")).await;
            "ok"
        };
        app.route("/save/{name}", web::post().to(save));
        app.route("/page", web::get().to(|| async { html(PAGE) }));
    };
    let site = site(salver.middleware(), routes).await;
    let mut cookies = Vec::new();
    for name in ["ada", "bob", "eve"] {
        site.set_cookie(None);
        site.post(&format!("/save/{name}")).await;
        cookies.push((name, site.cookie()));
    }
    for (name, cookie) in cookies.into_iter().rev() {
        site.set_cookie(cookie);
        let page = site.get("/page").await.body;
        assert_eq!(page.matches("for ").count(), 1, "{page}");
        assert!(page.contains(&format!("for {name}")));
    }
}

/// Returns 1,000 members that cannot be decoded.
fn undecodable_members() -> Vec<Vec<u8>> {
    let member = |n: usize| {
        let id = MessageId::new();
        match n % 4 {
            0 => format!("garbage {n}").into_bytes(),
            1 => format!(r#"{{"id":"{id}","text":"","n":{n}}}"#).into_bytes(),
            2 => format!(r#"{{"id":"{id}","text":"x","level":{n}}}"#).into_bytes(),
            _ => vec![0xff, (n % 256) as u8, (n / 256) as u8],
        }
    };
    (0..1000).map(member).collect()
}

/// Writes 1,000 undecodable members and ten newer messages, and checks that a page shows the ten.
async fn assert_ten_messages_are_shown(salver: &Salver, store: &str, write_member: impl Fn(&[u8])) {
    let context = context_of_ada(salver, "p");
    undecodable_members()
        .iter()
        .for_each(|member| write_member(member));
    for n in 0..10 {
        // An external writer does the same. `Salver::add` would remove older members above the
        // message limit.
        write_member(&salver::wire::encode(&Message::info(format!("good {n}."))).unwrap());
    }
    let claim = salver.claim(&context).await.unwrap();
    assert_eq!(
        (claim.messages().len(), claim.result.undecodable),
        (10, 1000)
    );
    salver.release(claim).await.unwrap();
    let routes =
        |app: &mut web::ServiceConfig| _ = app.route("/p", web::get().to(|| async { html(PAGE) }));
    let body = site_of_ada(salver, routes).await.get("/p").await.body;
    let shown = (0..10)
        .filter(|n| body.contains(&format!("good {n}.")))
        .count();
    assert_eq!((shown, body.matches("<li").count()), (10, 10));
    salver.flush().await;
    let remaining = salver.claim(&context).await.unwrap();
    assert_eq!(
        remaining.result.undecodable, 0,
        "the confirm removed the undecodable members"
    );
    println!(
        "POISON store={store} undecodable=1000 good=10 shown={shown} counted=1000 remaining=0"
    );
}

#[actix_web::test]
async fn thousand_undecodable_members_hide_no_message_in_memory() {
    let (store, _) = SpyStore::new();
    let inner = store.inner.clone();
    let salver = Salver::new("app", store).unwrap();
    let context = context_of_ada(&salver, "p");
    assert_ten_messages_are_shown(&salver, "memory", |member| {
        inner.put_member(&context, member)
    })
    .await;
}

#[actix_web::test]
async fn thousand_undecodable_members_hide_no_message_in_redis() {
    let server = crate::support::redis::Server::start();
    let timeout = std::time::Duration::from_secs(5);
    let salver = Salver::builder("app")
        .redis(&server.url())
        .page_timeout(timeout)
        .build()
        .unwrap();
    let key = context_of_ada(&salver, "p").key();
    let mut connection = server.connect();
    let score = std::cell::Cell::new(1_000_000);
    let connection = std::cell::RefCell::new(&mut connection);
    assert_ten_messages_are_shown(&salver, "redis", |member| {
        score.set(score.get() + 1);
        let mut zadd = redis::cmd("ZADD");
        zadd.arg(&key).arg(score.get()).arg(member);
        zadd.query::<()>(&mut **connection.borrow_mut()).unwrap();
    })
    .await;
}

#[actix_web::test]
async fn concurrent_requests_show_message_once() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("once"))
        .await
        .unwrap();
    let site = site_of_ada(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    let tabs = futures_util::future::join_all((0..8).map(|_| site.get("/p"))).await;
    assert_eq!(tabs.iter().filter(|tab| tab.shows("once")).count(), 1);
    salver.flush().await;
    assert_messages!(salver, ada(), "p", []);
    assert_messages!(salver, session("bob"), "p", []);
}
