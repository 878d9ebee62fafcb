//! Messages on open pages: a stream of Server-Sent Events to the page script.

mod messages;
mod query;
pub(crate) mod registry;
#[cfg(all(feature = "inbox", feature = "redis"))]
mod session_watch;
mod shutdown;
pub(crate) mod source;
mod sse;
mod stream;
mod unconfirmed;

use std::sync::LazyLock;

use actix_web::{HttpRequest, Resource, web};

#[cfg(feature = "inbox")]
use crate::Recipient;
use crate::web::assets::Asset;
use crate::web::live::registry::StreamRegistry;
use crate::{Salver, SessionId};

/// Maximum number of streams of a worker that read the store at the same time. Stops streams that
/// wake together from delaying pages.
pub(crate) const MAX_CONCURRENT_POLLS: usize = 64;

/// The page script: a custom element without dependencies.
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    // Comments are not sent.
    let parts = concat!(include_str!("browser_stream.js"), include_str!("salver.js"));
    script("salver", parts)
});

/// The script of the bell and of the inbox. It imports the page script.
#[cfg(feature = "inbox")]
pub(crate) static INBOX_SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    // Under another name the browser would run the page script once more.
    let import = format!("./{}", SCRIPT.file_name());
    let content = include_str!("salver-inbox.js").replace("./salver.js", &import);
    script("salver-inbox", &content)
});

fn script(name: &'static str, source: &str) -> Asset {
    // Comments and empty lines are not sent.
    let lines = source.lines().map(str::trim_start);
    let is_sent = |line: &&str| !line.is_empty() && !line.starts_with("//");
    let content: Vec<_> = lines.filter(is_sent).collect();
    let content_type = "text/javascript; charset=utf-8";
    Asset::new(name, "js", content_type, content.join("\n"))
}

/// Returns the resource that serves streams, below `path`.
pub(crate) fn resource(path: &str, handles_signals: bool) -> Resource {
    let open = web::get().to(move |request: HttpRequest| stream::open(request, handles_signals));
    web::resource(format!("{path}/stream")).route(open)
}

impl Salver {
    /// Closes the streams of a session that this handle and its clones have open in this process.
    /// Its open pages reload.
    ///
    /// [`Messages::renew`](crate::Messages::renew) and
    /// [`Messages::close_session`](crate::Messages::close_session) do this by themselves. Call it
    /// at a login or logout where sessions come from a closure or a header. In other processes of
    /// the site, streams end within 15 minutes, and the page script reopens them with the session
    /// that the browser then has.
    pub fn reset_streams(&self, session: &SessionId) {
        self.extension::<StreamRegistry>()
            .close_session(self.app(), session);
    }

    /// Closes the streams of a person that this handle and its clones have open in this process. Their
    /// open pages reload.
    ///
    /// Call it at a login or logout where the recipient of a request does not depend on the session of
    /// Salver.
    #[cfg(feature = "inbox")]
    pub fn close_streams_of(&self, recipient: &Recipient) {
        self.extension::<StreamRegistry>()
            .close_recipient(self.app(), recipient);
    }

    /// Closes all streams of this handle and its clones, and accepts no more. Call it before
    /// [`ServerHandle::stop`](actix_web::dev::ServerHandle::stop).
    ///
    /// A server that shuts down waits for its responses, and a stream does not end by itself.
    /// Browsers reconnect within five seconds, spread over that time. The signals by which
    /// actix-web stops a server close the streams too, unless
    /// [`Routes::without_signal_handlers`](crate::web::Routes::without_signal_handlers) is set.
    pub fn close_streams(&self) {
        self.extension::<StreamRegistry>().shut_down();
    }
}
