//! One request's visit: whose it is, for which view, what it claimed and how that ends.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::{HttpMessage, HttpRequest};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::eligibility;
use super::head::Head;
use super::part::{self, Part};
use super::session::Hand;
use super::site::Site;
use super::visitor::Visitor;
use crate::salver::Hold;
use crate::seldom::Seldom;
use crate::{Context, Error, Message, View};

/// What an operator has to mend is said once a minute, not once a page.
static DEGRADED: Seldom = Seldom::new();
static SKIPPED: Seldom = Seldom::new();

/// A handler's word on what was claimed, above what the response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Keep,
    Confirm,
    /// The page says itself what it shows.
    #[cfg(feature = "live")]
    LeaveToPage,
}

/// What a handler says that its response is.
#[derive(Clone, Default)]
pub(super) enum Said {
    #[default]
    Nothing,
    Page,
    PartOf(View),
}

/// What this request claimed, the same for everybody who asks.
#[derive(Clone, Default)]
pub(super) struct Shown {
    pub(super) messages: Rc<[Message]>,
    pub(super) displaced: u64,
}

/// One request's own state: in the extensions of the request, and nowhere shared.
pub(super) struct Visit {
    pub(super) site: Rc<Site>,
    pub(super) visitor: Visitor,
    /// What the store is to be asked for, where that is known before.
    asked: RefCell<Option<Context>>,
    shown: OnceCell<Shown>,
    hold: RefCell<Option<Hold>>,
    /// Whether the page was told to say what it shows.
    #[cfg(feature = "live")]
    asked_to_say: Cell<bool>,
    /// The view of which something was claimed.
    #[cfg(feature = "live")]
    claimed_for: RefCell<Option<View>>,
    /// What a handler says that its response is.
    said: RefCell<Said>,
    /// Whether this request has added to its own view.
    added_here: Cell<bool>,
    now: RefCell<Vec<Message>>,
    rendered: Cell<bool>,
    carried: Cell<bool>,
    word: Cell<Option<Word>>,
    /// How long all calls to the store together may still keep this page waiting.
    budget: Cell<Duration>,
}

impl Visit {
    /// Starts the visit of a request.
    pub(super) fn start(site: &Rc<Site>, request: &HttpRequest) -> Rc<Self> {
        let visit = Rc::new(Self {
            site: Rc::clone(site),
            visitor: Visitor::of(site),
            asked: RefCell::default(),
            shown: OnceCell::new(),
            hold: RefCell::default(),
            #[cfg(feature = "live")]
            asked_to_say: Cell::new(false),
            #[cfg(feature = "live")]
            claimed_for: RefCell::default(),
            said: RefCell::default(),
            added_here: Cell::new(false),
            now: RefCell::default(),
            rendered: Cell::new(false),
            carried: Cell::new(false),
            word: Cell::new(None),
            budget: Cell::new(site.salver.policy().page_budget),
        });
        request.extensions_mut().insert(Rc::clone(&visit));
        visit
    }

    /// Finds the visit that the middleware started.
    pub(super) fn of(request: &HttpRequest) -> Result<Rc<Self>, Error> {
        let visit = request.extensions().get::<Rc<Self>>().cloned();
        visit.ok_or_else(|| {
            let error = Error::setup(
                "Salver's middleware is missing: add `.wrap(salver.middleware())` to the App",
            );
            tracing::error!(%error);
            error
        })
    }

    /// Gives the visitor a new id and carries the messages along, those that this request has claimed too. Does
    /// nothing for a visitor without one.
    pub(super) async fn renew(&self, hand: &Hand) -> Result<(), Error> {
        if let Some(new) = self.visitor.renew(hand).await?
            && let Some(hold) = &mut *self.hold.borrow_mut()
        {
            hold.follow(&new);
        }
        Ok(())
    }

    pub(super) fn view(&self, request: &HttpRequest) -> Option<View> {
        self.site.view(request)
    }

