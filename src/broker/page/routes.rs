//! The routes of the page.

use std::fmt;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::web::{self, Data};
use actix_web::{HttpResponse, Resource};

use crate::Salver;
use crate::broker::page::document::{CSS, see_home};
use crate::broker::page::settings::PageSettings;
use crate::broker::page::{actions, login, overview};
use crate::broker::settings::Settings;
use crate::broker::tokens::FixedToken;
use crate::web::api::allow_only;
use crate::web::assets;
use crate::web::routes::path_prefix;

impl Salver {
    /// Returns the page of the operator of a broker: `App::new().service(salver.broker_page())`. It needs no middleware, but
    /// the [secret](crate::SalverBuilder::secret) of the site, which signs its cookie.
    #[must_use]
    pub fn broker_page(&self) -> BrokerPage {
        // Counting begins with the process, not with the first page.
        self.activity();
        BrokerPage {
            base: String::new(),
            settings: Settings::new(self),
        }
    }
}

/// The page of the operator of a broker. Created by [`Salver::broker_page`].
///
/// | path | contents |
/// |---|---|
/// | `GET /` | what the broker does and what failed, or the form by which an operator logs in |
/// | `POST /login`, `POST /logout` | begins, ends a session |
/// | `GET /endpoints/{id}/remove` | asks whether to remove an endpoint |
/// | `POST /endpoints/{id}/…` | `enable`, `disable`, `remove`, `replay`: attempts what is dead again |
/// | `POST /deliveries/{id}/…` | `retry`, `cancel` |
///
/// An operator logs in with the token of [`token`](Self::token), or with one of [`Salver::tokens`] that has the
/// [rights](crate::broker::Right) `endpoints` and `deliveries`. The page works without JavaScript. It is in English.
///
/// ```
/// use actix_web::App;
/// use salver::Salver;
///
/// # fn main() -> Result<(), salver::Error> {
/// let salver = Salver::builder("shop").secret([7; 32]).build()?;
/// let page = salver.broker_page().at("/broker").token("a-secret-of-the-operator");
/// let app = App::new().service(salver.broker_routes()).service(page);
/// # let _ = app;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct BrokerPage {
    base: String,
    settings: Settings,
}

impl BrokerPage {
    /// Sets the path of the page, from the root of the site.
    ///
    /// Default: `/`. Leading and trailing slashes are ignored.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<str>) -> Self {
        self.base = path_prefix(path.as_ref());
        self
    }

    /// Sets the token of the operator, as [`BrokerRoutes::token`](crate::broker::BrokerRoutes::token).
    ///
    /// Default: none, only [`Salver::tokens`] are accepted. A token that is too short is refused, and an error is logged.
    #[must_use]
    pub fn token(mut self, token: impl AsRef<str>) -> Self {
        self.settings.token = FixedToken::new(token.as_ref());
        self
    }

    fn resources(self) -> Vec<Resource> {
        let settings = PageSettings {
            base: self.base,
            broker: self.settings,
        };
        let (home, base) = (settings.home().to_owned(), settings.base.clone());
        let settings = Data::new(settings);
        let at = |path: String| web::resource(path).app_data(Data::clone(&settings));
        let post = |resource: Resource| allow_only("POST", resource);
        let remove = at(format!("{base}/endpoints/{{id}}/remove"));
        let remove = remove
            .route(web::get().to(actions::ask_to_remove))
            .route(web::post().to(actions::remove));
        let login = at(format!("{base}/login"));
        let login = login
            // A person who reloads the page of a login that failed.
            .route(web::get().to(see_login))
            .route(web::post().to(login::log_in));
        let endpoints = at(format!("{base}/endpoints/{{id}}/{{action}}"));
        let deliveries = at(format!("{base}/deliveries/{{id}}/{{action}}"));
        let mut resources = vec![
            allow_only("GET", at(home).route(web::get().to(overview::show))),
            allow_only("GET, POST", login),
            post(at(format!("{base}/logout")).route(web::post().to(login::log_out))),
            allow_only("GET, POST", remove),
            post(endpoints.route(web::post().to(actions::change_endpoint))),
            post(deliveries.route(web::post().to(actions::change_delivery))),
        ];
        resources.extend(assets::resources(&base, &CSS));
        resources
    }
}

async fn see_login(settings: Data<PageSettings>) -> HttpResponse {
    see_home(&settings).finish()
}

impl HttpServiceFactory for BrokerPage {
    fn register(self, config: &mut AppService) {
        for resource in self.resources() {
            resource.register(config);
        }
    }
}

impl fmt::Debug for BrokerPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerPage")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}
