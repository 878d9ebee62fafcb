//! TLS, passwords, and the error texts of failed connections.

use std::path::Path;

use salver::store::{IssueKind, RedisStore, RedisStoreBuilder};
use salver::{Error, Health, Message, Salver};

use crate::support::at;
use crate::support::certificates::{Authority, Certificate};
use crate::support::cluster::{Cluster, cluster_port};
use crate::support::cluster_streams::wait_until_tracked;
use crate::support::processes::free_port;
use crate::support::redis::Server;
use crate::support::sentinels::SentinelSetup;

/// A server with a TLS port, and a plaintext port for the test itself.
struct TlsServer {
    server: Server,
    port: u16,
}

impl TlsServer {
    fn start(authority: &Authority, certificate: &Certificate, client_auth: &str) -> Self {
        let port = free_port();
        let options = tls_options(authority, certificate, port, client_auth);
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        Self {
            server: Server::start_with(&options),
            port,
        }
    }

    fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port)
    }
}

fn tls_options(
    authority: &Authority,
    certificate: &Certificate,
    port: u16,
    client_auth: &str,
) -> Vec<String> {
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    [
        ("--tls-port", port.to_string()),
        ("--tls-ca-cert-file", path(&authority.file())),
        ("--tls-cert-file", path(&certificate.file)),
        ("--tls-key-file", path(&certificate.key)),
        ("--tls-auth-clients", client_auth.to_owned()),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect()
}

async fn assert_connects(builder: &RedisStoreBuilder) {
    let salver = Salver::new("app", builder.build().unwrap()).unwrap();
    let context = at("ada", "page");
    salver
        .add(&context, Message::info("over this connection"))
        .await
        .unwrap();
    assert_eq!(salver.take(&context).await.unwrap().len(), 1);
}

/// Asserts that the connection fails and that the error and the health report name the reason.
async fn assert_unreachable(builder: &RedisStoreBuilder, reason: &str) {
    let (error, health) = failed_add(builder).await;
    assert!(error.is_unavailable(), "{error:?}");
    assert!(error.to_string().contains(reason), "{error:?}");
    assert_eq!(
        health.issues()[0].kind(),
        IssueKind::Unreachable,
        "{health}"
    );
    assert!(health.to_string().contains(reason), "{health}");
}

async fn assert_denied(builder: &RedisStoreBuilder) {
    let (error, health) = failed_add(builder).await;
    assert!(error.is_denied(), "{error:?}");
    assert_eq!(
        health.issues()[0].kind(),
        IssueKind::PermissionDenied,
        "{health}"
    );
}

/// Returns the error of an add, and the health report.
async fn failed_add(builder: &RedisStoreBuilder) -> (Error, Health) {
    let salver = Salver::new("app", builder.build().unwrap()).unwrap();
    let message = Message::info("refused");
    let error = salver.add(&at("ada", "page"), message).await.unwrap_err();
    (error, salver.health().await)
}

#[tokio::test]
async fn tls_accepts_only_trusted_certificates() {
    let (authority, other_authority) = (Authority::new(), Authority::new());
    let server = TlsServer::start(&authority, &authority.sign_localhost(), "no");
    let client_auth_server = TlsServer::start(&authority, &authority.sign_localhost(), "yes");
    let with_ca = |url: &str| RedisStore::builder(url).ca_certificate(authority.pem());
    assert_connects(&with_ca(&server.url())).await;
    assert_connects(&with_ca(&server.url().replace("127.0.0.1", "localhost"))).await;
    let (certificate, key) = authority.sign("client", "DNS:client", 2).pem();
    assert_connects(&with_ca(&client_auth_server.url()).client_certificate(certificate, key)).await;

    assert_unreachable(
        &with_ca(&client_auth_server.url()),
        "the server requires a client certificate",
    )
    .await;
    let (certificate, key) = other_authority.sign("client", "DNS:client", 2).pem();
    let untrusted_client = with_ca(&client_auth_server.url()).client_certificate(certificate, key);
    assert_unreachable(
        &untrusted_client,
        "the server rejected the client certificate or the TLS version",
    )
    .await;
    let untrusted = "the server's certificate is not trusted";
    assert_unreachable(
        &RedisStore::builder(&server.url()).ca_certificate(other_authority.pem()),
        untrusted,
    )
    .await;
    assert_unreachable(&RedisStore::builder(&server.url()), untrusted).await;
    let plain = server.url().replace("rediss", "redis");
    assert_unreachable(&RedisStore::builder(&plain), "the server may require TLS").await;
    let other_host = TlsServer::start(
        &authority,
        &authority.sign("other-host", "DNS:other-host", 2),
        "no",
    );
    assert_unreachable(&with_ca(&other_host.url()), untrusted).await;
    let expired = TlsServer::start(
        &authority,
        &authority.sign("expired", "IP:127.0.0.1", -1),
        "no",
    );
    assert_unreachable(&with_ca(&expired.url()), untrusted).await;
}

/// A plaintext port reads the TLS handshake as an incomplete command and waits for the rest without
/// a reply.
#[tokio::test]
async fn tls_to_plaintext_port_is_unreachable() {
    let server = Server::start();
    let authority = Authority::new();
    let url = server.url().replace("redis", "rediss");
    let store = RedisStore::builder(&url)
        .ca_certificate(authority.pem())
        .build();
    let salver = Salver::new("app", store.unwrap()).unwrap();
    let error = salver.count(&at("ada", "page")).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    let health = salver.health().await;
    assert_eq!(
        health.issues()[0].kind(),
        IssueKind::Unreachable,
        "{health}"
    );
}

#[test]
fn malformed_certificates_are_rejected_at_build() {
    let builder = RedisStore::builder("rediss://127.0.0.1");
    for builder in [
        builder.clone().ca_certificate("no certificate"),
        builder
            .clone()
            .client_certificate("no certificate", "no key"),
        builder
            .clone()
            .sentinel("main")
            .ca_certificate("no certificate"),
        builder.clone().cluster().ca_certificate("no certificate"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.field(), Some("certificate"), "{error}");
    }
    let without_tls =
        RedisStore::builder("redis://127.0.0.1").ca_certificate(Authority::new().pem());
    let mixed = builder.seed("redis://127.0.0.2").sentinel("main");
    for builder in [without_tls, mixed] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.field(), Some("url"), "{error}");
    }
}

