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
    is_daily(caller).await.ok()
}

async fn is_daily(caller: &Caller) -> Result<bool, Error> {
    let preferences = caller.inbox.mail().await?;
    let cadence = preferences.get(ANY_KIND);
    Ok(matches!(cadence, Some(Cadence::Daily { .. })))
}

/// Sets whether the recipient is mailed once a day.
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
    match (is_checked, is_daily(caller).await?) {
        // The person may have chosen another hour.
        (true, true) => Ok(()),
        (true, false) => {
            let daily = Cadence::Daily { hour };
            caller.inbox.set_mail(ANY_KIND, daily).await
        }
        (false, true) => caller.inbox.reset_mail(ANY_KIND).await,
        // A choice of no mails at all stays.
        (false, false) => Ok(()),
    }
}
