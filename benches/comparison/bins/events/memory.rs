//! The memory of a subscriber in Redis.

use comparison::server::Server;
use comparison::{Result, visitors};
use redis::cmd;
use salver::events::EventType;
use tokio::runtime::Builder;

use crate::subscribers::subscribe;

const EDIT: EventType = EventType::new("wiki.edit", &[]);
const SUBSCRIBERS: usize = 20_000;

/// Returns the bytes of each subscriber in the index, and of each with the subscription itself.
pub(crate) fn measure() -> Result<String> {
    let mut server = Server::start(&[])?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let salver = visitors::salver(&server.url())?;
    subscribe(&runtime, &salver, 0..SUBSCRIBERS, |_| EDIT.subscription())?;
    let bytes = |server: &mut Server, pattern: &str| -> Result<u64> {
        let keys: Vec<String> = server.run(cmd("KEYS").arg(pattern))?;
        let mut bytes = 0;
        for key in keys {
            let usage = cmd("MEMORY")
                .arg("USAGE")
                .arg(&key)
                .arg("SAMPLES")
                .arg(0)
                .clone();
            bytes += server.run::<u64>(&usage)?;
        }
        Ok(bytes)
    };
    let index = bytes(&mut server, "*!subscribers:*")?;
    let subscriptions = bytes(&mut server, "*!subscriptions:*")?;
    Ok(format!(
        "MEMORY subscribers index={} subscription={} n={SUBSCRIBERS}",
        index / SUBSCRIBERS as u64,
        subscriptions / SUBSCRIBERS as u64
    ))
}