#[tokio::test]
async fn tls_connects_through_sentinels_and_clusters() {
    let authority = Authority::new();
    let certificate = authority.sign_localhost();
    let primary = TlsServer::start(&authority, &certificate, "no");
    let port = free_port();
    let options = tls_options(&authority, &certificate, port, "no");
    let lines = options
        .chunks(2)
        .map(|pair| pair.join(" ").replace("--", ""));
    let settings = format!(
        "{}\ntls-replication yes\nsentinel monitor main 127.0.0.1 {} 1",
        lines.collect::<Vec<_>>().join("\n"),
        primary.port
    );
    let _setup = SentinelSetup::single(primary.server, &settings);
    let sentinel = format!("rediss://127.0.0.1:{port}");
    let builder = RedisStore::builder(&sentinel).sentinel("main");
    assert_connects(&builder.clone().ca_certificate(authority.pem())).await;
    assert_unreachable(&builder, "the server's certificate is not trusted").await;

    let port = cluster_port();
    let mut options = tls_options(&authority, &certificate, port, "no");
    options.extend(["--tls-cluster", "yes"].map(str::to_owned));
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let cluster = Cluster::single_node_with(&options);
    let builder = RedisStore::builder(&format!("rediss://127.0.0.1:{port}")).cluster();
    let trusting = builder.clone().ca_certificate(authority.pem());
    assert_connects(&trusting).await;
    // The connection that reports changes leads to the address that the node announces.
    let salver = Salver::new("app", trusting.build().unwrap()).unwrap();
    let _listener = salver.listen(&at("ada", "page"));
    wait_until_tracked(&cluster.nodes).await;
    assert_unreachable(&builder, "the server's certificate is not trusted").await;
}

#[tokio::test]
async fn correct_password_connects_and_wrong_password_is_denied() {
    let server = Server::start();
    let user: [&[u8]; 8] = [
        b"ACL", b"SETUSER", b"ada", b"on", b">s3cret", b"~*", b"&*", b"+@all",
    ];
    let _: String = server.run(&user);
    let _: String = server.run(&[b"CONFIG", b"SET", b"requirepass", b"pass"]);
    let with = |login: &str| format!("redis://{login}127.0.0.1:{}", server.port);
    for login in [":pass@", "default:pass@", "ada:s3cret@"] {
        assert_connects(&RedisStore::builder(&with(login))).await;
    }
    for login in ["", ":wrong@", "ada:wrong@", "eve:s3cret@"] {
        assert_denied(&RedisStore::builder(&with(login))).await;
    }
}

#[tokio::test]
async fn passwords_work_through_sentinels_and_clusters() {
    let primary = Server::start();
    let port = primary.port;
    let _: String = primary.run(&[b"CONFIG", b"SET", b"requirepass", b"pass"]);
    let settings =
        format!("sentinel monitor main 127.0.0.1 {port} 1\nsentinel auth-pass main pass");
    let setup = SentinelSetup::single(primary, &settings);
    let sentinel = setup.urls().remove(0);
    let with = |url: &str, login: &str| url.replace("redis://", &format!("redis://{login}"));
    assert_connects(&RedisStore::builder(&with(&sentinel, ":pass@")).sentinel("main")).await;
    assert_denied(&RedisStore::builder(&with(&sentinel, ":wrong@")).sentinel("main")).await;
    assert_denied(&RedisStore::builder(&sentinel).sentinel("main")).await;

    let cluster = Cluster::single_node();
    let _: String = cluster.nodes[0].run(&[b"CONFIG", b"SET", b"requirepass", b"pass"]);
    let node = cluster.urls().remove(0);
    let seeds = RedisStore::builder(&with(&node, ":pass@")).seed(&node);
    assert_connects(&seeds.cluster()).await;
    assert_denied(&RedisStore::builder(&with(&node, ":wrong@")).cluster()).await;
    assert_denied(&RedisStore::builder(&node).cluster()).await;
}

#[tokio::test]
async fn every_connection_uses_resp3() {
    let server = Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    salver
        .add(&at("ada", "page"), Message::info("x"))
        .await
        .unwrap();
    let clients: String = server.run(&[b"CLIENT", b"LIST"]);
    let salver_clients = clients.lines().filter(|line| !line.contains("cmd=client"));
    let uses_resp3: Vec<_> = salver_clients.map(|line| line.contains("resp=3")).collect();
    assert_eq!(uses_resp3, [true], "{clients}");
}
