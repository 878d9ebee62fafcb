//! Nobody else's, nowhere else: sessions, views, what stands in the store by hand.

use actix_web::web;
use salver::{Message, MessageId, Messages, Salver, View, assert_messages};

use super::site::{PAGE, ada, adas, adas_site, html, site};
use crate::support::session;
use crate::support::spy::SpyStore;

#[actix_web::test]
async fn a_message_reaches_its_view_and_no_other() {
    let salver = Salver::memory("app").unwrap();
    let site = adas_site(&salver, |app| {
        for path in ["/one", "/two"] {
            app.route(path, web::get().to(|| async { html(PAGE) }));
        }
    })
    .await;
    salver
        .add(&adas(&salver, "two"), Message::info("for two"))
        .await
        .unwrap();
    salver
        .add(&adas(&salver, View::ANY), Message::info("for any"))
        .await
        .unwrap();
    let one = site.get("/one").await;
    assert!(one.shows("for any") && !one.shows("for two"));
    let two = site.get("/two").await;
    assert!(two.shows("for two") && !two.shows("for any"));
}

#[actix_web::test]
async fn visitors_do_not_see_each_others_messages() {
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

/// A thousand members that nobody can read, older than the ten that everybody can.
fn garbage() -> Vec<Vec<u8>> {
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

async fn ten_good_ones_are_shown(salver: &Salver, store: &str, put: impl Fn(&[u8])) {
    let page = adas(salver, "p");
    garbage().iter().for_each(|member| put(member));
    for n in 0..10 {
        // As a foreign writer would: an add of ours would make room.
        put(&salver::wire::encode(&Message::info(format!("good {n}."))).unwrap());
    }
    let claim = salver.claim(&page).await.unwrap();
    assert_eq!(
        (claim.messages().len(), claim.result.undecodable),
        (10, 1000)
    );
    salver.release(claim).await.unwrap();
    let routes =
        |app: &mut web::ServiceConfig| _ = app.route("/p", web::get().to(|| async { html(PAGE) }));
    let body = adas_site(salver, routes).await.get("/p").await.body;
    let shown = (0..10)
        .filter(|n| body.contains(&format!("good {n}.")))
        .count();
    assert_eq!((shown, body.matches("<li").count()), (10, 10));
    salver.flush().await;
    let left = salver.claim(&page).await.unwrap();
    assert_eq!(left.result.undecodable, 0, "they went with the confirm");
    println!("POISON store={store} undecodable=1000 good=10 shown={shown} counted=1000 left=0");
}

#[actix_web::test]
async fn a_thousand_undecodable_members_hide_nothing_in_memory() {
    let (store, _) = SpyStore::new();
    let inner = store.inner.clone();
    let salver = Salver::new("app", store).unwrap();
    let page = adas(&salver, "p");
    ten_good_ones_are_shown(&salver, "memory", |member| inner.put_member(&page, member)).await;
}

#[actix_web::test]
async fn a_thousand_undecodable_members_hide_nothing_in_redis() {
    let server = crate::support::redis::Server::start();
    let budget = std::time::Duration::from_secs(5);
    let salver = Salver::builder("app")
        .redis(&server.url())
        .page_timeout(budget)
        .build()
        .unwrap();
    let key = adas(&salver, "p").key();
    let mut connection = server.connect();
    let score = std::cell::Cell::new(1_000_000);
    let connection = std::cell::RefCell::new(&mut connection);
    ten_good_ones_are_shown(&salver, "redis", |member| {
        score.set(score.get() + 1);
        let mut zadd = redis::cmd("ZADD");
        zadd.arg(&key).arg(score.get()).arg(member);
        zadd.query::<()>(&mut **connection.borrow_mut()).unwrap();
    })
    .await;
}

#[actix_web::test]
async fn the_views_of_two_tabs_do_not_steal() {
    let salver = Salver::memory("app").unwrap();
    salver
        .add(&adas(&salver, "p"), Message::info("once"))
        .await
        .unwrap();
    let site = adas_site(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    let tabs = futures_util::future::join_all((0..8).map(|_| site.get("/p"))).await;
    assert_eq!(tabs.iter().filter(|tab| tab.shows("once")).count(), 1);
    salver.flush().await;
    assert_messages!(salver, ada(), "p", []);
    assert_messages!(salver, session("bob"), "p", []);
}
