//! Faults that cross modules: messages, inboxes, events, mails, webhooks and open pages of the same people.

mod erasure;
mod login;
mod logout;
mod model;
mod scene;
mod soak;
