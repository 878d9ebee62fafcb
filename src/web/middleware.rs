//! The middleware: starts a visit before the handler, and ends it after.

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

use crate::web::request::app_state::AppState;
use crate::web::request::state::RequestState;
use crate::web::response::body::Body;
use crate::web::response::finalize::{finalize, finalize_error, finalize_unchanged};
use crate::web::response::plan::ResponsePlan;
use crate::web::session::session_cache::SessionCache;
use crate::web::session::source::SessionSource;
use crate::web::translation::{Translation, TranslatorFactory};
use crate::web::view::cache::ViewCache;
use crate::web::view::source::ViewSource;
use crate::web::view::unknown_view;
use crate::{Message, Salver};

impl Salver {
    /// Makes the middleware: `App::new().wrap(salver.middleware())`.
    ///
    /// Make it in the app factory, so that each worker has its own. It must see the plain body: wrap a
    /// compressor outside of it, `.wrap(salver.middleware()).wrap(Compress::default())`.
    #[must_use]
    pub fn middleware(&self) -> Middleware {
        Middleware {
            salver: self.clone(),
            session: SessionSource::cookie(),
            view: ViewSource::route(),
            plain_http: false,
            partials: true,
            translator: TranslatorFactory::default(),
            #[cfg(feature = "live")]
            confirm_in_browser: false,
        }
    }
}

/// Fills the slot, ends claims and keeps the visitor's session. Made by [`Salver::middleware`].
#[derive(Clone, Debug)]
pub struct Middleware {
    salver: Salver,
    session: SessionSource,
    view: ViewSource,
    plain_http: bool,
    partials: bool,
    translator: TranslatorFactory,
    #[cfg(feature = "live")]
    confirm_in_browser: bool,
}

impl Middleware {
    /// Sets how a request is known to be of a session: a [`SessionSource`] or a closure. Default: a cookie
    /// of Salver's own.
    #[must_use]
    pub fn session(mut self, source: impl Into<SessionSource>) -> Self {
        self.session = source.into();
        self
    }

    /// Sets which view a request is for: a [`ViewSource`] or a closure. Default: the route's pattern.
    #[must_use]
    pub fn view(mut self, source: impl Into<ViewSource>) -> Self {
        self.view = source.into();
        self
    }

    /// Leaves it to pages to say what they show: then a page that the browser throws away, by a double click or
    /// the stop button, loses nothing. Default: what is handed over is shown.
    ///
    /// What htmx and Turbo ask for is not left to it: it counts as shown when it is handed over.
    ///
    /// The page script has to be on every page; without it a message shows again on each page until somebody
    /// says that it is shown. [`Messages::leave_to_page`](crate::Messages::leave_to_page) does the same for one
    /// response.
    #[cfg(feature = "live")]
    #[must_use]
    pub fn confirm_in_browser(mut self) -> Self {
        self.confirm_in_browser = true;
        self
    }

    /// Draws messages that have a [key](Message::key) in the visitor's language. Default: as they were written.
    ///
    /// Asked once for each request, it answers with what translates a message; nothing leaves the text as it is. It is
    /// asked for the key `salver-more` too, with the argument `count`: "and 3 more".
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

    /// Puts messages into pages alone. Default: what htmx and Turbo ask for carries the messages of the page that
    /// asks, which has the slot; a page without one would lose them. See [the guide](crate::docs::guide).
    ///
    /// [`Messages::as_page`](crate::Messages::as_page) and [`as_part_of`](crate::Messages::as_part_of) say so for one
    /// response.
    #[must_use]
    pub fn without_partials(mut self) -> Self {
        self.partials = false;
        self
    }

    /// Lets the cookie go over plain http on any host, where anybody on the way can read it. Default: only
    /// between a browser and a server on one machine.
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
                recorded_views: RefCell::default(),
                plain_http: self.plain_http,
                partials: self.partials,
                translator: self.translator.clone(),
                unknown_views: &unknown_view::UNKNOWN_VIEWS,
                #[cfg(feature = "live")]
                confirm_in_browser: self.confirm_in_browser,
                #[cfg(feature = "live")]
                stream_polls: tokio::sync::Semaphore::new(crate::web::live::MAX_CONCURRENT_POLLS),
            }),
        }))
    }
}

/// What [`Middleware`] wraps around an app.
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
    /// A request that is being answered.
    pub struct ResponseFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B> {
        /// By what stands inside of the middleware.
        Handling {
            #[pin]
            response: F,
            request_state: Rc<RequestState>,
        },
        /// By the middleware, which waits for the store. Boxed: most pages have nothing to wait for.
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

/// Gives the answer, or what has to be waited for before it.
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
