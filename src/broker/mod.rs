//! The HTTP API of a broker: programs without a Redis client publish events, and register their endpoints.
//!
//! Layer: above webhooks.
