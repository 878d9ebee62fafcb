//! Going through all contexts of an application in bounded steps.

use std::time::Duration;

use futures_util::future::try_join_all;
use redis::cmd;

use super::keys;
use super::scripts::{self, read};
use crate::Error;
use crate::link::Line;
use crate::store::Swept;

/// How many keys of the server one step goes through, about.
const STEP: usize = 50;

/// Where a sweep is: the server, of several in a Cluster, and its own cursor.
struct Place {
    node: usize,
    cursor: u64,
}

impl Place {
    fn read(from: Option<&str>) -> Result<Self, Error> {
        let Some(from) = from else {
            return Ok(Self { node: 0, cursor: 0 });
        };
        let parts = from.split_once('-');
        let place = parts.and_then(|(node, cursor)| {
            let (node, cursor) = (node.parse().ok()?, cursor.parse().ok()?);
            Some(Self { node, cursor })
        });
        place.ok_or_else(|| Error::invalid("cursor", "is not one that a step gave"))
    }

    fn write(&self) -> String {
        format!("{}-{}", self.node, self.cursor)
    }
}

pub(super) async fn step(
    line: &Line,
    app: &str,
    age: Duration,
    from: Option<&str>,
) -> Result<Swept, Error> {
    let mut place = Place::read(from)?;
    let mut swept = Swept::default();
    let mut scan = cmd("SCAN");
    scan.arg(place.cursor).arg("MATCH").arg(keys::contexts(app));
    scan.arg("COUNT").arg(STEP).arg("TYPE").arg("zset");
    let Some(page) = line.command_at(place.node, scan).await? else {
        return Ok(swept);
    };
    if let Some(size) = line.command_at(place.node, cmd("DBSIZE")).await? {
        swept.of = read(size)?;
    }
    let (cursor, found): (u64, Vec<String>) = read(page)?;
    swept.contexts = found.len() as u64;
    let drops = found.iter().map(|key| scripts::sweep(line, key, age));
    swept.removed = try_join_all(drops).await?.into_iter().sum();
    place.cursor = cursor;
    // With nobody at the next place the step after this one finds nothing and is the last.
    place.node += usize::from(cursor == 0);
    let more = cursor != 0 || line.is_cluster();
    swept.next = more.then(|| place.write());
    Ok(swept)
}
