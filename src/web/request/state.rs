//! One request's visit: whose it is, for which view, what it claimed and how that ends.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::{HttpMessage, HttpRequest};

use crate::handle::ClaimGuard;
use crate::web::partial;
use crate::web::partial::Partial;
use crate::web::request::app_state::AppState;
use crate::web::request::visitor::Visitor;
use crate::web::session::issuer::SessionIssuer;
use crate::web::translation::Translator;
use crate::{Context, Error, Message, View};

/// A handler's word on what was claimed, above what the response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimOverride {
    Keep,
    Confirm,
    /// The page says itself what it shows.
    ClientConfirms,
}

/// What a handler says that its response is.
#[derive(Clone, Default)]
pub(crate) enum ResponseKind {
    #[default]
    Auto,
    FullPage,
    PartialOf(View),
}

/// What this request claimed, the same for everybody who asks.
#[derive(Clone, Default)]
pub(crate) struct PageMessages {
    pub(crate) messages: Rc<[Message]>,
    pub(crate) displaced: u64,
}

/// One request's own state: in the extensions of the request, and nowhere shared.
pub(crate) struct RequestState {
    pub(crate) app_state: Rc<AppState>,
    pub(crate) visitor: Visitor,
    /// What the store is to be asked for, where that is known before.
    pub(super) claimable: RefCell<Option<Context>>,
    pub(super) page_messages: tokio::sync::OnceCell<PageMessages>,
    pub(super) claim: RefCell<Option<ClaimGuard>>,
    /// Whether the page was told to say what it shows.
    pub(super) client_confirms: Cell<bool>,
    /// The view of which something was claimed.
    #[cfg(feature = "live")]
    pub(super) claimed_view: RefCell<Option<View>>,
    /// What a handler says that its response is.
    pub(super) response_kind: RefCell<ResponseKind>,
    /// Whether this request has added to its own view.
    pub(super) added_to_own_view: Cell<bool>,
    /// The visitor's language, once somebody has asked for it.
    pub(super) translator: OnceCell<Translator>,
    pub(super) response_only: RefCell<Vec<Message>>,
    pub(super) is_rendered: Cell<bool>,
    pub(super) carries_messages: Cell<bool>,
    pub(super) claim_override: Cell<Option<ClaimOverride>>,
    /// How long all calls to the store together may still keep this page waiting.
    pub(super) remaining_timeout: Cell<Duration>,
}

impl RequestState {
    /// Starts the visit of a request.
    pub(crate) fn start(app_state: &Rc<AppState>, request: &HttpRequest) -> Rc<Self> {
        let visit = Rc::new(Self {
            app_state: Rc::clone(app_state),
            visitor: Visitor::new(app_state),
            claimable: RefCell::default(),
            page_messages: tokio::sync::OnceCell::new(),
            claim: RefCell::default(),
            client_confirms: Cell::new(false),
            #[cfg(feature = "live")]
            claimed_view: RefCell::default(),
            response_kind: RefCell::default(),
            added_to_own_view: Cell::new(false),
            translator: OnceCell::new(),
            response_only: RefCell::default(),
            is_rendered: Cell::new(false),
            carries_messages: Cell::new(false),
            claim_override: Cell::new(None),
            remaining_timeout: Cell::new(app_state.salver.config().page_timeout),
        });
        request.extensions_mut().insert(Rc::clone(&visit));
        visit
    }

    /// Finds the visit that the middleware started.
    pub(crate) fn of(request: &HttpRequest) -> Result<Rc<Self>, Error> {
        let visit = request.extensions().get::<Rc<Self>>().cloned();
        visit.ok_or_else(|| {
            let error = Error::misconfigured(
                "Salver's middleware is missing: add `.wrap(salver.middleware())` to the App",
            );
            tracing::error!(%error);
            error
        })
    }

    /// Gives the visitor a new id and carries the messages along, those that this request has claimed too. Does
    /// nothing for a visitor without one.
    pub(crate) async fn renew(&self, issuer: &SessionIssuer) -> Result<(), Error> {
        if let Some(new) = self.visitor.renew(issuer).await?
            && let Some(claim) = &mut *self.claim.borrow_mut()
        {
            claim.follow(&new);
        }
        Ok(())
    }

    pub(crate) fn view(&self, request: &HttpRequest) -> Option<View> {
        self.app_state.view(request)
    }

    /// Passes a message for this response only, if it can be shown; else says so in the log.
    pub(crate) fn validated(message: Message) -> Option<Message> {
        match message.validate() {
            Ok(()) => Some(message),
            Err(error) => {
                tracing::warn!(%error, "invalid message dropped; it is not shown");
                None
            }
        }
    }

