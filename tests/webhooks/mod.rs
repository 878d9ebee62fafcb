//! Webhooks: events that are delivered to endpoints, and what comes back.

mod actions;
mod answers;
mod dead;
mod delivery;
mod endpoints;
mod hostile;
mod pace;
mod programs;
mod replies;
mod results;
mod subscriber;
mod verifier;
