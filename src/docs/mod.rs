//! The long pages: how to use Salver, how it is made, what it stores.
//!
//! | page | what you will be able to do |
//! |---|---|
//! | [guide] | put messages on a site, from handlers and from jobs |
//! | [jobs] | tell the visitor from a job: a queue, a task, cron, an outbox |
//! | [design] | see why it is made as it is |
//! | [data] | read and write the stored format, from any language |
//! | [custom_store] | write a store of your own, and run the conformance tests on it |
//! | [deployment] | set Redis up so that messages survive what you need them to survive |
//! | [promises] | know what Salver promises, and which test shows it |
//! | [tool] | look, add, count and find out what is wrong, from a shell |
//! | [observing] | see how it goes: metrics, spans, health |
//! | [migrating] | come from actix-web-flash-messages |
//! | [contributing] | change Salver and know that it still holds |
//! | [changelog] | see what changed, and for whom |

#[doc = include_str!("guide.md")]
pub mod guide {}

#[doc = include_str!("jobs.md")]
pub mod jobs {}

#[doc = include_str!("design.md")]
pub mod design {}

#[doc = include_str!("data.md")]
pub mod data {}

#[doc = "```rust"]
#[doc = include_str!("../../examples/custom_store.rs")]
#[doc = "```"]
pub mod custom_store {}

#[doc = include_str!("deployment.md")]
pub mod deployment {}

#[doc = include_str!("promises.md")]
pub mod promises {}

#[doc = include_str!("tool.md")]
pub mod tool {}

#[doc = include_str!("observing.md")]
pub mod observing {}

#[doc = include_str!("migrating.md")]
pub mod migrating {}

#[doc = include_str!("contributing.md")]
pub mod contributing {}

#[doc = include_str!("changelog.md")]
pub mod changelog {}
