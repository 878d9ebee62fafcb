//! The middleware: creates the state of a request before the handler, and finalizes the response
//! after it.

use std::cell::RefCell;
use std::fmt;
use std::future::{self, Future, Ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::{Error, HttpRequest};
use futures_util::future::{Either, FutureExt, LocalBoxFuture};
use pin_project_lite::pin_project;

use crate::render::Part;
#[cfg(feature = "inbox")]
use crate::web::layout::{Layout, Page};
use crate::web::presentation::Classes;
#[cfg(feature = "inbox")]
use crate::web::recipient::RecipientSource;
use crate::web::request::app_state::AppState;
use crate::web::request::state::RequestState;
use crate::web::response::body::Body;
use crate::web::response::finalize::{finalize, finalize_error, finalize_unchanged};
use crate::web::response::plan::ResponsePlan;
use crate::web::session::cookies::CookieSettings;
use crate::web::session::session_cache::SessionCache;
use crate::web::session::source::SessionSource;
use crate::web::translation::TranslatorFactory;
use crate::web::view::cache::ViewCache;
use crate::web::view::source::ViewSource;
use crate::{Level, Message, Salver, Translation};

impl Salver {
    /// Creates the middleware: `App::new().wrap(salver.middleware())`.
    ///
    /// Call it in the app factory, so that each worker has its own middleware.
    ///
    /// The middleware must receive uncompressed bodies. Wrap a compressor outside of it:
    /// `.wrap(salver.middleware()).wrap(Compress::default())`.
    #[must_use]
    pub fn middleware(&self) -> Middleware {
        Middleware {
            salver: self.clone(),
            session: SessionSource::cookie(),
            view: ViewSource::route(),
            plain_http: false,
            partials: true,
            has_status_header: cfg!(debug_assertions),
            translator: TranslatorFactory::default(),
            classes: Classes::default(),
            #[cfg(feature = "inbox")]
            recipient: RecipientSource::default(),
            #[cfg(feature = "inbox")]
            layout: Layout::default(),
            #[cfg(feature = "live")]
            confirm_in_browser: false,
        }
    }
}

/// The middleware: fills the slot, settles claims and maintains the visitor's session.
///
/// Created by [`Salver::middleware`].
///
/// | setting | default |
/// |---|---|
/// | [`session`](Self::session) | the session is found by Salver's own cookie |
/// | [`view`](Self::view) | the view is the pattern of the matched route |
/// | [`translate`](Self::translate) | messages are shown as they were written |
/// | [`classes`](Self::classes) | messages have the classes of the stylesheet |
/// | `recipient`, with the feature `inbox` | no request has a recipient |
/// | `layout`, with the feature `inbox` | the pages of this crate are plain |
/// | [`without_partials`](Self::without_partials) | responses to htmx and Turbo carry messages |
/// | [`explain`](Self::explain) | debug builds report in a header what a response shows |
/// | [`plain_http`](Self::plain_http) | the cookie needs TLS, except on one machine |
/// | `confirm_in_browser`, with the feature `live` | a page counts as shown when it has been sent |
///
/// # What counts as shown
///
/// Messages are claimed for one page and confirmed when the server has read all of the response
/// body. They are released if the page does not count as shown:
///
/// - The handler failed.
/// - The status is a redirect, 204, 205, 206, 304, 404 or 5xx.
/// - The body is empty, fails, or is dropped before its end.
///
/// [`Messages::keep`](crate::Messages::keep) and [`Pending::confirm`](crate::Pending::confirm)
/// override this for one response.
///
/// `HEAD` requests, prefetches, and requests for anything but a page do not claim. If the process
/// dies, the messages reappear when the lease expires.
///
/// # Failures of the store
///
/// A store failure breaks no page: the page is served without messages, and they stay pending. All
/// store calls together delay a page by at most
/// [`page_timeout`](crate::SalverBuilder::page_timeout), 50 ms by default. While the store replies
/// later than that, one page in four waits longer.
#[derive(Clone, Debug)]
pub struct Middleware {
    salver: Salver,
    session: SessionSource,
    view: ViewSource,
    plain_http: bool,
    partials: bool,
    has_status_header: bool,
    translator: TranslatorFactory,
    classes: Classes,
    #[cfg(feature = "inbox")]
    recipient: RecipientSource,
    #[cfg(feature = "inbox")]
    layout: Layout,
    #[cfg(feature = "live")]
    confirm_in_browser: bool,
}

impl Middleware {
    /// Sets how the session of a request is found: a [`SessionSource`] or a closure.
    ///
    /// Default: [`SessionSource::cookie`].
    #[must_use]
    pub fn session(mut self, source: impl Into<SessionSource>) -> Self {
        self.session = source.into();
        self
    }

    /// Sets how the view of a request is found: a [`ViewSource`] or a closure.
    ///
    /// Default: [`ViewSource::route`].
    #[must_use]
    pub fn view(mut self, source: impl Into<ViewSource>) -> Self {
        self.view = source.into();
        self
    }

    /// Lets pages confirm in the browser which messages they show.
    ///
    /// A page that the browser discards, after a double click or the stop button, then loses no
    /// messages. Default: a page counts as shown when it has been sent.
    ///
    /// Every page must load the page script. Without it, a message reappears on each page until a
    /// client confirms it. Responses to partial requests of htmx and Turbo are not affected: they
    /// count as shown when they have been sent.
    ///
    /// [`Messages::confirm_in_browser`](crate::Messages::confirm_in_browser) does the same for one
    /// response.
    #[cfg(feature = "live")]
    #[must_use]
    pub fn confirm_in_browser(mut self) -> Self {
        self.confirm_in_browser = true;
        self
    }

    /// Translates messages that have a [key](Message::key) into the visitor's language.
    ///
    /// `translator` is called at most once for each request and returns a closure that translates
    /// one message. If that closure returns `None`, or a translation that is not a valid message,
    /// the message is shown as it was written. The closure is also called for the key `salver-more`
    /// with the argument `count`, for the text "and 3 more", and for the keys `salver-level-debug`
    /// to `salver-level-error`, for the words "Debug:" to "Error:".
    ///
    /// Default: messages are shown as they were written.
    ///
    /// # Examples
    ///
    /// ```
    /// use actix_web::HttpRequest;
    /// use salver::{Message, Salver};
    ///
    /// # fn main() -> Result<(), salver::Error> {
    /// let salver = Salver::memory("shop")?;
    /// let middleware = salver.middleware().translate(|request: &HttpRequest| {
    ///     let danish = request.headers().get("accept-language").is_some_and(|value| value == "da");
    ///     move |message: &Message| match message.get_key()? {
    ///         "saved" if danish => Some("Gemt.".into()),
    ///         _ => None,
    ///     }
    /// });
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn translate<F, T>(mut self, translator: F) -> Self
    where
        F: Fn(&HttpRequest) -> T + 'static,
        T: Fn(&Message) -> Option<Translation> + 'static,
    {
        self.translator = TranslatorFactory::new(translator);
        self
    }

    /// Sets the CSS classes of messages, for a site with its own design.
    ///
    /// `classes` maps a level and a part of a message to classes, which replace Salver's own for
    /// that part; the stylesheet then does not style it. For `None`, the part keeps its default
    /// class. The level of [`Part::More`] is `Info`. Messages in pages, in partials and on the
    /// stream have the same classes.
    ///
    /// Default: the classes in the table of [`Part`]. [The guide](crate::docs::guide) has the
    /// classes for Bootstrap and Tailwind.
    ///
    /// # Examples
    ///
    /// ```
    /// use salver::{Level, Salver, web::Part};
    ///
    /// # fn main() -> Result<(), salver::Error> {
    /// let salver = Salver::memory("shop")?;
    /// let middleware = salver.middleware().classes(|level, part| match (part, level) {
    ///     (Part::Message, Level::Error) => Some("alert alert-danger alert-dismissible"),
    ///     (Part::Message, Level::Warning) => Some("alert alert-warning alert-dismissible"),
    ///     (Part::Message, Level::Success) => Some("alert alert-success alert-dismissible"),
    ///     (Part::Message, _) => Some("alert alert-info alert-dismissible"),
    ///     (Part::Level, _) => Some("fw-semibold"), // these classes have no icon
    ///     (Part::Close, _) => Some("btn-close"),
    ///     _ => None,
    /// });
    /// # let _ = middleware;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn classes(
        mut self,
        classes: impl Fn(Level, Part) -> Option<&'static str> + 'static,
    ) -> Self {
        self.classes = Classes::new(classes);
        self
    }

    /// Sets how the recipient of a request is found: the person who is logged in.
    ///
    /// `find` is called for each request of an inbox, and by the extractors
    /// [`Recipient`](crate::Recipient) and [`Inbox`](crate::Inbox). It returns `None` for a visitor
    /// who is not logged in. It must take the person from a session that the site has verified, never
    /// from a value that the visitor can choose. A `Recipient` in the extensions of the request, set
    /// by a middleware of the site, comes first.
    ///
    /// Default: no request has a recipient.
    ///
    /// # Examples
    ///
    /// ```
    /// use actix_web::HttpRequest;
    /// use salver::{Recipient, Salver};
    ///
    /// # fn main() -> Result<(), salver::Error> {
    /// let salver = Salver::memory("shop")?;
    /// # fn user_of(_: &HttpRequest) -> Option<u64> { None }
    /// let middleware = salver.middleware().recipient(|request| user_of(request).map(Recipient::user));
    /// # let _ = middleware;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "inbox")]
    #[must_use]
    pub fn recipient(
        mut self,
        find: impl Fn(&HttpRequest) -> Option<crate::Recipient> + 'static,
    ) -> Self {
        self.recipient = RecipientSource::new(find);
        self
    }

    /// Sets the layout of the pages of this crate, such as the inbox: a closure that puts a [`Page`]
    /// into the HTML of the site.
    ///
    /// Default: a plain page with the slot for messages.
    ///
    /// # Examples
    ///
    /// ```
    /// use salver::Salver;
    ///
    /// # fn main() -> Result<(), salver::Error> {
    /// let salver = Salver::memory("shop")?;
    /// let middleware = salver.middleware().layout(|_request, page| {
    ///     format!(
    ///         "<!doctype html><html lang=en><head><title>Inbox</title>{}</head>\
    ///          <body><nav>…</nav><salver-messages></salver-messages><main>{}</main></body></html>",
    ///         page.head_html, page.main_html,
    ///     )
    /// });
    /// # let _ = middleware;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "inbox")]
    #[must_use]
    pub fn layout(mut self, render: impl Fn(&HttpRequest, Page) -> String + 'static) -> Self {
        self.layout = Layout::new(render);
        self
    }

    /// Inserts messages only into full pages.
    ///
    /// Default: responses to partial requests of htmx and Turbo carry the messages of the
    /// requesting page. That page must have the slot; on a page without it, those messages would be
    /// lost. See [the guide](crate::docs::guide).
    ///
    /// [`Messages::as_full_page`](crate::Messages::as_full_page) and
    /// [`Messages::as_partial_of`](crate::Messages::as_partial_of) override this for one response.
    #[must_use]
    pub fn without_partials(mut self) -> Self {
        self.partials = false;
        self
    }

    /// Adds the header `Salver-Status` to HTML responses: what a page shows, or why it shows nothing.
    ///
    /// ```text
    /// Salver-Status: shown=2; view="settings"
    /// Salver-Status: skipped; reason="no slot in the body"; view="settings"
    /// ```
    ///
    /// [The guide](crate::docs::guide) explains each reason. The value is a dictionary of RFC 9651, in
    /// which characters beyond ASCII are percent-encoded.
    ///
    /// Default: in debug builds only. The header contains no text of a message.
    #[must_use]
    pub fn explain(mut self) -> Self {
        self.has_status_header = true;
        self
    }

    /// Omits the header `Salver-Status` in debug builds, too, for tests that compare whole responses.
    #[must_use]
    pub fn without_explanations(mut self) -> Self {
        self.has_status_header = false;
        self
    }

    /// Allows the session cookie over plain HTTP on any host. Every system on the network path can
    /// then read it.
    ///
    /// Default: plain HTTP only between a browser and a server on one machine.
    #[must_use]
    pub fn plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }
}

