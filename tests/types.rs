//! Types and the stored format: validation, encoding, and decoding of frozen bytes.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use salver::wire::{self, DecodeError};
use salver::{
    Autoclose, Context, Error, Level, Message, MessageId, Salver, SessionId, View, limits,
};
use serde_json::Value;
use time::OffsetDateTime;

/// Generated cases for each property.
const CASES: u32 = 10_000;

fn fixtures() -> Value {
    serde_json::from_str(include_str!("fixtures/wire_v1.json")).unwrap()
}

fn string_field<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[test]
fn keys_match_fixtures() {
    for case in fixtures()["keys"].as_array().unwrap() {
        let session = SessionId::new(string_field(case, "session")).unwrap();
        let view = View::try_from(string_field(case, "view").to_owned()).unwrap();
        let context = Context::new(string_field(case, "app"), session, view).unwrap();
        assert_eq!(context.key(), string_field(case, "key"));
    }
}

#[test]
fn members_match_fixtures() {
    for case in fixtures()["members"].as_array().unwrap() {
        let member = string_field(case, "member");
        let message = wire::decode(member.as_bytes()).unwrap();
        assert_eq!(message.text(), string_field(case, "text"));
        assert_eq!(message.level().as_str(), string_field(case, "level"));
        assert_eq!(message.get_tag(), case["tag"].as_str());
        assert_eq!(message.get_title(), case["title"].as_str());
        if case["rewritten"] == true {
            let written = wire::encode(&message).unwrap();
            assert_eq!(std::str::from_utf8(&written).unwrap(), member);
        }
    }
}

#[test]
fn undecodable_fixtures_are_rejected() {
    for member in fixtures()["unreadable"].as_array().unwrap() {
        let member = member.as_str().unwrap();
        assert_eq!(
            wire::decode(member.as_bytes()),
            Err(DecodeError::Malformed),
            "{member}"
        );
    }
    for member in fixtures()["newer"].as_array().unwrap() {
        let member = member.as_str().unwrap();
        assert_eq!(
            wire::decode(member.as_bytes()),
            Err(DecodeError::UnsupportedVersion),
            "{member}"
        );
    }
}

#[test]
fn levels_are_ordered_and_named() {
    let names = Level::ALL.map(Level::as_str);
    assert_eq!(names, ["debug", "info", "success", "warning", "error"]);
    assert!(Level::ALL.is_sorted());
    for level in Level::ALL {
        assert_eq!(level.as_str().parse::<Level>().unwrap(), level);
    }
    assert_eq!("fatal".parse::<Level>().unwrap_err().field(), Some("level"));
}

/// A part of each rejected value. No error may contain it.
const SECRET: &str = "hunter2";

fn assert_rejected(field: &str, error: &Error) {
    assert!(error.is_invalid(), "{error}");
    assert_eq!(error.field(), Some(field), "{error}");
    let text = format!("{error} {error:?}");
    assert!(
        !text.contains(SECRET),
        "the error repeats the rejected value: {text}"
    );
}

#[tokio::test]
async fn invalid_message_is_rejected_by_add() {
    let salver = Salver::memory("app").unwrap();
    let context = salver.context(SessionId::new("ada").unwrap(), "v").unwrap();
    let long = |size: usize| SECRET.repeat(size / SECRET.len() + 1);
    let ok = || Message::info("fine");
    let cases = [
        ("text", Message::info("")),
        ("text", Message::info(" \n ")),
        ("text", Message::info(long(limits::MAX_TEXT_BYTES))),
        ("text", Message::info(format!("{SECRET}\u{7}"))),
        ("text", Message::info(format!("{SECRET}\u{85}"))),
        ("text", Message::info(format!("{SECRET}\r"))),
        ("title", ok().title("")),
        ("title", ok().title(long(limits::MAX_TITLE_BYTES))),
        ("title", ok().title(format!("{SECRET}\n"))),
        ("tag", ok().tag("")),
        ("tag", ok().tag(long(limits::MAX_TAG_BYTES))),
        ("tag", ok().tag(format!("{SECRET} "))),
        ("tag", ok().tag(format!("{SECRET}\""))),
        ("action.label", ok().action("", "/")),
        (
            "action.label",
            ok().action(long(limits::MAX_LABEL_BYTES), "/"),
        ),
        ("action.url", ok().action("x", "")),
        ("action.url", ok().action("x", long(limits::MAX_URL_BYTES))),
        (
            "action.url",
            ok().action("x", format!("javascript:{SECRET}")),
        ),
        (
            "action.url",
            ok().action("x", format!("JaVaScRiPt:{SECRET}")),
        ),
        (
            "action.url",
            ok().action("x", format!("data:text/html,{SECRET}")),
        ),
        ("action.url", ok().action("x", format!("//{SECRET}"))),
        (
            "action.url",
            ok().action("x", format!("//site.invalid/{SECRET}")),
        ),
        ("action.url", ok().action("x", format!("/\\{SECRET}"))),
        (
            "action.url",
            ok().action("x", format!("https://user:{SECRET}@example.org")),
        ),
        (
            "action.url",
            ok().action("x", format!("https://:{SECRET}@example.org")),
        ),
        ("action.url", ok().action("x", "https://")),
        ("action.url", ok().action("x", SECRET)),
        ("data", ok().data(long(limits::MAX_DATA_BYTES))),
        (
            "data",
            ok().data(std::collections::HashMap::from([((1, 2), SECRET)])),
        ),
        ("key", ok().key("")),
        ("key", ok().key(format!("{SECRET}\n"))),
        ("key", ok().key("x".repeat(limits::MAX_KEY_BYTES + 1))),
        // Arguments without a translation key.
        ("key", ok().arg("x", SECRET)),
        ("args", ok().key("x").arg("", SECRET)),
        ("args", ok().key("x").arg("x", long(limits::MAX_DATA_BYTES))),
        (
            "args",
            ok().key("x")
                .arg("x", std::collections::HashMap::from([((1, 2), SECRET)])),
        ),
        ("autoclose", ok().autoclose(Duration::from_millis(1))),
        ("after", ok().after(Duration::from_secs(25 * 3600))),
        ("after", ok().after(limits::MAX_DELAY * 2)),
    ];
    for (field, message) in cases {
        let error = salver.add(&context, message).await.unwrap_err();
        assert_rejected(field, &error);
    }
    let quotes = || "\"".repeat(4000);
    let large = Message::info(quotes())
        .title("\"".repeat(200))
        .data("\"".repeat(1000));
    assert_rejected("message", &salver.add(&context, large).await.unwrap_err());
    assert_eq!(
        salver.count(&context).await.unwrap(),
        0,
        "a rejected message was added"
    );
}