    /// Claims what is pending for this request, once, however many ask.
    ///
    /// Trouble with the store is counted as nothing pending: it never breaks a page.
    pub(super) async fn shown(&self, request: &HttpRequest) -> Shown {
        self.shown.get_or_init(|| self.claim(request)).await.clone()
    }

    async fn claim(&self, request: &HttpRequest) -> Shown {
        let asked = self.asked.take();
        let Some(context) = asked.or_else(|| self.asked_for(request, &Head::of(request))) else {
            return Shown::default();
        };
        #[cfg(feature = "live")]
        self.claimed_for.replace(Some(context.view().clone()));
        self.claim_from(context.looked_into()).await
    }

    async fn claim_from(&self, contexts: Vec<Context>) -> Shown {
        let salver = &self.site.salver;
        let held = self.spend(async |budget| salver.hold_for_page(contexts, budget).await);
        match held.await {
            Ok(hold) => self.keep_hold(hold),
            Err(error) => {
                // The breaker has said so once; a line for each page would drown it.
                if error.is_unavailable() {
                    tracing::debug!(%error, "the page goes out without messages");
                } else if DEGRADED.now() {
                    tracing::warn!(%error, "pages go out without messages");
                }
                Shown::default()
            }
        }
    }

    fn keep_hold(&self, hold: Hold) -> Shown {
        let mut shown = Shown::default();
        if let Some(found) = hold.found() {
            if found.unreadable + found.newer > 0 && SKIPPED.now() {
                let (unreadable, newer) = (found.unreadable, found.newer);
                tracing::warn!(
                    unreadable,
                    newer,
                    "members that cannot be shown were skipped"
                );
            }
            shown.messages = found.messages.as_slice().into();
            shown.displaced = found.displaced;
        }
        self.hold.replace(Some(hold));
        shown
    }

    /// Gives back what was claimed, before the response leaves.
    pub(super) async fn release(&self, hold: Hold) {
        if hold.is_empty() {
            return;
        }
        self.visitor.may_find_something();
        self.spend(async |budget| hold.release(budget).await).await;
    }

    /// Waits for the store with what is left of the page's one budget, and takes the wait off it.
    async fn spend<T>(&self, call: impl AsyncFnOnce(Duration) -> T) -> T {
        let started = Instant::now();
        let outcome = call(self.budget.get()).await;
        let left = self.budget.get().saturating_sub(started.elapsed());
        self.budget.set(left);
        outcome
    }

    /// Passes a message for this response only, if it can be shown; else says so in the log.
    pub(super) fn presentable(message: Message) -> Option<Message> {
        match message.check() {
            Ok(()) => Some(message),
            Err(error) => {
                tracing::warn!(%error, "a message was not shown");
                None
            }
        }
    }

    /// Puts a message on this response only.
    pub(super) fn show_now(&self, message: Message) {
        self.now.borrow_mut().push(message);
    }

    /// Tells whether anything could go into the response, without asking the store.
    pub(super) fn may_show(
        &self,
        request: &HttpRequest,
        head: &Head<'_>,
        part: Option<&Part>,
    ) -> bool {
        if !self.now.borrow().is_empty() || self.is_holding() {
            return true;
        }
        if part.is_some() && self.asked_for_part(request, head).is_some() {
            return true;
        }
        // What htmx has asked for may be a page all the same.
        if part.is_some_and(|part| *part != Part::Htmx) {
            return false;
        }
        let asked = self.asked_for(request, head);
        let any = asked.is_some();
        self.asked.replace(asked);
        any
    }

    pub(super) fn is_holding(&self) -> bool {
        self.hold.borrow().is_some()
    }

    /// Gives what the store has to be asked for on behalf of this request, if it is a page and may have something.
    fn asked_for(&self, request: &HttpRequest, head: &Head<'_>) -> Option<Context> {
        if !eligibility::may_claim(request, head) {
            return None;
        }
        let session = self.visitor.session_by(request, head)?;
        let view = self.site.page(request);
        let salver = &self.site.salver;
        let is_quiet =
            !self.visitor.is_touched() && salver.is_quiet(&session, &view) && !head.cookies.hint;
        (!is_quiet).then(|| salver.address(session, view))
    }