impl<S, B> Transform<S, ServiceRequest> for Middleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<Body<B>>;
    type Error = Error;
    type Transform = MiddlewareService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        future::ready(Ok(MiddlewareService {
            service,
            app_state: Rc::new(AppState {
                salver: self.salver.for_current_runtime(),
                session: self.session.clone(),
                view: self.view.clone(),
                view_cache: ViewCache::default(),
                session_cache: SessionCache::default(),
                cookies: CookieSettings::new(self.session.cookie_settings(), self.salver.app()),
                recorded_views: RefCell::default(),
                guarded_routes: self.salver.extension(),
                plain_http: self.plain_http,
                partials: self.partials,
                has_status_header: self.has_status_header,
                translator: self.translator.clone(),
                classes: self.classes.clone(),
                #[cfg(feature = "inbox")]
                recipient: self.recipient.clone(),
                #[cfg(feature = "inbox")]
                layout: self.layout.clone(),
                #[cfg(feature = "inbox")]
                recipient_module: self.salver.extension(),
                unknown_views: self.salver.extension(),
                sessions: self.salver.extension(),
                #[cfg(feature = "live")]
                streams: self.salver.extension(),
                #[cfg(feature = "live")]
                confirm_in_browser: self.confirm_in_browser,
                #[cfg(feature = "live")]
                stream_polls: Rc::new(tokio::sync::Semaphore::new(
                    crate::web::live::MAX_CONCURRENT_POLLS,
                )),
            }),
        }))
    }
}

