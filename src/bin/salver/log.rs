//! The log of a process that runs until it is notified to end.

/// Writes the log to standard error. A process whose log is not read any more goes on.
pub(crate) fn init() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        // Otherwise a line that cannot be written is a panic.
        .log_internal_errors(false)
        .init();
}
