//! The end of the process: a server that ends waits for its responses, and a stream is one that does not end by
//! itself.

use std::sync::Once;

use crate::runtime;

/// Ends all streams when the process is asked to end, by the signals by which actix-web ends a server.
pub(crate) fn install_handler() {
    static ONCE: Once = Once::new();

    // Without a thread a server that ends waits for its streams as long as it is set to.
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
async fn wait() {
    if tokio::signal::ctrl_c().await.is_ok() {
        crate::web::live::STREAMS.close();
    }
}
