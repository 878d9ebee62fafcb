//! The extractor with which a handler reads the messages of its page.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::{Serialize, Serializer};

use crate::web::request::state::{ClaimOverride, RequestState};
use crate::web::translation::Translator;
use crate::{Error, Message};

/// The messages claimed for this page, for handlers and templates that render them. An extractor.
///
/// Extracting it claims the messages: at most one store call for each request. A store failure
/// yields an empty list. Without Salver's middleware it fails with status 500, and the log names
/// the line to add.
///
/// # Rendering
///
/// | use | result | counts as rendering |
/// |---|---|---|
/// | [`iter`](Self::iter), `for` | the messages | yes |
/// | `Display`, [`html`](Self::html) | HTML, as [`fragment`](crate::fragment) | yes |
/// | `Serialize` | a list of messages | yes |
/// | [`json`](Self::json) | JSON for a `<script>` element | yes |
/// | [`len`](Self::len), [`is_empty`](Self::is_empty) | | no |
///
/// Once the messages are rendered, the slot stays empty. If the response then counts as shown, the
/// messages are confirmed and do not appear again. Messages that are not rendered stay pending.
///
/// In a `<script>` element use [`json`](Self::json): plain JSON can contain `</script>`.
///
/// # Examples
///
/// ```
/// use actix_web::{HttpResponse, Responder, get};
/// use salver::{Message, Pending};
///
/// #[get("/api/messages")]
/// async fn messages(mut pending: Pending) -> impl Responder {
///     if pending.is_empty() {
///         pending.now(Message::info("Nothing new."));
///     }
///     HttpResponse::Ok().json(pending)
/// }
/// ```
pub struct Pending {
    state: Rc<RequestState>,
    /// The translator for the visitor's language.
    translator: Translator,
    messages: Vec<Message>,
    /// Number of claimed messages. The messages after them are for this response only.
    claimed: usize,
    displaced: u64,
}

impl Drop for Pending {
    /// Passes the messages for this response only to the slot, if none were rendered.
    fn drop(&mut self) {
        if !self.state.is_rendered() {
            for message in self.messages.drain(self.claimed..) {
                self.state.add_response_only(message);
            }
        }
    }
}

impl Pending {
    /// Returns the number of messages. Does not count as rendering.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Returns whether there are no messages. Does not count as rendering.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Returns how many messages newer ones have displaced since this page was last shown, for its
    /// "and N more".
    #[must_use]
    pub fn displaced(&self) -> u64 {
        self.displaced
    }

    /// Returns an iterator over the messages, in order. Counts as rendering.
    pub fn iter(&self) -> std::slice::Iter<'_, Message> {
        self.rendered().iter()
    }

    /// Renders the messages as HTML. Counts as rendering.
    ///
    /// The template must not escape it.
    #[must_use]
    pub fn html(&self) -> String {
        self.state
            .render(self.rendered(), self.displaced, &self.translator)
    }

    /// Returns the messages as JSON for a `<script>` element. Counts as rendering.
    ///
    /// Characters with a meaning in HTML are escaped, so that no text can end the element. The
    /// template must not escape the result again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use salver::Pending;
    /// # async fn page(pending: Pending) -> String {
    /// format!(r#"<script type="application/json" id="messages">{}</script>"#, pending.json())
    /// # }
    /// ```
    #[must_use]
    pub fn json(&self) -> String {
        crate::render::json(self.rendered())
    }

    /// Adds a message for this response only. Stores nothing.
    ///
    /// A message that [`Message::validate`] rejects is logged and not shown.
    pub fn now(&mut self, message: Message) {
        let message = RequestState::validated(message);
        let translated = message.map(|message| self.translator.translate(&message));
        self.messages.extend(translated);
    }

    /// Keeps the claimed messages pending, whatever the response.
    pub fn keep(&self) {
        self.state.set_claim_override(ClaimOverride::Keep);
    }

    /// Confirms the claimed messages, whatever the response.
    pub fn confirm(&self) {
        self.state.set_claim_override(ClaimOverride::Confirm);
    }

    fn rendered(&self) -> &[Message] {
        let any = !self.messages.is_empty() || self.displaced > 0;
        self.state.mark_rendered(any);
        self.state.status.set_shown(self.messages.len());
        &self.messages
    }
}

impl FromRequest for Pending {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = RequestState::of(&request)?;
            let page = state.page_messages(&request).await;
            Ok(Self {
                translator: state.translator(&request).clone(),
                state,
                messages: page.messages.to_vec(),
                claimed: page.messages.len(),
                displaced: page.displaced,
            })
        })
    }
}

impl IntoIterator for Pending {
    type Item = Message;
    type IntoIter = std::vec::IntoIter<Message>;

    fn into_iter(mut self) -> Self::IntoIter {
        self.rendered();
        std::mem::take(&mut self.messages).into_iter()
    }
}

impl<'a> IntoIterator for &'a Pending {
    type Item = &'a Message;
    type IntoIter = std::slice::Iter<'a, Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Serialize for Pending {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rendered().serialize(serializer)
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.html())
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("messages", &self.messages)
            .field("displaced", &self.displaced)
            .finish_non_exhaustive()
    }
}
