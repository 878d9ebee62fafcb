//! Tokens: which requests are allowed.

use std::time::Duration;

use reqwest::Method;
use salver::broker::{Right, Token};
use salver::{Error, Salver};
use serde_json::json;

use super::site::{Broker, TOKEN, event, problem};
use crate::support::eventually_within;
use crate::support::redis::Server;

#[actix_web::test]
async fn request_without_valid_token_is_refused_with_a_challenge() {
    for broker in Broker::on_both_stores() {
        let tokens = broker.salver.tokens();
        let token = tokens.create(Token::new([Right::Publish])).await.unwrap();
        let (id, secret) = token.split_once('.').unwrap();
        let url = format!("{}/events", broker.url);
        for header in [
            None,
            Some("Bearer".to_owned()),
            Some("Bearer ".to_owned()),
            Some(format!("Basic {TOKEN}")),
            Some(format!("Bearer {TOKEN}x")),
            Some(format!("Bearer {id}")),
            Some(format!("Bearer {id}.")),
            Some(format!("Bearer {id}.{secret}x")),
            Some(format!("Bearer {secret}.{id}")),
            Some(format!("Bearer AAAAAAAAAAAA.{secret}")),
        ] {
            let mut request = broker.client.post(&url).json(&json!({}));
            if let Some(header) = &header {
                request = request.header("authorization", header);
            }
            let response = request.send().await.unwrap();
            assert_eq!(
                response.headers()["www-authenticate"],
                "Bearer",
                "{header:?}"
            );
            let problem = problem(response, 401).await.to_string();
            assert!(!problem.contains(secret), "{problem}");
        }
        assert_eq!(broker.publish_as(&token, &event("1")).await.status(), 202);
    }
}

#[actix_web::test]
async fn token_does_what_its_rights_and_its_source_allow() {
    for broker in Broker::on_both_stores() {
        let tokens = broker.salver.tokens();
        let publisher = Token::new([Right::Publish]).source("/shop");
        let publisher = tokens.create(publisher).await.unwrap();
        let others = Token::new([Right::Endpoints, Right::Deliveries, Right::Notify]);
        let others = tokens.create(others).await.unwrap();

        let routes = [
            (Method::GET, "/endpoints"),
            (Method::GET, "/deliveries"),
            (Method::POST, "/notifications"),
            (Method::POST, "/messages"),
        ];
        for (method, path) in routes {
            let refused = broker.request_as(&publisher, method.clone(), path);
            problem(refused.send().await.unwrap(), 403).await;
            let allowed = broker.request_as(&others, method, path);
            let status = allowed.send().await.unwrap().status();
            assert!(status == 200 || status == 415, "{path} {status}");
        }
        problem(broker.publish_as(&others, &event("1")).await, 403).await;

        for (source, status) in [
            ("/shop", 202),
            ("/shop/a", 202),
            ("/shops", 403),
            ("/", 403),
        ] {
            let mut event = event(source);
            event["source"] = json!(source);
            let response = broker.publish_as(&publisher, &event).await;
            assert_eq!(response.status(), status, "{source}");
        }
        // One event of another source refuses the whole batch.
        let mut other = event("3");
        other["source"] = json!("/other");
        let batch = json!([event("2"), other]);
        let refused = problem(broker.publish_as(&publisher, &batch).await, 403).await;
        assert_eq!(refused["index"], 1);
        assert_eq!(broker.waiting().await, 2);
    }
}

#[actix_web::test]
async fn revoked_token_is_refused_by_other_processes_within_ten_seconds() {
    let server = Server::start();
    let (one, other) = (
        Broker::on(&server, |routes| routes),
        Broker::on(&server, |routes| routes),
    );
    let tokens = one.salver.tokens();
    let token = tokens.create(Token::new([Right::Publish])).await.unwrap();
    assert_eq!(other.publish_as(&token, &event("1")).await.status(), 202);
    let id = token.split_once('.').unwrap().0;
    assert!(tokens.revoke(id).await.unwrap());
    assert!(!tokens.revoke(id).await.unwrap());
    problem(one.publish_as(&token, &event("2")).await, 401).await;
    eventually_within(
        Duration::from_secs(15),
        "the token is refused",
        async || {
            let status = other.publish_as(&token, &event("1")).await.status();
            (status == 401).then_some(())
        },
    )
    .await;
}

