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
use crate::web::live::registry::{Farewell, Place, STREAMS};
use crate::web::live::unconfirmed::Given;
use crate::web::live::{shutdown, sse};
use crate::web::request::app_state::Site;
use crate::web::request::csrf;
use crate::web::request::state::Visit;
use crate::web::translation::Tongue;
use crate::{Context, Error, View};

/// How often a stream on which nothing happens shows that it is there: sooner than proxies lose patience.
const BEAT: Duration = Duration::from_secs(15);
/// How soon after messages it does so, and how often: what has gone to a page that is not there any more is given
/// back. By the first sign the system learns that nobody is there, and says so at the second.
const PROOF: Duration = Duration::from_millis(100);
const PROOFS: u8 = 2;
/// How late a sign may be. A reader that took nothing for so long is cut off, and catches up over another stream.
const STALLED: Duration = Duration::from_secs(30);
/// How soon a browser comes again after a break, and up to how much later: not all of them at once.
const RETRY: Duration = Duration::from_millis(500);
const SPREAD: Duration = Duration::from_millis(1500);
/// The same where the process ends, and all of its streams at once.
const CLOSING_SPREAD: Duration = Duration::from_secs(5);
/// How long a stream lives, and up to how much longer: a session that has ended elsewhere is not listened to for ever.
const LIFE: Duration = Duration::from_secs(10 * 60);
const LIFE_SPREAD: Duration = Duration::from_secs(5 * 60);
/// Longest name of a browser. Stops strangers from filling the memory with it.
const LONGEST_NAME: usize = 40;
/// How soon the store is asked again that gave no answer, and up to how much later.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest time for which a stream trusts the word of when something falls due: the store's clock and this
/// process's may run apart.
const LONGEST: Duration = Duration::from_secs(60);
/// Least rest between two looks for what falls due.
const LEAST: Duration = Duration::from_millis(10);
/// How long a stream waits for a ring where nothing falls due.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a page is sent what it does not confirm. After that it is cut off: nobody reads there.
const MOST_TIMES: u8 = 3;

/// Opens the stream of a visitor's view.
pub(crate) fn open(request: &HttpRequest, minds_signals: bool) -> Result<HttpResponse, Error> {
    let visit = Visit::of(request)?;
    if !csrf::may_listen(request) {
        return Ok(HttpResponse::Forbidden().finish());
    }
    let Wanted { view, by } = wanted(request)?;
    let Some(session) = visit.visitor.session(request) else {
        // By this status a browser does not come again by itself: whoever has no session has no messages.
        return Ok(HttpResponse::NoContent().finish());
    };
    let context = visit.site.salver.context_for(session, view);
    let Some(place) = STREAMS.join(&context, by) else {
        return Err(Error::unavailable("there are too many streams"));
    };
    if minds_signals {
        shutdown::mind();
    }
    let tongue = visit.tongue(request).clone();
    let stream = Stream::new(&visit.site, context, tongue, place);
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
struct Wanted {
    view: View,
    /// What its browser is called, if it has one stream of a view.
    by: Option<String>,
}

fn wanted(request: &HttpRequest) -> Result<Wanted, Error> {
    let (mut view, mut by) = (None, None);
    for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        match &*name {
            "view" => view = Some(View::new(value)?),
            "by" if (1..=LONGEST_NAME).contains(&value.len()) => by = Some(value.into_owned()),
            _ => {}
        }
    }
    let view = view.ok_or_else(|| Error::invalid("view", "is missing"))?;
    Ok(Wanted { view, by })
}

struct Stream {
    site: Rc<Site>,
    context: Context,
    tongue: Tongue,
    place: Place,
    /// From before the first look: what comes in between rings.
    watch: Listener,
    given: Given,
    /// How often in a row it has sent what it had sent before.
    again: u8,
    state: State,
    /// When the browser has to show again whose it is.
    end: Instant,
    /// When the store is asked though nothing rings.
    look: Instant,
    /// When to show that it is there.
    beat: Instant,
    /// How often it shows so soon.
    proofs: u8,
}

#[derive(PartialEq)]
enum State {
    New,
    Open,
    Over,
}

