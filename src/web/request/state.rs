//! State of one request: its visitor, its claim, and how the claim is settled.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::{HttpMessage, HttpRequest};

#[cfg(feature = "inbox")]
use crate::Recipient;
use crate::handle::ClaimGuard;
use crate::render::Shown;
use crate::web::partial;
use crate::web::partial::Partial;
use crate::web::presentation::SitePresentation;
#[cfg(feature = "inbox")]
use crate::web::recipient_module::RecipientModule;
use crate::web::request::app_state::AppState;
use crate::web::request::headers::RequestHeaders;
use crate::web::request::visitor::Visitor;
use crate::web::response::eligibility::MediaType;
use crate::web::response::status::ResponseStatus;
use crate::web::session::issuer::SessionIssuer;
use crate::web::translation::Translator;
use crate::{Context, Error, Message, SessionId, View};

/// A handler's decision about the claim. It takes precedence over the outcome of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimOverride {
    /// Release the claim.
    Keep,
    /// Confirm the claim.
    Confirm,
    /// The page confirms in the browser what it shows.
    ClientConfirms,
}

/// The kind of response, as declared by a handler.
#[derive(Clone, Default)]
pub(crate) enum ResponseKind {
    /// Not declared: derived from the headers of request and response.
    #[default]
    Auto,
    FullPage,
    /// A partial of the page of this view.
    PartialOf(View),
}

/// A view to which a request has added messages.
pub(crate) struct AddedView {
    pub(crate) view: View,
    /// Whether it is the view of the request itself.
    pub(crate) is_own: bool,
}

/// The messages that this request claimed, shared by all of its readers.
#[derive(Clone, Default)]
pub(crate) struct PageMessages {
    pub(crate) messages: Rc<[Message]>,
    pub(crate) displaced: u64,
}

/// State of one request. Stored in the request's extensions, and not shared between requests.
pub(crate) struct RequestState {
    pub(crate) app_state: Rc<AppState>,
    pub(crate) visitor: Visitor,
    headers: OnceCell<RequestHeaders>,
    /// The context to claim, if it is already determined.
    pub(super) claimable: RefCell<Option<Context>>,
    pub(super) page_messages: tokio::sync::OnceCell<PageMessages>,
    pub(super) claim: RefCell<Option<ClaimGuard>>,
    /// Whether the rendered messages instruct the page to confirm them.
    pub(super) client_confirms: Cell<bool>,
    /// The view whose messages were claimed.
    #[cfg(feature = "live")]
    pub(super) claimed_view: RefCell<Option<View>>,
    /// The kind of response that a handler declared.
    pub(super) response_kind: RefCell<ResponseKind>,
    /// Whether this request has added messages to its own view.
    pub(super) added_to_own_view: Cell<bool>,
    /// Views to which this request has added messages, and of which no page was served. Debug builds
    /// only.
    unknown_views: RefCell<Vec<AddedView>>,
    /// The translator for the visitor's language, created on first use.
    pub(super) translator: OnceCell<Translator>,
    pub(super) response_only: RefCell<Vec<Message>>,
    pub(super) is_rendered: Cell<bool>,
    pub(super) carries_messages: Cell<bool>,
    pub(super) claim_override: Cell<Option<ClaimOverride>>,
    /// What the response shows, or why it shows nothing.
    pub(crate) status: ResponseStatus,
    /// How long all store calls together may still delay this page.
    pub(super) remaining_timeout: Cell<Duration>,
}

impl RequestState {
    /// Creates the state of a request and stores it in the request's extensions.
    pub(crate) fn start(app_state: &Rc<AppState>, request: &HttpRequest) -> Rc<Self> {
        let state = Rc::new(Self {
            app_state: Rc::clone(app_state),
            visitor: Visitor::new(app_state),
            headers: OnceCell::new(),
            claimable: RefCell::default(),
            page_messages: tokio::sync::OnceCell::new(),
            claim: RefCell::default(),
            client_confirms: Cell::new(false),
            #[cfg(feature = "live")]
            claimed_view: RefCell::default(),
            response_kind: RefCell::default(),
            added_to_own_view: Cell::new(false),
            unknown_views: RefCell::default(),
            translator: OnceCell::new(),
            response_only: RefCell::default(),
            is_rendered: Cell::new(false),
            carries_messages: Cell::new(false),
            claim_override: Cell::new(None),
            status: ResponseStatus::default(),
            remaining_timeout: Cell::new(app_state.salver.config().page_timeout),
        });
        request.extensions_mut().insert(Rc::clone(&state));
        state
    }

