//! What Salver itself answers.

use std::sync::LazyLock;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::{Resource, web};

use crate::Salver;
use crate::web::api;
use crate::web::assets;
use crate::web::assets::Asset;
#[cfg(feature = "live")]
use crate::web::live;

/// Where they are unless somebody says otherwise.
const DEFAULT_PATH: &str = "/salver";

impl Salver {
    /// Serves what pages load: `App::new().service(salver.routes())`.
    #[must_use]
    pub fn routes(&self) -> Routes {
        Routes::default()
    }
}

/// What Salver itself answers, below `/salver`. Made by [`Salver::routes`].
///
/// | path | what |
/// |---|---|
/// | `/salver/salver.css` | [the stylesheet](crate::STYLESHEET) |
/// | `/salver/salver.js` | the page script, with the feature `live` |
/// | `/salver/stream` | the messages of one view as they come, with the feature `live` |
/// | `/salver/claim`, `/salver/confirm`, `/salver/count` | messages as JSON, for pages that draw themselves |
/// | `/salver/messages` | takes a message to oneself, with [`taking_messages`](Self::taking_messages) |
/// | `/salver/openapi.json` | describes them |
///
/// The files go by another name too, which holds the hash of their content and is cached for ever: that is
/// what [`head`](Self::head) writes. Under the short name they are cached for an hour.
///
/// ```
/// use actix_web::App;
/// use salver::Salver;
///
/// # fn main() -> Result<(), salver::Error> {
/// let salver = Salver::memory("shop")?;
/// let routes = salver.routes().at("/notices");
/// let layout = format!("<head><title>Shop</title>{}</head>", routes.head());
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
    /// Sets the path that all of them begin with, from the root of the site. Default: `/salver`. Slashes at its ends
    /// make no difference.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<str>) -> Self {
        self.path = match path.as_ref().trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        self
    }

    /// Takes messages that pages leave for their own visitor: `POST /salver/messages`. Default: not.
    ///
    /// Whoever runs a script in a page of the site can then tell its visitor something in the site's name; no more
    /// than that script could draw itself.
    #[must_use]
    pub fn accept_messages(mut self) -> Self {
        self.accepts_messages = true;
        self
    }

    /// Leaves the signals of the process alone. Default: those by which actix-web ends a server, `SIGTERM`, `SIGINT`
    /// and `SIGQUIT`, end all streams, since a server that ends waits for them.
    ///
    /// From the first stream on they no longer end the process by themselves. Who disables those of the server too
    /// calls [`end_streams`](crate::web::end_streams).
    #[cfg(feature = "live")]
    #[must_use]
    pub fn without_signal_handlers(mut self) -> Self {
        self.handles_signals = false;
        self
    }

    /// Gives what a page's `<head>` needs: the stylesheet, and with the feature `live` the page script.
    /// HTML: tell the template not to escape it.
    #[must_use]
    pub fn head_html(&self) -> String {
        let head = format!(
            r#"<link rel="stylesheet" href="{}/{}">"#,
            self.path,
            assets::CSS.file_name()
        );
        #[cfg(feature = "live")]
        let head = format!(
            r#"{head}<script type="module" src="{}/{}"></script>"#,
            self.path,
            live::SCRIPT.file_name()
        );
        head
    }

    fn resources(&self) -> Vec<Resource> {
        let path = &self.path;
        let files = asset_resources(path, "css", &assets::CSS);
        #[cfg(feature = "live")]
        let files = files
            .chain(asset_resources(path, "js", &live::SCRIPT))
            .chain([live::resource(path, self.handles_signals)]);
        files
            .chain(api::resources(path, self.accepts_messages))
            .collect()
    }
}

/// Gives a file by its two names.
fn asset_resources(
    path: &str,
    extension: &str,
    asset: &'static LazyLock<Asset>,
) -> impl Iterator<Item = Resource> + use<> {
    let short = web::get().to(move || async { asset.respond(None) });
    let by_hash =
        web::get().to(move |hash: web::Path<String>| async move { asset.respond(Some(&hash)) });
    let names = [
        format!("salver.{extension}"),
        format!("salver.{{hash}}.{extension}"),
    ];
    let resources = names.map(|name| web::resource(format!("{path}/{name}")));
    let routes = [short, by_hash];
    resources
        .into_iter()
        .zip(routes)
        .map(|(resource, route)| resource.route(route))
}

impl HttpServiceFactory for Routes {
    fn register(self, config: &mut AppService) {
        // Not a scope: at the root it would take what the application serves.
        for resource in self.resources() {
            resource.register(config);
        }
    }
}
