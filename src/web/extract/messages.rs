//! The extractor that a handler adds through.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::web::request::state::{ClaimOverride, RequestState, ResponseKind};
use crate::web::session::issuer::SessionIssuer;
use crate::{Added, Context, Error, IntoView, Level, Message, Salver, SessionId, View};

/// Adds messages for this visitor: the extractor of handlers that have something to tell.
///
/// ```
/// use actix_web::{Responder, post, web::Redirect};
/// use salver::{Message, Messages};
///
/// #[post("/settings")]
/// async fn save(messages: Messages) -> Result<impl Responder, salver::Error> {
///     messages.success("Your settings have been changed.").await;     // this view
///     messages.to("dashboard").info("3 icons imported").await;        // another page
///     messages.add_message(Message::warning("Your plan ends soon.").title("Plan")).await?;
///     Ok(Redirect::to("/settings").see_other())
/// }
/// ```
///
/// A visitor without a session gets one by the first add. What a handler adds to the view that it
/// renders itself is shown in that very response.
#[derive(Clone)]
pub struct Messages {
    state: Rc<RequestState>,
    /// Instead of the request, which a middleware could not pass on while somebody else holds it.
    issuer: SessionIssuer,
    view: Result<View, Error>,
    /// Whether that is the request's own.
    is_own_view: bool,
}

impl Messages {
    /// Adds to another page of this visitor.
    ///
    /// `view`: a [`View`], or the name of one, checked by the call that adds. [`View::ANY`] is whichever
    /// page comes next.
    #[must_use]
    pub fn to(&self, view: impl IntoView) -> Self {
        Self {
            view: view.into_view(),
            is_own_view: false,
            ..self.clone()
        }
    }

    /// Adds a message of [`Level::Debug`]. Never fails the handler: what goes wrong is logged.
    pub async fn debug(&self, text: impl Into<String>) {
        self.add_or_log(Level::Debug, text.into()).await;
    }

    /// Adds a message of [`Level::Info`]. Never fails the handler: what goes wrong is logged.
    pub async fn info(&self, text: impl Into<String>) {
        self.add_or_log(Level::Info, text.into()).await;
    }

    /// Adds a message of [`Level::Success`]. Never fails the handler: what goes wrong is logged.
    pub async fn success(&self, text: impl Into<String>) {
        self.add_or_log(Level::Success, text.into()).await;
    }

    /// Adds a message of [`Level::Warning`]. Never fails the handler: what goes wrong is logged.
    pub async fn warning(&self, text: impl Into<String>) {
        self.add_or_log(Level::Warning, text.into()).await;
    }

    /// Adds a message of [`Level::Error`]. Never fails the handler: what goes wrong is logged.
    pub async fn error(&self, text: impl Into<String>) {
        self.add_or_log(Level::Error, text.into()).await;
    }

    async fn add_or_log(&self, level: Level, text: String) {
        if let Err(error) = self.add_message(Message::new(level, text)).await {
            tracing::warn!(%error, "message not added");
        }
    }

    /// Adds a message. One round trip; a visitor without a session gets one.
    ///
    /// # Errors
    ///
    /// As [`Salver::add`], and [`is_invalid`](Error::is_invalid) for a view that
    /// [`View::new`] refuses, for a request that no route matched, and for a session source that can
    /// make no session. After a login or logout elsewhere an old cookie gets
    /// [`is_closed`](Error::is_closed): it must not write into the new session.
    ///
    /// # Cancel safety
    ///
    /// As [`Salver::add`].
    pub async fn add_message(&self, message: Message) -> Result<Added, Error> {
        message
            .validate()
            .map_err(|error| error.with_operation("add"))?;
        if !self.state.app_state.salver.passes_level(&message) {
            return Ok(Added::default());
        }
        let context = self.own_context()?;
        self.state.visitor.mark_modified(&self.issuer);
        if self.is_own_view {
            self.state.mark_added_to_own_view();
        }
        let added = self
            .state
            .app_state
            .salver
            .add_without_redirect(&context, message)
            .await?;
        self.state
            .app_state
            .unknown_views
            .record_add(context.app(), context.view());
        Ok(added)
    }

