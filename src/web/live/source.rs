//! What a stream sends: each source adds its own frames.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

/// A source of frames for one stream.
pub(crate) trait StreamSource {
    /// Waits until [`read`](Self::read) may return frames. Dropping the future loses nothing.
    fn wait(&mut self) -> LocalBoxFuture<'_, ()>;

    /// Reads what has changed and returns its frames; `None` if there are none. Runs to its end.
    fn read(&mut self) -> LocalBoxFuture<'_, Option<Bytes>>;

    /// Returns whether the stream has to close, because the page does not read it.
    fn is_stalled(&self) -> bool {
        false
    }

    /// Returns whether a closed page has to be detected soon after a frame, so that another page gets what it
    /// has not received.
    fn needs_probes(&self) -> bool {
        false
    }

    /// Follows the end of the session.
    fn session_ended(&mut self) {}

    /// Releases immediately what the page has not confirmed: the process shuts down.
    fn release(&mut self) {}
}
