//! What a recipient has chosen about mails, beside what counts without a choice.

use std::collections::BTreeMap;
use std::time::Duration;

use time::Weekday;

use crate::cadence::Cadence;
use crate::inbox::mailing::{default_cadence, settings_of};
use crate::inbox::web::caller::Caller;
use crate::inbox::web::mail_contact::MailContact;
use crate::inbox::web::settings::Settings;
use crate::kind::{ANY_KIND, prefixes};
use crate::mail_settings::MailSettings;
use crate::{Error, Recipient};

/// What precedes a kind in the name of a field of a form.
pub(in crate::inbox::web) const CADENCE_FIELD: &str = "cadence.";
/// The value of a form for what counts without a choice.
pub(in crate::inbox::web) const DEFAULT_VALUE: &str = "default";
/// The time of [`Cadence::IfUnread`] on a site that has set none.
const UNREAD_TIME: Duration = Duration::from_secs(10 * 60);
/// The time of digests before a person has chosen one, on a site that has set none.
const DIGEST_TIME: DigestTime = DigestTime {
    hour: 8,
    weekday: Weekday::Monday,
};

/// When daily and weekly mails are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inbox::web) struct DigestTime {
    pub(in crate::inbox::web) hour: u8,
    pub(in crate::inbox::web) weekday: Weekday,
}

/// The preference for notifications of one kind.
#[derive(Debug)]
pub(in crate::inbox::web) struct KindPreference {
    pub(in crate::inbox::web) kind: String,
    /// The name that the site has given to the kind.
    pub(in crate::inbox::web) name: Option<String>,
    /// Whether no preference turns these mails off.
    pub(in crate::inbox::web) is_critical: bool,
    pub(in crate::inbox::web) chosen: Option<Cadence>,
    /// The cadence that counts without a choice.
    pub(in crate::inbox::web) default: Cadence,
    /// The shorter kind whose choice is the default; `None` for the default of the site.
    pub(in crate::inbox::web) default_of: Option<String>,
    /// The time of [`Cadence::IfUnread`] that the page offers.
    pub(in crate::inbox::web) unread_time: Duration,
}

/// The preferences of a recipient.
#[derive(Debug)]
pub(in crate::inbox::web) struct MailPreferences {
    /// The kinds of the site, those for which the recipient has chosen something else, and all others.
    pub(in crate::inbox::web) kinds: Vec<KindPreference>,
    pub(in crate::inbox::web) time: DigestTime,
    /// `None` if the site has not set where it is found, or if that has failed.
    pub(in crate::inbox::web) contact: Option<MailContact>,
}

/// Returns whether a site offers preferences: whether it sends mails.
pub(in crate::inbox::web) fn is_offered(caller: &Caller) -> bool {
    caller.state.app_state.salver.config().mail.is_enabled()
}

impl MailPreferences {
    /// Returns the preferences of the recipient of a request, without the contact. One round trip; one more a minute in
    /// a process that knows the site alone.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(super) async fn read(caller: &Caller, settings: &Settings) -> Result<Self, Error> {
        let chosen = caller.inbox.mail().await?;
        let mails = settings_of(&caller.inbox.salver).await?;
        let kinds = kinds((&mails, caller.inbox.recipient()), settings, &chosen);
        Ok(Self {
            time: digest_time(&kinds, settings),
            kinds,
            contact: None,
        })
    }

    /// Finds the contact. A site whose closure fails has a page without it.
    pub(super) async fn with_contact(self, caller: &Caller, settings: &Settings) -> Self {
        let Some(find) = &settings.mail_contact else {
            return self;
        };
        let salver = caller.state.app_state.salver.clone();
        let contact = find(salver, caller.inbox.recipient().clone()).await;
        let contact = contact.inspect_err(|error| {
            tracing::warn!(%error, "the profile of a recipient cannot be read; the page of preferences has no address");
        });
        Self {
            contact: contact.ok(),
            ..self
        }
    }

    pub(super) fn of_kind(&self, kind: &str) -> Option<&KindPreference> {
        self.kinds.iter().find(|one| one.kind == kind)
    }
}

fn kinds(
    (mails, recipient): (&MailSettings, &Recipient),
    settings: &Settings,
    chosen: &BTreeMap<String, Cadence>,
) -> Vec<KindPreference> {
    let is_declared = |kind: &str| settings.kinds.iter().any(|(declared, _)| declared == kind);
    // A link in a mail unsubscribes from longer kinds than those of the site.
    let others = chosen.keys().filter(|kind| {
        let is_shown = kind.as_str() == ANY_KIND || is_declared(kind);
        !is_shown && !mails.is_critical(kind)
    });
    let declared = settings.kinds.iter();
    let declared = declared.map(|(kind, name)| (kind.as_str(), Some(name.clone())));
    let others = others.map(|kind| (kind.as_str(), None));
    let any = (!is_declared(ANY_KIND)).then_some((ANY_KIND, None));
    let all = declared.chain(others).chain(any);
    all.map(|(kind, name)| {
        let is_critical = mails.is_critical(kind);
        let site_default = default_cadence(mails, recipient, kind);
        let mut shorter = prefixes(kind).filter(|prefix| *prefix != kind && !is_critical);
        let inherited = shorter.find_map(|prefix| Some((prefix, *chosen.get(prefix)?)));
        let own = chosen.get(kind).copied().filter(|_| !is_critical);
        KindPreference {
            kind: kind.to_owned(),
            name,
            is_critical,
            chosen: own,
            default: inherited.map_or(site_default, |(_, cadence)| cadence),
            default_of: inherited.map(|(prefix, _)| prefix.to_owned()),
            unread_time: unread_time(mails, own, site_default),
        }
    })
    .collect()
}

/// Returns the time that the recipient has chosen, else that of the site.
fn unread_time(mails: &MailSettings, own: Option<Cadence>, site_default: Cadence) -> Duration {
    let of_site = mails.cadences.iter().map(|(_, cadence)| *cadence);
    let mut candidates = own.into_iter().chain([site_default]).chain(of_site);
    let time = candidates.find_map(|cadence| match cadence {
        Cadence::IfUnread(time) => Some(time),
        _ => None,
    });
    time.unwrap_or(UNREAD_TIME)
}

/// Returns the time that the recipient has chosen first, else the first one of the site.
fn digest_time(kinds: &[KindPreference], settings: &Settings) -> DigestTime {
    let chosen = kinds.iter().filter_map(|one| one.chosen);
    let defaults = kinds.iter().map(|one| one.default);
    let of_checkbox = settings.daily_mail.map(|hour| Cadence::Daily { hour });
    let cadences: Vec<_> = chosen.chain(defaults).chain(of_checkbox).collect();
    let hour = cadences.iter().find_map(|cadence| match cadence {
        Cadence::Daily { hour } | Cadence::Weekly { hour, .. } => Some(*hour),
        _ => None,
    });
    let weekday = cadences.iter().find_map(|cadence| match cadence {
        Cadence::Weekly { weekday, .. } => Some(*weekday),
        _ => None,
    });
    DigestTime {
        hour: hour.unwrap_or(DIGEST_TIME.hour),
        weekday: weekday.unwrap_or(DIGEST_TIME.weekday),
    }
}