    /// Returns the state of a request; `None` if Salver's middleware does not wrap the handler.
    pub(crate) fn find(request: &HttpRequest) -> Option<Rc<Self>> {
        request.extensions().get::<Rc<Self>>().cloned()
    }

    /// Returns the state that the middleware created.
    ///
    /// # Errors
    ///
    /// `is_misconfigured` if Salver's middleware does not wrap the handler.
    pub(crate) fn of(request: &HttpRequest) -> Result<Rc<Self>, Error> {
        Self::find(request).ok_or_else(|| {
            let error = Error::misconfigured(
                "Salver's middleware has not received the request: add `.wrap(salver.middleware())` to the App, after \
                 the `.wrap` of each middleware that uses `Messages` or `Pending`",
            );
            tracing::error!(%error, "Salver's middleware is missing, or wrapped too early; the request fails");
            error
        })
    }

    /// Returns the headers of this request, which the first call reads.
    pub(crate) fn headers(&self, request: &HttpRequest) -> &RequestHeaders {
        self.headers
            .get_or_init(|| RequestHeaders::of(request, &self.app_state.cookies))
    }

    /// Returns the session of the visitor, if there is one. Never creates one.
    pub(crate) fn session(&self, request: &HttpRequest) -> Option<SessionId> {
        self.visitor.session(request, self.headers(request))
    }

    /// Returns the issuer of sessions for the visitor.
    pub(crate) fn issuer(&self, request: &HttpRequest) -> SessionIssuer {
        self.visitor.issuer(request, self.headers(request))
    }

    /// Sets the hint cookie if the index was bypassed without it, as after a released claim.
    pub(crate) fn set_hint_cookie(&self, request: &HttpRequest) {
        self.visitor.set_hint_cookie(|| self.issuer(request));
    }

    /// Moves the visitor to a new session id, with all messages, including those that this request
    /// has claimed. A visitor without a session gets one on a site with inboxes, else none.
    pub(crate) async fn renew(&self, issuer: &SessionIssuer) -> Result<(), Error> {
        if let Some(new) = self.visitor.renew(issuer).await?
            && let Some(claim) = &mut *self.claim.borrow_mut()
        {
            claim.follow(&new);
        }
        Ok(())
    }

    /// Returns the module of recipients with the recipient of this request, if there are both. An
    /// invalid recipient has no pages: the routes of the inbox report it.
    #[cfg(feature = "inbox")]
    pub(crate) fn recipient_module(
        &self,
        request: &HttpRequest,
    ) -> Option<(&dyn RecipientModule, Recipient)> {
        let module = self.app_state.recipient_module.get()?;
        let recipient = self.app_state.recipient.find(request)?;
        recipient.validate().is_ok().then_some((module, recipient))
    }

    /// Returns whether the bell of a page may have content. Makes no store call.
    #[cfg(feature = "inbox")]
    pub(crate) fn may_fill_bell(&self, request: &HttpRequest) -> bool {
        let module = self.recipient_module(request);
        module.is_some_and(|(module, recipient)| {
            !module.has_empty_bell(&self.app_state.salver, &recipient)
        })
    }

    pub(crate) fn view(&self, request: &HttpRequest) -> Option<View> {
        self.app_state.view(request)
    }

    /// Returns a message if it is valid. Otherwise logs the reason and returns `None`.
    pub(crate) fn validated(message: Message) -> Option<Message> {
        match message.validate() {
            Ok(()) => Some(message),
            Err(error) => {
                tracing::warn!(%error, "invalid message dropped; it is not shown");
                None
            }
        }
    }

    /// Adds a message to this response only.
    pub(crate) fn add_response_only(&self, message: Message) {
        if self.visitor.is_finished() {
            tracing::warn!("message for this response not shown: {}", Visitor::FINISHED);
        }
        self.response_only.borrow_mut().push(message);
    }

    pub(crate) fn has_response_only(&self) -> bool {
        !self.response_only.borrow().is_empty()
    }

    pub(crate) fn has_claim(&self) -> bool {
        self.claim.borrow().is_some()
    }

    pub(crate) fn set_response_kind(&self, response_kind: ResponseKind) {
        self.response_kind.replace(response_kind);
    }

