//! A real receiver of webhooks in Python, which writes each request into a file of its own.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::eventually_within;
use super::processes::{self, ChildProcess, scratch};
use super::redis::{environment_at, faketime};

/// How long a test waits for deliveries.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(60);

pub struct WebhookReceiver {
    folder: PathBuf,
    port: u16,
    /// The file with its time, if it has a clock of its own.
    time: Option<PathBuf>,
    /// None while it is stopped.
    process: Mutex<Option<ChildProcess>>,
    settings: Mutex<BTreeMap<String, Settings>>,
    ahead: Mutex<Duration>,
    read: Mutex<ReadRequests>,
}

/// What the receiver replies on one path.
#[derive(Default, Serialize)]
struct Settings {
    secrets: Vec<String>,
    handshake: Option<Handshake>,
    version: u32,
    replies: Vec<Reply>,
    released: BTreeMap<String, Reply>,
}

/// The reply to `OPTIONS`.
#[derive(Default, Serialize)]
struct Handshake {
    headers: BTreeMap<&'static str, String>,
}

/// The requests of the file so far.
#[derive(Default)]
struct ReadRequests {
    bytes: u64,
    requests: Vec<ReceivedRequest>,
}

/// A request that the receiver has written into its file.
#[derive(Clone, Debug, Deserialize)]
pub struct ReceivedRequest {
    /// Unix seconds.
    pub time: f64,
    pub method: String,
    pub path: String,
    pub query: String,
    /// The header `webhook-id`.
    pub id: Option<String>,
    /// Whether the package `standardwebhooks` has verified it.
    pub verified: bool,
    /// How many requests of this path were replied to at that time, this one included.
    pub in_flight: usize,
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// The reply to a verified delivery.
#[derive(Clone, Debug, Serialize)]
pub struct Reply {
    status: u16,
    delay_ms: u64,
    headers: BTreeMap<&'static str, String>,
    body: String,
    then: String,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            delay_ms: 0,
            headers: BTreeMap::new(),
            body: String::new(),
            then: String::new(),
        }
    }

    /// Resets the connection.
    pub fn reset() -> Self {
        Self::status(200).then("reset")
    }

    /// Sends nothing until the client closes the connection.
    pub fn silence() -> Self {
        Self::status(200).then("silent")
    }

    /// Sends a body without an end.
    pub fn endless() -> Self {
        Self::status(200).then("endless")
    }

    /// Ends the connection in the middle of the body.
    pub fn broken(self) -> Self {
        self.then("break")
    }

    /// Sends half of the body, and the rest never.
    pub fn unfinished(self) -> Self {
        self.then("unfinished")
    }

    /// Sends nothing until the deliveries that are held by this name are released.
    pub fn held(name: &str) -> Self {
        Self::status(200).then(format!("hold {name}"))
    }

    /// Replies with a CloudEvent in structured mode.
    pub fn event(event: &serde_json::Value) -> Self {
        Self::status(200)
            .with_header("Content-Type", "application/cloudevents+json")
            .with_body(event.to_string())
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    pub fn with_body(self, body: impl Into<String>) -> Self {
        let body = body.into();
        Self { body, ..self }
    }

    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub fn after(self, delay: Duration) -> Self {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap();
        Self { delay_ms, ..self }
    }

    fn then(self, then: impl Into<String>) -> Self {
        let then = then.into();
        Self { then, ..self }
    }
}

impl WebhookReceiver {
    /// Starts a receiver, which refuses all deliveries until a path has a secret.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts a receiver whose time is in a file, in Unix seconds: it verifies the time of a webhook.
    pub fn start_at(time: &Path) -> Self {
        Self::start_with(Some(time.to_owned()))
    }