    /// Gives the address of a page of this visitor, for a job; makes the session if there is none.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) as for [`add_message`](Self::add_message).
    #[expect(
        clippy::unused_async,
        reason = "a session source may come to need a round trip; adding the await later would break users"
    )]
    pub async fn context(&self, view: impl IntoView) -> Result<Context, Error> {
        let context = self.to(view).own_context()?;
        // Whoever asks for an address adds there, perhaps before the response leaves.
        self.state.visitor.mark_modified(&self.issuer);
        Ok(context)
    }

    fn own_context(&self) -> Result<Context, Error> {
        let view = self
            .view
            .clone()
            .map_err(|error| error.with_operation("add"))?;
        let session = self.state.visitor.session_or_new(&self.issuer)?;
        self.state.app_state.salver.context(session, view)
    }

    /// Gives the visitor's session, if there is one; makes none.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.state.visitor.resolved_session()
    }

    /// Shows a message on this response only, in the slot. Stores nothing.
    ///
    /// With [`Pending`](crate::Pending) use [`Pending::now`](crate::Pending::now): where that is drawn
    /// the slot stays empty. A message that [`Message::check`] refuses is logged and not shown.
    pub fn now(&self, message: Message) {
        if let Some(message) = RequestState::validated(message) {
            self.state.add_response_only(message);
        }
    }

    /// Says that what is pending for this page stays pending, whatever the response.
    pub fn keep(&self) {
        self.state.set_claim_override(ClaimOverride::Keep);
    }

    /// Leaves it to this page to say what it shows, as
    /// [`Middleware::leave_to_page`](crate::web::Middleware::leave_to_page) does for all.
    #[cfg(feature = "live")]
    pub fn confirm_in_browser(&self) {
        self.state.set_claim_override(ClaimOverride::ClientConfirms);
    }

    /// Says that this response is a whole page, though htmx or Turbo asks for it: what is pending for its own view
    /// goes into its slot, if it has one, and nothing is put beside it.
    pub fn as_full_page(&self) {
        self.state.set_response_kind(ResponseKind::FullPage);
    }

    /// Says that this response is a part of the page of a view, which takes it in: what is pending there comes with it,
    /// also with a status that htmx drops by default.
    ///
    /// For parts whose page does not say where it is, or is not of the view that it seems to be of.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid), as [`View::new`](View::new).
    pub fn as_partial_of(&self, view: impl IntoView) -> Result<(), Error> {
        self.state
            .set_response_kind(ResponseKind::PartialOf(view.into_view()?));
        Ok(())
    }

    /// Gives the visitor a new session id and carries the messages along: call it at a login.
    ///
    /// The old id shows nothing from then on. A visitor without a session is left alone; one whose session
    /// was closed or has moved (an old cookie) gets a new, empty one. When the store does not say whether it
    /// moved the messages, the visitor has the new id, and the move is repeated until it is certain, for up to
    /// five minutes while this process lives.
    ///
    /// # Errors
    ///
    /// [`is_unavailable`](Error::is_unavailable): nothing has changed, the visitor keeps the old id.
    /// [`is_in_doubt`](Error::is_in_doubt) when 256 moves are in doubt already: the visitor keeps the old id, and
    /// the messages may be under the new one.
    /// [`is_invalid`](Error::is_invalid) for a source of sessions that can only find them.
    pub async fn renew(&self) -> Result<(), Error> {
        self.state.renew(&self.issuer).await
    }

    /// Removes the visitor's messages, closes the session and gives a new one: call it at a logout.
    ///
    /// Jobs that still add to the old one get [`is_closed`](Error::is_closed). What is added after this
    /// goes to the new one: "You are logged out."
    ///
    /// # Errors
    ///
    /// As [`Salver::forget`]; the visitor has the new id all the same. [`is_invalid`](Error::is_invalid) for
    /// a source of sessions that can only find them: nothing has changed.
    pub async fn close_session(&self) -> Result<(), Error> {
        self.state.visitor.close_session(&self.issuer).await
    }
}

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}

impl FromRequest for Messages {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(RequestState::of(request).map(|state| {
            // Found now, since the request is not kept.
            state.visitor.session(request);
            Self {
                issuer: state.visitor.issuer(request),
                view: state.view(request).ok_or_else(|| {
                    Error::invalid("view", "is missing: no route matched the request")
                }),
                state,
                is_own_view: true,
            }
        }))
    }
}

impl FromRequest for Salver {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    /// Gives the handle for any runtime: it may be moved into a job.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(RequestState::of(request).map(|state| state.app_state.salver.detached()))
    }
}
