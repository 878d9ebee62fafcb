//! A stream: the messages of one view, sent as they become visible.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream;
use tokio::time::{Instant, timeout_at};

use crate::backoff::jitter;
use crate::log_limit::LogLimit;
use crate::store::Listener;
use crate::web::live::registry::{CloseReason, Registration};
use crate::web::live::unconfirmed::Unconfirmed;
use crate::web::live::{shutdown, sse};
use crate::web::request::app_state::AppState;
use crate::web::request::csrf;
use crate::web::request::state::RequestState;
use crate::web::translation::Translator;
use crate::{Context, Error, View};

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
/// Maximum length of a client id, in bytes. Stops clients from filling the memory with long ids.
const MAX_CLIENT_ID: usize = 40;
/// Delay of the next read after one that failed, and the maximum jitter added to it.
const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Maximum delay of a read that is due at a known time. The clocks of the store and of this process
/// may drift apart.
const MAX_DUE_DELAY: Duration = Duration::from_secs(60);
/// Minimum delay of a read that is due at a known time.
const MIN_READ_INTERVAL: Duration = Duration::from_millis(10);
/// Delay of the next read when no message is due; a change of the contexts triggers an earlier one.
const IDLE_READ_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// Number of times that a message is sent to a page that does not confirm it. Then the stream
/// closes: the page does not read it.
const MAX_DELIVERIES: u8 = 3;

/// Opens the stream of a view, in the visitor's session.
pub(crate) async fn open(
    request: HttpRequest,
    handles_signals: bool,
) -> Result<HttpResponse, Error> {
    let request = &request;
    let state = RequestState::of(request)?;
    if !csrf::allows_stream(request) {
        return Ok(HttpResponse::Forbidden().finish());
    }
    let StreamQuery { view, client } = parse_query(request)?;
    let Some(session) = state.session(request) else {
        // A browser does not reconnect after 204. Without a session there are no messages.
        return Ok(HttpResponse::NoContent().finish());
    };
    state.move_returned_messages().await;
    // A stream shows the messages of its view.
    let view = state.app_state.record_view(view);
    let context = state.app_state.salver.context_for(session, view);
    let streams = &state.app_state.streams;
    let Some(registration) = streams.register(&context, client) else {
        return Err(Error::unavailable("too many open streams"));
    };
    if handles_signals {
        shutdown::install_handler(streams);
    }
    let translator = state.translator(request).clone();
    let stream = Stream::new(&state.app_state, context, translator, registration);
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

/// The query string.
struct StreamQuery {
    view: View,
    /// The id of the browser, if the browser keeps one stream for each view.
    client: Option<String>,
}

fn parse_query(request: &HttpRequest) -> Result<StreamQuery, Error> {
    let (mut view, mut client) = (None, None);
    for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        match &*name {
            "view" => view = Some(View::new(value)?),
            "client" if (1..=MAX_CLIENT_ID).contains(&value.len()) => {
                client = Some(value.into_owned());
            }
            _ => {}
        }
    }
    let view = view.ok_or_else(|| Error::invalid("view", "is missing"))?;
    Ok(StreamQuery { view, client })
}

struct Stream {
    app_state: Rc<AppState>,
    context: Context,
    translator: Translator,
    registration: Registration,
    /// Registered before the first read, so that no change after that read is missed.
    listener: Listener,
    unconfirmed: Unconfirmed,
    /// Number of consecutive reads that returned messages sent before.
    redeliveries: u8,
    state: State,
    /// When the stream closes, so that the browser reconnects and its session is read again.
    expires_at: Instant,
    /// When the store is read even without a change.
    read_at: Instant,
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
    Read,
    KeepAlive,
}

impl Stream {
    fn new(
        app_state: &Rc<AppState>,
        context: Context,
        translator: Translator,
        registration: Registration,
    ) -> Self {
        let now = Instant::now();
        Self {
            listener: app_state.salver.listen(&context),
            app_state: Rc::clone(app_state),
            context,
            translator,
            registration,
            unconfirmed: Unconfirmed::default(),
            redeliveries: 0,
            state: State::New,
            read_at: now,
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
                    let max_jitter = match reason {
                        CloseReason::Shutdown => {
                            self.unconfirmed.release_all();
                            SHUTDOWN_RETRY_JITTER
                        }
                        CloseReason::SessionEnded => RETRY_JITTER,
                        CloseReason::Superseded => return None,
                    };
                    let retry = RETRY_AFTER + jitter(max_jitter);
                    return Some(sse::closing(retry, reason == CloseReason::SessionEnded));
                }
                Wake::Read => {
                    if let Some(frames) = self.read().await {
                        (self.keep_alive_at, self.probes) =
                            (Instant::now() + PROBE_INTERVAL, PROBES);
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

    /// Returns whether the stream has reached its lifetime, or the client does not read it.
    fn is_expired(&self) -> bool {
        let now = Instant::now();
        now > self.expires_at
            || now > self.keep_alive_at + STALL_TIMEOUT
            || self.redeliveries + 1 >= MAX_DELIVERIES
    }

    async fn wait(&mut self) -> Wake {
        let changed = timeout_at(
            self.read_at.min(self.keep_alive_at),
            self.listener.changed(),
        );
        match select(pin!(self.registration.closed()), pin!(changed)).await {
            Either::Left((reason, _)) => Wake::Closed(reason),
            Either::Right((Ok(()), _)) => Wake::Read,
            Either::Right(_) if self.read_at <= Instant::now() => Wake::Read,
            Either::Right(_) => Wake::KeepAlive,
        }
    }

    /// Claims the visible messages and returns their frames; `None` if there are none.
    async fn read(&mut self) -> Option<Bytes> {
        static DEGRADED: LogLimit = LogLimit::new();

        let salver = &self.app_state.salver;
        let started_at = Instant::now();
        let claimed = {
            // Streams that wake together must not fill the connection that pages need.
            let _permit = self.app_state.stream_polls.acquire().await;
            salver.claim_for_api(self.context.contexts_to_read()).await
        };
        let mut guard = match claimed {
            Ok(guard) => guard,
            Err(error) => {
                if !error.is_unavailable() && DEGRADED.allow() {
                    tracing::warn!(%error, "live streams cannot read messages; open pages receive none until the store recovers");
                }
                self.read_at = started_at + STORE_RETRY_AFTER + jitter(STORE_RETRY_AFTER);
                return None;
            }
        };
        guard.confirm_undecodable();
        let claim = guard.claim()?;
        let result = &claim.result;
        let next = result.next_due_in.map_or(IDLE_READ_INTERVAL, |next| {
            next.clamp(MIN_READ_INTERVAL, MAX_DUE_DELAY)
        });
        let frames = sse::messages(claim, &self.translator, &self.app_state.classes);
        if !result.messages.is_empty() {
            self.redeliveries = match self.unconfirmed.contains_any(&result.messages) {
                true => self.redeliveries + 1,
                false => 0,
            };
            self.unconfirmed
                .keep(started_at + salver.config().lease, guard);
        }
        self.read_at = Instant::now() + next;
        // Messages that the page has not confirmed are sent again.
        if let Some(lease_end) = self.unconfirmed.next_lease_end() {
            self.read_at = self.read_at.min(lease_end);
        }
        (!frames.is_empty()).then_some(frames)
    }
}
