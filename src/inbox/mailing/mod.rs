//! What is mailed: preferences, the jobs that `notify` adds, and what waits for them.

mod personal_data;
mod preferences;
mod site_settings;
mod task;
mod waiting;

pub(super) use self::personal_data::{cancel_jobs, chosen_cadences};
#[cfg(feature = "web")]
pub(super) use self::preferences::default_cadence;
pub(super) use self::preferences::rule;
pub(super) use self::site_settings::settings_of;
pub(crate) use self::site_settings::{restore_settings, share_settings};
#[cfg(feature = "events")]
pub(crate) use self::task::enqueue_activation;
pub(super) use self::task::job_after_add;
pub(crate) use self::task::{
    MailJob, MailTask, PlanTask, enqueue_digest, enqueue_rest, enqueue_unread,
};
pub(crate) use self::waiting::{ENDED_JOBS, Mails, Taken, Waiting};