/// The service that [`Middleware`] wraps around an app.
pub struct MiddlewareService<S> {
    service: S,
    app_state: Rc<AppState>,
}

impl<S, B> Service<ServiceRequest> for MiddlewareService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<Body<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future, B>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let request_state = RequestState::start(&self.app_state, request.request());
        ResponseFuture {
            state: State::Handling {
                response: self.service.call(request),
                request_state,
            },
        }
    }
}

impl<S> fmt::Debug for MiddlewareService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiddlewareService").finish_non_exhaustive()
    }
}

type Finalized<B> = Result<ServiceResponse<Body<B>>, Error>;

pin_project! {
    /// The future of [`MiddlewareService`]: waits for the handler, then finalizes the response.
    pub struct ResponseFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B> {
        /// The inner service handles the request.
        Handling {
            #[pin]
            response: F,
            request_state: Rc<RequestState>,
        },
        /// The middleware waits for the store. Boxed, because most pages do not wait.
        Finalizing {
            finalized: LocalBoxFuture<'static, Finalized<B>>,
        },
    }
}

impl<F, B> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody + 'static,
{
    type Output = Finalized<B>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        if let StateProj::Handling {
            response,
            request_state,
        } = state.as_mut().project()
        {
            let response = ready!(response.poll(cx));
            let finalized = match finalize_response(request_state, response) {
                Either::Left(finalized) => return Poll::Ready(finalized),
                Either::Right(finalized) => finalized,
            };
            state.set(State::Finalizing { finalized });
        }
        match state.project() {
            StateProj::Finalizing { finalized } => finalized.poll_unpin(cx),
            StateProj::Handling { .. } => Poll::Pending,
        }
    }
}

/// Returns the finalized response, or a future if finalizing it may call the store.
fn finalize_response<B: MessageBody + 'static>(
    request_state: &Rc<RequestState>,
    response: Result<ServiceResponse<B>, Error>,
) -> Either<Finalized<B>, LocalBoxFuture<'static, Finalized<B>>> {
    Either::Right(match response {
        Ok(response) => {
            let plan = ResponsePlan::of(request_state, &response);
            if plan.is_unchanged(request_state) {
                return Either::Left(Ok(finalize_unchanged(request_state, response)));
            }
            let request_state = Rc::clone(request_state);
            async move { Ok(finalize(&request_state, response, plan).await) }.boxed_local()
        }
        Err(error) => {
            let request_state = Rc::clone(request_state);
            async move { Err(finalize_error(&request_state, error).await) }.boxed_local()
        }
    })
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
