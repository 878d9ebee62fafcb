//! Why a broker ends.

/// Waits until the process is asked to end, or a part of it ends by itself. Returns the message about such a part.
pub(crate) async fn first_end(
    signal: impl Future<Output = i32>,
    http: impl Future,
    worker: impl Future<Output = ()>,
) -> Option<&'static str> {
    tokio::select! {
        _ = signal => None,
        _ = http => Some("the HTTP server has ended by itself"),
        () = worker => Some("the worker has ended by itself"),
    }
}
