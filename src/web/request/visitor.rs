//! The visitor of a request: the session, login and logout, and the cookies of the response.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderValue, InvalidHeaderValue};

use crate::log_limit::LogLimit;
use crate::web::request::app_state::AppState;
use crate::web::request::headers::RequestHeaders;
use crate::web::session::issuer::SessionIssuer;
use crate::web::session::token::Token;
use crate::{Error, SessionId};

/// The visitor of one request.
pub(crate) struct Visitor {
    app_state: Rc<AppState>,
    session: RefCell<SessionState>,
    /// The issuer of the session that this visitor receives.
    issued_by: RefCell<Option<SessionIssuer>>,
    /// The `Set-Cookie` value of the session cookie, of the hint cookie, and of the return cookie.
    cookie: RefCell<Option<String>>,
    hint: RefCell<Option<HeaderValue>>,
    return_cookie: RefCell<Option<String>>,
    /// The move of messages that the return cookie asks for.
    pending_move: RefCell<Option<PendingMove>>,
    /// Whether this request is a login.
    is_login: Cell<bool>,
    /// Whether the index is bypassed, because this request has changed the visitor's messages.
    bypasses_index: Cell<bool>,
    /// Whether the index is bypassed for this request alone.
    ignores_index: Cell<bool>,
    /// Whether the response has its cookies.
    is_finished: Cell<bool>,
    /// The session that this request has ended. Its streams are reset when the new cookie is set.
    #[cfg(feature = "live")]
    ended_session: RefCell<Option<SessionId>>,
}

/// A move of messages between the session of the visitor and one that a request from another site has
/// created.
pub(super) struct PendingMove {
    pub(super) from: SessionId,
    pub(super) to: SessionId,
    /// The cookie to set after the move, if the session of the visitor changes.
    session_cookie: Option<String>,
    remove_return_cookie: String,
}

/// The session of the visitor, as far as it is resolved.
enum SessionState {
    /// Not resolved yet.
    Unresolved,
    /// The request has no session.
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
    /// Why a middleware that is wrapped around Salver's can neither set a cookie nor fill the slot.
    pub(crate) const FINISHED: &str = "the response has already passed Salver's middleware; wrap the middleware that \
        adds it before `.wrap(salver.middleware())`";

    /// Creates the visitor of a request, with an unresolved session.
    pub(crate) fn new(app_state: &Rc<AppState>) -> Self {
        Self {
            app_state: Rc::clone(app_state),
            session: RefCell::new(SessionState::Unresolved),
            issued_by: RefCell::default(),
            cookie: RefCell::default(),
            hint: RefCell::default(),
            return_cookie: RefCell::default(),
            pending_move: RefCell::default(),
            is_login: Cell::new(false),
            bypasses_index: Cell::new(false),
            ignores_index: Cell::new(false),
            is_finished: Cell::new(false),
            #[cfg(feature = "live")]
            ended_session: RefCell::default(),
        }
    }

    /// Returns the session, if there is one. Never creates one.
    pub(super) fn session(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders,
    ) -> Option<SessionId> {
        let mut session = self.session.borrow_mut();
        if let SessionState::Unresolved = *session {
            let result = self.app_state.session_of(request, headers);
            if result.is_some() {
                self.app_state.sessions.record_found();
            }
            let result = match headers.cookies.has_returned() {
                true => self.with_returned(request, headers, result),
                false => result,
            };
            *session = result.map_or(SessionState::Anonymous, SessionState::Session);
        }
        session.id()
    }

    /// Returns the session of a request with a return cookie. If there is no other session, it becomes
    /// the session of the visitor.
    fn with_returned(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders,
        session: Option<SessionId>,
    ) -> Option<SessionId> {
        let Some(returned) = self.app_state.returned_session_of(request, headers) else {
            return session;
        };
        // The hint cookie of the request that created the session may not arrive with this one.
        self.ignores_index.set(true);
        let SessionIssuer::Cookie(cookies) = self.issuer(request, headers) else {
            return Some(returned.id);
        };
        let token = str::from_utf8(&returned.token).ok();
        let new_cookie = token.map(|token| cookies.session(token));
        let remove_return_cookie = cookies.remove_returned(returned.is_login);
        let (from, to, session_cookie) = match session {
            None => {
                self.cookie.replace(new_cookie);
                self.return_cookie.replace(Some(remove_return_cookie));
                return Some(returned.id);
            }
            Some(session) if returned.is_login => (session, returned.id, new_cookie),
            Some(session) => (returned.id, session, None),
        };
        // The messages move when they are read.
        self.pending_move.replace(Some(PendingMove {
            from,
            to: to.clone(),
            session_cookie,
            remove_return_cookie,
        }));
        Some(to)
    }

