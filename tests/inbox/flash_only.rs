//! A site that uses flash messages alone builds and stores nothing of the inbox.

use std::process::Command;
use std::time::Duration;

use salver::{Message, Salver};

use crate::support::at;
use crate::support::redis::Server;

#[test]
fn default_features_build_no_dependency_of_inbox() {
    let tree = |features: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        let args = "tree --edges normal --offline --locked --prefix none --format {p}";
        command.args(args.split(' ')).args(features);
        let output = command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(tree(&["--features", "inbox"]).contains("email_address "));
    assert!(!tree(&[]).contains("email_address "));
}

#[tokio::test]
async fn flash_messages_alone_write_contexts_and_session_index_only() {
    let server = Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    salver
        .add(&at("ada", "page"), Message::info("one").tag("t"))
        .await
        .unwrap();
    let claim = salver.claim(&at("ada", "page")).await.unwrap();
    salver.confirm(&claim).await.unwrap();
    salver
        .add(&at("ada", "page"), Message::info("two"))
        .await
        .unwrap();
    let health = salver.health().await;
    assert!(health.is_healthy(), "{health}");
    salver.sweep(Duration::from_secs(60), |_| {}).await.unwrap();
    let mut keys: Vec<String> = server.run(&[b"KEYS", b"*"]);
    keys.sort();
    assert_eq!(keys, ["app!session:{ada}", "app:{ada}:page"]);
}