    /// Gives what the store has to be asked for on behalf of the page that asks for a part: its messages, and those
    /// that this request has added to its own view.
    fn asked_for_part(&self, request: &HttpRequest, head: &Head<'_>) -> Option<Vec<Context>> {
        if !eligibility::may_claim(request, head) {
            return None;
        }
        let session = self.visitor.session_by(request, head)?;
        let view = match &*self.said.borrow() {
            Said::PartOf(view) => self.site.noted(view.clone()),
            _ => self.site.page_that_asks(request),
        };
        let salver = &self.site.salver;
        let is_known = !self.visitor.is_touched() && !head.cookies.hint;
        if is_known && salver.is_quiet(&session, &view) {
            return None;
        }
        let page = salver.address(session, view);
        let mut contexts = page.looked_into();
        let own = self.site.view(request).filter(|_| self.added_here.get());
        if let Some(own) = own.map(|view| page.with_view(view))
            && !contexts.contains(&own)
        {
            contexts.push(own);
        }
        Some(contexts)
    }

    /// Claims what a part carries, where no handler has claimed for itself.
    pub(super) async fn shown_in_part(&self, request: &HttpRequest) -> Shown {
        if self.shown.initialized() {
            return Shown::default();
        }
        let claim = async {
            match self.asked_for_part(request, &Head::of(request)) {
                Some(contexts) => self.claim_from(contexts).await,
                None => Shown::default(),
            }
        };
        self.shown.get_or_init(|| claim).await.clone()
    }

    pub(super) fn say_what_it_is(&self, said: Said) {
        self.said.replace(said);
    }

    /// Tells which part of a page the response is, if it is one.
    pub(super) fn part<B: MessageBody>(&self, response: &ServiceResponse<B>) -> Option<Part> {
        match *self.said.borrow() {
            Said::Page => None,
            Said::Nothing if !self.site.parts => None,
            _ => Part::of(response),
        }
    }

    /// Tells whether the script that has asked drops the response, as far as nobody says otherwise.
    pub(super) fn is_dropped<B>(&self, response: &ServiceResponse<B>) -> bool {
        matches!(*self.said.borrow(), Said::Nothing) && part::is_dropped(response)
    }

    pub(super) fn added_here(&self) {
        self.added_here.set(true);
    }

    pub(super) fn take_now(&self) -> Vec<Message> {
        self.now.take()
    }

    /// Notes that the messages were put into the response; `any`: that there were some.
    pub(super) fn rendered(&self, any: bool) {
        self.rendered.set(true);
        self.carried.set(self.carried.get() || any);
    }

    pub(super) fn is_rendered(&self) -> bool {
        self.rendered.get()
    }

    /// Tells whether the response carries messages, so that no cache may keep it.
    pub(super) fn is_carrying(&self) -> bool {
        self.carried.get()
    }

    pub(super) fn say(&self, word: Word) {
        self.word.set(Some(word));
    }

    pub(super) fn word(&self) -> Option<Word> {
        let word = self.word.get();
        #[cfg(feature = "live")]
        let word = word.or_else(|| self.site.left_to_page.then_some(Word::LeaveToPage));
        word
    }

    /// Tells whether the page itself says what it shows: not where somebody draws messages otherwise.
    #[cfg(feature = "live")]
    pub(super) fn is_left_to_page(&self) -> bool {
        self.asked_to_say.get()
    }

    /// Draws messages for this page, which may have to say that it shows them.
    pub(super) fn draw(&self, messages: &[Message], displaced: u64) -> String {
        #[cfg(feature = "live")]
        if let Some(view) = &*self.claimed_for.borrow()
            && self.word() == Some(Word::LeaveToPage)
        {
            self.asked_to_say.set(true);
            return crate::render::fragment_to_confirm(messages, displaced, view.as_str());
        }
        crate::fragment(messages, displaced)
    }

    /// Gives the claim over to whoever ends it.
    pub(super) fn take_hold(&self) -> Option<Hold> {
        self.hold.take()
    }
}