    /// Takes the move of messages that a request from another site has caused.
    pub(super) fn take_pending_move(&self) -> Option<PendingMove> {
        self.pending_move.take()
    }

    /// Sets the cookies after a move.
    pub(super) fn finish_move(&self, finished: PendingMove) {
        if finished.session_cookie.is_some() {
            self.cookie.replace(finished.session_cookie);
        }
        self.return_cookie
            .replace(Some(finished.remove_return_cookie));
    }

    /// Returns the session, if it is resolved and there is one.
    pub(crate) fn resolved_session(&self) -> Option<SessionId> {
        self.session.borrow().id()
    }

    /// Returns the session, and creates one if there is none.
    pub(crate) fn session_or_new(&self, issuer: &SessionIssuer) -> Result<SessionId, Error> {
        match self.resolved_session() {
            Some(id) => Ok(id),
            None => self.issue_session(issuer, &issuer.generate_token()?),
        }
    }

    /// Records that this request has added something that a page of this visitor may show. This
    /// request bypasses the index. The hint cookie makes the visitor's requests of the next seconds
    /// bypass it too.
    pub(crate) fn mark_modified(&self, issuer: &SessionIssuer) {
        self.bypass_index();
        if self.app_state.salver.has_index() {
            self.hint.replace(issuer.hint_cookie());
        }
    }

    /// Sets the hint cookie if the index was bypassed without it, as after a released claim.
    pub(super) fn set_hint_cookie(&self, issuer: impl FnOnce() -> SessionIssuer) {
        if self.bypasses_index.get() && self.hint.borrow().is_none() {
            self.mark_modified(&issuer());
        }
    }

    /// Records that the index may be outdated for this visitor, so that the store is queried.
    pub(crate) fn bypass_index(&self) {
        self.bypasses_index.set(true);
    }

    pub(crate) fn bypasses_index(&self) -> bool {
        self.bypasses_index.get() || self.ignores_index.get()
    }

    fn issue_session(&self, issuer: &SessionIssuer, token: &Token<'_>) -> Result<SessionId, Error> {
        if self.is_finished.get() && issuer.sets_cookie() {
            return Err(Error::misconfigured(Self::FINISHED));
        }
        let id = token.session(self.app_state.salver.app())?;
        let cookie = issuer.issue(token, self.is_login.get())?;
        match issuer {
            SessionIssuer::ReturnCookie(_) => self.return_cookie.replace(cookie),
            _ => self.cookie.replace(cookie),
        };
        self.session.replace(SessionState::Session(id.clone()));
        self.app_state.sessions.record_issued(issuer);
        self.issued_by.replace(Some(issuer.clone()));
        Ok(id)
    }

    /// Moves the visitor to a new session id, with all messages. Returns the new id if the messages
    /// have certainly moved. A visitor without a session gets one only if the site has inboxes.
    pub(crate) async fn renew(&self, issuer: &SessionIssuer) -> Result<Option<SessionId>, Error> {
        self.is_login.set(true);
        let Some(old) = self.resolved_session() else {
            // The browser may have a session that it does not send with this request.
            let is_unknown = matches!(issuer, SessionIssuer::ReturnCookie(_));
            if is_unknown || (self.needs_session() && issuer.can_issue()) {
                self.issue_session(issuer, &issuer.generate_token()?)?;
            }
            return Ok(None);
        };
        let token = issuer.generate_token()?;
        let salver = &self.app_state.salver;
        let new = token.session(salver.app())?;
        self.mark_modified(issuer);
        let migrated = salver.migrate_to_new(&old, &new).await;
        let is_certain = migrated.is_ok();
        match migrated {
            Ok(()) => {}
            // The messages may already be under the new id, so the visitor must receive it. The
            // claim of this request stays under the old id; a confirm follows the migration.
            Err(error) if error.is_in_doubt() => {
                tracing::warn!(%error, "session migration in doubt; retrying in the background for up to 5 minutes");
                salver.retry_migration(&old, &new)?;
            }
            // The old id was closed, or another request moved it: start a new, empty session.
            Err(error) if error.is_session_closed() => {}
            Err(error) => return Err(error),
        }
        self.issue_session(issuer, &token)?;
        if let Some(pending) = &mut *self.pending_move.borrow_mut() {
            pending.to = new.clone();
            pending.session_cookie = None;
        }
        #[cfg(feature = "live")]
        self.ended_session.replace(Some(old));
        Ok(is_certain.then_some(new))
    }

