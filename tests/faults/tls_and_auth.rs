//! Doors that open to whom they know: TLS, passwords, and what a refusal says.

use std::path::Path;

use salver::store::{IssueKind, RedisStore, RedisStoreBuilder};
use salver::{Error, Health, Message, Salver};

use crate::support::at;
use crate::support::certificates::{Authority, Certificate};
use crate::support::cluster::{Cluster, cluster_port};
use crate::support::processes::free_port;
use crate::support::redis::Server;
use crate::support::sentinels::Watched;

/// A server that speaks TLS on one port and plain text, for the test itself, on another.
struct Safe {
    server: Server,
    port: u16,
}

impl Safe {
    fn start(authority: &Authority, own: &Certificate, clients: &str) -> Self {
        let port = free_port();
        let options = tls_options(authority, own, port, clients);
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

fn tls_options(authority: &Authority, own: &Certificate, port: u16, clients: &str) -> Vec<String> {
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    [
        ("--tls-port", port.to_string()),
        ("--tls-ca-cert-file", path(&authority.file())),
        ("--tls-cert-file", path(&own.file)),
        ("--tls-key-file", path(&own.key)),
        ("--tls-auth-clients", clients.to_owned()),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect()
}

async fn opens(builder: &RedisStoreBuilder) {
    let salver = Salver::new("app", builder.build().unwrap()).unwrap();
    let page = at("ada", "page");
    salver
        .add(&page, Message::info("through the door"))
        .await
        .unwrap();
    assert_eq!(salver.take(&page).await.unwrap().len(), 1);
}

/// Wants a door to stay closed, and to say why.
async fn refuses(builder: &RedisStoreBuilder, why: &str) {
    let (error, health) = knock(builder).await;
    assert!(error.is_unavailable(), "{error:?}");
    assert!(error.to_string().contains(why), "{error:?}");
    assert_eq!(
        health.issues()[0].kind(),
        IssueKind::Unreachable,
        "{health}"
    );
    assert!(health.to_string().contains(why), "{health}");
}

async fn denies(builder: &RedisStoreBuilder) {
    let (error, health) = knock(builder).await;
    assert!(error.is_denied(), "{error:?}");
    assert_eq!(
        health.issues()[0].kind(),
        IssueKind::PermissionDenied,
        "{health}"
    );
}

async fn knock(builder: &RedisStoreBuilder) -> (Error, Health) {
    let salver = Salver::new("app", builder.build().unwrap()).unwrap();
    let message = Message::info("refused");
    let error = salver.add(&at("ada", "page"), message).await.unwrap_err();
    (error, salver.health().await)
}

#[tokio::test]
async fn tls_opens_to_whom_it_knows() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = Safe::start(&authority, &authority.sign_here(), "no");
    let asking = Safe::start(&authority, &authority.sign_here(), "yes");
    let with_ca = |url: &str| RedisStore::builder(url).ca_certificate(authority.pem());
    opens(&with_ca(&server.url())).await;
    opens(&with_ca(&server.url().replace("127.0.0.1", "localhost"))).await;
    let (certificate, key) = authority.sign("client", "DNS:client", 2).pem();
    opens(&with_ca(&asking.url()).client_certificate(certificate, key)).await;

    refuses(&with_ca(&asking.url()), "asks for a client certificate").await;
    let (certificate, key) = stranger.sign("client", "DNS:client", 2).pem();
    let unknown = with_ca(&asking.url()).client_certificate(certificate, key);
    refuses(&unknown, "refuses the client certificate").await;
    let unaccepted = "the server's certificate is not trusted";
    refuses(
        &RedisStore::builder(&server.url()).ca_certificate(stranger.pem()),
        unaccepted,
    )
    .await;
    refuses(&RedisStore::builder(&server.url()), unaccepted).await;
    let plain = server.url().replace("rediss", "redis");
    refuses(&RedisStore::builder(&plain), "as where it wants TLS").await;
    let elsewhere = Safe::start(
        &authority,
        &authority.sign("elsewhere", "DNS:elsewhere", 2),
        "no",
    );
    refuses(&with_ca(&elsewhere.url()), unaccepted).await;
    let expired = Safe::start(
        &authority,
        &authority.sign("expired", "IP:127.0.0.1", -1),
        "no",
    );
    refuses(&with_ca(&expired.url()), unaccepted).await;
}

/// A server that speaks plain text waits in silence for the end of what it takes for a command.
#[tokio::test]
async fn tls_to_a_plain_port_is_unreachable() {
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
fn certificates_that_cannot_be_read_are_refused_at_once() {
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
    let in_vain = RedisStore::builder("redis://127.0.0.1").ca_certificate(Authority::new().pem());
    let mixed = builder.seed("redis://127.0.0.2").sentinel("main");
    for builder in [in_vain, mixed] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.field(), Some("url"), "{error}");
    }
}

#[tokio::test]
async fn tls_opens_through_sentinels_and_clusters() {
    let authority = Authority::new();
    let own = authority.sign_here();
    let primary = Safe::start(&authority, &own, "no");
    let port = free_port();
    let options = tls_options(&authority, &own, port, "no");
    let lines = options.chunks(2).map(|two| two.join(" ").replace("--", ""));
    let settings = format!(
        "{}\ntls-replication yes\nsentinel monitor main 127.0.0.1 {} 1",
        lines.collect::<Vec<_>>().join("\n"),
        primary.port
    );
    let _watched = Watched::alone(primary.server, &settings);
    let sentinel = format!("rediss://127.0.0.1:{port}");
    let builder = RedisStore::builder(&sentinel).sentinel("main");
    opens(&builder.clone().ca_certificate(authority.pem())).await;
    refuses(&builder, "the server's certificate is not trusted").await;

    let port = cluster_port();
    let mut options = tls_options(&authority, &own, port, "no");
    options.extend(["--tls-cluster", "yes"].map(str::to_owned));
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let _cluster = Cluster::alone_with(&options);
    let builder = RedisStore::builder(&format!("rediss://127.0.0.1:{port}")).cluster();
    opens(&builder.clone().ca_certificate(authority.pem())).await;
    refuses(&builder, "the server's certificate is not trusted").await;
}

#[tokio::test]
async fn passwords_open_and_wrong_ones_are_denied() {
    let server = Server::start();
    let user: [&[u8]; 8] = [
        b"ACL", b"SETUSER", b"ada", b"on", b">s3cret", b"~*", b"&*", b"+@all",
    ];
    let _: String = server.run(&user);
    let _: String = server.run(&[b"CONFIG", b"SET", b"requirepass", b"pass"]);
    let with = |login: &str| format!("redis://{login}127.0.0.1:{}", server.port);
    for login in [":pass@", "default:pass@", "ada:s3cret@"] {
        opens(&RedisStore::builder(&with(login))).await;
    }
    for login in ["", ":wrong@", "ada:wrong@", "eve:s3cret@"] {
        denies(&RedisStore::builder(&with(login))).await;
    }
}

#[tokio::test]
async fn passwords_open_through_sentinels_and_clusters() {
    let primary = Server::start();
    let port = primary.port;
    let _: String = primary.run(&[b"CONFIG", b"SET", b"requirepass", b"pass"]);
    let settings =
        format!("sentinel monitor main 127.0.0.1 {port} 1\nsentinel auth-pass main pass");
    let watched = Watched::alone(primary, &settings);
    let sentinel = watched.urls().remove(0);
    let with = |url: &str, login: &str| url.replace("redis://", &format!("redis://{login}"));
    opens(&RedisStore::builder(&with(&sentinel, ":pass@")).sentinel("main")).await;
    denies(&RedisStore::builder(&with(&sentinel, ":wrong@")).sentinel("main")).await;
    denies(&RedisStore::builder(&sentinel).sentinel("main")).await;

    let cluster = Cluster::alone();
    let _: String = cluster.nodes[0].run(&[b"CONFIG", b"SET", b"requirepass", b"pass"]);
    let node = cluster.urls().remove(0);
    let seeds = RedisStore::builder(&with(&node, ":pass@")).seed(&node);
    opens(&seeds.cluster()).await;
    denies(&RedisStore::builder(&with(&node, ":wrong@")).cluster()).await;
    denies(&RedisStore::builder(&node).cluster()).await;
}

#[tokio::test]
async fn every_connection_speaks_resp3() {
    let server = Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    salver
        .add(&at("ada", "page"), Message::info("x"))
        .await
        .unwrap();
    let clients: String = server.run(&[b"CLIENT", b"LIST"]);
    let ours = clients.lines().filter(|line| !line.contains("cmd=client"));
    let spoken: Vec<_> = ours.map(|line| line.contains("resp=3")).collect();
    assert_eq!(spoken, [true], "{clients}");
}
