//! Integrations: job queues, htmx and Turbo, the command line, the JSON API, other languages.

mod api;
mod cli;
mod events_in_other_languages;
mod inbox_in_other_languages;
mod jobs;
mod other_languages;
mod outbox;
mod partials;
mod tasks;
mod translation;
