//! The inbox: a notification stays until it is read.

mod adding;
mod bell;
mod capacity;
mod cluster;
mod concurrency;
mod cost;
mod expiry;
mod flash_only;
mod isolation;
mod listing;
mod marking;
mod model;
mod open_pages;
mod pages;
mod presence;
mod recipients;
mod routes;
mod stream;
mod telemetry;
