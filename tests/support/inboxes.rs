//! Inboxes on the memory store and on Redis, with a clock that a test moves.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use salver::store::{Clock, MemoryStore, RedisStore};
use salver::{Inbox, InboxFilter, Message, Notification, Recipient, Salver, SalverBuilder};

use super::cluster::{Cluster, cluster_store};
use super::processes::scratch;
use super::redis::Server;

/// How long a busy machine may take for one call.
const PATIENCE: Duration = Duration::from_secs(10);

/// A handle of an application whose store has a clock of its own.
pub struct Inboxes {
    pub salver: Salver,
    /// The server, unless the store is the memory of the process.
    pub server: Option<Server>,
    clock: TestClock,
}

enum TestClock {
    Manual(Clock),
    /// The file with the time of a server, in seconds.
    File(PathBuf),
    /// The file with the time by which the clock of a server is ahead, in seconds.
    Ahead(PathBuf, AtomicU64),
    System,
}

impl Inboxes {
    pub fn memory() -> Self {
        Self::memory_with(|builder| builder)
    }

    pub fn memory_with(settings: Settings) -> Self {
        let clock = Clock::manual();
        let store = MemoryStore::with_clock(clock.clone());
        Self {
            salver: settings(builder()).store(store).build().unwrap(),
            server: None,
            clock: TestClock::Manual(clock),
        }
    }

    /// Returns inboxes on a server of its own.
    pub fn redis() -> Self {
        Self::redis_with(|builder| builder)
    }

    pub fn redis_with(settings: Settings) -> Self {
        Self::on(Server::start(), TestClock::System, settings)
    }

    /// Returns inboxes on a server with options of its own.
    pub fn redis_with_options(settings: Settings, options: &[&str]) -> Self {
        Self::on(Server::start_with(options), TestClock::System, settings)
    }

    /// Returns inboxes on a server whose clock a test can move.
    pub fn redis_with_clock() -> Self {
        Self::redis_with_clock_and(|builder| builder)
    }

    pub fn redis_with_clock_and(settings: Settings) -> Self {
        Self::redis_at(unix_seconds(), settings)
    }

    /// Returns inboxes on a server whose clock stands at a time, in Unix seconds, until a test moves it.
    pub fn redis_at(time: u64, settings: Settings) -> Self {
        Self::redis_at_with(time, settings, &[])
    }

    /// Returns inboxes on a server with options of its own, whose clock a test can move.
    pub fn redis_with_clock_and_options(settings: Settings, options: &[&str]) -> Self {
        Self::redis_at_with(unix_seconds(), settings, options)
    }

    /// Returns inboxes on a server with options of its own, whose clock goes on, and is ahead by what a test moves it.
    pub fn redis_with_running_clock(settings: Settings, options: &[&str]) -> Self {
        let file = clock_file("+0");
        let server = Server::start_at_with(&file, options);
        Self::on(server, TestClock::Ahead(file, AtomicU64::new(0)), settings)
    }

    /// Starts a Cluster whose clocks go on, and are ahead by what a test moves them. Returns its inboxes.
    pub fn cluster_with_running_clock(
        settings: Settings,
        start: impl FnOnce(&Path) -> Cluster,
    ) -> (Self, Cluster) {
        let file = clock_file("+0");
        let cluster = start(&file);
        let salver = settings(builder()).store(cluster_store(&cluster));
        let salver = salver.call_timeout(PATIENCE).page_timeout(PATIENCE);
        let inboxes = Self {
            salver: salver.build().unwrap(),
            server: None,
            clock: TestClock::Ahead(file, AtomicU64::new(0)),
        };
        (inboxes, cluster)
    }

    fn redis_at_with(time: u64, settings: Settings, options: &[&str]) -> Self {
        let file = clock_file(&time.to_string());
        let server = Server::start_at_with(&file, options);
        Self::on(server, TestClock::File(file), settings)
    }

    fn on(server: Server, clock: TestClock, settings: Settings) -> Self {
        let store = RedisStore::new(&server.url()).unwrap();
        let salver = settings(builder()).store(store).call_timeout(PATIENCE);
        let salver = salver.page_timeout(PATIENCE);
        Self {
            salver: salver.build().unwrap(),
            server: Some(server),
            clock,
        }
    }

    /// Returns a handle of another process: on Redis of its own, on the memory store a clone.
    pub fn process(&self, settings: Settings) -> Salver {
        let Some(server) = &self.server else {
            return self.salver.clone();
        };
        let store = RedisStore::new(&server.url()).unwrap();
        let salver = settings(builder()).store(store).call_timeout(PATIENCE);
        salver.build().unwrap()
    }

    /// Returns the file with the time of the server.
    pub fn clock_file(&self) -> &Path {
        match &self.clock {
            TestClock::File(file) | TestClock::Ahead(file, _) => file,
            TestClock::Manual(_) | TestClock::System => {
                panic!("the test needs a server with a clock")
            }
        }
    }

