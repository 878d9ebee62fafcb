//! One request's visit: whose it is, for which view, what it claimed and how that ends.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::{HttpMessage, HttpRequest};

use crate::handle::ClaimGuard;
use crate::web::partial;
use crate::web::partial::Part;
use crate::web::request::app_state::Site;
use crate::web::request::visitor::Visitor;
use crate::web::session::issuer::Hand;
use crate::web::translation::Tongue;
use crate::{Context, Error, Message, View};

/// A handler's word on what was claimed, above what the response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Keep,
    Confirm,
    /// The page says itself what it shows.
    LeaveToPage,
}

/// What a handler says that its response is.
#[derive(Clone, Default)]
pub(crate) enum Said {
    #[default]
    Nothing,
    Page,
    PartOf(View),
}

/// What this request claimed, the same for everybody who asks.
#[derive(Clone, Default)]
pub(crate) struct Shown {
    pub(crate) messages: Rc<[Message]>,
    pub(crate) displaced: u64,
}

/// One request's own state: in the extensions of the request, and nowhere shared.
pub(crate) struct Visit {
    pub(crate) site: Rc<Site>,
    pub(crate) visitor: Visitor,
    /// What the store is to be asked for, where that is known before.
    pub(super) asked: RefCell<Option<Context>>,
    pub(super) shown: tokio::sync::OnceCell<Shown>,
    pub(super) hold: RefCell<Option<ClaimGuard>>,
    /// Whether the page was told to say what it shows.
    pub(super) asked_to_say: Cell<bool>,
    /// The view of which something was claimed.
    #[cfg(feature = "live")]
    pub(super) claimed_for: RefCell<Option<View>>,
    /// What a handler says that its response is.
    pub(super) said: RefCell<Said>,
    /// Whether this request has added to its own view.
    pub(super) added_here: Cell<bool>,
    /// The visitor's language, once somebody has asked for it.
    pub(super) tongue: OnceCell<Tongue>,
    pub(super) now: RefCell<Vec<Message>>,
    pub(super) rendered: Cell<bool>,
    pub(super) carried: Cell<bool>,
    pub(super) word: Cell<Option<Word>>,
    /// How long all calls to the store together may still keep this page waiting.
    pub(super) budget: Cell<Duration>,
}

impl Visit {
    /// Starts the visit of a request.
    pub(crate) fn start(site: &Rc<Site>, request: &HttpRequest) -> Rc<Self> {
        let visit = Rc::new(Self {
            site: Rc::clone(site),
            visitor: Visitor::of(site),
            asked: RefCell::default(),
            shown: tokio::sync::OnceCell::new(),
            hold: RefCell::default(),
            asked_to_say: Cell::new(false),
            #[cfg(feature = "live")]
            claimed_for: RefCell::default(),
            said: RefCell::default(),
            added_here: Cell::new(false),
            tongue: OnceCell::new(),
            now: RefCell::default(),
            rendered: Cell::new(false),
            carried: Cell::new(false),
            word: Cell::new(None),
            budget: Cell::new(site.salver.config().page_timeout),
        });
        request.extensions_mut().insert(Rc::clone(&visit));
        visit
    }

