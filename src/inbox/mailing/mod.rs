//! What is mailed: preferences, the jobs that `notify` adds, and what waits for them.

mod preferences;
mod task;
mod waiting;

pub(super) use self::preferences::rule;
pub(super) use self::task::after_add;
pub(crate) use self::task::{MailTask, PlanTask, enqueue_digest};
pub(crate) use self::waiting::{Mails, Waiting};
