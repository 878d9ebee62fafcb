//! How a session moves where its keys and those of its new id are on different servers: in three steps, each
//! safe to repeat. Close the old id, which shows nothing from then on; copy each context; remove it.

use super::scripts::{self, Left};
use crate::link::Line;
use crate::store::Limits;
use crate::{Context, Error, SessionId};

pub(super) async fn migrate(
    line: &Line,
    app: &str,
    from: &SessionId,
    to: &SessionId,
    open: bool,
    limits: &Limits,
) -> Result<(), Error> {
    // A repeat does not open the new id again: what has become of it since is not undone.
    if scripts::leave(line, app, from, to, limits, false).await? == Left::Here {
        scripts::arrive(line, app, to, open).await?;
    }
    if let Left::Gone(views) = scripts::leave(line, app, from, to, limits, true).await? {
        for view in views {
            let old = Context::new(app, from.clone(), view)?;
            if let Some(carried) = scripts::carry(line, &old, limits).await? {
                scripts::receive(line, &old.with_session(to.clone()), &carried, limits).await?;
            }
            scripts::clear(line, &old).await?;
        }
    }
    Ok(())
}
