//! What a recipient wants to be mailed: the page of preferences, and the checkbox on the page of the inbox.

pub(super) mod choices;
mod daily;
mod document;
mod routes;
mod submission;

pub(super) use self::daily::daily_mail;
pub(super) use self::routes::{save, show};