    fn start_with(time: Option<PathBuf>) -> Self {
        let folder = scratch("webhooks");
        let (process, port) = start(&folder, 0, time.as_deref());
        Self {
            folder,
            port,
            time,
            process: Mutex::new(Some(process)),
            settings: Mutex::default(),
            ahead: Mutex::default(),
            read: Mutex::default(),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Sets the secrets of a path: a delivery must be signed by one of them.
    pub fn set_secrets(&self, path: &str, secrets: &[&str]) {
        let secrets = secrets.iter().map(ToString::to_string).collect();
        self.set(path, |settings| settings.secrets = secrets);
    }

    /// Sets the replies to the next verified deliveries of a path. The last one stays; without any it is 204.
    pub fn set_replies(&self, path: &str, replies: &[Reply]) {
        self.set(path, |settings| {
            settings.version += 1;
            settings.replies = replies.to_vec();
        });
    }

    /// Replies to the deliveries of a path that are held by a name, and to those that will be.
    pub fn release(&self, path: &str, name: &str, reply: Reply) {
        self.set(path, |settings| {
            settings.released.insert(name.to_owned(), reply);
        });
    }

    /// Allows deliveries to a path in the handshake, at most `rate` a minute. Until then the handshake is refused.
    pub fn allow_origin(&self, path: &str, origin: &str, rate: Option<u32>) {
        let origin = ("WebHook-Allowed-Origin", origin.to_owned());
        let rate = rate.map(|rate| ("WebHook-Allowed-Rate", rate.to_string()));
        let headers = [origin].into_iter().chain(rate).collect();
        self.set(path, |settings| {
            settings.handshake = Some(Handshake { headers });
        });
    }

    /// Refuses deliveries to a path in the handshake.
    pub fn refuse_origins(&self, path: &str) {
        self.set(path, |settings| settings.handshake = None);
    }

    /// Sets by how much the clock by which signatures are verified is ahead of the system's.
    pub fn set_ahead(&self, time: Duration) {
        *self.ahead.lock().unwrap() = time;
        self.write("ahead", time.as_secs().to_string().as_bytes());
    }

    pub fn ahead(&self) -> Duration {
        *self.ahead.lock().unwrap()
    }

    fn set(&self, path: &str, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.lock().unwrap();
        change(settings.entry(path.to_owned()).or_default());
        self.write("settings", &serde_json::to_vec(&*settings).unwrap());
    }

    fn write(&self, name: &str, content: &[u8]) {
        // The receiver reads the file as soon as it has its name.
        let unnamed = self.folder.join(format!("{name}.new"));
        std::fs::write(&unnamed, content).unwrap();
        std::fs::rename(unnamed, self.folder.join(name)).unwrap();
    }

    /// Returns all requests, oldest first.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.read().requests.clone()
    }

    /// Returns the verified deliveries, oldest first.
    pub fn deliveries(&self) -> Vec<ReceivedRequest> {
        let read = self.read();
        let requests = read.requests.iter();
        requests
            .filter(|request| request.verified)
            .cloned()
            .collect()
    }

    /// Returns the number of verified deliveries.
    pub fn count(&self) -> usize {
        let read = self.read();
        read.requests.iter().filter(|one| one.verified).count()
    }

    /// Waits until there are so many verified deliveries, and returns them.
    pub async fn wait_for(&self, count: usize) -> Vec<ReceivedRequest> {
        let condition = format!("{count} deliveries");
        eventually_within(DELIVERY_TIMEOUT, &condition, || async {
            let read = self.read();
            let verified = read.requests.iter().filter(|request| request.verified);
            (verified.count() >= count).then_some(())
        })
        .await;
        self.deliveries()
    }

    /// Reads the lines that are new.
    fn read(&self) -> MutexGuard<'_, ReadRequests> {
        let mut read = self.read.lock().unwrap();
        let mut file = File::open(self.folder.join("requests")).unwrap();
        let mut new = Vec::new();
        file.seek(SeekFrom::Start(read.bytes)).unwrap();
        file.read_to_end(&mut new).unwrap();
        // The last line may be written at this moment.
        let end = new.iter().rposition(|byte| *byte == b'\n');
        let lines = &new[..end.map_or(0, |end| end + 1)];
        read.bytes += lines.len() as u64;
        let requests = serde_json::Deserializer::from_slice(lines).into_iter();
        let requests = requests.collect::<Result<Vec<_>, _>>().unwrap();
        read.requests.extend(requests);
        read
    }

    /// Kills the receiver. Connections to its port are refused.
    pub fn stop(&self) {
        drop(self.process.lock().unwrap().take());
    }

    /// Starts the receiver again on the same port, with the same settings and file. Its replies begin again.
    pub fn restart(&self) {
        self.stop();
        let (process, _) = start(&self.folder, self.port, self.time.as_deref());
        *self.process.lock().unwrap() = Some(process);
    }
}

fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    assert!(python.exists(), "Python is missing: run tests/setup.sh");
    python
}

