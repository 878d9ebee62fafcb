//! Whose request it is, and what a browser is told of that: cookies, a login, a logout.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;

use crate::web::request::app_state::AppState;
use crate::web::request::headers::RequestHeaders;
use crate::web::session::issuer::SessionIssuer;
use crate::web::session::token::Token;
use crate::{Error, SessionId};

/// The visitor of one request.
pub(crate) struct Visitor {
    app_state: Rc<AppState>,
    session: RefCell<SessionState>,
    cookie: RefCell<Option<Box<Cookie<'static>>>>,
    hint: RefCell<Option<Box<Cookie<'static>>>>,
    /// Whether this request has itself put something where a page may find it.
    is_modified: Cell<bool>,
    /// The session that this request has ended: its pages are told when the new cookie goes out.
    #[cfg(feature = "live")]
    ended_session: RefCell<Option<SessionId>>,
}

/// What is known of the visitor.
enum SessionState {
    /// Nobody has asked yet.
    Unresolved,
    Anonymous,
    Session(SessionId),
}

impl SessionState {
    fn id(&self) -> Option<SessionId> {
        match self {
            Self::Session(id) => Some(id.clone()),
            _ => None,
        }
    }
}

impl Visitor {
    /// Gives that of a request which nobody has asked about.
    pub(crate) fn new(app_state: &Rc<AppState>) -> Self {
        Self {
            app_state: Rc::clone(app_state),
            session: RefCell::new(SessionState::Unresolved),
            cookie: RefCell::default(),
            hint: RefCell::default(),
            is_modified: Cell::new(false),
            #[cfg(feature = "live")]
            ended_session: RefCell::default(),
        }
    }

    /// Tells who it is, making nothing.
    pub(crate) fn session(&self, request: &HttpRequest) -> Option<SessionId> {
        self.session_with_headers(request, &RequestHeaders::of(request))
    }

    pub(crate) fn session_with_headers(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders<'_>,
    ) -> Option<SessionId> {
        let mut session = self.session.borrow_mut();
        if let SessionState::Unresolved = *session {
            let result = self.app_state.session_of(request, headers);
            *session = result.map_or(SessionState::Anonymous, SessionState::Session);
        }
        session.id()
    }

    /// Tells who it is, as far as somebody has asked.
    pub(crate) fn resolved_session(&self) -> Option<SessionId> {
        self.session.borrow().id()
    }

    /// Tells who it is, making a session if there is none.
    pub(crate) fn session_or_new(&self, issuer: &SessionIssuer) -> Result<SessionId, Error> {
        match self.resolved_session() {
            Some(id) => Ok(id),
            None => self.issue_session(issuer, &issuer.generate_token()?),
        }
    }

    /// Notes that this request has put something where a page of this visitor may find it, which is asked for
    /// whatever is known without asking: by this request, and for a moment by the visitor's next ones.
    pub(crate) fn mark_modified(&self, issuer: &SessionIssuer) {
        self.bypass_index();
        if self.app_state.salver.has_index() {
            self.hint.replace(issuer.hint_cookie().map(Box::new));
        }
    }

    /// Leaves the hint for a request that has given back what it claimed.
    pub(crate) fn set_hint_cookie(&self, request: &HttpRequest) {
        if self.is_modified.get() && self.hint.borrow().is_none() {
            self.mark_modified(&self.issuer(request));
        }
    }

    /// Notes that what this visitor finds is not known without asking.
    pub(crate) fn bypass_index(&self) {
        self.is_modified.set(true);
    }

    pub(crate) fn bypasses_index(&self) -> bool {
        self.is_modified.get()
    }

    fn issue_session(&self, issuer: &SessionIssuer, token: &Token<'_>) -> Result<SessionId, Error> {
        let id = token.session(self.app_state.salver.app())?;
        self.cookie.replace(issuer.issue(token)?.map(Box::new));
        self.session.replace(SessionState::Session(id.clone()));
        Ok(id)
    }

    /// Gives the visitor a new id and carries the messages along; gives the id when they are there for certain. Does
    /// nothing for a visitor without one.
    pub(crate) async fn renew(&self, issuer: &SessionIssuer) -> Result<Option<SessionId>, Error> {
        let Some(old) = self.resolved_session() else {
            return Ok(None);
        };
        let token = issuer.generate_token()?;
        let salver = &self.app_state.salver;
        let new = token.session(salver.app())?;
        self.mark_modified(issuer);
        let moved = salver.migrate_to_new(&old, &new).await;
        let is_certain = moved.is_ok();
        match moved {
            Ok(()) => {}
            // The messages may be under the new id already: the visitor has to have it. What this request
            // has claimed ends under the old one, from where a confirm follows.
            Err(error) if error.is_in_doubt() => {
                tracing::warn!(%error, "session migration in doubt; retrying in the background for up to 5 minutes");
                salver.retry_migration(&old, &new)?;
            }
            // The old id was closed, or moved for somebody who has its newer cookie: begin anew.
            Err(error) if error.is_closed() => {}
            Err(error) => return Err(error),
        }
        self.issue_session(issuer, &token)?;
        #[cfg(feature = "live")]
        self.ended_session.replace(Some(old));
        Ok(is_certain.then_some(new))
    }

    /// Removes the visitor's messages, closes the session and gives a new one.
    pub(crate) async fn close_session(&self, issuer: &SessionIssuer) -> Result<(), Error> {
        let Some(old) = self.resolved_session() else {
            return Ok(());
        };
        // First the new token: whatever becomes of the old one, this visitor is rid of it.
        self.issue_session(issuer, &issuer.generate_token()?)?;
        #[cfg(feature = "live")]
        self.ended_session.replace(Some(old.clone()));
        self.app_state.salver.close_session(&old).await
    }

    /// Gives the cookies that have to go out with the response.
    pub(crate) fn take_cookies(&self) -> impl Iterator<Item = Box<Cookie<'static>>> {
        #[cfg(feature = "live")]
        if let Some(ended) = self.ended_session.take() {
            self.app_state.salver.reset_streams(&ended);
        }
        let (cookie, hint) = (self.cookie.take(), self.hint.take());
        cookie.into_iter().chain(hint)
    }

    pub(crate) fn issuer(&self, request: &HttpRequest) -> SessionIssuer {
        self.app_state
            .session
            .issuer(request, self.app_state.plain_http)
    }
}