/// What a stream woke for.
enum Woken {
    Farewell(Farewell),
    Look,
    Beat,
}

impl Stream {
    fn new(site: &Rc<Site>, context: Context, tongue: Tongue, place: Place) -> Self {
        let now = Instant::now();
        Self {
            watch: site.salver.watch(&context),
            site: Rc::clone(site),
            context,
            tongue,
            place,
            given: Given::default(),
            again: 0,
            state: State::New,
            look: now,
            end: now + LIFE + jitter(LIFE_SPREAD),
            beat: now + BEAT,
            proofs: 0,
        }
    }

    /// Gives the next frames, when there are any; nothing at the end.
    async fn next(&mut self) -> Option<Bytes> {
        match self.state {
            State::New => {
                self.state = State::Open;
                return Some(sse::opening(RETRY + jitter(SPREAD)));
            }
            State::Over => return None,
            State::Open if self.is_over() => return None,
            State::Open => {}
        }
        loop {
            match self.woken().await {
                Woken::Farewell(farewell) => {
                    self.state = State::Over;
                    let spread = match farewell {
                        Farewell::Closing => {
                            self.given.give_back();
                            CLOSING_SPREAD
                        }
                        Farewell::Reset => SPREAD,
                        Farewell::Replaced => return None,
                    };
                    let retry = RETRY + jitter(spread);
                    return Some(sse::farewell(retry, farewell == Farewell::Reset));
                }
                Woken::Look => {
                    if let Some(frames) = self.look().await {
                        (self.beat, self.proofs) = (Instant::now() + PROOF, PROOFS);
                        return Some(frames);
                    }
                }
                Woken::Beat => {
                    self.proofs = self.proofs.saturating_sub(1);
                    let rest = if self.proofs > 0 { PROOF } else { BEAT };
                    self.beat = Instant::now() + rest;
                    return Some(sse::BEAT);
                }
            }
        }
    }

    /// Tells whether it has lived long enough, or nobody reads it.
    fn is_over(&self) -> bool {
        let now = Instant::now();
        now > self.end || now > self.beat + STALLED || self.again + 1 >= MOST_TIMES
    }

    async fn woken(&mut self) -> Woken {
        let rung = timeout_at(self.look.min(self.beat), self.watch.changed());
        match select(pin!(self.place.farewell()), pin!(rung)).await {
            Either::Left((farewell, _)) => Woken::Farewell(farewell),
            Either::Right((Ok(()), _)) => Woken::Look,
            Either::Right(_) if self.look <= Instant::now() => Woken::Look,
            Either::Right(_) => Woken::Beat,
        }
    }

    /// Claims what is pending; gives it as frames, if there is any.
    async fn look(&mut self) -> Option<Bytes> {
        static DEGRADED: LogLimit = LogLimit::new();

        let salver = &self.site.salver;
        let begun = Instant::now();
        let claimed = {
            // Many streams that wake at once must not fill the connection that pages need.
            let _turn = self.site.turns.acquire().await;
            salver.claim_for_api(self.context.looked_into()).await
        };
        let mut hold = match claimed {
            Ok(hold) => hold,
            Err(error) => {
                if !error.is_unavailable() && DEGRADED.allow() {
                    tracing::warn!(%error, "streams go on without messages");
                }
                self.look = begun + AGAIN + jitter(AGAIN);
                return None;
            }
        };
        hold.confirm_undecodable();
        let claim = hold.claim()?;
        let found = &claim.found;
        let next = found.next.map_or(NEVER, |next| next.clamp(LEAST, LONGEST));
        let frames = sse::messages(claim, &self.tongue);
        if !found.messages.is_empty() {
            self.again = match self.given.has_any_of(&found.messages) {
                true => self.again + 1,
                false => 0,
            };
            self.given.keep(begun + salver.config().lease, hold);
        }
        self.look = Instant::now() + next;
        // What the page does not confirm is shown once more.
        if let Some(ends) = self.given.next() {
            self.look = self.look.min(ends);
        }
        (!frames.is_empty()).then_some(frames)
    }
}
