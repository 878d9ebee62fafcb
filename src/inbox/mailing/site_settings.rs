//! The settings of mails for processes that were built without them or with the site alone, such as the command-line
//! tool.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::inbox::store;
use crate::mail_settings::MailSettings;
use crate::{Error, Salver};

/// How long the settings of the site are kept. After a change, other processes may use the old ones for up to this
/// time.
const SETTINGS_TTL: Duration = Duration::from_secs(60);
/// What precedes a kind in the names of the stored fields.
const CADENCE: &str = "cadence:";
const CRITICAL: &str = "critical:";

/// The settings that this process has read.
#[derive(Default)]
struct ReadSettings(Mutex<HashMap<String, (Instant, Arc<MailSettings>)>>);

impl ReadSettings {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, Arc<MailSettings>)>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the settings of this process. One that knows at most the site gets those about kinds that a worker of the
/// site has stored, in one round trip a minute.
///
/// # Errors
///
/// Those of the store.
pub(in crate::inbox) async fn settings_of(salver: &Salver) -> Result<Arc<MailSettings>, Error> {
    let own = &salver.config().mail;
    if own.is_enabled() && knows_kinds(own) {
        return Ok(Arc::clone(own));
    }
    let read = salver.extension::<ReadSettings>();
    let cached = read.lock().get(salver.app()).cloned();
    if let Some((at, settings)) = cached
        && at.elapsed() < SETTINGS_TTL
    {
        return Ok(settings);
    }
    let store = store::mails_of(salver)?;
    let call = store.site_settings(salver.app());
    let stored = decode(salver.read("mail_settings", call).await?);
    let settings = Arc::new(MailSettings {
        site: own.site.clone().or(stored.site),
        cadences: stored.cadences,
        critical: stored.critical,
        ..MailSettings::clone(own)
    });
    let entry = (Instant::now(), Arc::clone(&settings));
    read.lock().insert(salver.app().to_owned(), entry);
    Ok(settings)
}

/// Stores the settings of a worker for all processes of the site.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn share_settings(salver: &Salver) -> Result<(), Error> {
    let (store, settings) = (store::mails_of(salver)?, &salver.config().mail);
    let stored = salver.read("mail_settings", store.site_settings(salver.app()));
    // A worker such as the command-line tool knows the site alone, and leaves the rest as it is.
    if !knows_kinds(settings) && !stored.await?.is_empty() {
        return Ok(());
    }
    let fields = encode(settings);
    let set = || store.set_site_settings(salver.app(), &fields);
    salver.write_idempotent("share_mail_settings", set).await
}

/// Returns whether a worker knows more than the site.
fn knows_kinds(settings: &MailSettings) -> bool {
    !settings.cadences.is_empty() || !settings.critical.is_empty()
}

/// Stores the settings of a worker again if the store has lost its data. Returns whether that is so. After a worker
/// that knows the site alone, those about kinds are missing still.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn restore_settings(salver: &Salver) -> Result<bool, Error> {
    let store = store::mails_of(salver)?;
    let stored = salver.read("mail_settings", store.site_settings(salver.app()));
    let stored = stored.await?;
    let mut fields = stored.keys();
    let is_missing = match knows_kinds(&salver.config().mail) {
        true => !fields.any(|field| field.starts_with(CADENCE) || field.starts_with(CRITICAL)),
        false => stored.is_empty(),
    };
    if is_missing {
        share_settings(salver).await?;
    }
    Ok(is_missing)
}

fn encode(settings: &MailSettings) -> Vec<(String, String)> {
    let cadences = settings.cadences.iter();
    let cadences =
        cadences.map(|(kind, cadence)| (format!("{CADENCE}{kind}"), cadence.to_string()));
    let critical = settings.critical.iter();
    let critical = critical.map(|kind| (format!("{CRITICAL}{kind}"), "1".to_owned()));
    let site = settings
        .site
        .iter()
        .map(|site| ("site".to_owned(), site.clone()));
    cadences.chain(critical).chain(site).collect()
}

/// Fields that another version has written are skipped.
fn decode(fields: HashMap<String, String>) -> MailSettings {
    let mut settings = MailSettings::default();
    for (field, value) in fields {
        if let Some(kind) = field.strip_prefix(CADENCE) {
            let cadence = value.parse().map(|cadence| (kind.to_owned(), cadence));
            settings.cadences.extend(cadence);
        } else if let Some(kind) = field.strip_prefix(CRITICAL) {
            settings.critical.push(kind.to_owned());
        } else if field == "site" {
            settings.site = Some(value);
        }
    }
    settings
}