    /// Moves the clock of the store ahead.
    pub fn advance(&self, time: Duration) {
        match &self.clock {
            TestClock::Manual(clock) => clock.advance(time),
            TestClock::File(_) => self.set_file(|now| now + time.as_secs()),
            TestClock::Ahead(file, ahead) => {
                let seconds = ahead.fetch_add(time.as_secs(), Ordering::SeqCst) + time.as_secs();
                std::fs::write(file, format!("+{seconds}")).unwrap();
            }
            TestClock::System => panic!("the test needs a store with a clock"),
        }
    }

    /// Moves a clock that stands still to a later time than that of the ids built so far.
    pub fn advance_if_manual(&self, time: Duration) {
        if let TestClock::Manual(clock) = &self.clock {
            clock.advance(time);
        }
    }

    /// Returns once what the store creates next is younger than what it has, by at least 1 ms.
    pub async fn next_millisecond(&self) {
        self.advance_if_manual(Duration::from_millis(1));
        let started = unix_millis();
        while unix_millis() == started {
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    }

    /// Moves the clock of the store back.
    pub fn rewind(&self, time: Duration) {
        match &self.clock {
            TestClock::Manual(clock) => clock.rewind(time),
            TestClock::File(_) => self.set_file(|now| now - time.as_secs()),
            TestClock::Ahead(..) | TestClock::System => {
                panic!("the test needs a store with a clock")
            }
        }
    }

    fn set_file(&self, change: impl Fn(u64) -> u64) {
        let TestClock::File(file) = &self.clock else {
            return;
        };
        let now: u64 = std::fs::read_to_string(file).unwrap().parse().unwrap();
        std::fs::write(file, change(now).to_string()).unwrap();
    }

    /// Adds a notification to the inbox of Ada.
    pub async fn notify(&self, notification: Notification) {
        self.salver.notify([ada()], notification).await.unwrap();
    }

    /// Returns the inbox of Ada.
    pub fn inbox(&self) -> Inbox {
        self.salver.inbox(&ada())
    }

    /// Returns the texts of all notifications that a filter selects, newest first.
    pub async fn texts(&self, filter: InboxFilter) -> Vec<String> {
        let page = self
            .inbox()
            .list(&filter.ungrouped().limit(100), None)
            .await;
        let rows = page.unwrap().rows.into_iter();
        rows.map(|row| row.newest.text().to_owned()).collect()
    }

    /// Returns the unseen, the unread and all notifications of Ada.
    pub async fn counts(&self) -> (u64, u64, u64) {
        let counts = self.inbox().counts().await.unwrap();
        (counts.unseen, counts.unread, counts.total)
    }
}

/// Changes the settings of a handle.
pub type Settings = fn(SalverBuilder) -> SalverBuilder;

/// Returns the settings of a site that sends mails.
fn clock_file(time: &str) -> PathBuf {
    let file = scratch("time").join("time");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, time).unwrap();
    file
}

fn builder() -> SalverBuilder {
    Salver::builder("app")
        .site("https://app.example")
        .secret([7; 32])
}

fn unix_seconds() -> u64 {
    unix_time().as_secs()
}

fn unix_millis() -> u128 {
    unix_time().as_millis()
}

fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

pub fn ada() -> Recipient {
    Recipient::user("ada")
}

pub fn bob() -> Recipient {
    Recipient::user("bob")
}

/// Builds a notification with this text.
pub fn note(text: &str) -> Notification {
    Notification::new("test", Message::info(text))
}

/// Defines a test of inboxes for each store: `{name}::memory` and `{name}::redis`. With `clock`, the
/// test moves the clock of the store. The tests may begin with the settings of their handles, in parentheses.
#[macro_export]
macro_rules! inbox_tests {
    (($settings:expr) $($tests:tt)*) => {
        const SETTINGS: $crate::support::inboxes::Settings = $settings;
        $crate::inbox_tests!(@tests $($tests)*);
    };
    (@tests $($(#[$attribute:meta])* async fn $name:ident($inboxes:ident: Inboxes $(, $clock:ident)?) $body:block)*) => {
        $($(#[$attribute])* mod $name {
            use super::*;

            async fn test($inboxes: $crate::support::inboxes::Inboxes) $body

            #[tokio::test]
            async fn memory() {
                test($crate::support::inboxes::Inboxes::memory_with(SETTINGS)).await;
            }

            #[tokio::test]
            async fn redis() {
                test($crate::inbox_tests!(@redis $($clock)?)).await;
            }
        })*
    };
    (@redis) => { $crate::support::inboxes::Inboxes::redis_with(SETTINGS) };
    (@redis $clock:ident) => { $crate::support::inboxes::Inboxes::redis_with_clock_and(SETTINGS) };
    ($($tests:tt)*) => { $crate::inbox_tests!((|settings| settings) $($tests)*); };
}
