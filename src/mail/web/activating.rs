//! The page that activates a subscription of an address.

use actix_web::web::{self, Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse, Resource};
use url::form_urlencoded;

use crate::events::{Requested, Subscription};
use crate::mail::activation::{Activation, PATH};
use crate::mail::link::masked;
use crate::mail::unsubscribe::Unsubscribe;
use crate::mail::web::activation_page::{self, AGAIN, Shown};
use crate::mail::web::document;
use crate::mail::web::page_words::{PageWords, isolated};
use crate::site::Site;
use crate::web::api::allow_only;
use crate::{Error, Salver};

pub(super) fn resource() -> Resource {
    let resource = web::resource(format!("{PATH}/{{token}}"))
        .route(web::get().to(ask))
        .route(web::post().to(change));
    allow_only("GET, POST", resource)
}

/// A link, with all that its pages need.
struct Link {
    salver: Data<Salver>,
    words: PageWords,
    activation: Activation,
}

async fn ask(request: HttpRequest, salver: Data<Salver>, token: Path<String>) -> HttpResponse {
    let Some(link) = Link::open(&request, salver, &token) else {
        return document::invalid(&PageWords::of(&request));
    };
    link.respond(link.page(activation_page::ask).await)
}

/// A POST activates, or requests another mail.
async fn change(
    request: HttpRequest,
    salver: Data<Salver>,
    token: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let Some(link) = Link::open(&request, salver, &token) else {
        return document::invalid(&PageWords::of(&request));
    };
    let is_again = form_urlencoded::parse(&body).any(|(name, _)| name == AGAIN);
    let changed = match is_again {
        true => link.repeat().await,
        false => link.activate().await,
    };
    link.respond(changed)
}

impl Link {
    fn open(request: &HttpRequest, salver: Data<Salver>, token: &str) -> Option<Self> {
        Some(Self {
            activation: Activation::from_token(&salver, token)?,
            words: PageWords::of(request),
            salver,
        })
    }

    async fn activate(&self) -> Result<HttpResponse, Error> {
        self.activation.request().activate(&self.salver).await?;
        // One that was not activated, and still awaits this activation, has expired.
        self.page(activation_page::expired).await
    }

    async fn repeat(&self) -> Result<HttpResponse, Error> {
        let request = self.activation.request();
        match request.find(&self.salver).await? {
            Requested::Pending(one) | Requested::Superseded(one) => {
                request.repeat(&self.salver, &one).await?;
                Ok(activation_page::sent(&self.words, &self.shown(&one)))
            }
            Requested::Active(_) | Requested::Unknown => self.page(activation_page::expired).await,
        }
    }

    /// Returns the page for what is stored at present. `pending`: that of a subscription which awaits this activation.
    async fn page(
        &self,
        pending: fn(&PageWords, &Shown) -> HttpResponse,
    ) -> Result<HttpResponse, Error> {
        let (salver, words) = (&self.salver, &self.words);
        Ok(match self.activation.request().find(salver).await? {
            Requested::Pending(one) => pending(words, &self.shown(&one)),
            Requested::Superseded(one) => activation_page::expired(words, &self.shown(&one)),
            Requested::Active(one) => {
                activation_page::active(words, &self.shown(&one), &self.unsubscribe_path())
            }
            Requested::Unknown => {
                let site = salver.config().mail.site.as_deref();
                activation_page::unknown(words, &Site::new(site.unwrap_or_default())?)
            }
        })
    }

    fn shown(&self, subscription: &Subscription) -> Shown {
        let address = self.activation.recipient.address();
        Shown {
            address: isolated(&masked(address.unwrap_or_default())),
            subscription: self.words.subscription(subscription),
        }
    }

    /// Returns the path of the page that ends the subscription, from this one.
    fn unsubscribe_path(&self) -> String {
        let Activation {
            recipient,
            subscription,
            ..
        } = &self.activation;
        let unsubscribe = Unsubscribe::of_subscription(recipient, subscription);
        let token = unsubscribe.token(&self.salver);
        format!("../unsubscribe/{}", token.unwrap_or_default())
    }

    fn respond(&self, page: Result<HttpResponse, Error>) -> HttpResponse {
        page.unwrap_or_else(|error| {
            error.log();
            document::unavailable(&self.words)
        })
    }
}
