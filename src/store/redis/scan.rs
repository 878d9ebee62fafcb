//! Scan of all contexts of an application in bounded steps.

use ::redis::cmd;

use crate::Error;
use crate::redis::{Client, parse};
use crate::store::redis::keys;

/// Approximate number of keys that the server scans in one step.
const SCAN_COUNT: usize = 50;

/// The result of one step.
#[derive(Default)]
pub(crate) struct ScanPage {
    /// Keys of contexts. A scan can return a key twice.
    pub(crate) contexts: Vec<String>,
    /// Approximate number of keys on the server.
    pub(crate) total_keys: u64,
    /// Cursor of the next step; `None` at the end.
    pub(crate) next: Option<String>,
}

/// The position of a scan: the number of the node in a Cluster, and the cursor of that node.
struct Cursor {
    node: usize,
    cursor: u64,
}

impl Cursor {
    fn parse(from: Option<&str>) -> Result<Self, Error> {
        let Some(from) = from else {
            return Ok(Self { node: 0, cursor: 0 });
        };
        let parts = from.split_once('-');
        let position = parts.and_then(|(node, cursor)| {
            let (node, cursor) = (node.parse().ok()?, cursor.parse().ok()?);
            Some(Self { node, cursor })
        });
        position.ok_or_else(|| Error::invalid("cursor", "was not returned by a previous step"))
    }

    fn format(&self) -> String {
        format!("{}-{}", self.node, self.cursor)
    }
}

/// Runs one step, from the cursor that the previous step returned.
pub(crate) async fn step(
    client: &Client,
    app: &str,
    from: Option<&str>,
) -> Result<ScanPage, Error> {
    let mut position = Cursor::parse(from)?;
    let mut scan = cmd("SCAN");
    scan.arg(position.cursor)
        .arg("MATCH")
        .arg(keys::contexts_pattern(app));
    scan.arg("COUNT").arg(SCAN_COUNT).arg("TYPE").arg("zset");
    let Some(page) = client.execute_on_node(position.node, scan).await? else {
        return Ok(ScanPage::default());
    };
    let total_keys = match client.execute_on_node(position.node, cmd("DBSIZE")).await? {
        Some(size) => parse(size)?,
        None => 0,
    };
    let (cursor, contexts): (u64, Vec<String>) = parse(page)?;
    position.cursor = cursor;
    // Without a node of this number, the next step returns nothing and is the last.
    position.node += usize::from(cursor == 0);
    let more = cursor != 0 || client.is_cluster();
    let next = more.then(|| position.format());
    Ok(ScanPage {
        contexts,
        total_keys,
        next,
    })
}
