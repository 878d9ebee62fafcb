//! The words of the page that activates a subscription.

use crate::Message;
use crate::mail::web::page_words::PageWords;
use crate::mail::words::words;

words! {
    PageWords {
        activate => "activate", "Activate";
        activate_subscription => "activate-subscription", "Activate your subscription";
        activated => "activated", "Your subscription is active";
        expired => "activation-expired", "This link has expired";
        send_again => "activation-again", "Send a new e-mail";
        sent => "activation-sent", "A new e-mail is on its way";
        sent_help => "activation-sent-help", "If none arrives, try again later: there is at most one in 5 minutes, and three a day.";
    }
}

impl PageWords {
    /// Returns the question before the subscription. `address`: isolated.
    pub(super) fn ask_activation(&self, address: &str) -> String {
        let text = format!("Send e-mails to {address} about this:");
        self.with_address(&text, "salver-mail-activate-for", address)
    }

    /// Returns what has been activated, before the subscription.
    pub(super) fn activated_for(&self, address: &str) -> String {
        let text = format!("E-mails are sent to {address} about this:");
        self.with_address(&text, "salver-mail-activated-for", address)
    }

    /// Returns what a person does whose link works no more, before the subscription.
    pub(super) fn expired_help(&self, address: &str) -> String {
        let text = format!(
            "Open the link of the newest e-mail to {address}, or request another one, about this:"
        );
        self.with_address(&text, "salver-mail-activation-expired-help", address)
    }

    pub(super) fn sent_to(&self, address: &str) -> String {
        let text = format!("Open the link in the e-mail to {address} to activate this:");
        self.with_address(&text, "salver-mail-activation-sent-to", address)
    }

    /// Returns what a person does whose subscription is not known any more. `site`: the host.
    pub(super) fn unknown_help(&self, site: &str) -> String {
        let text = format!("There is no such subscription any more. Subscribe again on {site}.");
        let message = Message::info(text).key("salver-mail-activation-unknown");
        self.text(&message.arg("site", site))
    }
}
