//! Where a recipient is mailed, for the page of preferences.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::timeout;

use crate::inbox::{InboxRoutes, MailContact};
use crate::jobs::Profile;
use crate::mail::schedule::time_zone;
use crate::{Recipient, Salver};

/// How long the page waits for the site. It is shown without the address then.
const PROFILE_TIMEOUT: Duration = Duration::from_secs(2);

impl InboxRoutes {
    /// Sets where the page of preferences finds the address and the time zone of a person: the closure of
    /// [`Worker::profiles`](crate::jobs::Worker::profiles), here for one recipient at a time. Default: the page
    /// shows no address, and the hour is one of "your time zone".
    ///
    /// It must not block: it runs on a thread that serves pages. If it fails, or takes longer than 2 s, the page is
    /// shown without the address.
    ///
    /// ```
    /// use salver::mail::Profile;
    /// use salver::{Error, Recipient, Salver};
    ///
    /// async fn load(who: Vec<Recipient>) -> Result<Vec<Profile>, Error> {
    ///     let profile = |who| Profile::new(who).email("ada@example.com").time_zone("Europe/Berlin");
    ///     Ok(who.into_iter().map(profile).collect())
    /// }
    /// # fn main() -> Result<(), Error> {
    /// let salver = Salver::builder("shop").site("https://shop.example").secret([7; 32]).build()?;
    /// let inbox = salver.inbox_routes().kinds([("order", "Orders")]).profiles(load);
    /// # let _ = inbox;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn profiles<F, L, E>(self, load: F) -> Self
    where
        F: Fn(Vec<Recipient>) -> L + 'static,
        L: Future<Output = Result<Vec<Profile>, E>> + 'static,
        E: fmt::Display,
    {
        let load = Rc::new(load);
        self.with_mail_contact(move |salver, recipient| {
            let load = Rc::clone(&load);
            async move {
                let profile = match recipient.address() {
                    Some(address) => Profile::new(recipient.clone()).email(address),
                    None => {
                        let loading = timeout(PROFILE_TIMEOUT, load(vec![recipient.clone()]));
                        let loaded = loading.await.map_err(|elapsed| elapsed.to_string())?;
                        let profiles = loaded.map_err(|error| error.to_string())?;
                        let mut profiles = profiles.into_iter();
                        let own = profiles.find(|profile| profile.recipient == recipient);
                        own.unwrap_or_else(|| Profile::new(recipient))
                    }
                };
                Ok(contact(&salver, profile).await)
            }
        })
    }
}

async fn contact(salver: &Salver, profile: Profile) -> MailContact {
    let zone = time_zone(profile.time_zone.as_deref());
    let is_suppressed = match &profile.email {
        Some(address) => salver.is_mail_suppressed(address).await,
        None => Ok(false),
    };
    let is_suppressed = is_suppressed.unwrap_or_else(|error| {
        tracing::warn!(%error, "whether mails to an address are stopped is not known; the page of preferences says nothing about it");
        false
    });
    MailContact {
        address: profile.email,
        is_suppressed,
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
    }
}