    /// Puts a message on this response only.
    pub(crate) fn add_response_only(&self, message: Message) {
        self.response_only.borrow_mut().push(message);
    }

    pub(crate) fn has_claim(&self) -> bool {
        self.claim.borrow().is_some()
    }

    pub(crate) fn set_response_kind(&self, response_kind: ResponseKind) {
        self.response_kind.replace(response_kind);
    }

    /// Tells which part of a page the response is, if it is one.
    pub(crate) fn partial<B: MessageBody>(&self, response: &ServiceResponse<B>) -> Option<Partial> {
        match *self.response_kind.borrow() {
            ResponseKind::FullPage => None,
            ResponseKind::Auto if !self.app_state.partials => None,
            _ => Partial::of(response),
        }
    }

    /// Tells whether a handler has said that its response is a part.
    pub(crate) fn is_declared_partial(&self) -> bool {
        matches!(*self.response_kind.borrow(), ResponseKind::PartialOf(_))
    }

    /// Tells whether the script that has asked drops the response, as far as nobody says otherwise.
    pub(crate) fn is_discarded_by_client<B>(&self, response: &ServiceResponse<B>) -> bool {
        matches!(*self.response_kind.borrow(), ResponseKind::Auto)
            && partial::is_discarded_by_htmx(response)
    }

    pub(crate) fn mark_added_to_own_view(&self) {
        self.added_to_own_view.set(true);
    }

    pub(crate) fn take_response_only(&self) -> Vec<Message> {
        self.response_only.take()
    }

    /// Notes that the messages were put into the response; `any`: that there were some.
    pub(crate) fn mark_rendered(&self, any: bool) {
        self.is_rendered.set(true);
        self.mark_carries_messages(any);
    }

    /// Notes that the response carries messages, none of which is claimed; `any`: that there were some.
    pub(crate) fn mark_carries_messages(&self, any: bool) {
        self.carries_messages
            .set(self.carries_messages.get() || any);
    }

    pub(crate) fn is_rendered(&self) -> bool {
        self.is_rendered.get()
    }

    /// Tells whether the response carries messages, so that no cache may keep it.
    pub(crate) fn carries_messages(&self) -> bool {
        self.carries_messages.get()
    }

    pub(crate) fn set_claim_override(&self, word: ClaimOverride) {
        self.claim_override.set(Some(word));
    }

    pub(crate) fn claim_override(&self) -> Option<ClaimOverride> {
        let word = self.claim_override.get();
        #[cfg(feature = "live")]
        let word = word.or_else(|| {
            self.app_state
                .confirm_in_browser
                .then_some(ClaimOverride::ClientConfirms)
        });
        word
    }

    /// Gives what a script has claimed over to its word, once the response is handed over.
    pub(crate) fn keep_for_client(&self, claim: ClaimGuard) {
        self.claim.replace(Some(claim));
        self.client_confirms.set(true);
        self.mark_rendered(true);
        self.set_claim_override(ClaimOverride::ClientConfirms);
    }

    /// Tells whether the page itself says what it shows: not where somebody draws messages otherwise.
    pub(crate) fn client_confirms(&self) -> bool {
        self.client_confirms.get()
    }

    /// Gives the visitor's language.
    pub(crate) fn translator(&self, request: &HttpRequest) -> &Translator {
        self.translator
            .get_or_init(|| self.app_state.translator.translator(request))
    }

    /// Draws messages for this page, which may have to say that it shows them.
    pub(crate) fn render(
        &self,
        messages: &[Message],
        displaced: u64,
        translator: &Translator,
    ) -> String {
        let more = (displaced > 0).then(|| translator.more(displaced));
        let confirm = self.view_to_confirm();
        crate::render::list(
            messages,
            more.as_deref(),
            confirm.as_ref().map(View::as_str),
        )
    }

    /// Gives the view of a page that has to say what it shows, and notes that it was told so.
    fn view_to_confirm(&self) -> Option<View> {
        #[cfg(feature = "live")]
        if self.claim_override() == Some(ClaimOverride::ClientConfirms)
            && let Some(view) = &*self.claimed_view.borrow()
        {
            self.client_confirms.set(true);
            return Some(view.clone());
        }
        None
    }

    /// Gives the claim over to whoever ends it.
    pub(crate) fn take_claim(&self) -> Option<ClaimGuard> {
        self.claim.take()
    }
}
