//! The extractor with which a handler adds messages.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::web::request::state::{ClaimOverride, RequestState, ResponseKind};
use crate::web::session::issuer::SessionIssuer;
use crate::{Added, Context, Error, IntoView, Level, Message, Salver, SessionId, View};

/// Adds messages for the visitor of a request. An extractor for handlers.
///
/// A visitor without a session receives one with the first add. A message that a handler adds to
/// the view that it renders itself is shown in the same response.
///
/// Extracting it makes no store call. Without Salver's middleware it fails with status 500, and the
/// log names the line to add.
///
/// # Examples
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
#[derive(Clone)]
pub struct Messages {
    state: Rc<RequestState>,
    /// Created with the extractor, which does not keep the request: another reference to the
    /// request would prevent middleware from passing it on.
    issuer: SessionIssuer,
    view: Result<View, Error>,
    /// Whether `view` is that of the request.
    is_own_view: bool,
}

impl Messages {
    /// Returns an extractor that adds to another view of this visitor.
    ///
    /// `view`: a [`View`], or the name of one, which the call that adds validates. With
    /// [`View::ANY`] the next page of any view shows the message.
    #[must_use]
    pub fn to(&self, view: impl IntoView) -> Self {
        Self {
            view: view.into_view(),
            is_own_view: false,
            ..self.clone()
        }
    }

    /// Adds a message of [`Level::Debug`]. An error is logged, and does not fail the handler.
    pub async fn debug(&self, text: impl Into<String>) {
        self.add_or_log(Level::Debug, text.into()).await;
    }

    /// Adds a message of [`Level::Info`]. An error is logged, and does not fail the handler.
    pub async fn info(&self, text: impl Into<String>) {
        self.add_or_log(Level::Info, text.into()).await;
    }

    /// Adds a message of [`Level::Success`]. An error is logged, and does not fail the handler.
    pub async fn success(&self, text: impl Into<String>) {
        self.add_or_log(Level::Success, text.into()).await;
    }

    /// Adds a message of [`Level::Warning`]. An error is logged, and does not fail the handler.
    pub async fn warning(&self, text: impl Into<String>) {
        self.add_or_log(Level::Warning, text.into()).await;
    }

    /// Adds a message of [`Level::Error`]. An error is logged, and does not fail the handler.
    pub async fn error(&self, text: impl Into<String>) {
        self.add_or_log(Level::Error, text.into()).await;
    }

    async fn add_or_log(&self, level: Level, text: String) {
        if let Err(error) = self.add_message(Message::new(level, text)).await {
            tracing::warn!(%error, "message not added");
        }
    }

