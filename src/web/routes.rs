//! What Salver itself answers.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::{Scope, web};

use super::assets::{self, Asset};
#[cfg(feature = "live")]
use super::live;
use crate::Salver;

/// Where they are unless somebody says otherwise.
const PATH: &str = "/salver";

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
/// | `/salver/confirm` | takes the page's word that they are shown, with the feature `live` |
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
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            path: PATH.to_owned(),
        }
    }
}

impl Routes {
    /// Sets the path that all of them begin with. Default: `/salver`. Slashes at its ends make no difference.
    #[must_use]
    pub fn at(self, path: impl AsRef<str>) -> Self {
        let path = path.as_ref().trim_matches('/');
        Self {
            path: match path {
                "" => String::new(),
                path => format!("/{path}"),
            },
        }
    }

    /// Gives what a page's `<head>` needs: the stylesheet, and with the feature `live` the page script.
    /// HTML: tell the template not to escape it.
    #[must_use]
    pub fn head(&self) -> String {
        let head = format!(
            r#"<link rel="stylesheet" href="{}/{}">"#,
            self.path,
            assets::CSS.name()
        );
        #[cfg(feature = "live")]
        let head = format!(
            r#"{head}<script type="module" src="{}/{}"></script>"#,
            self.path,
            live::SCRIPT.name()
        );
        head
    }

    fn scope(&self) -> Scope {
        let scope = asset(web::scope(&self.path), "css", &assets::CSS);
        #[cfg(feature = "live")]
        let scope = live::mount(asset(scope, "js", &live::SCRIPT));
        scope
    }
}

/// Adds the two names of a file.
fn asset(scope: Scope, ending: &str, asset: &'static std::sync::LazyLock<Asset>) -> Scope {
    let plainly = web::get().to(move || async { asset.answer(None) });
    let by_hash =
        web::get().to(move |hash: web::Path<String>| async move { asset.answer(Some(&hash)) });
    scope
        .route(&format!("/salver.{ending}"), plainly)
        .route(&format!("/salver.{{hash}}.{ending}"), by_hash)
}

impl HttpServiceFactory for Routes {
    fn register(self, config: &mut AppService) {
        self.scope().register(config);
    }
}
