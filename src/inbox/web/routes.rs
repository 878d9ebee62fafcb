//! The routes of the inbox.

use std::fmt;
use std::future::Future;
use std::rc::Rc;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::header::{self, ContentType};
use actix_web::web::{self, Data, PayloadConfig};
use actix_web::{HttpResponse, Resource};
use futures_util::FutureExt;

#[cfg(feature = "mail")]
use crate::Recipient;
#[cfg(feature = "mail")]
use crate::inbox::web::mail_contact::MailContact;
use crate::inbox::web::module::InboxModule;
#[cfg(feature = "mail")]
use crate::inbox::web::preferences;
use crate::inbox::web::settings::{CSS, Settings};
use crate::inbox::web::{counts, list, mark, open};
use crate::web::api::{MAX_BYTES, allow_only};
use crate::web::assets;
use crate::web::recipient_module::RegisteredModule;
use crate::web::routes::path_prefix;
use crate::{Notification, Salver};

/// Default path of the inbox.
const DEFAULT_PATH: &str = "/salver/inbox";
/// The OpenAPI document of the JSON routes.
const OPENAPI: &str = include_str!("openapi.json");

impl Salver {
    /// Returns the routes of the inbox: `App::new().service(salver.inbox_routes())`.
    ///
    /// They need Salver's middleware with a
    /// [`recipient`](crate::web::Middleware::recipient), and read the inboxes of the application of
    /// that middleware.
    #[must_use]
    pub fn inbox_routes(&self) -> InboxRoutes {
        self.extension::<RegisteredModule>().register(InboxModule);
        InboxRoutes {
            path: DEFAULT_PATH.to_owned(),
            settings: Settings::default(),
        }
    }
}

/// The routes of the inbox, below `/salver/inbox`. Created by [`Salver::inbox_routes`].
///
/// | path | contents |
/// |---|---|
/// | `GET /salver/inbox` | the list: a page, or JSON for `Accept: application/json` |
/// | `GET /salver/inbox/counts` | unseen, unread and all notifications, as JSON |
/// | `GET /salver/inbox/{id}` | marks a notification as read and leads to its object |
/// | `POST /salver/inbox/mark` | marks, archives or deletes notifications, from a form or as JSON |
/// | `GET /salver/inbox/preferences` | what the recipient is mailed about, and how often: a page, or JSON (feature `mail`) |
/// | `POST /salver/inbox/preferences` | saves that, from a form or as JSON (feature `mail`) |
/// | `POST /salver/inbox/seen` | marks everything up to a position as seen |
/// | `GET /salver/inbox/openapi.json` | the OpenAPI document of the JSON routes |
///
/// Every route concerns the recipient of the request only. Without one, pages redirect to
/// [`login`](Self::login), and JSON gets 401 as `application/problem+json`.
///
/// The page works without JavaScript. [`Middleware::layout`](crate::web::Middleware::layout) puts
/// it into the layout of the site, [`Middleware::translate`](crate::web::Middleware::translate)
/// translates it.
///
/// # Examples
///
/// ```
/// use actix_web::App;
/// use salver::{Recipient, Salver};
///
/// # fn main() -> Result<(), salver::Error> {
/// let salver = Salver::memory("graphspace")?;
/// let inbox = salver.inbox_routes().kinds([("graph", "Graphs"), ("group",
/// "Groups")]).login("/login"); let app = App::new()
///     .wrap(salver.middleware().recipient(|_| Some(Recipient::user(7))))
///     .service(inbox);
/// # let _ = app;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct InboxRoutes {
    path: String,
    settings: Settings,
}

