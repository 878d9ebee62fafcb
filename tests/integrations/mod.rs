//! Where people meet Salver from: a worker with a job queue, a page that swaps fragments, a shell, another language.

mod api;
mod cli;
mod jobs;
mod other_languages;
mod outbox;
mod partials;
mod tasks;
mod translation;
