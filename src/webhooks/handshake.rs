//! The handshake by which a URL consents to webhooks, after "HTTP 1.1 Web Hooks for Event Delivery" of CloudEvents 1.0.2.

use crate::events::EndpointRecord;
use crate::site::Site;
use crate::webhooks::transport::client::{Client, SendError};
use crate::{Error, Salver};

/// Asks a URL whether it accepts webhooks from this site. Returns how many a minute.
///
/// # Errors
///
/// `is_invalid` for a URL that cannot be reached or does not consent.
pub(super) async fn perform(
    salver: &Salver,
    client: &Client,
    record: &EndpointRecord,
) -> Result<u32, Error> {
    let refused = |problem: &str| Error::invalid("url", problem);
    let origin = origin(salver);
    let answer = client.options(&record.url, &origin, record.rate).await;
    let consent = answer.map_err(|error| match error {
        SendError::Refused => refused("has a host that may not be called"),
        SendError::Failed(reason) => refused(&format!("cannot be asked for its consent: {reason}")),
    })?;
    let allowed = consent.allowed_origin.as_deref();
    let is_allowed =
        allowed.is_some_and(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(&origin));
    if !consent.is_success || !is_allowed {
        return Err(refused(
            "does not consent: it has to answer OPTIONS with 200 and WebHook-Allowed-Origin",
        ));
    }
    let rate = match consent.allowed_rate.as_deref() {
        None | Some("*") => record.rate,
        Some(rate) => {
            let rate: u32 = rate
                .parse()
                .map_err(|_| refused("answers with a WebHook-Allowed-Rate that is not a number"))?;
            rate.clamp(1, record.rate)
        }
    };
    Ok(rate)
}

/// Returns the name by which this site asks: its host, else the name of the application.
fn origin(salver: &Salver) -> String {
    let site = salver.config().mail.site.as_deref();
    let site = site.and_then(|site| Site::new(site).ok());
    site.map_or_else(|| salver.app().to_owned(), |site| site.host().to_owned())
}