impl InboxRoutes {
    /// Sets the path of the list, from the root of the site.
    ///
    /// Default: `/salver/inbox`. Leading and trailing slashes are ignored.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<str>) -> Self {
        self.path = path_prefix(path.as_ref());
        self
    }

    /// Sets the kinds by which the page filters, each with its name for people. Default: none, the
    /// page then has no filter by kind. On a site that sends mails, each has its own choice on the page of
    /// preferences.
    #[must_use]
    pub fn kinds<K: Into<String>, N: Into<String>>(
        mut self,
        kinds: impl IntoIterator<Item = (K, N)>,
    ) -> Self {
        let kinds = kinds.into_iter();
        self.settings.kinds = kinds
            .map(|(kind, name)| (kind.into(), name.into()))
            .collect();
        self
    }

    /// Sets the URL to which a notification leads, for objects that can move or be deleted.
    ///
    /// `link` is called when a person opens a notification. `None` leads to the list, with the
    /// message that the object is no longer there. It must return only URLs of which the site is
    /// sure.
    ///
    /// Default: the URL of the [action](crate::Message::action) of the message.
    #[must_use]
    pub fn link<F>(mut self, link: impl Fn(Notification) -> F + 'static) -> Self
    where
        F: Future<Output = Option<String>> + 'static,
    {
        self.settings.link = Some(Rc::new(move |notification| {
            link(notification).boxed_local()
        }));
        self
    }

    /// Sets the path of the login page, to which a visitor without a recipient is redirected.
    ///
    /// Default: the page has status 401.
    #[must_use]
    pub fn login(mut self, path: impl Into<String>) -> Self {
        self.settings.login = Some(path.into());
        self
    }

    /// Offers a daily mail with what is unread, by a checkbox on the page: `hour` is 0 to 23, in the
    /// [time zone](crate::mail::Profile::time_zone) of the person. Default: the page offers none.
    ///
    /// It is the [preference](crate::Inbox::set_mail) for all kinds, and is checked too where the
    /// [default](crate::SalverBuilder::default_cadence) for all kinds is daily. It appears on a site that sends mails,
    /// and costs one more round trip for each page.
    #[cfg(feature = "mail")]
    #[must_use]
    pub fn daily_mail(mut self, hour: u8) -> Self {
        self.settings.daily_mail = Some(hour);
        self
    }

    /// Sets how the page of preferences finds where a recipient is mailed.
    #[cfg(feature = "mail")]
    pub(crate) fn with_mail_contact<F>(
        mut self,
        find: impl Fn(Salver, Recipient) -> F + 'static,
    ) -> Self
    where
        F: Future<Output = Result<MailContact, String>> + 'static,
    {
        let find = move |salver, recipient| find(salver, recipient).boxed_local();
        self.settings.mail_contact = Some(Rc::new(find));
        self
    }

    fn resources(self) -> Vec<Resource> {
        let settings = Data::new(self.settings);
        let path = &self.path;
        let at = |name: &str| {
            web::resource(format!("{path}{name}"))
                .app_data(Data::clone(&settings))
                .app_data(PayloadConfig::new(MAX_BYTES))
        };
        let list = |name| allow_only("GET", at(name).route(web::get().to(list::list)));
        let mut resources = vec![
            list(""),
            allow_only("GET", at("/counts").route(web::get().to(counts::counts))),
            allow_only("POST", at("/mark").route(web::post().to(mark::mark))),
            allow_only("POST", at("/seen").route(web::post().to(mark::seen))),
            allow_only("GET", at("/openapi.json").route(web::get().to(openapi))),
        ];
        if path.is_empty() {
            // That of the root of the site. In a scope both are paths of the list.
            resources.push(list("/"));
        }
        #[cfg(feature = "mail")]
        {
            let resource = at("/preferences").route(web::get().to(preferences::show));
            let resource = resource.route(web::post().to(preferences::save));
            resources.push(allow_only("GET, POST", resource));
        }
        resources.extend(assets::resources(path, &CSS));
        resources.extend(assets::resources(path, &assets::CSS));
        // The pattern of an id excludes the names above.
        let id = at("/{id:[0-9a-f]{8}-[0-9a-f-]{27}}").route(web::get().to(open::open));
        resources.push(allow_only("GET", id));
        resources
    }
}

async fn openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(OPENAPI)
}

impl HttpServiceFactory for InboxRoutes {
    fn register(self, config: &mut AppService) {
        for resource in self.resources() {
            resource.register(config);
        }
    }
}

impl fmt::Debug for InboxRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxRoutes")
            .field("path", &self.path)
            .field("kinds", &self.settings.kinds)
            .field("login", &self.settings.login)
            .finish_non_exhaustive()
    }
}
