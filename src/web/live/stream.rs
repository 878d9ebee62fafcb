//! A stream: the messages of one view as they come.

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
use crate::web::live::registry::{CloseReason, Registration, STREAMS};
use crate::web::live::unconfirmed::Unconfirmed;
use crate::web::live::{shutdown, sse};
use crate::web::request::app_state::AppState;
use crate::web::request::csrf;
use crate::web::request::state::RequestState;
use crate::web::translation::Translator;
use crate::{Context, Error, View};

/// How often a stream on which nothing happens shows that it is there: sooner than proxies lose patience.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// How soon after messages it does so, and how often: what has gone to a page that is not there any more is given
/// back. By the first sign the system learns that nobody is there, and says so at the second.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);
const PROBES: u8 = 2;
/// How late a sign may be. A reader that took nothing for so long is cut off, and catches up over another stream.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How soon a browser comes again after a break, and up to how much later: not all of them at once.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRY_JITTER: Duration = Duration::from_millis(1500);
/// The same where the process ends, and all of its streams at once.
const SHUTDOWN_RETRY_JITTER: Duration = Duration::from_secs(5);
/// How long a stream lives, and up to how much longer: a session that has ended elsewhere is not listened to for ever.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 60);
const MAX_LIFETIME_JITTER: Duration = Duration::from_secs(5 * 60);
/// Longest name of a browser. Stops strangers from filling the memory with it.
const MAX_CLIENT_ID: usize = 40;
/// How soon the store is asked again that gave no answer, and up to how much later.
const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Longest time for which a stream trusts the word of when something falls due: the store's clock and this
/// process's may run apart.
const MAX_DUE_DELAY: Duration = Duration::from_secs(60);
/// Least rest between two looks for what falls due.
const MIN_READ_INTERVAL: Duration = Duration::from_millis(10);
/// How long a stream waits for a ring where nothing falls due.
const IDLE_READ_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a page is sent what it does not confirm. After that it is cut off: nobody reads there.
const MAX_DELIVERIES: u8 = 3;

/// Opens the stream of a visitor's view.
pub(crate) fn open(request: &HttpRequest, handles_signals: bool) -> Result<HttpResponse, Error> {
    let state = RequestState::of(request)?;
    if !csrf::allows_stream(request) {
        return Ok(HttpResponse::Forbidden().finish());
    }
    let StreamQuery { view, client } = parse_query(request)?;
    let Some(session) = state.visitor.session(request) else {
        // By this status a browser does not come again by itself: whoever has no session has no messages.
        return Ok(HttpResponse::NoContent().finish());
    };
    let context = state.app_state.salver.context_for(session, view);
    let Some(registration) = STREAMS.register(&context, client) else {
        return Err(Error::unavailable("there are too many streams"));
    };
    if handles_signals {
        shutdown::install_handler();
    }
    let translator = state.translator(request).clone();
    let stream = Stream::new(&state.app_state, context, translator, registration);
    let frames = stream::unfold(stream, |mut stream| async {
        let frame = stream.next().await?;
        Some((Ok::<_, Error>(frame), stream))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // Not `no-store`: a page that was told something under it does not come back as it was.
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        // A compressor, or a proxy that buffers, would keep the frames to itself.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(frames))
}

/// What a page asks for.
struct StreamQuery {
    view: View,
    /// What its browser is called, if it has one stream of a view.
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
    /// From before the first look: what comes in between rings.
    listener: Listener,
    unconfirmed: Unconfirmed,
    /// How often in a row it has sent what it had sent before.
    redeliveries: u8,
    state: State,
    /// When the browser has to show again whose it is.
    expires_at: Instant,
    /// When the store is asked though nothing rings.
    read_at: Instant,
    /// When to show that it is there.
    keep_alive_at: Instant,
    /// How often it shows so soon.
    probes: u8,
}

#[derive(PartialEq)]
enum State {
    New,
    Open,
    Closed,
}

/// What a stream woke for.
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

    /// Gives the next frames, when there are any; nothing at the end.
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
                    let spread = match reason {
                        CloseReason::Shutdown => {
                            self.unconfirmed.release_all();
                            SHUTDOWN_RETRY_JITTER
                        }
                        CloseReason::SessionEnded => RETRY_JITTER,
                        CloseReason::Superseded => return None,
                    };
                    let retry = RETRY_AFTER + jitter(spread);
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
                    let rest = if self.probes > 0 {
                        PROBE_INTERVAL
                    } else {
                        KEEP_ALIVE_INTERVAL
                    };
                    self.keep_alive_at = Instant::now() + rest;
                    return Some(sse::KEEP_ALIVE);
                }
            }
        }
    }

    /// Tells whether it has lived long enough, or nobody reads it.
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

    /// Claims what is pending; gives it as frames, if there is any.
    async fn read(&mut self) -> Option<Bytes> {
        static DEGRADED: LogLimit = LogLimit::new();

        let salver = &self.app_state.salver;
        let started_at = Instant::now();
        let claimed = {
            // Many streams that wake at once must not fill the connection that pages need.
            let _turn = self.app_state.stream_polls.acquire().await;
            salver.claim_for_api(self.context.read_contexts()).await
        };
        let mut guard = match claimed {
            Ok(guard) => guard,
            Err(error) => {
                if !error.is_unavailable() && DEGRADED.allow() {
                    tracing::warn!(%error, "live streams cannot read messages; connections stay open");
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
        let frames = sse::messages(claim, &self.translator);
        if !result.messages.is_empty() {
            self.redeliveries = match self.unconfirmed.contains_any(&result.messages) {
                true => self.redeliveries + 1,
                false => 0,
            };
            self.unconfirmed
                .keep(started_at + salver.config().lease, guard);
        }
        self.read_at = Instant::now() + next;
        // What the page does not confirm is shown once more.
        if let Some(ends) = self.unconfirmed.next_lease_end() {
            self.read_at = self.read_at.min(ends);
        }
        (!frames.is_empty()).then_some(frames)
    }
}