fn start(folder: &Path, port: u16, time: Option<&Path>) -> (ChildProcess, u16) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/webhook_receiver.py");
    let mut command = Command::new(python());
    command.arg(program).arg(folder);
    command.args(["--port", &port.to_string()]);
    command.stdout(Stdio::piped());
    if let Some(time) = time {
        let preload = faketime();
        command.envs(environment_at(time, preload.to_str().unwrap()));
    }
    let mut process = processes::start(&mut command, "python3");
    let port = process.lines().next();
    let port = port.expect("the receiver of webhooks does not start: run tests/setup.sh");
    (process, port.unwrap().parse().unwrap())
}

mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use serde_json::json;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER_SECRET: &str = "whsec_b3RoZXIgc2VjcmV0IG9mIDI0IGJ5dGVz";

    /// A delivery that the package `standardwebhooks` has signed.
    #[derive(Clone)]
    struct Signed {
        id: String,
        timestamp: String,
        signature: String,
        body: String,
    }

    fn sign(secret: &str, id: &str, age: Duration, body: &str) -> Signed {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let timestamp = (now - age).as_secs().to_string();
        let script = "import sys; from datetime import datetime, timezone; from standardwebhooks import Webhook; \
            secret, id, timestamp, body = sys.argv[1:]; \
            print(Webhook(secret).sign(id, datetime.fromtimestamp(int(timestamp), timezone.utc), body), end='')";
        let output = Command::new(python())
            .args(["-c", script, secret, id, &timestamp, body])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        Signed {
            id: id.to_owned(),
            timestamp,
            signature: String::from_utf8(output.stdout).unwrap(),
            body: body.to_owned(),
        }
    }

    async fn post(url: &str, signed: &Signed) -> reqwest::Result<reqwest::Response> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client
            .post(url)
            .header("webhook-id", &signed.id)
            .header("webhook-timestamp", &signed.timestamp)
            .header("webhook-signature", &signed.signature)
            .body(signed.body.clone())
            .send()
            .await
    }

    #[tokio::test]
    async fn forged_delivery_is_refused_and_valid_one_accepted() {
        let receiver = WebhookReceiver::start();
        let url = receiver.url("/hook?a=b");
        let body = r#"{"value": "é"}"#;
        let valid = sign(SECRET, "msg_1", Duration::ZERO, body);
        let status = async |signed: &Signed| post(&url, signed).await.unwrap().status().as_u16();

        assert_eq!(status(&valid).await, 401, "a path without a secret");
        receiver.set_secrets("/hook", &[OTHER_SECRET, SECRET]);
        assert_eq!(status(&valid).await, 204);
        let with = |change: fn(&mut Signed)| {
            let mut signed = valid.clone();
            change(&mut signed);
            signed
        };
        let stranger = sign("whsec_c3RyYW5nZXI=", "msg_1", Duration::ZERO, body);
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        for (forged, name) in [
            (stranger, "another secret"),
            (sign(SECRET, "msg_1", minutes(6), body), "an old timestamp"),
            (with(|signed| signed.body.push(' ')), "another body"),
            (with(|signed| signed.id.push('0')), "another id"),
            (
                with(|signed| signed.timestamp.push('0')),
                "another timestamp",
            ),
            (with(|signed| signed.signature.clear()), "no signature"),
            (
                with(|signed| signed.signature = "v1".to_owned()),
                "half a signature",
            ),
        ] {
            assert_eq!(status(&forged).await, 401, "{name}");
        }
        let requests = receiver.requests();
        let verified: Vec<_> = requests.iter().map(|request| request.verified).collect();
        assert_eq!(verified, [&[false, true][..], &[false; 7]].concat());
        let [accepted] = &receiver.deliveries()[..] else {
            panic!("{requests:?}");
        };
        assert_eq!(accepted.id.as_deref(), Some("msg_1"));
        assert_eq!((&*accepted.path, &*accepted.query), ("/hook", "a=b"));
        assert_eq!(accepted.body, body);
        assert!(accepted.time >= valid.timestamp.parse().unwrap());
        assert_eq!(accepted.headers["webhook-timestamp"], valid.timestamp);
    }

    #[tokio::test]
    async fn delivery_is_old_for_a_clock_that_is_ahead() {
        let receiver = WebhookReceiver::start();
        receiver.set_secrets("/hook", &[SECRET]);
        let signed = sign(SECRET, "msg_1", Duration::ZERO, "{}");
        for (minutes, status) in [(0, 204), (4, 204), (6, 401)] {
            receiver.set_ahead(Duration::from_secs(60 * minutes));
            let reply = post(&receiver.url("/hook"), &signed).await.unwrap();
            assert_eq!(reply.status(), status, "{minutes} minutes");
        }
    }

    #[tokio::test]
    async fn receiver_replies_as_it_is_set_and_after_a_restart() {
        let receiver = WebhookReceiver::start();
        let url = receiver.url("/hook");
        receiver.set_secrets("/hook", &[SECRET]);
        let event = json!({"specversion": "1.0", "id": "1", "source": "test", "type": "done"});
        receiver.set_replies(
            "/hook",
            &[
                Reply::status(503).with_header("Retry-After", "5"),
                Reply::event(&event).after(Duration::from_millis(1)),
                Reply::reset(),
                Reply::endless(),
                Reply::silence(),
            ],
        );
        let signed = sign(SECRET, "msg_1", Duration::ZERO, "{}");
        let reply = post(&url, &signed).await.unwrap();
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["retry-after"]),
            (503, &"5".parse().unwrap())
        );
        assert_eq!(
            post(&url, &signed)
                .await
                .unwrap()
                .json::<serde_json::Value>()
                .await
                .unwrap(),
            event
        );
        assert!(post(&url, &signed).await.unwrap_err().is_request());
        let mut body = post(&url, &signed).await.unwrap();
        let mut length = 0;
        while length < 1_000_000 {
            length += body.chunk().await.unwrap().unwrap().len();
        }
        drop(body);
        // No reply: the request is in the file, and stays open until it is dropped.
        tokio::select! {
            reply = post(&url, &signed) => panic!("{reply:?}"),
            deliveries = receiver.wait_for(5) => assert_eq!(deliveries.len(), 5),
        }
        receiver.stop();
        assert!(post(&url, &signed).await.unwrap_err().is_connect());
        receiver.restart();
        assert_eq!(post(&url, &signed).await.unwrap().status(), 503);
        assert_eq!(receiver.wait_for(6).await.len(), 6);
    }

    #[tokio::test]
    async fn handshake_is_refused_until_origin_is_allowed() {
        let receiver = WebhookReceiver::start();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let handshake = async || {
            let request = client.request(reqwest::Method::OPTIONS, receiver.url("/hook"));
            let request = request.header("WebHook-Request-Origin", "site.example");
            let reply = request.send().await.unwrap();
            let header = |name| {
                reply
                    .headers()
                    .get(name)
                    .map(|value| value.to_str().unwrap().to_owned())
            };
            (
                header("webhook-allowed-origin"),
                header("webhook-allowed-rate"),
            )
        };
        assert_eq!(handshake().await, (None, None));
        receiver.allow_origin("/hook", "site.example", None);
        let origin = Some("site.example".to_owned());
        assert_eq!(handshake().await, (origin, None));
        receiver.allow_origin("/hook", "*", Some(120));
        let (origin, rate) = (Some("*".to_owned()), Some("120".to_owned()));
        assert_eq!(handshake().await, (origin, rate));
        receiver.refuse_origins("/hook");
        assert_eq!(handshake().await, (None, None));
        let requests = receiver.requests();
        let methods: Vec<_> = requests.iter().map(|request| &*request.method).collect();
        assert_eq!(methods, ["OPTIONS"; 4]);
        assert!(receiver.deliveries().is_empty());
    }

    #[tokio::test]
    async fn sixteen_deliveries_are_received_at_once() {
        let receiver = WebhookReceiver::start();
        receiver.set_secrets("/hook", &[SECRET]);
        receiver.set_replies("/hook", &[Reply::silence()]);
        let signed = sign(SECRET, "msg_1", Duration::ZERO, "{}");
        let url = receiver.url("/hook");
        let posts = (0..16).map(|_| post(&url, &signed));
        tokio::select! {
            replies = futures_util::future::join_all(posts) => panic!("{replies:?}"),
            deliveries = receiver.wait_for(16) => {
                let most = deliveries.iter().map(|delivery| delivery.in_flight).max();
                assert_eq!(most, Some(16));
            }
        }
    }
}
