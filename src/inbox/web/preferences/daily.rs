//! The checkbox on the page of the inbox: whether the recipient is mailed once a day. It is the preference for all
//! kinds.

use crate::Error;
use crate::cadence::Cadence;
use crate::inbox::mailing::{default_cadence, settings_of};
use crate::inbox::web::caller::Caller;
use crate::inbox::web::preferences::choices::is_offered;
use crate::inbox::web::settings::Settings;
use crate::kind::ANY_KIND;

/// How often a recipient is mailed about kinds without a choice of their own.
struct General {
    chosen: Option<Cadence>,
    default: Cadence,
}

/// Returns whether a recipient is mailed once a day; `None` on a site that does not offer it. Without a reply of
/// the store the page is shown without the form.
pub(in crate::inbox::web) async fn daily_mail(
    caller: &Caller,
    settings: &Settings,
) -> Option<bool> {
    settings.daily_mail.filter(|_| is_offered(caller))?;
    let general = General::read(caller).await.ok()?;
    Some(general.is_daily())
}

/// Sets whether the recipient is mailed once a day, also if it is so already: a save before may have failed before
/// what waits was planned.
///
/// # Errors
///
/// Those of the store.
pub(super) async fn save(
    caller: &Caller,
    settings: &Settings,
    is_checked: bool,
) -> Result<(), Error> {
    let Some(hour) = settings.daily_mail else {
        return Ok(());
    };
    let choice = General::read(caller).await?.choice(is_checked, hour);
    match choice {
        Some(cadence) => caller.inbox.set_mail(ANY_KIND, cadence).await,
        None => caller.inbox.reset_mail(ANY_KIND).await,
    }
}

impl General {
    async fn read(caller: &Caller) -> Result<Self, Error> {
        let preferences = caller.inbox.mail().await?;
        let mails = settings_of(&caller.inbox.salver).await?;
        Ok(Self {
            chosen: preferences.get(ANY_KIND).copied(),
            default: default_cadence(&mails, caller.inbox.recipient(), ANY_KIND),
        })
    }

    fn is_daily(&self) -> bool {
        is_daily(self.chosen.unwrap_or(self.default))
    }

    /// Returns what a recipient chooses by the checkbox; `None` for the default.
    fn choice(&self, is_checked: bool, hour: u8) -> Option<Cadence> {
        match (is_checked, self.is_daily()) {
            // The person may have chosen another hour, or no mails at all.
            (true, true) | (false, false) => self.chosen,
            (true, false) => Some(Cadence::Daily { hour }),
            (false, true) => is_daily(self.default).then_some(Cadence::Never),
        }
    }
}

fn is_daily(cadence: Cadence) -> bool {
    matches!(cadence, Cadence::Daily { .. })
}
