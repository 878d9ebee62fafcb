//! Going through all contexts of an application in bounded steps.

use ::redis::cmd;

use crate::Error;
use crate::redis::Connection;
use crate::store::redis::keys;
use crate::store::redis::scripts::parse;

/// How many keys of the server one step goes through, about.
const SCAN_COUNT: usize = 50;

/// What one step came by.
#[derive(Default)]
pub(crate) struct ScanPage {
    /// Keys of contexts. A key may come twice.
    pub(crate) contexts: Vec<String>,
    /// How many keys the server has, about.
    pub(crate) total_keys: u64,
    /// Where the next step goes on; none at the end.
    pub(crate) next: Option<String>,
}

/// Where a walk is: the server, of several in a Cluster, and its own cursor.
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
        let place = parts.and_then(|(node, cursor)| {
            let (node, cursor) = (node.parse().ok()?, cursor.parse().ok()?);
            Some(Self { node, cursor })
        });
        place.ok_or_else(|| Error::invalid("cursor", "was not returned by a previous step"))
    }

    fn format(&self) -> String {
        format!("{}-{}", self.node, self.cursor)
    }
}

/// Goes one step on from where the step before it says.
pub(crate) async fn step(
    connection: &Connection,
    app: &str,
    from: Option<&str>,
) -> Result<ScanPage, Error> {
    let mut place = Cursor::parse(from)?;
    let mut scan = cmd("SCAN");
    scan.arg(place.cursor)
        .arg("MATCH")
        .arg(keys::contexts_pattern(app));
    scan.arg("COUNT").arg(SCAN_COUNT).arg("TYPE").arg("zset");
    let Some(page) = connection.execute_on_node(place.node, scan).await? else {
        return Ok(ScanPage::default());
    };
    let of = match connection
        .execute_on_node(place.node, cmd("DBSIZE"))
        .await?
    {
        Some(size) => parse(size)?,
        None => 0,
    };
    let (cursor, contexts): (u64, Vec<String>) = parse(page)?;
    place.cursor = cursor;
    // With nobody at the next place the step after this one finds nothing and is the last.
    place.node += usize::from(cursor == 0);
    let more = cursor != 0 || connection.is_cluster();
    let next = more.then(|| place.format());
    Ok(ScanPage {
        contexts,
        total_keys: of,
        next,
    })
}