#[test]
fn names_are_validated_on_construction() {
    let long = SECRET.repeat(50);
    for bad in ["", " ", "a\nb", "a\0b", long.as_str()] {
        assert_rejected("session", &SessionId::new(bad).unwrap_err());
        assert_rejected("view", &View::new(bad).unwrap_err());
        assert_rejected("app", &Salver::memory(bad).unwrap_err());
    }
    assert_rejected("view", &View::new("*").unwrap_err());
    assert_eq!(View::new("/plain").unwrap(), View::new("plain").unwrap());
    assert_eq!(View::new("/").unwrap().as_str(), "/");
    let key = "app:{ada}:%2Fplain";
    let context: Context = key.parse().unwrap();
    assert_eq!(context.key(), key, "a key is kept as it was written");
    let context = r#"{"app":"","session":"hunter2","view":"v"}"#;
    let error = serde_json::from_str::<Context>(context)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("app is empty") && !error.contains(SECRET),
        "{error}"
    );
    let id = SessionId::new("the-whole-id-hunter2-1234").unwrap();
    assert_eq!(format!("{id:?}"), "SessionId(..1234)");
}

#[test]
fn invalid_url_is_rejected_without_repeating_it() {
    for url in [
        "",
        "hunter2",
        "http://hunter2",
        "redis://:hunter2@[::",
        "redis://h:hunter2",
    ] {
        assert_rejected("url", &Salver::redis("app", url).unwrap_err());
    }
}

#[test]
fn invalid_settings_are_rejected_by_builder() {
    let build = || Salver::builder("app");
    let zero = Duration::ZERO;
    assert_rejected("ttl", &build().ttl(zero).build().unwrap_err());
    assert_rejected(
        "max_age",
        &build().max_age(Duration::MAX).build().unwrap_err(),
    );
    assert_rejected("lease", &build().lease(zero).build().unwrap_err());
    assert_rejected(
        "max_messages",
        &build().max_messages(0).build().unwrap_err(),
    );
    assert_rejected(
        "max_messages",
        &build().max_messages(1001).build().unwrap_err(),
    );
    assert_rejected(
        "page_timeout",
        &build().page_timeout(zero).build().unwrap_err(),
    );
    assert_rejected(
        "call_timeout",
        &build().call_timeout(Duration::MAX).build().unwrap_err(),
    );
    assert_rejected("url", &build().redis("hunter2").build().unwrap_err());
}

#[test]
fn valid_links_are_accepted() {
    for url in [
        "/",
        "/uploads?x=1#y",
        "http://example.org",
        "https://example.org/ø",
        "/a:b//c",
    ] {
        assert!(
            Message::info("x").action("x", url).validate().is_ok(),
            "{url}"
        );
    }
}

