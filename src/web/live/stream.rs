//! A stream: what an open page of a visitor receives, until the page closes.

use std::pin::pin;
#[cfg(feature = "inbox")]
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::future::{Either, pending, select, select_all};
use futures_util::stream;
use tokio::time::{Instant, sleep_until};

use crate::Error;
use crate::backoff::jitter;
use crate::web::live::messages::MessageSource;
use crate::web::live::query::StreamQuery;
use crate::web::live::registry::{Audience, CloseReason, Registration};
#[cfg(all(feature = "inbox", feature = "redis"))]
use crate::web::live::session_watch::SessionWatch;
use crate::web::live::source::StreamSource;
use crate::web::live::{shutdown, sse};
#[cfg(feature = "inbox")]
use crate::web::recipient_module::SourceRequest;
use crate::web::request::csrf;
use crate::web::request::state::RequestState;

/// Interval of keep-alive comments on an idle stream, shorter than the idle timeouts of proxies.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Interval of the keep-alive comments that follow messages. They detect a closed page, so that its
/// messages are released.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);
/// Number of those comments. On a connection that the client has closed, the first write makes the
/// peer reset the connection, and the second write fails.
const PROBES: u8 = 2;
/// Maximum delay of a keep-alive comment. A client that reads nothing for so long is disconnected,
/// and receives the rest on its next stream.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Delay after which a browser reconnects, and the jitter added to it, so that browsers do not
/// reconnect together.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRY_JITTER: Duration = Duration::from_millis(1500);
/// The jitter at shutdown, when all streams of the process close together.
const SHUTDOWN_RETRY_JITTER: Duration = Duration::from_secs(5);
/// Lifetime of a stream, and the jitter added to it. Bounds how long a stream serves a session that
/// has ended in another process.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 60);
const MAX_LIFETIME_JITTER: Duration = Duration::from_secs(5 * 60);

