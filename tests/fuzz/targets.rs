//! The parsers of untrusted bytes, each with the properties that hold for any input. A target
//! returns whether the parser accepted the input.
//!
//! Plain functions: the fault test `inputs` runs them on a saved corpus and mutations of it,
//! cargo-fuzz runs them for a configured time.

use std::str;

use actix_http::Request;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::rt::{System, SystemRunner};
use actix_web::test::{TestRequest, init_service, read_body};
use actix_web::{App, Error, web};
use salver::store::{AddOutcome, Limits, RedisStore, Store};
use salver::wire::EncodedMessage;
use salver::{Context, Message, Messages, Salver, SessionId, View, limits, wire};
use tokio::runtime::Runtime;
use url::Url;

use super::fake_redis::FakeRedis;

/// A member of a sorted set, which any program may have written.
pub fn decoder(member: &[u8]) -> bool {
    let header = wire::member_header(member);
    let Ok(message) = wire::decode(member) else {
        return false;
    };
    assert!(member.len() <= limits::MAX_MESSAGE_BYTES);
    assert!((1..=limits::MAX_TEXT_BYTES).contains(&message.text().len()));
    assert!(message.get_title().unwrap_or_default().len() <= limits::MAX_TITLE_BYTES);
    assert!(message.get_tag().unwrap_or_default().len() <= limits::MAX_TAG_BYTES);
    if let Some(action) = message.get_action() {
        assert!(action.label().len() <= limits::MAX_LABEL_BYTES && leads_to_the_web(action.url()));
    }
    // The scripts read the same id and tag as the decoder.
    let header = header.unwrap();
    assert_eq!(header.id, message.id().to_string().as_bytes());
    assert_eq!(header.unix_ms(), Some(message.id().unix_ms()));
    if let Some(tag) = header.tag.filter(|tag| !tag.contains(&b'\\')) {
        assert_eq!(Some(tag), message.get_tag().map(str::as_bytes));
    }
    match wire::encode(&message) {
        Ok(written) => {
            let decoded = wire::decode(&written).unwrap();
            assert_eq!(decoded, message);
            assert_eq!(wire::encode(&decoded).unwrap(), written);
        }
        // The encoding of this crate (of 1e15, of an omitted level) can be longer than the input.
        Err(error) => {
            assert_eq!(error.field(), Some("message"));
            assert!(member.len() > limits::MAX_MESSAGE_BYTES / 4);
        }
    }
    true
}

/// The values of a request's `Cookie` headers, one a line.
pub fn cookie(lines: &[u8]) -> bool {
    let mut request = TestRequest::get()
        .peer_addr(([127, 0, 0, 1], 1).into())
        .insert_header(("host", "localhost"));
    let mut headers = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else {
            return false;
        };
        headers.push(line);
        request = request.append_header((COOKIE, value));
    }
    let session = SITE.with(|site| site.session(request.to_request()));
    assert_eq!(session.is_some(), token(&headers).is_some());
    if let Some(session) = &session {
        assert!(session.len() == 22 && session.bytes().all(is_base64url));
    }
    session.is_some()
}

/// Reads the token as RFC 6265 specifies for servers: the first cookie of the name, compared
/// exactly.
fn token<'a>(headers: &[&'a [u8]]) -> Option<&'a [u8]> {
    let mut pairs = headers
        .iter()
        .flat_map(|header| header.split(|byte| *byte == b';'));
    let value = pairs.find_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        (name.trim_ascii() == b"salver-app").then_some(value.trim_ascii())
    })?;
    // 43 characters have two bits more than 32 bytes. These two bits are zero, so that each token
    // has a single encoding.
    let is_canonical = value
        .last()
        .is_some_and(|last| b"AEIMQUYcgkosw048".contains(last));
    let is_token =
        value.len() == 43 && value.iter().all(|byte| is_base64url(*byte)) && is_canonical;
    is_token.then_some(value)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Key segments stored in Redis: the views of a session index, one a line, and the id that a
/// session moved to.
pub fn key(fields: &[u8]) -> bool {
    let session = SessionId::new("s").unwrap();
    let context = Context::new("app", session.clone(), View::ANY).unwrap();
    // A session has at most 64 contexts.
    let fields = fields.split(|byte| *byte == b'\n').take(100);
    let fields: Vec<&[u8]> = fields.collect();
    REDIS.with(|redis| {
        redis.server.set(&fields);
        let views = redis.run(redis.store.contexts("app", &session));
        let key_of = |view: &View| context.with_view(view.clone()).key();
        let mut accepted: Vec<_> = views.iter().flatten().map(key_of).collect();
        let mut expected: Vec<_> = fields.iter().filter_map(|field| view_key(field)).collect();
        accepted.sort();
        expected.sort();
        if views.is_ok() {
            assert_eq!(accepted, expected);
        } else {
            assert!(fields.iter().any(|field| str::from_utf8(field).is_err()));
        }

        redis.server.set(&[b"moved", fields[0]]);
        let message = [EncodedMessage::new(Message::info("x")).unwrap()];
        let limits = Limits::default();
        match redis.run(redis.store.add(&context, &message, &limits)) {
            Ok(AddOutcome::SessionMoved(id)) => {
                let key = context.with_session(id).key();
                assert_eq!(key.as_bytes(), [b"app:{", fields[0], b"}:*"].concat());
            }
            Ok(outcome) => panic!("{outcome:?}"),
            Err(error) => assert!(error.is_unreadable() || error.is_invalid(), "{error}"),
        }
        !accepted.is_empty()
    })
}

