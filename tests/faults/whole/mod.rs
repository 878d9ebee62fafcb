//! Faults that cross modules: messages, inboxes, events, mails, webhooks and open pages of the same people.

mod login;
mod model;
