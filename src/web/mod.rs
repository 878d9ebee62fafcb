//! The actix-web integration: the middleware, the extractors and the routes.
//!
//! - [`Salver::middleware`](crate::Salver::middleware) wraps the app.
//! - Handlers add messages through the extractor [`Messages`](crate::Messages).
//! - Pages show messages in the slot, the empty element `<salver-messages></salver-messages>`,
//!   which the middleware fills. Handlers that render messages themselves use the extractor
//!   [`Pending`](crate::Pending). Both together claim at most once for each request.
//! - [`Salver::routes`](crate::Salver::routes) serves the stylesheet, the page script, the stream
//!   and the JSON routes.
//!
//! Layer: above the core types, `render` and the handle. This module does not depend on a
//! particular store.
//!
//! # Examples
//!
//! ```
//! use actix_web::{App, HttpResponse, Responder, get, post, test, web::Redirect};
//! use salver::{Messages, Salver};
//!
//! #[post("/settings")]
//! async fn save(messages: Messages) -> impl Responder {
//!     messages.success("Your settings have been changed.").await;
//!     Redirect::to("/settings").see_other()
//! }
//!
//! #[get("/settings")]
//! async fn settings() -> impl Responder {
//!     HttpResponse::Ok()
//!         .content_type("text/html; charset=utf-8")
//!         .body("<h1>Settings</h1><salver-messages></salver-messages>")
//! }
//!
//! # #[actix_web::main] async fn main() -> Result<(), salver::Error> {
//! let salver = Salver::memory("shop")?;
//! let app = App::new().wrap(salver.middleware()).service(save).service(settings);
//! let app = test::init_service(app).await;
//!
//! let post = test::TestRequest::post().uri("/settings").insert_header(("host", "localhost"));
//! let response = test::call_service(&app, post.to_request()).await;
//! let cookie = response.response().cookies().next().unwrap().into_owned();
//!
//! let get = test::TestRequest::get().uri("/settings").insert_header(("host", "localhost"));
//! let page = test::call_and_read_body(&app, get.cookie(cookie).to_request()).await;
//! assert!(std::str::from_utf8(&page).unwrap().contains("Your settings have been changed."));
//! # Ok(()) }
//! ```

pub(crate) mod api;
pub(crate) mod assets;
pub(crate) mod extract;
#[cfg(feature = "inbox")]
pub(crate) mod layout;
#[cfg(feature = "live")]
pub(crate) mod live;
mod middleware;
mod partial;
mod presentation;
#[cfg(feature = "inbox")]
pub(crate) mod recipient;
#[cfg(feature = "inbox")]
pub(crate) mod recipient_module;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod routes;
mod session;
pub(crate) mod translation;
pub(crate) mod view;

pub use crate::render::Part;

#[cfg(feature = "inbox")]
pub use self::layout::Page;
pub use self::middleware::{Middleware, MiddlewareService, ResponseFuture};
pub use self::response::body::Body;
pub use self::routes::Routes;
pub use self::session::session_cookie::SessionCookie;
pub use self::session::source::SessionSource;
pub use self::view::source::ViewSource;
