//! Where people meet Salver from: a worker with a job queue, a page that swaps fragments, a shell, another language.

mod api;
mod cli;
mod jobs;
mod outbox;
mod parts;
mod tasks;
mod tongues;
mod translation;
