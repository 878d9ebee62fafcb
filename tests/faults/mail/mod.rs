//! Mails under faults. Each test prints one row of the fault table for each kind of mail, which begins with
//! `FAULT mail_<name> n=…`. A real SMTP server counts the mails in a file of its own.

mod aborts;
mod acceptance;
mod changes;
mod cluster;
mod emptied;
mod kill;
mod misconfigured;
mod moved_clock;
mod paused;
mod people;
mod proxy;
mod redis_kill;
mod refused;
mod removed;
mod renderers;
mod replies;
mod scene;
mod stops;
mod time_zones;
