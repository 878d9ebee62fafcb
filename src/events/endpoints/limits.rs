//! The limits of endpoints, each with the harm that it prevents.

/// Most endpoints of an application. The fan-out of each event compares all of them with it.
pub const MAX_ENDPOINTS: usize = 1_000;
/// Most types of events that an endpoint names, for the same reason.
pub const MAX_ENDPOINT_TYPES: usize = 100;