#[actix_web::test]
async fn requests_of_a_token_are_limited_over_all_processes() {
    let server = Server::start();
    let brokers = [
        Broker::on(&server, |routes| routes),
        Broker::on(&server, |routes| routes),
    ];
    let [one, _] = &brokers;
    let tokens = one.salver.tokens();
    let token = tokens.create(Token::new([Right::Publish])).await.unwrap();
    for request in 0..600 {
        let broker = &brokers[request % 2];
        assert_eq!(broker.publish_as(&token, &event("1")).await.status(), 202);
    }
    for broker in &brokers {
        let limited = broker.publish_as(&token, &event("1")).await;
        assert!(limited.headers().contains_key("retry-after"));
        problem(limited, 429).await;
    }
    // Neither another token nor that of the operator is limited by it.
    let token = tokens.create(Token::new([Right::Publish])).await.unwrap();
    assert_eq!(one.publish_as(&token, &event("1")).await.status(), 202);
    assert_eq!(one.publish(&event("1")).await.status(), 202);
}

#[actix_web::test]
async fn listed_tokens_have_no_secret() {
    for broker in Broker::on_both_stores() {
        let tokens = broker.salver.tokens();
        let first = Token::new([Right::Notify, Right::Publish]).source("/shop");
        let first = tokens.create(first).await.unwrap();
        let second = tokens
            .create(Token::new([Right::Deliveries]))
            .await
            .unwrap();
        let listed = tokens.list().await.unwrap();
        let ids: Vec<_> = listed.iter().map(|token| token.id.as_str()).collect();
        let created = [&first, &second].map(|token| token.split_once('.').unwrap());
        assert_eq!(ids.len(), 2);
        for (id, secret) in created {
            assert!(ids.contains(&id));
            let text = format!("{listed:?} {}", json!(listed));
            assert!(!text.contains(secret));
            if let Some(server) = &broker.server {
                let stored: Vec<String> = server.run(&[b"HVALS", b"app!tokens"]);
                assert_eq!(stored.len(), 2);
                assert!(!stored.concat().contains(secret));
            }
        }
        let first = listed.iter().find(|token| token.source.is_some()).unwrap();
        assert_eq!(first.rights, [Right::Publish, Right::Notify]);
    }
}

#[actix_web::test]
async fn token_that_is_invalid_is_not_created() {
    let tokens = Salver::memory("app").unwrap().tokens();
    let is_invalid = |created: Result<String, Error>| created.unwrap_err().is_invalid();
    assert!(is_invalid(tokens.create(Token::new([])).await));
    let source = Token::new([Right::Publish]).source("a\nb");
    assert!(is_invalid(tokens.create(source).await));
}

/// A header cannot carry the end of a line, which most files end with.
#[actix_web::test]
async fn token_of_the_operator_from_a_file_has_no_end_of_line() {
    let salver = Salver::memory("app").unwrap();
    for end in ["\n", "\r\n"] {
        let token = format!("{TOKEN}{end}");
        let broker = Broker::serve(&salver, move |routes| routes.token(&token));
        assert_eq!(broker.publish(&event("1")).await.status(), 202);
    }
}

#[actix_web::test]
async fn token_of_the_operator_that_no_header_can_carry_is_refused() {
    let salver = Salver::memory("app").unwrap();
    for token in ["a token of the operator", "a-token-of-the-operator\u{e9}"] {
        let broker = Broker::serve(&salver, move |routes| routes.token(token));
        problem(broker.publish_as(token, &event("1")).await, 401).await;
    }
}

/// A variable of the environment that is not set must not open the broker.
#[actix_web::test]
async fn short_token_of_the_operator_is_refused() {
    let salver = Salver::memory("app").unwrap();
    for token in ["", "0123456789abcde"] {
        let broker = Broker::serve(&salver, move |routes| routes.token(token));
        problem(broker.publish_as(token, &event("1")).await, 401).await;
        problem(broker.publish_as(TOKEN, &event("1")).await, 401).await;
    }
}