    /// Adds a message.
    ///
    /// One round trip. A visitor without a session receives one. A message below the minimum level
    /// is not added, which is not an error: [`Added::messages`] is 0.
    ///
    /// # Errors
    ///
    /// As [`Salver::add`], and:
    ///
    /// - [`is_invalid`](Error::is_invalid) for a view that [`View::new`] rejects, for a request
    ///   that no route matched, and for a visitor without a session if the session source cannot
    ///   create one.
    /// - [`is_session_closed`](Error::is_session_closed) for a request with an old cookie, after a login or logout
    ///   in another request. It must not write into the new session.
    ///
    /// # Cancel safety
    ///
    /// As [`Salver::add`].
    pub async fn add_message(&self, message: Message) -> Result<Added, Error> {
        let accepted = self.state.app_state.salver.accept(vec![message])?;
        if accepted.is_empty() {
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
            .add_without_redirect(&context, &accepted)
            .await?;
        self.state
            .record_add(context.app(), context.view(), self.is_own_view);
        Ok(added)
    }

    /// Returns the context of a view of this visitor, for a job. Creates the session if there is
    /// none.
    ///
    /// Makes no store call.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) as for [`add_message`](Self::add_message).
    #[expect(
        clippy::unused_async,
        reason = "a session source may need a round trip later; a new `async` would break callers"
    )]
    pub async fn context(&self, view: impl IntoView) -> Result<Context, Error> {
        let context = self.to(view).own_context()?;
        // A caller adds to the context, perhaps before the response is sent.
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

    /// Returns the visitor's session, if there is one. Never creates one.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.state.visitor.resolved_session()
    }

    /// Shows a message on this response only, in the slot. Stores nothing.
    ///
    /// A handler that renders [`Pending`](crate::Pending) uses
    /// [`Pending::now`](crate::Pending::now) instead, because the slot then stays empty. A message
    /// that [`Message::validate`] rejects is logged and not shown.
    pub fn now(&self, message: Message) {
        if let Some(message) = RequestState::validated(message) {
            self.state.add_response_only(message);
        }
    }

    /// Keeps the messages of this page pending, whatever the response. The next page shows them again.
    ///
    /// Call it before the messages are rendered. An open page with live delivery receives and confirms them
    /// by its stream.
    pub fn keep(&self) {
        self.state.set_claim_override(ClaimOverride::Keep);
    }

    /// Lets this page confirm in the browser which messages it shows.
    ///
    /// [`Middleware::confirm_in_browser`](crate::web::Middleware::confirm_in_browser) does the same
    /// for all pages.
    #[cfg(feature = "live")]
    pub fn confirm_in_browser(&self) {
        self.state.set_claim_override(ClaimOverride::ClientConfirms);
    }

    /// Declares that this response is a full page, although htmx or Turbo requested it.
    ///
    /// The messages of its own view go into its slot, if it has one. No out-of-band element is
    /// added.
    pub fn as_full_page(&self) {
        self.state.set_response_kind(ResponseKind::FullPage);
    }

    /// Declares that this response is a partial of the page of a view, and that the page uses it.
    ///
    /// The response carries the messages of that view, also with a status that htmx discards by
    /// default. Call it if the request does not name the view of the requesting page, or names
    /// another one.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid), as [`View::new`](View::new).
    pub fn as_partial_of(&self, view: impl IntoView) -> Result<(), Error> {
        self.state
            .set_response_kind(ResponseKind::PartialOf(view.into_view()?));
        Ok(())
    }

    /// Moves the visitor to a new session id, with all messages. Call it at login.
    ///
    /// From then on, pages with the old id show no messages.
    ///
    /// - A visitor without a session is left unchanged. If the site has
    ///   [inboxes](crate::Salver::inbox_routes), they receive one: by its end all processes learn of
    ///   the logout, and close the streams of the person.
    /// - A visitor whose session was closed or has already moved, as with an old cookie, receives a
    ///   new, empty session.
    /// - If the store does not report whether the messages have moved, the visitor receives the new
    ///   id. The migration is retried until its outcome is certain, for up to five minutes while
    ///   this process runs.
    ///
    /// # Errors
    ///
    /// The visitor keeps the old id in all of these cases.
    ///
    /// - [`is_unavailable`](Error::is_unavailable): nothing has changed.
    /// - [`is_in_doubt`](Error::is_in_doubt) if 256 migrations are being retried already: the
    ///   messages may be under the new id.
    /// - [`is_invalid`](Error::is_invalid) for a session source that can only find sessions:
    ///   nothing has changed.
    pub async fn renew(&self) -> Result<(), Error> {
        self.state.renew(&self.issuer).await
    }

    /// Removes the visitor's messages, closes the session and issues a new one. Call it at logout.
    ///
    /// Jobs that still add to the old session receive [`is_session_closed`](Error::is_session_closed). Later adds
    /// of this request go to the new session: "You are logged out." A visitor without a session is
    /// left unchanged.
    ///
    /// # Errors
    ///
    /// As [`Salver::close_session`]; the visitor receives the new session nevertheless.
    /// [`is_invalid`](Error::is_invalid) for a session source that can only find sessions: nothing
    /// has changed.
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
            // Resolved now, because the extractor does not keep the request.
            state.session(request);
            Self {
                issuer: state.issuer(request),
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

    /// Returns a handle that works on any runtime: a handler can move it into a job.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(RequestState::of(request).map(|state| state.app_state.salver.detached()))
    }
}
