//! People who have subscribed to events.

use comparison::Result;
use salver::events::Subscription;
use salver::{Error, Recipient, Salver};
use tokio::runtime::Runtime;

/// Subscriptions that are in flight at once.
const IN_FLIGHT: usize = 200;

pub(crate) fn recipient(number: usize) -> Recipient {
    Recipient::user(format!("{number:06}"))
}

/// Subscribes recipients by their numbers.
pub(crate) fn subscribe(
    runtime: &Runtime,
    salver: &Salver,
    numbers: std::ops::Range<usize>,
    subscription: fn(usize) -> Subscription,
) -> Result {
    let task = |first: usize| {
        let (salver, numbers) = (salver.clone(), numbers.clone());
        runtime.spawn(async move {
            for number in numbers.skip(first).step_by(IN_FLIGHT) {
                let subscription = subscription(number);
                salver.subscribe(&recipient(number), subscription).await?;
            }
            Ok::<_, Error>(())
        })
    };
    let tasks: Vec<_> = (0..IN_FLIGHT).map(task).collect();
    runtime.block_on(async {
        for task in tasks {
            task.await??;
        }
        Ok(())
    })
}
