//! The job that mails a notification: what `notify` adds, and the worker of the mails reads.

use serde::{Deserialize, Serialize};

use crate::jobs::{self, JobId, MAIL_QUEUE, NewJob, Record};
use crate::{Error, MessageId, Recipient, Salver};

/// Mails one notification to its recipient.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MailTask {
    pub(crate) recipient: String,
    pub(crate) notification: MessageId,
}

/// Adds the job that mails a notification, once for each notification and recipient.
///
/// # Errors
///
/// Those of the store; `is_full` for a full queue.
pub(super) async fn enqueue(
    salver: &Salver,
    recipient: &Recipient,
    notification: MessageId,
) -> Result<(), Error> {
    let task = MailTask {
        recipient: recipient.to_string(),
        notification,
    };
    let task = serde_json::to_value(task)
        .map_err(|cause| Error::invalid("job", "cannot be written as JSON").with_source(cause))?;
    let job = NewJob {
        id: JobId::derive("delivery", &[&notification.to_string(), MAIL_QUEUE, ""]),
        time: 0,
        record: Record::new(task),
    };
    jobs::enqueue(salver, MAIL_QUEUE, vec![job]).await
}
