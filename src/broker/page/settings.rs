//! What the routes of the page share.

use crate::broker::settings::Settings;

#[derive(Clone)]
pub(super) struct PageSettings {
    /// The path of the page, without a slash at its end.
    pub(super) base: String,
    pub(super) broker: Settings,
}

impl PageSettings {
    /// Returns the path of the page.
    pub(super) fn home(&self) -> &str {
        match self.base.as_str() {
            "" => "/",
            base => base,
        }
    }

    /// Returns the heading of the page.
    pub(super) fn title(&self) -> String {
        format!("Broker of {}", self.broker.salver.app())
    }
}
