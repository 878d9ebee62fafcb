//! Salver's handle, asked for many things at once.

use std::sync::Arc;

use salver::{Context, Error, Message, Salver};
use tokio::runtime::Runtime;

use crate::visitors::Person;
use crate::{Outcome, TEXT};

/// How many requests are on their way at once, as many as down a [`Pipe`](crate::pipelined::Pipe).
const AT_ONCE: usize = 256;

/// What is asked for, for each of many people.
#[derive(Clone, Copy, Debug)]
pub enum Wish {
    Add,
    /// Claim and confirm.
    Claim,
    Take,
}

/// Asks for something for all of them, and waits until it is done.
///
/// # Errors
///
/// The first that comes, and a message that was not there.
pub fn ask_for_all(
    runtime: &Runtime,
    salver: &Salver,
    people: &Arc<[Person]>,
    wish: Wish,
) -> Outcome {
    let tasks = (0..AT_ONCE).map(|first| {
        let (salver, people) = (salver.clone(), Arc::clone(people));
        runtime.spawn(async move {
            for person in people.iter().skip(first).step_by(AT_ONCE) {
                ask(&salver, &person.context, wish).await?;
            }
            Ok::<_, Error>(())
        })
    });
    let tasks: Vec<_> = tasks.collect();
    runtime.block_on(async {
        for task in tasks {
            task.await??;
        }
        Ok(())
    })
}

async fn ask(salver: &Salver, context: &Context, wish: Wish) -> Result<(), Error> {
    match wish {
        Wish::Add => {
            salver.add(context, Message::success(TEXT)).await?;
        }
        Wish::Claim => {
            let claim = salver.claim(context).await?;
            salver.confirm(&claim).await?;
        }
        Wish::Take => {
            salver.take(context).await?;
        }
    }
    Ok(())
}
