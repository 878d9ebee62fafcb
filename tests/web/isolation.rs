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

#[actix_web::test]
async fn a_thousand_undecodable_members_do_not_hide_ten_good_ones() {
    let (store, _) = SpyStore::new();
    let inner = store.inner.clone();
    let salver = Salver::builder("app")
        .store(store)
        .max_messages(1000)
        .build()
        .unwrap();
    let page = adas(&salver, "p");
    for n in 0..10 {
        salver
            .add(&page, Message::info(format!("good {n}.")))
            .await
            .unwrap();
    }
    for n in 0..1000 {
        let id = MessageId::new();
        inner.put_member(
            &page,
            match n % 4 {
                0 => format!("garbage {n}").into_bytes(),
                1 => format!(r#"{{"id":"{id}","text":"","n":{n}}}"#).into_bytes(),
                2 => format!(r#"{{"id":"{id}","text":"x","level":{n}}}"#).into_bytes(),
                _ => vec![0xff, n as u8, (n / 256) as u8],
            },
        );
    }
    let found = salver.claim(&page).await.unwrap();
    assert_eq!((found.messages().len(), found.found.unreadable), (10, 1000));
    salver.release(found).await.unwrap();
    let site = adas_site(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    let body = site.get("/p").await.body;
    let shown = (0..10)
        .filter(|n| body.contains(&format!("good {n}.")))
        .count();
    assert_eq!((shown, body.matches("<li").count()), (10, 10));
    salver.close().await;
    let left = salver.claim(&page).await.unwrap();
    assert_eq!(left.found.unreadable, 0, "they went with the confirm");
    println!("POISON undecodable=1000 good=10 shown={shown} counted=1000 left=0");
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
    salver.close().await;
    assert_messages!(salver, ada(), "p", []);
    assert_messages!(salver, session("bob"), "p", []);
}