/// Returns the key of a view whose encoding is `field`, as the storage format specifies.
/// `None` if the field is not a valid encoding.
fn view_key(field: &[u8]) -> Option<String> {
    let field = str::from_utf8(field).ok()?;
    let mut bytes = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = str::from_utf8(after.get(..2)?).ok()?;
            let is_upper = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'A'..=b'F');
            if !digits.bytes().all(is_upper) {
                return None;
            }
            let byte = u8::from_str_radix(digits, 16).ok()?;
            // Unreserved characters are never escaped.
            if is_unreserved(byte) {
                return None;
            }
            bytes.push(byte);
            rest = &after[2..];
        } else if is_unreserved(*first) || field == "*" {
            bytes.push(*first);
            rest = after;
        } else {
            return None;
        }
    }
    let name = String::from_utf8(bytes).ok()?;
    let is_valid = field == "*" || View::new(name).is_ok();
    is_valid.then(|| format!("app:{{s}}:{field}"))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// A context in JSON, as a background job receives it.
pub fn address(json: &[u8]) -> bool {
    let Ok(context) = serde_json::from_slice::<Context>(json) else {
        return false;
    };
    assert!(context.app().len() <= 64);
    assert!(context.session().as_str().len() <= 128 && context.view().as_str().len() <= 256);
    let written = serde_json::to_vec(&context).unwrap();
    assert_eq!(
        serde_json::from_slice::<Context>(&written).unwrap(),
        context
    );
    let key = context.key();
    let count = |byte| key.bytes().filter(|other| *other == byte).count();
    assert_eq!((count(b'{'), count(b'}'), count(b':')), (1, 1, 2));
    assert!(
        key.bytes()
            .all(|byte| is_unreserved(byte) || b"{}:%*".contains(&byte))
    );
    // The key is unique to this context: the view can be parsed from it.
    let view = key.split("}:").nth(1).unwrap();
    assert!(view_key(view.as_bytes()).is_some());
    true
}

/// The link of an action.
pub fn link(url: &[u8]) -> bool {
    let Ok(url) = str::from_utf8(url) else {
        return false;
    };
    if Message::info("x").action("x", url).validate().is_err() {
        return false;
    }
    assert!(url.len() <= limits::MAX_URL_BYTES && !url.contains(char::is_control));
    assert!(leads_to_the_web(url));
    true
}

/// Returns whether a link leads to a web page, resolved like in a browser from an http page and an
/// https page.
fn leads_to_the_web(url: &str) -> bool {
    ["http://site.example/a/b?c", "https://site.example/a/b?c"]
        .iter()
        .all(|page| {
            let page = Url::parse(page).unwrap();
            let target = page.join(url).unwrap();
            let keeps_origin = !url.starts_with('/') || target.origin() == page.origin();
            let has_no_credentials = target.username().is_empty() && target.password().is_none();
            matches!(target.scheme(), "http" | "https") && keeps_origin && has_no_credentials
        })
}

thread_local! {
    // Never dropped: a runtime cannot end while its thread does.
    static SITE: &'static FuzzSite = Box::leak(Box::new(FuzzSite::start()));
    static REDIS: &'static Redis = Box::leak(Box::new(Redis::start()));
}

/// A site that returns the session of a request.
struct FuzzSite {
    call: Box<dyn Fn(Request) -> Option<String>>,
}

impl FuzzSite {
    fn start() -> Self {
        let system = System::new();
        let salver = Salver::memory("app").unwrap();
        let session_of = async |messages: Messages| match messages.session() {
            Some(session) => session.as_str().to_owned(),
            None => String::new(),
        };
        let app = App::new()
            .wrap(salver.middleware())
            .route("/", web::get().to(session_of));
        let service = system.block_on(init_service(app));
        Self {
            call: Box::new(move |request| call(&system, &service, request)),
        }
    }

    fn session(&self, request: Request) -> Option<String> {
        (self.call)(request)
    }
}

fn call<B>(
    system: &SystemRunner,
    service: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    request: Request,
) -> Option<String>
where
    B: actix_web::body::MessageBody,
{
    let body = system.block_on(async { read_body(service.call(request).await.unwrap()).await });
    let session = String::from_utf8(body.to_vec()).unwrap();
    (!session.is_empty()).then_some(session)
}

/// A Redis store that is connected to a [`FakeRedis`].
struct Redis {
    server: FakeRedis,
    store: RedisStore,
    runtime: Runtime,
}

impl Redis {
    fn start() -> Self {
        let server = FakeRedis::start();
        let store = RedisStore::new(&format!("redis://127.0.0.1:{}", server.port)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        Self {
            server,
            store,
            runtime,
        }
    }

    fn run<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }
}