    /// Returns whether a person needs a session: by its end all processes learn of a logout.
    fn needs_session(&self) -> bool {
        #[cfg(feature = "inbox")]
        return self.app_state.recipient_module.get().is_some();
        #[cfg(not(feature = "inbox"))]
        false
    }

    /// Removes the visitor's messages, closes the session and issues a new one.
    pub(crate) async fn close_session(&self, issuer: &SessionIssuer) -> Result<(), Error> {
        let is_unknown = matches!(issuer, SessionIssuer::ReturnCookie(_));
        let issuer = &issuer.replacing();
        let Some(old) = self.resolved_session() else {
            // The browser may have a session that it does not send with this request.
            if is_unknown {
                self.issue_session(issuer, &issuer.generate_token()?)?;
            }
            return Ok(());
        };
        self.drop_issued_return_cookie();
        // These messages were for the visitor who leaves, too.
        let other = self.take_pending_move().map(|pending| {
            self.return_cookie
                .replace(Some(pending.remove_return_cookie));
            pending.from
        });
        // The new token comes first: the visitor leaves the old session even if closing it fails.
        self.issue_session(issuer, &issuer.generate_token()?)?;
        #[cfg(feature = "live")]
        self.ended_session.replace(Some(old.clone()));
        let salver = &self.app_state.salver;
        let closed = salver.close_session(&old).await;
        if let Some(other) = other {
            salver.close_session(&other).await?;
        }
        closed
    }

    /// Does not set the return cookie that this request has issued. The removal of an earlier one stays.
    fn drop_issued_return_cookie(&self) {
        if let Some(SessionIssuer::ReturnCookie(_)) = &*self.issued_by.borrow() {
            self.return_cookie.take();
        }
    }

    /// Takes the `Set-Cookie` values of the response, and resets the streams of an ended session.
    pub(crate) fn finish_session_changes(
        &self,
    ) -> impl Iterator<Item = Result<HeaderValue, InvalidHeaderValue>> {
        #[cfg(feature = "live")]
        if let Some(ended) = self.ended_session.take() {
            self.app_state.salver.reset_streams(&ended);
        }
        self.is_finished.set(true);
        self.warn_if_session_is_lost();
        let [cookie, return_cookie] =
            [&self.cookie, &self.return_cookie].map(|cookie| cookie.take().map(TryInto::try_into));
        let cookies = [cookie, self.hint.take().map(Ok), return_cookie];
        cookies.into_iter().flatten()
    }

    fn warn_if_session_is_lost(&self) {
        static LOG_LIMIT: LogLimit = LogLimit::new();

        let issued_by = self.issued_by.borrow();
        if let Some(cause) = issued_by.as_ref().and_then(SessionIssuer::loss)
            && LOG_LIMIT.allow()
        {
            tracing::warn!(
                "a visitor does not receive a new session, so its messages are never shown; {cause}"
            );
        }
    }

    /// Returns whether the response has its cookies, so that a new session cannot reach the visitor.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_finished.get()
    }

    pub(super) fn issuer(&self, request: &HttpRequest, headers: &RequestHeaders) -> SessionIssuer {
        let AppState {
            session,
            cookies,
            plain_http,
            ..
        } = &*self.app_state;
        session.issuer(request, headers, cookies, *plain_http)
    }
}
