//! Shutdown: a server that stops waits for its responses, and a stream does not end by itself.

use std::sync::Arc;

use crate::runtime;
use crate::web::live::registry::StreamRegistry;

/// Closes all streams at the signals by which actix-web stops a server. Only the first call for a
/// registry has an effect.
pub(crate) fn install_handler(streams: &Arc<StreamRegistry>) {
    streams.handles_signals.call_once(|| {
        let streams = Arc::downgrade(streams);
        let shutdown = async move {
            wait_for_signal().await;
            if let Some(streams) = streams.upgrade() {
                streams.shut_down();
            }
        };
        // If the background runtime cannot start, a server that stops waits for its streams until
        // its own shutdown timeout.
        drop(runtime::spawn(shutdown));
    });
}

#[cfg(unix)]
async fn wait_for_signal() {
    use std::pin::pin;

    use futures_util::future::select_all;
    use tokio::signal::unix::{SignalKind, signal};

    let kinds = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::quit(),
    ];
    let mut signals: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| signal(kind).ok())
        .collect();
    let waiting = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    pin!(select_all(waiting)).await;
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
