//! The routes of mails.

use std::fmt;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::web::{Data, PayloadConfig};

use crate::Salver;
#[cfg(feature = "events")]
use crate::mail::web::activating;
use crate::mail::web::unsubscribing;

/// Longest body of a request in bytes: the form that undoes it has the subscriptions of a link, at most 4 KiB each.
const MAX_BYTES: usize = 64 * 1024;

impl Salver {
    /// Returns the routes of mails: `App::new().service(salver.mail_routes())`.
    #[must_use]
    pub fn mail_routes(&self) -> MailRoutes {
        MailRoutes {
            salver: self.clone(),
        }
    }
}

/// The routes of mails. Created by [`Salver::mail_routes`].
///
/// | path | contents |
/// |---|---|
/// | `GET /salver/mail/unsubscribe/{token}` | asks, with one button; changes nothing, since mail scanners open links |
/// | `POST /salver/mail/unsubscribe/{token}` | unsubscribes without a login, and offers to undo it; RFC 8058 |
/// | `GET /salver/mail/activate/{token}` | asks, with one button; changes nothing; with the feature `events` |
/// | `POST /salver/mail/activate/{token}` | activates the subscription of an address, and offers to unsubscribe |
///
/// The token is in each mail. It is signed by [`secret`](crate::SalverBuilder::secret), and is valid for one person.
///
/// - To unsubscribe, it does not expire. The mails of the kinds of that mail stop. A mail to an address about an event
///   instead ends the subscriptions for which it was sent; the page names them by their descriptions.
/// - To activate, it works for 7 days, and for the request of that mail alone. The page of an expired one offers another
///   mail, within the [limits](crate::Salver::subscribe) of the address.
///
/// Inside Salver's middleware the pages are translated by
/// [`Middleware::translate`](crate::web::Middleware::translate), by keys that begin with `salver-mail-`.
#[derive(Clone)]
pub struct MailRoutes {
    salver: Salver,
}

impl HttpServiceFactory for MailRoutes {
    fn register(self, config: &mut AppService) {
        let resources = [
            unsubscribing::resource(),
            #[cfg(feature = "events")]
            activating::resource(),
        ];
        for resource in resources {
            resource
                .app_data(Data::new(self.salver.clone()))
                .app_data(PayloadConfig::new(MAX_BYTES))
                .register(config);
        }
    }
}

impl fmt::Debug for MailRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailRoutes")
            .field("app", &self.salver.app())
            .finish()
    }
}
