//! Many subscriptions, written in the stored format by hand: a hundred thousand calls take a minute.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::pipe;
use sha2::{Digest, Sha256};

use super::redis::Server;

/// Subscriptions of one pipeline.
const BATCH: usize = 1_000;

/// Subscribes the users `p0`, `p1` and so on to a type with one filter.
pub fn subscribe(server: &Server, people: Range<usize>, event_type: &str, filter: (&str, &str)) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let (name, value) = filter;
    let (time, _): (u64, u64) = server.run(&[b"TIME"]);
    let json = format!(
        r#"{{"state":"active","at":{},"type":"{event_type}","filters":{{"{name}":"{value}"}}}}"#,
        time * 1000
    );
    let filter_sets = format!("app!filter-sets:{{{event_type}}}");
    let index = format!("app!subscribers:{{{event_type}?{name}={value}}}");
    let mut first = pipe();
    first.sadd(filter_sets, name).ignore();
    first.exec(&mut connection).unwrap();
    let people: Vec<_> = people.collect();
    for people in people.chunks(BATCH) {
        let mut pipeline = pipe();
        for number in people {
            let recipient = format!("user:p{number}");
            let id = id(&["subscription", &recipient, event_type, name, value]);
            let subscriptions = format!("app!subscriptions:{{user%3Ap{number}}}");
            pipeline.hset(subscriptions, id, &json).ignore();
            pipeline.zadd(&index, recipient, 0).ignore();
        }
        pipeline.exec(&mut connection).unwrap();
    }
}

/// Returns the first 16 bytes of SHA-256 over the fields, each after its length.
fn id(fields: &[&str]) -> String {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update(u32::try_from(field.len()).unwrap().to_be_bytes());
        hash.update(field);
    }
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..16])
}
