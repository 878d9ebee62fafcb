//! What an action has done, which the next page shows.

use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse};

use crate::broker::limits::OUTCOME_TTL;
use crate::broker::page::caller::{cookie, cookie_name};
use crate::broker::page::document::see_home;
use crate::broker::page::settings::PageSettings;
use crate::broker::page::words::count;

/// What an action has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Enabled,
    Disabled,
    Removed,
    Retried,
    Cancelled,
    /// So many deliveries are attempted again.
    Replayed(u64),
    NoEndpoint,
    NoDelivery,
    LoggedOut,
    SessionEnded,
}

/// The names in the cookie. A cookie has no text that a page shows.
const NAMES: [(&str, Outcome); 9] = [
    ("enabled", Outcome::Enabled),
    ("disabled", Outcome::Disabled),
    ("removed", Outcome::Removed),
    ("retried", Outcome::Retried),
    ("cancelled", Outcome::Cancelled),
    ("no-endpoint", Outcome::NoEndpoint),
    ("no-delivery", Outcome::NoDelivery),
    ("logged-out", Outcome::LoggedOut),
    ("session-ended", Outcome::SessionEnded),
];
const REPLAYED: &str = "replayed-";

impl Outcome {
    fn name(self) -> String {
        if let Self::Replayed(deliveries) = self {
            return format!("{REPLAYED}{deliveries}");
        }
        let found = NAMES.iter().find(|(_, outcome)| *outcome == self);
        found.map_or_else(String::new, |(name, _)| (*name).to_owned())
    }

    fn of(name: &str) -> Option<Self> {
        if let Some(deliveries) = name.strip_prefix(REPLAYED) {
            return Some(Self::Replayed(deliveries.parse().ok()?));
        }
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, outcome)| *outcome)
    }

    pub(super) fn text(self) -> String {
        let text = match self {
            Self::Enabled => "The endpoint is enabled.",
            Self::Disabled => "The endpoint is disabled.",
            Self::Removed => "The endpoint was removed.",
            Self::Retried => "The delivery is attempted again.",
            Self::Cancelled => "The delivery was cancelled.",
            Self::Replayed(0) => "No delivery of this endpoint is dead.",
            Self::Replayed(1) => "1 delivery is attempted again.",
            Self::Replayed(deliveries) => {
                let deliveries = count(deliveries, "delivery", "deliveries");
                return format!("{deliveries} are attempted again.");
            }
            Self::NoEndpoint => "There is no such endpoint any more.",
            Self::NoDelivery => "No delivery of this id waits or is dead any more.",
            Self::LoggedOut => "You are logged out.",
            Self::SessionEnded => "Your session has ended, and nothing was changed. Log in again.",
        };
        text.to_owned()
    }

    /// Returns the response to a form: it leads to the page, which shows the outcome.
    pub(super) fn respond(self, request: &HttpRequest, settings: &PageSettings) -> HttpResponse {
        let pair = (name(request, settings), self.name());
        let cookie = cookie(request, settings, pair, OUTCOME_TTL.as_secs());
        see_home(settings).cookie(cookie).finish()
    }

    /// Returns the outcome that the page of a request shows, once: with the cookie that removes it.
    pub(super) fn take(
        request: &HttpRequest,
        settings: &PageSettings,
    ) -> Option<(Self, Cookie<'static>)> {
        let name = name(request, settings);
        let outcome = Self::of(request.cookie(&name)?.value())?;
        let removal = cookie(request, settings, (name, String::new()), 0);
        Some((outcome, removal))
    }
}

fn name(request: &HttpRequest, settings: &PageSettings) -> String {
    cookie_name(request, settings, "outcome")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_from_their_names_and_no_others() {
        let outcomes = NAMES.iter().map(|(_, outcome)| *outcome);
        for outcome in outcomes.chain([Outcome::Replayed(0), Outcome::Replayed(12)]) {
            assert_eq!(Outcome::of(&outcome.name()), Some(outcome));
        }
        for name in ["", "<b>", "replayed-", "replayed-x", "Removed"] {
            assert_eq!(Outcome::of(name), None, "{name}");
        }
    }
}