    /// Returns the kind of partial that the response is; `None` for a full page.
    pub(crate) fn partial<B: MessageBody>(
        &self,
        response: &ServiceResponse<B>,
        media_type: MediaType,
    ) -> Option<Partial> {
        match *self.response_kind.borrow() {
            ResponseKind::FullPage => None,
            ResponseKind::Auto if !self.app_state.partials => None,
            _ => Partial::of(response, media_type),
        }
    }

    /// Returns whether a handler declared its response as a partial.
    pub(crate) fn is_declared_partial(&self) -> bool {
        matches!(*self.response_kind.borrow(), ResponseKind::PartialOf(_))
    }

    /// Returns whether the requesting script discards the response. `false` if a handler declared
    /// the kind of response.
    pub(crate) fn is_discarded_by_client<B>(&self, response: &ServiceResponse<B>) -> bool {
        matches!(*self.response_kind.borrow(), ResponseKind::Auto)
            && partial::is_discarded_by_htmx(response)
    }

    pub(crate) fn mark_added_to_own_view(&self) {
        self.added_to_own_view.set(true);
    }

    /// Records an add. `is_own`: whether it was to the view of this request.
    pub(crate) fn record_add(&self, app: &str, view: &View, is_own: bool) {
        let views = &self.app_state.unknown_views;
        views.record_add(app, view);
        if cfg!(debug_assertions) && views.is_unknown(app, view) {
            let view = view.clone();
            self.unknown_views
                .borrow_mut()
                .push(AddedView { view, is_own });
        }
    }

    pub(crate) fn take_unknown_views(&self) -> Vec<AddedView> {
        self.unknown_views.take()
    }

    pub(crate) fn take_response_only(&self) -> Vec<Message> {
        self.response_only.take()
    }

    /// Records that the messages were rendered into the response. `any`: whether there were any.
    pub(crate) fn mark_rendered(&self, any: bool) {
        self.is_rendered.set(true);
        self.mark_carries_messages(any);
    }

    /// Records that the response carries messages, without counting the claim as rendered. `any`:
    /// whether there were any.
    pub(crate) fn mark_carries_messages(&self, any: bool) {
        self.carries_messages
            .set(self.carries_messages.get() || any);
    }

    pub(crate) fn is_rendered(&self) -> bool {
        self.is_rendered.get()
    }

    /// Returns whether the response carries messages, so that no cache may store it.
    pub(crate) fn carries_messages(&self) -> bool {
        self.carries_messages.get()
    }

    pub(crate) fn set_claim_override(&self, claim_override: ClaimOverride) {
        self.claim_override.set(Some(claim_override));
    }

    pub(crate) fn claim_override(&self) -> Option<ClaimOverride> {
        let claim_override = self.claim_override.get();
        #[cfg(feature = "live")]
        let claim_override = claim_override.or_else(|| {
            self.app_state
                .confirm_in_browser
                .then_some(ClaimOverride::ClientConfirms)
        });
        claim_override
    }

    /// Stores the claim of an API request. Once the response is sent, the client confirms it.
    pub(crate) fn keep_for_client(&self, claim: ClaimGuard) {
        self.claim.replace(Some(claim));
        self.client_confirms.set(true);
        self.mark_rendered(true);
        self.set_claim_override(ClaimOverride::ClientConfirms);
    }

    /// Returns whether the page itself confirms what it shows. `false` if a handler renders the
    /// messages in another way than [`render`](Self::render).
    pub(crate) fn client_confirms(&self) -> bool {
        self.client_confirms.get()
    }

    /// Returns the translator for the visitor's language.
    pub(crate) fn translator(&self, request: &HttpRequest) -> &Translator {
        self.translator
            .get_or_init(|| self.app_state.translator.translator(request))
    }

    /// Renders messages for this page. The HTML names the view if the page has to confirm what it shows.
    pub(crate) fn render(
        &self,
        messages: &[Message],
        displaced: u64,
        translator: &Translator,
    ) -> String {
        let confirm = self.view_to_confirm();
        let shown = match &confirm {
            Some(view) => Shown::ConfirmedInBrowser(view.as_str()),
            None if self.claim_override() == Some(ClaimOverride::Keep) => Shown::Kept,
            None => Shown::Once,
        };
        let presentation = SitePresentation {
            translator,
            classes: &self.app_state.classes,
        };
        crate::render::list(messages, displaced, shown, &presentation)
    }

    /// Returns the view if the page has to confirm what it shows, and records that the HTML
    /// contains it.
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

    /// Takes the claim out of the state. The caller settles it.
    pub(crate) fn take_claim(&self) -> Option<ClaimGuard> {
        self.claim.take()
    }
}
