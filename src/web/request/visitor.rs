//! Whose request it is, and what a browser is told of that: cookies, a login, a logout.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;

use crate::web::request::app_state::Site;
use crate::web::request::headers::Head;
use crate::web::session::issuer::Hand;
use crate::web::session::token::Token;
use crate::{Error, SessionId};

/// The visitor of one request.
pub(crate) struct Visitor {
    site: Rc<Site>,
    session: RefCell<Known>,
    cookie: RefCell<Option<Box<Cookie<'static>>>>,
    hint: RefCell<Option<Box<Cookie<'static>>>>,
    /// Whether this request has itself put something where a page may find it.
    touched: Cell<bool>,
    /// The session that this request has ended: its pages are told when the new cookie goes out.
    #[cfg(feature = "live")]
    ended: RefCell<Option<SessionId>>,
}

/// What is known of the visitor.
enum Known {
    /// Nobody has asked yet.
    Unasked,
    Nobody,
    Session(SessionId),
}

impl Known {
    fn id(&self) -> Option<SessionId> {
        match self {
            Self::Session(id) => Some(id.clone()),
            _ => None,
        }
    }
}

impl Visitor {
    /// Gives that of a request which nobody has asked about.
    pub(crate) fn of(site: &Rc<Site>) -> Self {
        Self {
            site: Rc::clone(site),
            session: RefCell::new(Known::Unasked),
            cookie: RefCell::default(),
            hint: RefCell::default(),
            touched: Cell::new(false),
            #[cfg(feature = "live")]
            ended: RefCell::default(),
        }
    }

    /// Tells who it is, making nothing.
    pub(crate) fn session(&self, request: &HttpRequest) -> Option<SessionId> {
        self.session_by(request, &Head::of(request))
    }

    pub(crate) fn session_by(&self, request: &HttpRequest, head: &Head<'_>) -> Option<SessionId> {
        let mut known = self.session.borrow_mut();
        if let Known::Unasked = *known {
            let found = self.site.session_of(request, head);
            *known = found.map_or(Known::Nobody, Known::Session);
        }
        known.id()
    }

    /// Tells who it is, as far as somebody has asked.
    pub(crate) fn known(&self) -> Option<SessionId> {
        self.session.borrow().id()
    }

    /// Tells who it is, making a session if there is none.
    pub(crate) fn known_or_new(&self, hand: &Hand) -> Result<SessionId, Error> {
        match self.known() {
            Some(id) => Ok(id),
            None => self.become_known(hand, &hand.draw()?),
        }
    }

    /// Notes that this request has put something where a page of this visitor may find it, which is asked for
    /// whatever is known without asking: by this request, and for a moment by the visitor's next ones.
    pub(crate) fn touch(&self, hand: &Hand) {
        self.may_find_something();
        if self.site.salver.has_index() {
            self.hint.replace(hand.hint().map(Box::new));
        }
    }

    /// Leaves the hint for a request that has given back what it claimed.
    pub(crate) fn leave_hint(&self, request: &HttpRequest) {
        if self.touched.get() && self.hint.borrow().is_none() {
            self.touch(&self.hand(request));
        }
    }

    /// Notes that what this visitor finds is not known without asking.
    pub(crate) fn may_find_something(&self) {
        self.touched.set(true);
    }

    pub(crate) fn is_touched(&self) -> bool {
        self.touched.get()
    }

    fn become_known(&self, hand: &Hand, token: &Token<'_>) -> Result<SessionId, Error> {
        let id = token.session(self.site.salver.name())?;
        self.cookie.replace(hand.give(token)?.map(Box::new));
        self.session.replace(Known::Session(id.clone()));
        Ok(id)
    }

    /// Gives the visitor a new id and carries the messages along; gives the id when they are there for certain. Does
    /// nothing for a visitor without one.
    pub(crate) async fn renew(&self, hand: &Hand) -> Result<Option<SessionId>, Error> {
        let Some(old) = self.known() else {
            return Ok(None);
        };
        let token = hand.draw()?;
        let salver = &self.site.salver;
        let new = token.session(salver.name())?;
        self.touch(hand);
        let moved = salver.migrate_to_new(&old, &new).await;
        let is_certain = moved.is_ok();
        match moved {
            Ok(()) => {}
            // The messages may be under the new id already: the visitor has to have it. What this request
            // has claimed ends under the old one, from where a confirm follows.
            Err(error) if error.is_in_doubt() => {
                tracing::warn!(%error, "the move to a new session is repeated until it is certain");
                salver.retry_migration(&old, &new)?;
            }
            // The old id was closed, or moved for somebody who has its newer cookie: begin anew.
            Err(error) if error.is_closed() => {}
            Err(error) => return Err(error),
        }
        self.become_known(hand, &token)?;
        #[cfg(feature = "live")]
        self.ended.replace(Some(old));
        Ok(is_certain.then_some(new))
    }

    /// Removes the visitor's messages, closes the session and gives a new one.
    pub(crate) async fn forget(&self, hand: &Hand) -> Result<(), Error> {
        let Some(old) = self.known() else {
            return Ok(());
        };
        // First the new token: whatever becomes of the old one, this visitor is rid of it.
        self.become_known(hand, &hand.draw()?)?;
        #[cfg(feature = "live")]
        self.ended.replace(Some(old.clone()));
        self.site.salver.forget(&old).await
    }

    /// Gives the cookies that have to go out with the response.
    pub(crate) fn take_cookies(&self) -> impl Iterator<Item = Box<Cookie<'static>>> {
        #[cfg(feature = "live")]
        if let Some(ended) = self.ended.take() {
            self.site.salver.reset_streams(&ended);
        }
        let (cookie, hint) = (self.cookie.take(), self.hint.take());
        cookie.into_iter().chain(hint)
    }

    pub(crate) fn hand(&self, request: &HttpRequest) -> Hand {
        self.site.session.hand(request, self.site.plain_http)
    }
}
