//! The pending index: idle pages send no query, and no page misses a message.

mod disconnects;
mod hint;
mod listen;
mod pages;
mod runtime_shutdown;
