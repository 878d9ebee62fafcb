//! A server that is set up in another way than Salver needs: the error, the log line and the health
//! quote its reply, and never a secret.

use std::error::Error as _;
use std::net::{IpAddr, TcpStream, UdpSocket};
use std::process::Command;

use salver::store::{IssueKind, RedisStore};
use salver::{Error, Message, Salver};

use crate::support::processes::{ChildProcess, free_port, scratch, start};
use crate::support::redis::Server;
use crate::support::{at, eventually};

const PASSWORD: &str = "s3cret-password";
const TEXT: &str = "text of the message";

/// The predicate that is true for an error.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    Denied,
    Misconfigured,
    Unavailable,
}

impl Class {
    fn of(error: &Error) -> Self {
        match error {
            error if error.is_denied() => Self::Denied,
            error if error.is_misconfigured() => Self::Misconfigured,
            error if error.is_unavailable() => Self::Unavailable,
            error => panic!("{error:?} belongs to no class"),
        }
    }

    fn issue(self) -> IssueKind {
        match self {
            Self::Denied => IssueKind::PermissionDenied,
            Self::Misconfigured => IssueKind::Misconfigured,
            Self::Unavailable => IssueKind::Unreachable,
        }
    }
}

/// Checks the error of an add, and the issue that the health check finds. Both contain `text`.
async fn assert_replies(url: &str, class: Class, text: &str) {
    let salver = Salver::new("app", RedisStore::new(url).unwrap()).unwrap();
    let context = at("ada-session", "page");
    // The second attempt fails while the connection waits for its next attempt.
    for _ in 0..2 {
        let added = salver.add(&context, Message::info(TEXT)).await;
        let error = added.unwrap_err();
        assert_eq!(Class::of(&error), class, "{error:?}");
        assert!(error.to_string().contains(text), "{text}: {error}");
        assert_eq!(
            error.retry_after().is_some(),
            class == Class::Unavailable,
            "{error}"
        );
        let source = error.source().map(ToString::to_string);
        let printed = format!("{error} {error:?} {source:?}");
        for secret in [PASSWORD, TEXT, "ada-session"] {
            assert!(!printed.contains(secret), "{secret}: {printed}");
        }
    }
    let health = salver.health().await;
    let issue = health
        .issues()
        .iter()
        .find(|issue| issue.kind() == class.issue());
    let issue = issue.unwrap_or_else(|| panic!("{class:?}: {health}"));
    assert!(issue.detail().contains(text), "{text}: {issue}");
    assert!(!health.to_string().contains(PASSWORD), "{health}");
}

fn url(server: &Server, user: &str) -> String {
    format!("redis://{user}127.0.0.1:{}", server.port)
}

#[tokio::test]
async fn missing_database_is_misconfigured_with_reply_of_server() {
    let server = Server::start();
    let url = format!("{}/99", url(&server, ""));
    let reply = "correct the number at the end of the URL; the server replied \
                 \"ERR DB index is out of range\"";
    assert_replies(&url, Class::Misconfigured, reply).await;
}

#[tokio::test]
async fn unknown_command_is_misconfigured_without_its_arguments() {
    for command in ["EVALSHA", "EVAL", "HELLO", "SELECT"] {
        let server = Server::start_with(&["--rename-command", command, ""]);
        let url = format!("{}/1", url(&server, &format!(":{PASSWORD}@")));
        let reply = format!("the server replied \"ERR unknown command '{command}'\"");
        assert_replies(&url, Class::Misconfigured, &reply).await;
    }
}

#[tokio::test]
async fn denied_error_quotes_reply_of_server() {
    let server = Server::start();
    let user: [&[u8]; 8] = [
        b"ACL", b"SETUSER", b"ada", b"on", b">pw", b"~*", b"+@all", b"-select",
    ];
    let _: String = server.run(&user);
    let wrong_password = url(&server, &format!("ada:{PASSWORD}@"));
    let reply = "\"WRONGPASS invalid username-password pair or user is disabled\"";
    assert_replies(&wrong_password, Class::Denied, reply).await;
    let no_select = format!("{}/1", url(&server, "ada:pw@"));
    let reply = "no permissions to run the 'select' command\"";
    assert_replies(&no_select, Class::Denied, reply).await;
    let _: String = server.run(&[b"CONFIG", b"SET", b"requirepass", PASSWORD.as_bytes()]);
    assert_replies(&url(&server, ""), Class::Denied, "\"NOAUTH ").await;
}

/// The server sends its reason and closes the connection before it reads a command.
#[tokio::test]
async fn rejected_connection_quotes_reason_of_server() {
    let server = Server::start();
    let _: String = server.run(&[b"CONFIG", b"SET", b"maxclients", b"1"]);
    let _only_client = server.connect();
    let reply = "the server replied \"ERR max number of clients reached\"";
    assert_replies(&url(&server, ""), Class::Unavailable, reply).await;

    let Some(address) = other_address() else {
        println!("PROTECTED skipped: this machine has no other address than loopback");
        return;
    };
    let open = ["--bind", "0.0.0.0", "--protected-mode", "yes"];
    let server = Server::start_with(&open);
    let url = format!("redis://{address}:{}", server.port);
    let reply = "the server replied \"DENIED Redis is running in protected mode";
    assert_replies(&url, Class::Denied, reply).await;
}

/// Returns the address of a network interface that is not loopback.
fn other_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Selects a route, and sends nothing. The address is reserved for documentation.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback()).then_some(address)
}

/// It closes a connection at a command that it does not know, such as `HELLO`, without a reply.
#[tokio::test]
async fn twemproxy_error_names_proxies_as_possible_cause() {
    let server = Server::start();
    let (port, _proxy) = start_twemproxy(&server).await;
    let url = format!("redis://127.0.0.1:{port}");
    assert_replies(&url, Class::Unavailable, "a proxy such as twemproxy").await;
}

async fn start_twemproxy(server: &Server) -> (u16, ChildProcess) {
    let (port, stats_port) = (free_port(), free_port().to_string());
    let config = scratch("twemproxy").join("nutcracker.yml");
    let pool = format!(
        "pool:\n  listen: 127.0.0.1:{port}\n  hash: fnv1a_64\n  distribution: ketama\n  redis: true\n  \
         servers:\n   - 127.0.0.1:{}:1\n",
        server.port
    );
    std::fs::write(&config, pool).unwrap();
    let mut command = Command::new("nutcracker");
    command.arg("-c").arg(&config).args(["-s", &stats_port]);
    let process = start(command.args(["-a", "127.0.0.1"]), "nutcracker");
    eventually("twemproxy accepts connections", async || {
        TcpStream::connect(("127.0.0.1", port)).ok()
    })
    .await;
    (port, process)
}
