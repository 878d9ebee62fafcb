//! Notifications and flash messages by programs without a Redis client.

use salver::{InboxFilter, MessageId, Recipient};
use serde_json::{Value, json};

use super::site::{Broker, problem};
use crate::support::at;

#[actix_web::test]
async fn notification_is_added_once_to_each_recipient() {
    for broker in Broker::on_both_stores() {
        let id = MessageId::new();
        let body = json!({
            "recipients": ["user:7", "user:8"],
            "notification": {
                "kind": "graph.uploaded", "subject": "graphs/7", "group": "uploads",
                "actor": {"id": "user:1", "name": "Ada"},
                "message": {"id": id, "level": "success", "title": "Upload", "text": "It is ready.", "action": {"label": "Look", "url": "/graphs/7"}},
            },
        });
        for _ in 0..2 {
            let response = broker
                .post("/notifications")
                .json(&body)
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), 201);
            assert_eq!(response.json::<Value>().await.unwrap(), json!({ "id": id }));
        }
        for user in [7, 8] {
            let inbox = broker.salver.inbox(&Recipient::user(user));
            let page = inbox.list(&InboxFilter::all(), None).await.unwrap();
            assert_eq!(page.rows.len(), 1);
            let note = &page.rows[0].newest;
            assert_eq!(
                (note.kind(), note.text()),
                ("graph.uploaded", "It is ready.")
            );
            assert_eq!(note.get_subject(), Some("graphs/7"));
            assert_eq!(note.get_actor().unwrap().1, "Ada");
        }
    }
}

#[actix_web::test]
async fn flash_message_is_added_once_to_a_page_of_a_session() {
    for broker in Broker::on_both_stores() {
        let id = MessageId::new();
        let body = json!({"session": "ada", "view": "uploads", "message": {"id": id, "level": "warning", "text": "120 icons are ready.", "tag": "import"}});
        for _ in 0..2 {
            let response = broker.post("/messages").json(&body).send().await.unwrap();
            assert_eq!(response.status(), 201);
        }
        let pending = broker.salver.peek(&at("ada", "uploads")).await.unwrap();
        assert_eq!(pending.len(), 1);
        assert_eq!(pending[0].text(), "120 icons are ready.");
        assert_eq!(pending[0].get_tag(), Some("import"));
        let session = at("ada", "uploads");
        broker
            .salver
            .close_session(session.session())
            .await
            .unwrap();
        let closed = broker.post("/messages").json(&body).send().await.unwrap();
        problem(closed, 409).await;
    }
}

#[actix_web::test]
async fn invalid_notifications_and_messages_are_refused() {
    let broker = Broker::memory();
    let message = json!({"text": "x"});
    let many: Vec<_> = (0..501).map(|user| format!("user:{user}")).collect();
    let note = |recipients: Value| json!({"recipients": recipients, "notification": {"kind": "a", "message": message}});
    for (path, body, status, field) in [
        ("/notifications", note(json!([])), 422, Some("recipients")),
        ("/notifications", note(json!(many)), 422, Some("recipients")),
        (
            "/notifications",
            note(json!(["ada"])),
            422,
            Some("recipient"),
        ),
        (
            "/notifications",
            json!({"recipients": ["user:7"], "notification": {"kind": "a b", "message": message}}),
            422,
            Some("kind"),
        ),
        (
            "/notifications",
            json!({"recipients": ["user:7"], "notification": {"kind": "a"}}),
            400,
            None,
        ),
        ("/notifications", json!({}), 400, None),
        (
            "/messages",
            json!({"session": "", "view": "p", "message": message}),
            422,
            Some("session"),
        ),
        (
            "/messages",
            json!({"session": "ada", "view": "", "message": message}),
            422,
            Some("view"),
        ),
        (
            "/messages",
            json!({"session": "ada", "view": "p", "message": {"text": ""}}),
            422,
            Some("text"),
        ),
        (
            "/messages",
            json!({"session": "ada", "view": "p", "message": message, "more": 1}),
            400,
            None,
        ),
        (
            "/messages",
            json!({"session": "ada", "view": "p", "message": {"text": "x".repeat(200_000)}}),
            413,
            None,
        ),
    ] {
        let response = broker.post(path).json(&body).send().await.unwrap();
        let problem = problem(response, status).await;
        assert_eq!(problem["field"].as_str(), field, "{path} {problem}");
    }
    let plain = broker.post("/messages").body("{}").send().await.unwrap();
    problem(plain, 415).await;
}
