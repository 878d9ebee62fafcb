//! The routes that Salver serves.

use actix_web::Resource;
use actix_web::dev::{AppService, HttpServiceFactory};

use crate::Salver;
use crate::render::Escaped;
use crate::web::api;
use crate::web::assets;
#[cfg(feature = "live")]
use crate::web::live;

/// Default path of the routes.
const DEFAULT_PATH: &str = "/salver";

impl Salver {
    /// Returns the routes that pages need: `App::new().service(salver.routes())`.
    #[must_use]
    pub fn routes(&self) -> Routes {
        Routes::default()
    }
}

/// The routes that Salver serves, below `/salver`. Created by [`Salver::routes`].
///
/// | path | contents |
/// |---|---|
/// | `GET /salver/salver.css` | [the stylesheet](crate::STYLESHEET) |
/// | `GET /salver/salver.js` | the page script, with the feature `live` |
/// | `GET /salver/salver-inbox.js` | the script of the bell and the inbox, with the features `live` and `inbox` |
/// | `GET /salver/stream` | messages of views as server-sent events, with the feature `live`; with `inbox` also the events `counts`, `inbox` and `online` |
/// | `POST /salver/claim` | claims the visible messages of a view, as JSON |
/// | `POST /salver/confirm` | confirms claimed messages |
/// | `GET /salver/count` | the number of visible messages, as JSON |
/// | `POST /salver/messages` | adds a message, with [`accept_messages`](Self::accept_messages) |
/// | `GET /salver/openapi.json` | the OpenAPI document of the JSON routes |
///
/// The JSON routes are for pages that render messages themselves. They act on the session of the
/// request alone.
///
/// The stylesheet and the script have a second name that contains the hash of their content.
/// Browsers cache that name for a year, as immutable; [`head_html`](Self::head_html) uses it. The
/// short name is cached for an hour.
///
/// # Examples
///
/// ```
/// use actix_web::App;
/// use salver::Salver;
///
/// # fn main() -> Result<(), salver::Error> {
/// let salver = Salver::memory("shop")?;
/// let routes = salver.routes().at("/notices");
/// let layout = format!("<head><title>Shop</title>{}</head>", routes.head_html());
/// assert!(layout.contains("<link rel=\"stylesheet\" href=\"/notices/salver."));
/// let app = App::new().wrap(salver.middleware()).service(routes);
/// # let _ = app;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Routes {
    path: String,
    accepts_messages: bool,
    #[cfg(feature = "live")]
    handles_signals: bool,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            path: DEFAULT_PATH.to_owned(),
            accepts_messages: false,
            #[cfg(feature = "live")]
            handles_signals: true,
        }
    }
}

impl Routes {
    /// Sets the path below which all routes are served, from the root of the site.
    ///
    /// Default: `/salver`. Leading and trailing slashes are ignored.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<str>) -> Self {
        self.path = path_prefix(path.as_ref());
        self
    }

    /// Serves `POST /salver/messages`, by which a page adds messages for its own visitor.
    ///
    /// Default: not served. With it, a script in a page of the site can show the visitor a message
    /// in the name of the site. Such a script could also render that message itself.
    #[must_use]
    pub fn accept_messages(mut self) -> Self {
        self.accepts_messages = true;
        self
    }

    /// Installs no signal handlers for streams.
    ///
    /// Default: `SIGTERM`, `SIGINT` and `SIGQUIT`, by which actix-web stops a server, also close
    /// all streams, because a server that shuts down waits for them. The handlers are installed
    /// with the first stream. From then on, these signals no longer end the process by themselves.
    ///
    /// An application that handles the signals itself calls
    /// [`Salver::close_streams`](crate::Salver::close_streams) before it stops the server.
    #[cfg(feature = "live")]
    #[must_use]
    pub fn without_signal_handlers(mut self) -> Self {
        self.handles_signals = false;
        self
    }

    /// Returns the HTML for the `<head>` of a page: the stylesheet and, with the feature `live`,
    /// the page script.
    ///
    /// It is HTML: the template must not escape it.
    #[must_use]
    pub fn head_html(&self) -> String {
        self.head_html_with("")
    }

    /// Returns the HTML for the `<head>` of a page whose Content-Security-Policy allows scripts and
    /// stylesheets by a nonce: `script-src 'nonce-…' 'strict-dynamic'`.
    ///
    /// `nonce` is the value of this response, without `nonce-`. It is escaped.
    ///
    /// # Examples
    ///
    /// ```
    /// let head = salver::web::Routes::default().head_html_with_nonce("abc123");
    /// assert!(head.contains(" nonce=\"abc123\">"));
    /// ```
    #[must_use]
    pub fn head_html_with_nonce(&self, nonce: &str) -> String {
        self.head_html_with(&format!(" nonce=\"{}\"", Escaped(nonce)))
    }

    fn head_html_with(&self, attribute: &str) -> String {
        let head = format!(
            r#"<link rel="stylesheet" href="{}/{}"{attribute}>"#,
            self.path,
            assets::CSS.file_name()
        );
        #[cfg(feature = "live")]
        let head = format!(
            r#"{head}<script type="module" src="{}/{}"{attribute}></script>"#,
            self.path,
            live::SCRIPT.file_name()
        );
        #[cfg(all(feature = "live", feature = "inbox"))]
        let head = format!(
            r#"{head}<script type="module" src="{}/{}"{attribute}></script>"#,
            self.path,
            live::INBOX_SCRIPT.file_name()
        );
        head
    }

    fn resources(&self) -> Vec<Resource> {
        let path = &self.path;
        let files = assets::resources(path, &assets::CSS);
        #[cfg(feature = "live")]
        let files = files
            .chain(assets::resources(path, &live::SCRIPT))
            .chain([live::resource(path, self.handles_signals)]);
        #[cfg(all(feature = "live", feature = "inbox"))]
        let files = files.chain(assets::resources(path, &live::INBOX_SCRIPT));
        files
            .chain(api::resources(path, self.accepts_messages))
            .collect()
    }
}

/// Returns the path below which routes are served, as it precedes `/` and the name of a route.
pub(crate) fn path_prefix(path: &str) -> String {
    match path.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

impl HttpServiceFactory for Routes {
    fn register(self, config: &mut AppService) {
        // Not a scope: a scope at the root would capture the routes of the application.
        for resource in self.resources() {
            resource.register(config);
        }
    }
}