    /// Finds the visit that the middleware started.
    pub(crate) fn of(request: &HttpRequest) -> Result<Rc<Self>, Error> {
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
    pub(crate) async fn renew(&self, hand: &Hand) -> Result<(), Error> {
        if let Some(new) = self.visitor.renew(hand).await?
            && let Some(hold) = &mut *self.hold.borrow_mut()
        {
            hold.follow(&new);
        }
        Ok(())
    }

    pub(crate) fn view(&self, request: &HttpRequest) -> Option<View> {
        self.site.view(request)
    }

    /// Passes a message for this response only, if it can be shown; else says so in the log.
    pub(crate) fn presentable(message: Message) -> Option<Message> {
        match message.check() {
            Ok(()) => Some(message),
            Err(error) => {
                tracing::warn!(%error, "a message was not shown");
                None
            }
        }
    }

    /// Puts a message on this response only.
    pub(crate) fn show_now(&self, message: Message) {
        self.now.borrow_mut().push(message);
    }

    pub(crate) fn is_holding(&self) -> bool {
        self.hold.borrow().is_some()
    }

    pub(crate) fn say_what_it_is(&self, said: Said) {
        self.said.replace(said);
    }

    /// Tells which part of a page the response is, if it is one.
    pub(crate) fn part<B: MessageBody>(&self, response: &ServiceResponse<B>) -> Option<Part> {
        match *self.said.borrow() {
            Said::Page => None,
            Said::Nothing if !self.site.parts => None,
            _ => Part::of(response),
        }
    }

    /// Tells whether a handler has said that its response is a part.
    pub(crate) fn is_said_to_be_part(&self) -> bool {
        matches!(*self.said.borrow(), Said::PartOf(_))
    }

    /// Tells whether the script that has asked drops the response, as far as nobody says otherwise.
    pub(crate) fn is_dropped<B>(&self, response: &ServiceResponse<B>) -> bool {
        matches!(*self.said.borrow(), Said::Nothing) && partial::is_dropped(response)
    }

    pub(crate) fn added_here(&self) {
        self.added_here.set(true);
    }

    pub(crate) fn take_now(&self) -> Vec<Message> {
        self.now.take()
    }

    /// Notes that the messages were put into the response; `any`: that there were some.
    pub(crate) fn rendered(&self, any: bool) {
        self.rendered.set(true);
        self.carries(any);
    }

    /// Notes that the response carries messages, none of which is claimed; `any`: that there were some.
    pub(crate) fn carries(&self, any: bool) {
        self.carried.set(self.carried.get() || any);
    }

    pub(crate) fn is_rendered(&self) -> bool {
        self.rendered.get()
    }

    /// Tells whether the response carries messages, so that no cache may keep it.
    pub(crate) fn is_carrying(&self) -> bool {
        self.carried.get()
    }

    pub(crate) fn say(&self, word: Word) {
        self.word.set(Some(word));
    }

    pub(crate) fn word(&self) -> Option<Word> {
        let word = self.word.get();
        #[cfg(feature = "live")]
        let word = word.or_else(|| self.site.left_to_page.then_some(Word::LeaveToPage));
        word
    }

    /// Gives what a script has claimed over to its word, once the response is handed over.
    pub(crate) fn leave_with_script(&self, hold: ClaimGuard) {
        self.hold.replace(Some(hold));
        self.asked_to_say.set(true);
        self.rendered(true);
        self.say(Word::LeaveToPage);
    }

    /// Tells whether the page itself says what it shows: not where somebody draws messages otherwise.
    pub(crate) fn is_left_to_page(&self) -> bool {
        self.asked_to_say.get()
    }

    /// Gives the visitor's language.
    pub(crate) fn tongue(&self, request: &HttpRequest) -> &Tongue {
        self.tongue
            .get_or_init(|| self.site.translator.tongue(request))
    }

    /// Draws messages for this page, which may have to say that it shows them.
    pub(crate) fn draw(&self, messages: &[Message], displaced: u64, tongue: &Tongue) -> String {
        let more = (displaced > 0).then(|| tongue.more(displaced));
        let confirm = self.page_to_confirm();
        crate::render::list(
            messages,
            more.as_deref(),
            confirm.as_ref().map(View::as_str),
        )
    }

    /// Gives the view of a page that has to say what it shows, and notes that it was told so.
    fn page_to_confirm(&self) -> Option<View> {
        #[cfg(feature = "live")]
        if self.word() == Some(Word::LeaveToPage)
            && let Some(view) = &*self.claimed_for.borrow()
        {
            self.asked_to_say.set(true);
            return Some(view.clone());
        }
        None
    }

    /// Gives the claim over to whoever ends it.
    pub(crate) fn take_hold(&self) -> Option<ClaimGuard> {
        self.hold.take()
    }
}
