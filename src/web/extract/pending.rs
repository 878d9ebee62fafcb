//! The messages for this page, for templates that draw them themselves.

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

/// The messages claimed for this page, ready for the template.
///
/// Extracting it asks the store, once per request. Iterating, printing or serialising it counts as
/// rendering: if the response is an eligible view the messages are shown and gone, and the slot stays
/// empty. [`len`](Self::len) and [`is_empty`](Self::is_empty) do not count; what is not rendered stays
/// pending.
///
/// It serialises as a list of messages; it prints as [the fragment](crate::fragment). In a `<script>` element
/// use [`json`](Self::json): JSON as such may hold a `</script>`.
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
    /// The visitor's language.
    translator: Translator,
    messages: Vec<Message>,
    /// How many of the messages were claimed; those after them are for this response only.
    claimed: usize,
    displaced: u64,
}

impl Drop for Pending {
    /// What is for this response only and was not rendered goes to the slot.
    fn drop(&mut self) {
        if !self.state.is_rendered() {
            for message in self.messages.drain(self.claimed..) {
                self.state.add_response_only(message);
            }
        }
    }
}

impl Pending {
    /// Counts the messages. Does not count as rendering.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Tells whether there are none. Does not count as rendering.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Tells how many messages went to make room since this page was last shown: its "and N more".
    #[must_use]
    pub fn displaced(&self) -> u64 {
        self.displaced
    }

    /// Iterates over the messages in order. Counts as rendering.
    pub fn iter(&self) -> std::slice::Iter<'_, Message> {
        self.rendered().iter()
    }

    /// Draws the fragment. Counts as rendering. It is HTML: tell the template not to escape it.
    #[must_use]
    pub fn html(&self) -> String {
        self.state
            .render(self.rendered(), self.displaced, &self.translator)
    }

    /// Writes the list as JSON for a `<script>` element: what means something in HTML is escaped, so that no
    /// text ends the element. Counts as rendering. Tell the template not to escape it.
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

    /// Adds a message for this response only. Stores nothing. A message that [`Message::check`] refuses
    /// is logged and not shown.
    pub fn now(&mut self, message: Message) {
        let message = RequestState::validated(message);
        let translated = message.map(|message| self.translator.translate(&message));
        self.messages.extend(translated);
    }

    /// Says that these stay pending, whatever the response.
    pub fn keep(&self) {
        self.state.set_claim_override(ClaimOverride::Keep);
    }

    /// Says that these count as shown, whatever the response.
    pub fn confirm(&self) {
        self.state.set_claim_override(ClaimOverride::Confirm);
    }

    fn rendered(&self) -> &[Message] {
        let any = !self.messages.is_empty() || self.displaced > 0;
        self.state.mark_rendered(any);
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
