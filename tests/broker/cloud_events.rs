//! Events in the structured, binary and batched mode: vectors after the specification, repeats and limits.

use reqwest::Response;
use serde_json::{Value, json};

use super::site::{BATCH, Broker, STRUCTURED, event, problem};

const VECTORS: &str = include_str!("../fixtures/cloud_events.json");

fn vectors() -> Vec<Value> {
    // `$` is the id of the event.
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let named = |vector: &Value| {
        let name = vector["name"].as_str().unwrap();
        let text = vector.to_string().replace('$', &name.replace(' ', "-"));
        serde_json::from_str(&text).unwrap()
    };
    vectors.iter().map(named).collect()
}

async fn send(broker: &Broker, vector: &Value) -> Response {
    let default = match vector["mode"].as_str().unwrap() {
        "structured" => Some(STRUCTURED),
        "batch" => Some(BATCH),
        _ => None,
    };
    let mut request = broker.post("/events");
    if let Some(media_type) = vector["content_type"].as_str().or(default) {
        request = request.header("content-type", media_type);
    }
    for (name, value) in vector["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap());
    }
    let body = match vector["raw"].as_str() {
        Some(raw) => raw.to_owned(),
        None => vector["body"].to_string(),
    };
    request.body(body).send().await.unwrap()
}

/// Returns the attributes of a stored event, which are those that are delivered.
fn stored(broker: &Broker, id: &str) -> Option<Value> {
    let server = broker.server.as_ref()?;
    let keys: Vec<String> = server.run(&[b"KEYS", b"app!event:*"]);
    keys.iter().find_map(|key| {
        let value: String = server.run(&[b"GET", key.as_bytes()]);
        let body: Value = serde_json::from_str(&value[value.find('{')?..]).unwrap();
        (body["event"]["id"] == id).then(|| body["event"].clone())
    })
}

#[actix_web::test]
async fn events_of_all_modes_are_stored_unchanged_or_refused() {
    for broker in Broker::on_both_stores() {
        let mut accepted = 0;
        for vector in vectors() {
            let name = vector["name"].as_str().unwrap();
            let status = u16::try_from(vector["status"].as_u64().unwrap()).unwrap();
            let response = send(&broker, &vector).await;
            if status != 202 {
                let problem = problem(response, status).await;
                for member in ["field", "index"] {
                    assert_eq!(problem.get(member), vector.get(member), "{name}: {problem}");
                }
                continue;
            }
            let found = response.status();
            let text = response.text().await.unwrap();
            assert_eq!(found, 202, "{name}: {text}");
            let answer: Value = serde_json::from_str(&text).unwrap();
            let ids = answer["ids"].as_array().unwrap();
            accepted += ids.len() as u64;
            if let (Some(expected), Some(_)) = (vector.get("stored"), &broker.server) {
                let id = ids[0].as_str().unwrap();
                assert_eq!(stored(&broker, id).as_ref(), Some(expected), "{name}");
            }
        }
        assert_eq!(broker.waiting().await, accepted);
    }
}

/// The same content in another mode is the same event.
#[actix_web::test]
async fn repeated_event_is_accepted_once_in_any_mode() {
    for broker in Broker::on_both_stores() {
        for _ in 0..2 {
            assert_eq!(broker.publish(&event("1")).await.status(), 202);
        }
        let binary = broker.post("/events").json(&json!({"total": 7}));
        let binary = binary
            .header("ce-specversion", "1.0")
            .header("ce-id", "1")
            .header("ce-source", "/shop")
            .header("ce-type", "order.created");
        assert_eq!(binary.send().await.unwrap().status(), 202);
        assert_eq!(
            broker
                .publish(&json!([event("1"), event("1")]))
                .await
                .status(),
            202
        );
        let mut text = event("2");
        text["datacontenttype"] = json!("application/yaml");
        text["data"] = json!("ab");
        assert_eq!(broker.publish(&text).await.status(), 202);
        text.as_object_mut().unwrap().remove("data");
        text["data_base64"] = json!("YWI=");
        assert_eq!(broker.publish(&text).await.status(), 202);
        text["datacontenttype"] = json!("text/csv");
        problem(broker.publish(&text).await, 409).await;
        assert_eq!(broker.waiting().await, 2);
    }
}

#[actix_web::test]
async fn other_content_of_a_known_id_conflicts_and_the_rest_of_the_batch_is_stored() {
    for broker in Broker::on_both_stores() {
        assert_eq!(broker.publish(&event("1")).await.status(), 202);
        let mut other = event("1");
        other["data"]["total"] = json!(8);
        let conflict = problem(broker.publish(&other).await, 409).await;
        assert_eq!(conflict.get("index"), None);
        let batch = json!([event("0"), other, event("2")]);
        let conflict = problem(broker.publish(&batch).await, 409).await;
        assert_eq!(conflict["index"], 1);
        assert_eq!(broker.waiting().await, 3);
    }
}

#[actix_web::test]
async fn events_and_batches_over_their_limits_are_refused() {
    for broker in Broker::on_both_stores() {
        let mut large = event("large");
        large["data"] = json!("x".repeat(65_300));
        assert_eq!(broker.publish(&large).await.status(), 202);
        large["data"] = json!("x".repeat(65_536));
        problem(broker.publish(&large).await, 413).await;

        let batch =
            |count: usize| Value::Array((0..count).map(|id| event(&id.to_string())).collect());
        assert_eq!(broker.publish(&batch(100)).await.status(), 202);
        problem(broker.publish(&batch(101)).await, 413).await;
        large["data"] = json!("x".repeat(60_000));
        let large = Value::Array(vec![large; 20]);
        problem(broker.publish(&large).await, 413).await;
        assert_eq!(broker.waiting().await, 101);
    }
}

/// The limits of a stored event hold for each event of a batch.
#[actix_web::test]
async fn batch_with_an_event_that_cannot_be_stored_is_refused_whole() {
    let with_data = |data: Value| {
        let mut invalid = event("invalid");
        invalid["data"] = data;
        invalid
    };
    let invalid = [
        with_data(json!("x".repeat(65_536))),
        with_data(json!({"total": 1_u64 << 53})),
    ];
    for broker in Broker::on_both_stores() {
        for invalid in &invalid {
            let batch = json!([event("1"), invalid, event("2")]);
            let refused = problem(broker.publish(&batch).await, 422).await;
            assert_eq!(refused["index"], 1);
            assert_eq!(refused["field"], "event");
            assert_eq!(broker.waiting().await, 0);
        }
    }
}
