//! The page of the operator of a broker: what it does, what failed, and what can be done about it.

mod actions;
mod caller;
mod dead_deliveries;
mod document;
mod endpoints;
mod login;
mod outcome;
mod overview;
mod plot;
mod queues;
mod routes;
mod session;
mod settings;
mod snapshot;
mod table;
mod words;

pub use self::routes::BrokerPage;
