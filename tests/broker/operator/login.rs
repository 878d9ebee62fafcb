//! Who may see the page, and for how long.

use std::time::Duration;

use actix_web::{App, HttpServer};
use reqwest::Response;
use salver::broker::{Right, Token};

use super::visitor::{Operator, is_login, register, settings, status};
use crate::broker::site::{Broker, TOKEN};
use crate::support::eventually_within;
use crate::support::redis::Server;

/// Returns the value of the cookie that a response sets.
fn cookie(response: &Response) -> String {
    let cookies = response.headers().get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap().to_owned());
    cookies.find(|cookie| cookie.contains("-session-")).unwrap()
}

#[actix_web::test]
async fn page_is_for_the_operator_and_for_tokens_with_both_rights() {
    for broker in Broker::on_both_stores() {
        register(&broker.salver, "https://shop.example/hook").await;
        let tokens = broker.salver.tokens();
        let create = async |rights: &[Right]| {
            let token = Token::new(rights.iter().copied());
            tokens.create(token).await.unwrap()
        };
        let both = create(&[Right::Endpoints, Right::Deliveries]).await;
        let refused = [
            ("", 401),
            ("wrong", 401),
            (&both[1..], 401),
            (&both[..both.len() - 1], 401),
            (&create(&[Right::Deliveries, Right::Publish]).await, 403),
            (&create(&[Right::Endpoints, Right::Notify]).await, 403),
        ];
        for (token, status) in refused {
            let operator = Operator::of(&broker);
            let response = operator.log_in(token).await;
            assert_eq!(response.status(), status, "{token}");
            assert!(response.headers().get("set-cookie").is_none());
            let page = response.text().await.unwrap();
            assert!(is_login(&page) && page.contains(r#"role="alert""#));
            assert!(!page.contains("shop.example"), "{page}");
            assert!(is_login(&operator.page().await));
        }
        for token in [TOKEN, &both] {
            let operator = Operator::of(&broker);
            let page = operator.page().await;
            assert!(is_login(&page) && !page.contains("shop.example"));
            let response = operator.log_in(token).await;
            assert_eq!(response.status(), 303);
            assert_eq!(response.headers()["location"], "/");
            let cookie = cookie(&response);
            for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
                assert!(cookie.contains(part), "{cookie}");
            }
            let secret = token.split_once('.').map_or(token, |(_, secret)| secret);
            assert!(!cookie.contains(secret) && !cookie.contains("Secure"));
            let page = operator.page().await;
            assert!(page.contains("https://shop.example/hook") && !is_login(&page));
            let page = operator.submit("/logout").await;
            assert!(is_login(&page));
            assert_eq!(status(&page), "You are logged out.");
        }
    }
}

#[actix_web::test]
async fn responses_forbid_scripts_caches_and_frames() {
    let broker = Broker::memory();
    let operator = Operator::of(&broker);
    let wrong = operator.log_in("wrong").await;
    let login = operator.get("/").await;
    let accepted = operator.log_in(TOKEN).await;
    let page = operator.get("/").await;
    let missing = operator.get("/endpoints/x/remove").await;
    let acted = operator.request("/endpoints/x/enable").send();
    let unknown = operator.request("/endpoints/x/y").send();
    let (acted, unknown) = (acted.await.unwrap(), unknown.await.unwrap());
    for response in [wrong, login, accepted, page, missing, acted, unknown] {
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script"));
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["referrer-policy"], "same-origin");
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }
}

#[actix_web::test]
async fn forged_cookie_is_refused() {
    let broker = Broker::memory();
    let other = settings().secret([8; 32]).build().unwrap();
    let other = Broker::serve(&other, |routes| routes);
    let set = cookie(&Operator::of(&broker).log_in(TOKEN).await);
    let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
    let of_other = cookie(&Operator::of(&other).log_in(TOKEN).await);
    let (_, of_other) = of_other.split(';').next().unwrap().split_once('=').unwrap();
    let page = async |value: &str| {
        let request = reqwest::Client::new().get(Operator::of(&broker).home);
        let request = request.header("cookie", format!("{name}={value}"));
        request.send().await.unwrap().text().await.unwrap()
    };
    assert!(!is_login(&page(value).await));
    assert!(is_login(&page(of_other).await));
    for at in 0..value.len() {
        let mut forged = value.to_owned();
        let replaced = if &value[at..=at] == "A" { "B" } else { "A" };
        forged.replace_range(at..=at, replaced);
        assert!(is_login(&page(&forged).await), "{at}");
    }
    for forged in ["", "operator", "operator.", "operator..."] {
        assert!(is_login(&page(forged).await), "{forged}");
    }
}

#[actix_web::test]
async fn revoked_token_ends_sessions_within_ten_seconds() {
    let server = Server::start();
    let (one, other) = (
        Broker::on(&server, |routes| routes),
        Broker::on(&server, |routes| routes),
    );
    let tokens = one.salver.tokens();
    let token = Token::new([Right::Endpoints, Right::Deliveries]);
    let token = tokens.create(token).await.unwrap();
    let operator = Operator::of(&other);
    assert_eq!(operator.log_in(&token).await.status(), 303);
    assert!(!is_login(&operator.page().await));
    let (id, _) = token.split_once('.').unwrap();
    assert!(tokens.revoke(id).await.unwrap());
    let limit = Duration::from_secs(15);
    eventually_within(limit, "the session ends", async || {
        // While it counts, its requests are limited.
        let page = operator.get("/").await.text().await.unwrap();
        is_login(&page).then_some(())
    })
    .await;
    // A session that has ended changes nothing.
    let endpoint = register(&one.salver, "https://shop.example/hook").await;
    let page = operator
        .submit(&format!("/endpoints/{endpoint}/disable"))
        .await;
    assert!(status(&page).starts_with("Your session has ended"));
    let endpoints = one.salver.endpoints().list().await.unwrap();
    assert_eq!(endpoints[0].reason, None);
}

