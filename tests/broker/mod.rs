//! The HTTP API of a broker.

mod cloud_events;
mod consumers;
mod deliveries;
mod openapi;
mod operator;
mod people;
mod producers;
mod serve;
mod shutdown;
mod site;
mod sizing;
mod tokens;
mod validators;
