//! Programs in Rust verify the webhooks that they receive; the libraries of Standard Webhooks verify ours, and we theirs.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use salver::webhooks::{MIN_SECRET_BYTES, TIMESTAMP_TOLERANCE, Verifier};
use serde_json::{Value, json};

use crate::inbox_tests;
use crate::support::languages::Language;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{deliver, order_paid, webhook_settings};

/// The example of the specification.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &str = r#"{"test": 2432232314}"#;
const SENT_AT: u64 = 1_614_265_330;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

const OTHER_SECRET: &str = "whsec_b3RoZXIgc2VjcmV0IG9mIDI0IGJ5dGVz";
const PROGRAM: &str = "tests/webhooks/standard_webhooks";

type Headers = HashMap<String, String>;

fn signed(id: &str, timestamp: u64, signature: &str) -> Headers {
    let headers = [
        ("webhook-id", id),
        ("webhook-timestamp", &timestamp.to_string()),
        ("webhook-signature", signature),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    headers.into_iter().collect()
}

fn example() -> Headers {
    signed("msg_p5jXN8AQM9LWM0D4loKWxJek", SENT_AT, SIGNATURE)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Returns whether a webhook is verified. Panics if a refusal has another error than the others.
fn is_verified(secret: &str, headers: &Headers, body: &str, now: SystemTime) -> bool {
    let verifier = Verifier::new(secret).unwrap();
    let header = |name: &str| headers.get(name).map(String::as_str);
    let Err(error) = verifier.verify(body.as_bytes(), header, now) else {
        return true;
    };
    assert!(error.is_unverified());
    assert_eq!(
        error.to_string(),
        "the webhook lacks a header, has another time or is not signed by this secret"
    );
    let response = error.error_response();
    assert_eq!(response.status(), 401);
    assert_eq!(response.into_body().try_into_bytes().unwrap().len(), 0);
    false
}

#[test]
fn changed_webhook_is_refused() {
    let now = at(SENT_AT);
    assert!(is_verified(SECRET, &example(), BODY, now));
    assert!(!is_verified(OTHER_SECRET, &example(), BODY, now));
    for body in ["", r#"{"test": 2432232315}"#, &format!("{BODY} ")] {
        assert!(!is_verified(SECRET, &example(), body, now), "{body}");
    }
    let asymmetric = SIGNATURE.replace("v1,", "v1a,");
    let unpadded = SIGNATURE.trim_end_matches('=');
    for (name, value) in [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJel"),
        ("webhook-id", ""),
        ("webhook-timestamp", "1614265331"),
        ("webhook-timestamp", "-1614265330"),
        ("webhook-timestamp", "1614265330.5"),
        ("webhook-timestamp", "99999999999999999999"),
        ("webhook-timestamp", ""),
        ("webhook-signature", ""),
        ("webhook-signature", "v1,"),
        ("webhook-signature", &SIGNATURE[3..]),
        ("webhook-signature", unpadded),
        ("webhook-signature", &asymmetric),
    ] {
        let mut changed = example();
        changed.insert(name.to_owned(), value.to_owned());
        assert!(!is_verified(SECRET, &changed, BODY, now), "{name}: {value}");
        changed.remove(name);
        assert!(!is_verified(SECRET, &changed, BODY, now), "no {name}");
    }
}

#[test]
fn webhook_is_verified_for_five_minutes() {
    let tolerance = TIMESTAMP_TOLERANCE.as_secs();
    for (now, expected) in [
        (SENT_AT - tolerance - 1, false),
        (SENT_AT - tolerance, true),
        (SENT_AT + tolerance, true),
        (SENT_AT + tolerance + 1, false),
        (0, false),
    ] {
        assert_eq!(is_verified(SECRET, &example(), BODY, at(now)), expected);
    }
}

#[test]
fn one_valid_signature_of_several_is_enough() {
    let other = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (signatures, expected) in [
        (format!("{other} {SIGNATURE}"), true),
        (format!("{SIGNATURE} {other}"), true),
        (format!("v1a,AAAA {SIGNATURE}  v2"), true),
        (format!("{other} {other}"), false),
        (format!("{other},{SIGNATURE}"), false),
    ] {
        let headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", SENT_AT, &signatures);
        let found = is_verified(SECRET, &headers, BODY, at(SENT_AT));
        assert_eq!(found, expected, "{signatures}");
    }
}

#[test]
fn text_that_is_no_secret_is_invalid() {
    use base64::Engine;
    let encoded = |length| {
        let bytes = vec![7; length];
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    for text in [
        "",
        "whsec_",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        &format!("whsec_{}", encoded(MIN_SECRET_BYTES - 1)),
    ] {
        let error = Verifier::new(text).unwrap_err();
        assert!(error.is_invalid(), "{text}");
        assert_eq!(error.field(), Some("webhook_secret"));
        assert!(!error.to_string().contains("MfKQ"), "{error}");
    }
    for length in [MIN_SECRET_BYTES, 32, 64] {
        let verifier = Verifier::new(&format!("whsec_{}", encoded(length))).unwrap();
        assert_eq!(format!("{verifier:?}"), "Verifier { .. }");
    }
}

#[test]
fn webhooks_of_python_and_npm_packages_are_verified() {
    let now = SystemTime::now();
    let seconds = now.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let body = r#"{"text": "ü"}"#;
    let sign =
        |timestamp| json!({"secret": SECRET, "id": "msg_1", "timestamp": timestamp, "body": body});
    let old = seconds - TIMESTAMP_TOLERANCE.as_secs() - 1;
    let work = json!({"sign": [sign(seconds), sign(old)], "verify": []});
    for language in Language::ALL {
        let done = language.run(PROGRAM, &work);
        let signature = |index: usize| done["sign"][index].as_str().unwrap();
        let valid = signed("msg_1", seconds, signature(0));
        assert!(is_verified(SECRET, &valid, body, now), "{language:?}");
        let changed = body.replace('ü', "u");
        assert!(!is_verified(SECRET, &valid, &changed, now), "{language:?}");
        assert!(
            !is_verified(OTHER_SECRET, &valid, body, now),
            "{language:?}"
        );
        let old = signed("msg_1", old, signature(1));
        assert!(!is_verified(SECRET, &old, body, now), "{language:?}");
        // It is refused because of its time alone.
        let then = now - TIMESTAMP_TOLERANCE;
        assert!(is_verified(SECRET, &old, body, then), "{language:?}");
    }
}

inbox_tests! {
    (webhook_settings)

    async fn webhooks_of_salver_verify_with_python_and_npm_packages(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let endpoint = salver::webhooks::Endpoint::new(receiver.url("/hook"));
        let (_, secret) = salver.endpoints().add(endpoint).await.unwrap();
        // The receiver has no secret, and refuses both.
        salver.publish(order_paid("1").data("ü")).await.unwrap();
        deliver(salver).await;
        inboxes.rewind(TIMESTAMP_TOLERANCE + Duration::from_secs(60));
        salver.publish(order_paid("2").data("ü")).await.unwrap();
        deliver(salver).await;
        let [new, old] = &receiver.requests()[..] else {
            panic!("{:?}", receiver.requests());
        };
        let sent_at = |headers: &Headers| at(headers["webhook-timestamp"].parse().unwrap());
        for one in [new, old] {
            assert!(is_verified(&secret, &one.headers, &one.body, sent_at(&one.headers)));
        }
        assert!(!is_verified(&secret, &old.headers, &old.body, sent_at(&new.headers)));

        let verify = |secret: &str, headers: &Headers, body: &str| {
            json!({"secret": secret, "headers": headers, "body": body})
        };
        let changed = new.body.replace('ü', "u");
        let work: Value = json!({"sign": [], "verify": [
            verify(&secret, &new.headers, &new.body),
            verify(&secret, &new.headers, &changed),
            verify(&secret, &old.headers, &old.body),
            verify(OTHER_SECRET, &new.headers, &new.body),
        ]});
        for language in Language::ALL {
            let done = language.run(PROGRAM, &work);
            assert_eq!(done["verify"], json!([true, false, false, false]), "{language:?}");
        }
    }
}