#[test]
fn ids_of_one_process_increase() {
    let ids: Vec<_> = (0..10_000).map(|_| Message::info("x").id()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    let encoded: Vec<_> = ids.iter().map(MessageId::to_string).collect();
    assert!(encoded.is_sorted());
}

#[test]
fn ids_of_job_steps_are_deterministic() {
    for case in fixtures()["steps"].as_array().unwrap() {
        let started_at = UNIX_EPOCH + Duration::from_millis(case["begun"].as_u64().unwrap());
        let step = case["step"].as_u64().unwrap().try_into().unwrap();
        let id = MessageId::for_job_step(started_at, case["job"].as_str().unwrap(), step);
        assert_eq!(id.to_string(), case["id"], "{case}");
        assert_eq!(
            MessageId::from_str(&id.to_string()).unwrap(),
            id,
            "a UUIDv7"
        );
    }
    let steps: Vec<_> = (0..4096)
        .map(|step| MessageId::for_job_step(SystemTime::now(), "job", step))
        .collect();
    assert!(
        steps.is_sorted_by(|a, b| a < b),
        "in the order of the steps"
    );
}

#[test]
fn autoclose_defaults_to_level() {
    assert_eq!(Message::success("x").autoclose_millis(), Some(5000));
    assert_eq!(Message::error("x").autoclose_millis(), None);
    assert_eq!(
        Message::info("x")
            .autoclose(Autoclose::Never)
            .autoclose_millis(),
        None
    );
    let second = Message::error("x").autoclose(Duration::from_secs(1));
    assert_eq!(second.autoclose_millis(), Some(1000));
}

#[test]
fn message_debug_contains_no_text() {
    let message = Message::info(SECRET)
        .title(SECRET)
        .action(SECRET, "/")
        .data(SECRET);
    assert!(!format!("{message:?}").contains(SECRET));
    let encoded = format!("{:?}", wire::EncodedMessage::new(message.clone()).unwrap());
    assert_eq!(encoded, format!("{message:?}"));
}

fn run<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config).run(strategy, test).unwrap();
}

/// Generates names with characters that an incorrect key encoding would confuse.
fn name() -> impl Strategy<Value = String> {
    let pieces = [
        "a", "b", ":", "%", "%3A", "{", "}", "*", "!", "?", "[", "/", "ø", " ", "session", "~",
    ];
    vec(select(pieces.to_vec()), 1..4).prop_map(|pieces| pieces.concat())
}

#[test]
fn property_keys_are_injective() {
    let tuple = || (name(), name(), name());
    let context = |(app, session, view): &(String, String, String)| {
        let session = SessionId::new(session.as_str()).ok()?;
        Context::new(app.as_str(), session, View::new(view.as_str()).ok()?).ok()
    };
    run(&(tuple(), tuple()), |(one, other)| {
        if let (Some(first), Some(second)) = (context(&one), context(&other)) {
            prop_assert_eq!(first.key() == second.key(), one == other);
            let key = first.key();
            let braces = |c| key.matches(c).count();
            prop_assert_eq!((braces('{'), braces('}'), braces(':')), (1, 1, 2));
            prop_assert!(!key.contains('!'));
        }
        Ok(())
    });
    println!("PROPERTY keys_are_injective cases={CASES}");
}

fn message() -> impl Strategy<Value = Message> {
    let text = || "[ -~\u{a0}-\u{2fff}]{1,60}";
    let level = select(Level::ALL.to_vec());
    let data = proptest::option::of((any::<i64>(), any::<f64>(), text()));
    let extras = (
        proptest::option::of("[A-Za-z0-9._~-]{1,64}"),
        proptest::option::of(text()),
    );
    let rest = (
        data,
        proptest::option::of(500_u64..86_400_000),
        any::<bool>(),
        0_i64..4_000_000_000,
    );
    (level, text(), extras, rest).prop_map(|(level, text, (tag, title), rest)| {
        let (data, autoclose, markdown, expires) = rest;
        let mut message = Message::new(level, text).action("Go", "/x");
        if let Some(tag) = tag {
            message = message.tag(tag);
        }
        if let Some(title) = title {
            message = message.title(title);
        }
        if let Some(data) = data {
            message = message.data(data);
        }
        if let Some(millis) = autoclose {
            message = message.autoclose(Duration::from_millis(millis));
        }
        if markdown {
            message = message.markdown();
        }
        message.expires_at(OffsetDateTime::from_unix_timestamp(expires).unwrap())
    })
}

#[test]
fn property_encoded_message_decodes_to_itself() {
    run(&message(), |message| {
        if let Ok(member) = wire::encode(&message) {
            let header = wire::member_header(&member).unwrap();
            let id = message.id().to_string();
            prop_assert_eq!(header.id, id.as_bytes());
            prop_assert_eq!(header.tag, message.get_tag().map(str::as_bytes));
            prop_assert_eq!(header.unix_ms(), Some(message.id().unix_ms()));
            prop_assert_eq!(wire::decode(&member).unwrap(), message);
        }
        Ok(())
    });
    println!("PROPERTY encoded_message_decodes_to_itself cases={CASES}");
}

#[test]
fn property_decode_never_panics() {
    let start = br#"{"id":"018f2b6e-7c3a-7000-8000-000000000001""#.to_vec();
    run(
        &(any::<bool>(), vec(any::<u8>(), 0..200)),
        |(has_valid_start, noise)| {
            let member = if has_valid_start {
                [start.clone(), noise].concat()
            } else {
                noise
            };
            let _ = wire::decode(&member);
            Ok(())
        },
    );
    println!("PROPERTY decode_never_panics cases={CASES}");
}
