//! The people behind the recipients of a step.

use std::collections::{HashMap, HashSet};

use crate::Recipient;
use crate::events::event::Event;
use crate::jobs::{Outcome, Profiles};

/// The people behind recipients.
#[derive(Default)]
pub(super) struct People {
    /// Those who are excluded, under all recipients that the site knows.
    pub(super) excluded: HashSet<Recipient>,
    /// The users of addresses.
    pub(super) users: HashMap<Recipient, Recipient>,
}

impl People {
    /// Asks the site who is behind the recipients of a step.
    ///
    /// # Errors
    ///
    /// `Outcome::Failed`, with the error of the site.
    pub(super) async fn load(
        profiles: &Profiles,
        event: &Event,
        recipients: impl Iterator<Item = &Recipient>,
    ) -> Result<Self, Outcome> {
        let failed = |error| Outcome::Failed(format!("profiles: {error}"));
        let mut people = Self {
            excluded: event.except.iter().cloned().collect(),
            users: HashMap::new(),
        };
        let excluded: Vec<_> = event.except.iter().cloned().collect();
        let same = profiles.same_people(excluded).await.map_err(failed)?;
        people
            .excluded
            .extend(same.into_iter().map(|(_, same)| same));
        let addresses = recipients.filter(|recipient| recipient.address().is_some());
        let addresses: Vec<_> = addresses.cloned().collect();
        if !addresses.is_empty() {
            let users = profiles.same_people(addresses);
            people.users = users.await.map_err(failed)?.into_iter().collect();
        }
        Ok(people)
    }
}
