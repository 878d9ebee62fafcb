//! What a mail says that activates a subscription.

use crate::mail::body::content::Body;
use crate::mail::body::html::{button, document, isolated};
use crate::mail::words::Words;
use crate::render::Escaped;
use crate::site::Site;

/// All that the bodies of a mail are made of that activates a subscription.
pub(in crate::mail) struct ActivationContent<'a> {
    pub(in crate::mail) words: &'a Words,
    pub(in crate::mail) site: &'a Site,
    /// The address of the recipient.
    pub(in crate::mail) address: &'a str,
    /// What the subscription is for.
    pub(in crate::mail) subscription: &'a str,
    /// The link that activates it.
    pub(in crate::mail) url: &'a str,
}

impl ActivationContent<'_> {
    pub(in crate::mail) fn body(&self) -> Body {
        let subject = self.words.activate_subscription();
        Body {
            text: self.text(),
            html: self.html(&subject),
            subject,
        }
    }

    fn requested(&self, subscription: &str) -> String {
        let host = self.site.host();
        self.words.requested(subscription, self.address, host)
    }

    fn reason(&self) -> String {
        self.words.reason(self.address, self.site.host())
    }

    fn text(&self) -> String {
        let (words, url) = (self.words, self.url);
        let requested = self.requested(self.subscription);
        let link = format!("{}: {url}", words.activate());
        let (help, reason) = (words.activation_help(), self.reason());
        format!("{requested}\n\n{link}\n\n{help}\n\n-- \n{reason}\n")
    }

    fn html(&self, subject: &str) -> String {
        let main = format!(
            r#"<div class="row"><h1 class="title">{}</h1><div>{}</div>{}<p class="meta">{}</p></div>"#,
            Escaped(subject),
            Escaped(&self.requested(&isolated(self.subscription))),
            button(self.url, &self.words.activate()),
            Escaped(&self.words.activation_help()),
        );
        let reason = self.reason();
        document(self.words, subject, &main, &Escaped(&reason).to_string())
    }
}
