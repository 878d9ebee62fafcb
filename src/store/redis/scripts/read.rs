//! Reading what is visible.

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::Value;

use crate::redis::{Ask, Effect, Line, Lua};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{Parts, begin, read, run};
use crate::store::{Claim, Found, Held, millis};
use crate::{Context, Error, SessionId, View};

static LOOK: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("look.lua")));
static CONTEXTS: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("contexts.lua")));

/// What a look does to what it finds.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    Peek,
    Claim,
    Take,
}

pub(crate) async fn look(
    line: &Line,
    contexts: &[Context],
    mode: Mode,
    lease: Duration,
    age: Duration,
) -> Result<Claim, Error> {
    let Some(first) = contexts.first() else {
        return Ok(Claim::default());
    };
    let (word, effect) = match mode {
        Mode::Peek => ("peek", Effect::Reads),
        // Twice at worst finds nothing the second time: the lease gives back.
        Mode::Claim => ("claim", Effect::Writes),
        Mode::Take => ("take", Effect::WritesOnce),
    };
    let mut ask = Ask::new(&LOOK, effect, contexts.len() + 1);
    ask.arg(Key::book_of(first));
    for context in contexts {
        ask.arg(Key::of(context));
    }
    ask.arg(word).arg(millis(lease)).arg(millis(age));
    let parts = line.ask(&ask).await?;
    match parts.is_empty() {
        true => Ok(Claim::default()),
        false => found(Parts(parts.into_iter()), contexts, &ask),
    }
}

/// Reads what a look was answered that found something.
fn found(mut parts: Parts, contexts: &[Context], ask: &Ask) -> Result<Claim, Error> {
    let now: u64 = parts.next()?;
    let mut claim = Claim {
        until: parts.next()?,
        ..Claim::default()
    };
    for (number, context) in contexts.iter().enumerate() {
        let mut shelf = Parts(parts.next::<Vec<Value>>()?.into_iter());
        if ask.key(number + 1) != Some(shelf.next::<Vec<u8>>()?.as_slice()) {
            return Err(Error::mismatch(ask.changes()));
        }
        let held = read_shelf(shelf, now, context, &mut claim.found)?;
        claim.held.push(held);
    }
    Ok(claim)
}

fn read_shelf(
    mut shelf: Parts,
    now: u64,
    context: &Context,
    found: &mut Found,
) -> Result<Held, Error> {
    if let Ok(next) = u64::try_from(shelf.next::<i64>()?) {
        found.due_in(Duration::from_millis(next));
    }
    found.displaced += shelf.next::<u64>()?;
    found.expired += shelf.next::<u64>()?;
    found.newer += shelf.next::<u64>()?;
    let members: Vec<Vec<u8>> = shelf.next()?;
    Ok(Held::new(context.clone(), found.read(now, members)))
}

pub(crate) async fn contexts(
    line: &Line,
    app: &str,
    session: &SessionId,
) -> Result<Vec<View>, Error> {
    let ask = begin(&CONTEXTS, Effect::Reads, &[Key::Book(app, session)]);
    let reply = run(line, ask).await?;
    let mut views = Vec::with_capacity(reply.0.len());
    for part in reply.0 {
        // A foreign writer may have left a field that spells no view.
        views.extend(View::from_encoded(&read::<String>(part)?));
    }
    views.sort();
    Ok(views)
}
