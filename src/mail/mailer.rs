//! How mails are sent.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lettre::message::Mailbox;

use crate::mail::letter::Letter;
use crate::mail::mime;
use crate::mail::smtp::{Failure, Smtp};
use crate::mail::words::{Translators, Words};
use crate::{Error, Message, Translation};

/// Sends the mails of a worker.
///
/// Cheap to clone; clones share connections and what was sent.
#[derive(Clone)]
pub struct Mailer {
    transport: Transport,
    from: Option<String>,
    translators: Translators,
    body: Option<Arc<ReplaceBody>>,
}

/// Returns another HTML and plain text for a letter; `None` leaves them.
type ReplaceBody = dyn Fn(&Letter) -> Option<(String, String)> + Send + Sync;

#[derive(Clone)]
enum Transport {
    Memory(Arc<Mutex<Vec<Letter>>>),
    Smtp(Arc<Smtp>),
}

impl Mailer {
    /// Creates a mailer for an SMTP server. It connects when the first mail is sent, and keeps up to four
    /// connections.
    ///
    /// `url`: `smtp://[user:password@]host[:port]` or `smtps://…`, user and password percent-encoded.
    /// `smtps` is encrypted from the first byte, port 465. `smtp` requires STARTTLS, port 587, unless the
    /// host is `localhost` or a loopback address: then port 25 without encryption. `?tls=none` allows mails
    /// without encryption to other hosts, `?tls=required` requires it for this machine.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for another URL. The error does not contain it.
    ///
    /// ```
    /// use salver::mail::Mailer;
    ///
    /// let mailer = Mailer::smtp("smtps://notify:secret@mail.shop.example")?;
    /// let mailer = mailer.from("Shop <notify@shop.example>");
    /// # let _ = mailer;
    /// # Ok::<(), salver::Error>(())
    /// ```
    pub fn smtp(url: &str) -> Result<Self, Error> {
        Ok(Self::new(Transport::Smtp(Arc::new(Smtp::new(url)?))))
    }

    /// Creates a mailer that keeps its mails in memory, for tests.
    ///
    /// ```
    /// use salver::mail::Mailer;
    /// use salver::{Message, Notification, Recipient, Salver};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// // A site has 32 random bytes.
    /// let salver = Salver::builder("shop").site("https://shop.example").secret([7; 32]).build()?;
    /// let mailer = Mailer::memory();
    /// let note = Notification::new("order.sent", Message::info("Your order is on its way."));
    /// salver.notify([Recipient::email("ada@example.com")?], note).await?;
    /// salver.worker().mail(mailer.clone()).drain().await?;
    /// assert_eq!(mailer.sent()[0].subject, "Your order is on its way.");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn memory() -> Self {
        Self::new(Transport::Memory(Arc::default()))
    }

    fn new(transport: Transport) -> Self {
        Self {
            transport,
            from: None,
            translators: Translators::default(),
            body: None,
        }
    }

    /// Sets the CA certificate that may sign the certificate of the server, in PEM, beside those that
    /// browsers know.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for another text.
    pub fn ca_certificate(mut self, pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        if let Transport::Smtp(smtp) = &self.transport {
            let smtp = smtp.with_ca_certificate(pem.as_ref())?;
            self.transport = Transport::Smtp(Arc::new(smtp));
        }
        Ok(self)
    }

    /// Sets the sender, such as `Shop <notify@shop.example>`. A worker with an SMTP server does not start
    /// without it.
    #[must_use]
    pub fn from(mut self, sender: impl Into<String>) -> Self {
        self.from = Some(sender.into());
        self
    }

    /// Translates mails into the language of the recipient.
    ///
    /// `create` returns the translator of a [locale](super::Profile::locale). The translator gets each
    /// message with a [key](Message::key), and the texts of the mail itself, whose keys begin with
    /// `salver-mail-`.
    #[must_use]
    pub fn translate<F, T>(mut self, create: F) -> Self
    where
        F: Fn(&str) -> T + Send + Sync + 'static,
        T: Fn(&Message) -> Option<Translation> + Send + Sync + 'static,
    {
        self.translators = Translators::new(create);
        self
    }

    /// Replaces the HTML and the plain text of mails. `replace` returns both, in this order; `None` leaves
    /// those of the letter. It escapes what it inserts into HTML.
    ///
    /// Those of a letter with an [`activation_url`](Letter::activation_url) stay if one of the new ones lacks it.
    #[must_use]
    pub fn body(
        mut self,
        replace: impl Fn(&Letter) -> Option<(String, String)> + Send + Sync + 'static,
    ) -> Self {
        self.body = Some(Arc::new(replace));
        self
    }

    /// Returns the mails that a [mailer in memory](Self::memory) has sent, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Letter> {
        match &self.transport {
            Transport::Memory(sent) => lock(sent).clone(),
            Transport::Smtp(_) => Vec::new(),
        }
    }

    /// Checks what can be known before the first mail.
    ///
    /// # Errors
    ///
    /// `is_misconfigured` without a sender, `is_invalid` for one that cannot be read.
    pub(super) fn validate(&self) -> Result<(), Error> {
        match (&self.transport, &self.from) {
            (Transport::Smtp(_), None) => Err(Error::misconfigured(
                "the mailer has no sender: call `Mailer::from`",
            )),
            (_, None) => Ok(()),
            (_, Some(from)) => sender(from).map(drop),
        }
    }

    pub(super) fn words(&self, locale: Option<&str>) -> Words {
        self.translators.words(locale)
    }

    /// Sends a letter. It may be sent twice if the future is dropped.
    pub(super) async fn send(&self, mut letter: Letter) -> Result<(), Failure> {
        let replaced = self.body.as_ref().and_then(|replace| replace(&letter));
        if let Some((html, text)) = replaced
            && has_link(&letter, &html)
            && has_link(&letter, &text)
        {
            (letter.html, letter.text) = (html, text);
        }
        match &self.transport {
            Transport::Memory(sent) => {
                lock(sent).push(letter);
                Ok(())
            }
            Transport::Smtp(smtp) => {
                let rejected = |error: Error| Failure::Rejected {
                    reason: error.to_string(),
                    is_unknown_mailbox: false,
                };
                let from = sender(self.from.as_deref().unwrap_or_default()).map_err(rejected)?;
                let message = mime::encode(&letter, &from).map_err(rejected)?;
                smtp.send(message.envelope(), &message.formatted()).await
            }
        }
    }
}

/// Returns whether a body has the link that activates a subscription, if the letter is about one.
fn has_link(letter: &Letter, body: &str) -> bool {
    let url = letter.activation_url.as_deref();
    url.is_none_or(|url| body.contains(url))
}

fn sender(from: &str) -> Result<Mailbox, Error> {
    from.parse().map_err(|cause| {
        Error::invalid("from", "is not of the form `Shop <notify@shop.example>`").with_source(cause)
    })
}

fn lock(sent: &Mutex<Vec<Letter>>) -> MutexGuard<'_, Vec<Letter>> {
    // A panic cannot leave the list half changed, so a poisoned lock is safe to use.
    sent.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Mailer");
        match &self.transport {
            Transport::Memory(_) => debug.field("transport", &"memory"),
            Transport::Smtp(smtp) => debug.field("transport", smtp),
        };
        debug.field("from", &self.from).finish_non_exhaustive()
    }
}
