//! Subscriptions of e-mail addresses, which count when the person has opened the link that they were mailed.

use std::net::IpAddr;
use std::time::Duration;

use crate::digest::text_id;
use crate::events::registry::Registry;
use crate::events::stored::Fields;
use crate::events::subscription::Subscription;
use crate::inbox::enqueue_activation;
use crate::rate_limits::{self, RateLimit};
use crate::{Error, Recipient, Salver};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Mails to one address. Stops strangers from flooding a mailbox.
const ADDRESS_LIMITS: [RateLimit; 2] = [
    RateLimit {
        period: MINUTE.saturating_mul(5),
        calls: 1,
    },
    RateLimit {
        period: DAY,
        calls: 3,
    },
];
/// Mails for one network address. Stops a program from mailing many people.
const NETWORK_LIMITS: [RateLimit; 1] = [RateLimit {
    period: HOUR,
    calls: 20,
}];

/// Writes the subscription of an address that awaits its activation, and adds the job that mails the link. Does neither
/// over the limits.
///
/// # Errors
///
/// `is_misconfigured` for a site that cannot send the link, and those of the store.
pub(super) async fn request(
    salver: &Salver,
    recipient: &Recipient,
    subscription: &Subscription,
) -> Result<(), Error> {
    let settings = &salver.config().mail;
    if settings.site.is_none() || settings.secret.is_none() {
        return Err(Error::misconfigured(
            "addresses are mailed a link: call `SalverBuilder::site` and `SalverBuilder::secret`",
        ));
    }
    if !is_allowed(salver, recipient, subscription.requested_by).await? {
        return Ok(());
    }
    let registry = Registry::new(salver, recipient)?;
    let pending = registry.add_pending(&Fields::of(subscription)).await;
    match pending {
        Ok(Some(at)) => {
            let id = subscription.id_for(recipient);
            enqueue_activation(salver, recipient, id, at).await
        }
        Ok(None) => Ok(()),
        // An error would reveal that the address has subscriptions.
        Err(error) if error.is_full() => {
            tracing::warn!(%error, "a subscription of an address was refused; it was mailed no link");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

async fn is_allowed(
    salver: &Salver,
    recipient: &Recipient,
    network: Option<IpAddr>,
) -> Result<bool, Error> {
    let allow = async |what: String, limits: &'static [RateLimit]| {
        rate_limits::count_call(salver, "subscribe", &what, limits).await
    };
    if let Some(network) = network {
        let network = rate_limits::network(network);
        if !allow(format!("activation-network:{network}"), &NETWORK_LIMITS).await? {
            return Ok(false);
        }
    }
    let address = text_id("activation", &[recipient.as_str()]);
    allow(format!("activation:{address}"), &ADDRESS_LIMITS).await
}
