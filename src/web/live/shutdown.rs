//! Shutdown: a server that stops waits for its responses, and a stream does not end by itself.

use std::sync::Once;

use crate::runtime;

/// Closes all streams at the signals by which actix-web stops a server. Only the first call has an
/// effect.
pub(crate) fn install_handler() {
    static ONCE: Once = Once::new();

    // If the background runtime cannot start, a server that stops waits for its streams until its
    // own shutdown timeout.
    ONCE.call_once(|| drop(runtime::spawn(wait_for_signal())));
}

#[cfg(unix)]
async fn wait_for_signal() {
    use std::pin::pin;

    use futures_util::future::select_all;
    use tokio::signal::unix::{SignalKind, signal};

    use crate::web::live::STREAMS;

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
    STREAMS.shut_down();
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    if tokio::signal::ctrl_c().await.is_ok() {
        crate::web::live::STREAMS.shut_down();
    }
}