/// Opens a stream: the messages of the views of all tabs of a browser, in the visitor's session.
pub(crate) async fn open(
    request: HttpRequest,
    handles_signals: bool,
) -> Result<HttpResponse, Error> {
    let request = &request;
    let state = RequestState::of(request)?;
    if !csrf::allows_stream(request) {
        return Ok(HttpResponse::Forbidden().finish());
    }
    let query = StreamQuery::parse(request.query_string())?;
    let session = state.session(request);
    let mut sources = Vec::new();
    if let Some(session) = session.as_ref().filter(|_| !query.views.is_empty()) {
        state.move_returned_messages().await;
        // A stream shows the messages of its views.
        let views = query.views.into_iter();
        let views = views.map(|view| state.app_state.record_view(view));
        let translator = state.translator(request);
        let messages = MessageSource::new(&state.app_state, translator, session, views);
        sources.push(Box::new(messages) as Box<dyn StreamSource>);
    }
    #[cfg(feature = "inbox")]
    let recipient = match state.recipient_module(request) {
        Some((module, recipient)) => {
            sources.extend(module.sources(SourceRequest {
                salver: state.app_state.salver.clone(),
                translator: state.translator(request).clone(),
                recipient: recipient.clone(),
                polls: Rc::clone(&state.app_state.stream_polls),
                last_event_id: last_event_id(request),
                shows_online: query.shows_online,
            })?);
            Some(recipient)
        }
        None => None,
    };
    if sources.is_empty() {
        // A browser does not reconnect after 204. Such a visitor has nothing to receive.
        return Ok(HttpResponse::NoContent().finish());
    }
    #[cfg(all(feature = "inbox", feature = "redis"))]
    let session_watch = match (&session, &recipient) {
        (Some(session), Some(_)) => Some(SessionWatch::new(&state.app_state.salver, session)),
        _ => None,
    };
    let audience = Audience {
        session,
        #[cfg(feature = "inbox")]
        recipient,
    };
    let (app, streams) = (
        state.app_state.salver.shared_app(),
        &state.app_state.streams,
    );
    let Some(registration) = streams.register(app, &audience, query.client) else {
        return Err(Error::unavailable("too many open streams"));
    };
    if handles_signals {
        shutdown::install_handler(streams);
    }
    let stream = Stream {
        #[cfg(all(feature = "inbox", feature = "redis"))]
        session_watch,
        ..Stream::new(registration, sources)
    };
    let frames = stream::unfold(stream, |mut stream| async {
        let frame = stream.next().await?;
        Some((Ok::<_, Error>(frame), stream))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // Not `no-store`: with it, browsers do not restore the page from the back/forward cache.
        .insert_header((header::CACHE_CONTROL, "private, no-cache, no-transform"))
        // Compression, and proxies that buffer responses, would delay the frames.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(frames))
}

/// Returns the id after which a browser continues that has lost its stream.
#[cfg(feature = "inbox")]
fn last_event_id(request: &HttpRequest) -> Option<String> {
    let id = request.headers().get("last-event-id")?;
    Some(id.to_str().ok()?.to_owned())
}

struct Stream {
    registration: Registration,
    /// Notices a logout in another process, for the stream of a person.
    #[cfg(all(feature = "inbox", feature = "redis"))]
    session_watch: Option<SessionWatch>,
    sources: Vec<Box<dyn StreamSource>>,
    state: State,
    /// When the stream closes, so that the browser reconnects and its session is read again.
    expires_at: Instant,
    /// When the next keep-alive comment is due.
    keep_alive_at: Instant,
    /// Number of remaining comments at the short interval.
    probes: u8,
}

#[derive(PartialEq)]
enum State {
    New,
    Open,
    Closed,
}

/// The reason why a stream wakes.
enum Wake {
    Closed(CloseReason),
    /// A source may have frames.
    Source(usize),
    KeepAlive,
}

impl Stream {
    fn new(registration: Registration, sources: Vec<Box<dyn StreamSource>>) -> Self {
        let now = Instant::now();
        Self {
            registration,
            #[cfg(all(feature = "inbox", feature = "redis"))]
            session_watch: None,
            sources,
            state: State::New,
            expires_at: now + MAX_LIFETIME + jitter(MAX_LIFETIME_JITTER),
            keep_alive_at: now + KEEP_ALIVE_INTERVAL,
            probes: 0,
        }
    }

    /// Waits for the next frames and returns them; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Bytes> {
        match self.state {
            State::New => {
                self.state = State::Open;
                return Some(sse::opening(RETRY_AFTER + jitter(RETRY_JITTER)));
            }
            State::Closed => return None,
            State::Open if self.is_expired() => return None,
            State::Open => {}
        }
        loop {
            match self.wait().await {
                Wake::Closed(reason) => {
                    self.state = State::Closed;
                    return self.closing(reason);
                }
                Wake::Source(index) => {
                    if let Some(frames) = self.read(index).await {
                        self.follow_frames(index);
                        return Some(frames);
                    }
                }
                Wake::KeepAlive => {
                    self.probes = self.probes.saturating_sub(1);
                    let interval = if self.probes > 0 {
                        PROBE_INTERVAL
                    } else {
                        KEEP_ALIVE_INTERVAL
                    };
                    self.keep_alive_at = Instant::now() + interval;
                    return Some(sse::KEEP_ALIVE);
                }
            }
        }
    }

    /// Returns the last frame.
    fn closing(&mut self, reason: CloseReason) -> Option<Bytes> {
        let max_jitter = match reason {
            CloseReason::Shutdown => {
                self.sources.iter_mut().for_each(|source| source.release());
                SHUTDOWN_RETRY_JITTER
            }
            CloseReason::SessionEnded => {
                let sources = self.sources.iter_mut();
                sources.for_each(|source| source.session_ended());
                RETRY_JITTER
            }
            CloseReason::Superseded => return None,
        };
        let retry = RETRY_AFTER + jitter(max_jitter);
        Some(sse::closing(retry, reason == CloseReason::SessionEnded))
    }

    /// Returns whether the stream has reached its lifetime, or the client does not read it.
    fn is_expired(&self) -> bool {
        let now = Instant::now();
        now > self.expires_at
            || now > self.keep_alive_at + STALL_TIMEOUT
            || self.sources.iter().any(|source| source.is_stalled())
    }

    async fn wait(&mut self) -> Wake {
        #[cfg(all(feature = "inbox", feature = "redis"))]
        let watch = self.session_watch.as_mut();
        let session_ended = async {
            #[cfg(all(feature = "inbox", feature = "redis"))]
            if let Some(watch) = watch {
                watch.ended().await;
                return CloseReason::SessionEnded;
            }
            pending().await
        };
        let closed = pin!(first(self.registration.closed(), session_ended));
        let sources = select_all(self.sources.iter_mut().map(|source| source.wait()));
        let keep_alive = pin!(sleep_until(self.keep_alive_at));
        match select(closed, select(sources, keep_alive)).await {
            Either::Left((reason, _)) => Wake::Closed(reason),
            Either::Right((Either::Left((((), index, _), _)), _)) => Wake::Source(index),
            Either::Right((Either::Right(_), _)) => Wake::KeepAlive,
        }
    }

    /// Schedules the comments that follow the frames of a source.
    fn follow_frames(&mut self, index: usize) {
        let source = self.sources.get(index);
        if source.is_some_and(|source| source.needs_probes()) {
            (self.keep_alive_at, self.probes) = (Instant::now() + PROBE_INTERVAL, PROBES);
        } else if self.probes == 0 {
            self.keep_alive_at = Instant::now() + KEEP_ALIVE_INTERVAL;
        }
    }

    async fn read(&mut self, index: usize) -> Option<Bytes> {
        self.sources.get_mut(index)?.read().await
    }
}

/// Returns the output of the future that completes first.
async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    match select(pin!(one), pin!(other)).await {
        Either::Left((output, _)) | Either::Right((output, _)) => output,
    }
}
