//! The checkbox on the page of the inbox: whether the recipient is mailed once a day. It is the preference for all
//! kinds.

use crate::Error;
use crate::cadence::Cadence;
use crate::inbox::web::caller::Caller;
use crate::inbox::web::preferences::choices::is_offered;
use crate::inbox::web::settings::Settings;
use crate::kind::ANY_KIND;

/// Returns whether a recipient is mailed once a day; `None` on a site that does not offer it. Without a reply of
/// the store the page is shown without the form.
pub(in crate::inbox::web) async fn daily_mail(
    caller: &Caller,
    settings: &Settings,
) -> Option<bool> {
    settings.daily_mail.filter(|_| is_offered(caller))?;
    let preferences = caller.inbox.mail().await.ok()?;
    let cadence = preferences.get(ANY_KIND);
    Some(matches!(cadence, Some(Cadence::Daily { .. })))
}

/// Sets whether the recipient is mailed once a day.
///
/// # Errors
///
/// Those of the store.
pub(super) async fn save(
    caller: &Caller,
    settings: &Settings,
    is_daily: bool,
) -> Result<(), Error> {
    let hour = settings.daily_mail.filter(|_| is_daily);
    match (hour, daily_mail(caller, settings).await == Some(true)) {
        // The person may have chosen another hour.
        (Some(_), true) => Ok(()),
        (Some(hour), false) => {
            let daily = Cadence::Daily { hour };
            caller.inbox.set_mail(ANY_KIND, daily).await
        }
        (None, true) => caller.inbox.reset_mail(ANY_KIND).await,
        // A choice of no mails at all stays.
        (None, false) => Ok(()),
    }
}
