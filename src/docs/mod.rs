//! Long pages: how to use Salver, how it works, what it stores.
//!
//! | page | contents |
//! |---|---|
//! | [choosing] | which of flash messages, notifications, events and webhooks a task needs |
//! | [quickstart] | a new site with an inbox, a bell and a daily mail, to copy |
//! | [guide] | how to show messages on a site, from handlers and from jobs |
//! | [events] | how to tell everyone who subscribed, and how to come from django-tidings, Laravel and noticed |
//! | [broker] | how to take events from other programs over HTTP, and what their tokens allow |
//! | [background_jobs] | how to send messages from a queue, a task, cron, or an outbox |
//! | [design] | modules and layers, and the reasons for each decision |
//! | [storage_format] | how to read and write the stored format, from any language |
//! | [custom_store] | a complete store, and how to run the conformance tests on it |
//! | [deployment] | how to set up Redis, its permissions, proxies, and shutdown |
//! | [personal_data] | how to erase and export what is stored about a person |
//! | [security] | who can do what, and what to do when something was stolen |
//! | [guarantees] | what Salver guarantees, and the test for each guarantee |
//! | [seeds] | the designs that Salver grew from, and the test for each of their capabilities |
//! | [cli] | the command-line tool: inspect, add, count, and diagnose from a shell |
//! | [observability] | metrics, spans, logs, and health |
//! | [benchmarks] | what everything costs, beside the same work by hand and beside other libraries |
//! | [migrating] | how to migrate from actix-web-flash-messages |
//! | [contributing] | how to change Salver and run the tests |
//! | [changelog] | what changed in each version, and who is affected |

#[doc = include_str!("choosing.md")]
pub mod choosing {}

#[doc = include_str!("quickstart.md")]
pub mod quickstart {}

#[doc = include_str!("guide.md")]
pub mod guide {}

#[doc = include_str!("events.md")]
pub mod events {}

#[doc = include_str!("broker.md")]
pub mod broker {}

#[doc = include_str!("background-jobs.md")]
pub mod background_jobs {}

#[doc = include_str!("design.md")]
pub mod design {}

#[doc = include_str!("storage-format.md")]
pub mod storage_format {}

#[doc = "```rust"]
#[doc = include_str!("../../examples/custom_store.rs")]
#[doc = "```"]
pub mod custom_store {}

#[doc = include_str!("deployment.md")]
pub mod deployment {}

#[doc = include_str!("personal-data.md")]
pub mod personal_data {}

#[doc = include_str!("security.md")]
pub mod security {}

#[doc = include_str!("guarantees.md")]
pub mod guarantees {}

#[doc = include_str!("seeds.md")]
pub mod seeds {}

#[doc = include_str!("cli.md")]
pub mod cli {}

#[doc = include_str!("observability.md")]
pub mod observability {}

#[doc = concat!("[mixed]: data:image/svg+xml;base64,", include_str!("mixed.base64"))]
#[doc = concat!("[page]: data:image/svg+xml;base64,", include_str!("page.base64"))]
#[doc = ""]
#[doc = include_str!("benchmarks.md")]
pub mod benchmarks {}

#[doc = include_str!("migrating.md")]
pub mod migrating {}

#[doc = include_str!("contributing.md")]
pub mod contributing {}

#[doc = include_str!("changelog.md")]
pub mod changelog {}
