//! Jobs, the workers that perform them, and the first kind of job: a mail.

mod mail;
mod queue;
mod worker;