#[actix_web::test]
async fn logins_of_a_network_address_are_limited() {
    for broker in Broker::on_both_stores() {
        let operator = Operator::of(&broker);
        assert_eq!(operator.log_in(TOKEN).await.status(), 303);
        let other = Operator::of(&broker);
        for _ in 1..20 {
            assert_eq!(other.log_in("wrong").await.status(), 401);
        }
        // Not even the right token: a program that guesses must not see the difference.
        for token in ["wrong", TOKEN] {
            let response = other.log_in(token).await;
            assert_eq!(response.status(), 429);
            assert_eq!(response.headers()["retry-after"], "600");
            assert!(response.headers().get("set-cookie").is_none());
        }
        assert!(!is_login(&operator.page().await));
    }
}

#[actix_web::test]
async fn form_of_another_site_is_refused() {
    let broker = Broker::memory();
    let endpoint = register(&broker.salver, "https://shop.example/hook").await;
    let operator = Operator::logged_in(&broker).await;
    let paths = [
        "/login".to_owned(),
        "/logout".to_owned(),
        format!("/endpoints/{endpoint}/disable"),
        format!("/endpoints/{endpoint}/remove"),
        format!("/endpoints/{endpoint}/replay"),
        "/deliveries/AAAAAAAAAAAAAAAAAAAAAA/cancel".to_owned(),
    ];
    let home = operator.home.clone();
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("referer", "https://evil.example/"),
    ] {
        for path in &paths {
            let request = operator.request(path).header(header, value);
            let request = request.form(&[("token", TOKEN)]);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 403, "{path} {value}");
            assert!(response.headers().get("set-cookie").is_none());
        }
    }
    let endpoints = broker.salver.endpoints().list().await.unwrap();
    assert_eq!((endpoints.len(), &endpoints[0].reason), (1, &None));
    // A browser that does not send `Sec-Fetch-Site`.
    let own = operator.request(&paths[2]).header("origin", home);
    assert_eq!(own.send().await.unwrap().status(), 303);
    let endpoints = broker.salver.endpoints().list().await.unwrap();
    assert!(endpoints[0].reason.is_some());
}

#[actix_web::test]
async fn cookie_needs_tls_on_a_site_with_tls() {
    let plain = Broker::memory();
    let https = settings().site("https://shop.example").build().unwrap();
    let https = Broker::serve(&https, |routes| routes);
    for (broker, proxied) in [(&plain, true), (&https, false)] {
        let operator = Operator::of(broker);
        let mut request = operator.request("/login").form(&[("token", TOKEN)]);
        if proxied {
            request = request.header("x-forwarded-proto", "https");
        }
        let cookie = cookie(&request.send().await.unwrap());
        assert!(
            cookie.starts_with("__Host-salver-broker-session-"),
            "{cookie}"
        );
        assert!(cookie.contains("; Secure"), "{cookie}");
    }
}

/// A site puts the page beside pages of its own.
#[actix_web::test]
async fn page_at_another_path_leads_back_to_itself() {
    let salver = settings().build().unwrap();
    let endpoint = register(&salver, "https://shop.example/hook").await;
    let served = salver.clone();
    let http = HttpServer::new(move || {
        App::new().service(served.broker_page().at("/ops/broker/").token(TOKEN))
    });
    let http = http
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let url = format!("http://{}/v1", http.addrs()[0]);
    actix_web::rt::spawn(http.run());
    let broker = Broker {
        url,
        salver,
        client: reqwest::Client::new(),
        server: None,
    };
    let operator = Operator::of(&broker);
    assert!(is_login(
        &operator.get("/ops/broker").await.text().await.unwrap()
    ));
    for path in [
        "/ops/broker/login".to_owned(),
        format!("/ops/broker/endpoints/{endpoint}/disable"),
    ] {
        let form = operator.request(&path).form(&[("token", TOKEN)]);
        let response = form.send().await.unwrap();
        assert_eq!(response.status(), 303);
        assert_eq!(response.headers()["location"], "/ops/broker");
    }
    let page = operator.get("/ops/broker").await.text().await.unwrap();
    assert_eq!(status(&page), "The endpoint is disabled.");
    let stylesheet = page
        .split(r#"<link rel="stylesheet" href=""#)
        .nth(1)
        .unwrap();
    let stylesheet = operator.get(stylesheet.split('"').next().unwrap()).await;
    assert_eq!(stylesheet.status(), 200);
    assert_eq!(
        stylesheet.headers()["content-type"],
        "text/css; charset=utf-8"
    );
}

/// The page cannot sign its cookie.
#[actix_web::test]
async fn page_of_a_site_without_a_secret_begins_no_session() {
    let salver = salver::Salver::memory("app").unwrap();
    let broker = Broker::serve(&salver, |routes| routes);
    let response = Operator::of(&broker).log_in(TOKEN).await;
    assert_eq!(response.status(), 500);
    assert!(response.headers().get("set-cookie").is_none());
}
