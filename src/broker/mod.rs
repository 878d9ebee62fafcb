//! The HTTP API of a broker: programs in any language publish events, and notify people.
//!
//! - [`Salver::broker_routes`](crate::Salver::broker_routes) serves it from a site; `salver serve` does so without one.
//! - [`Salver::broker_page`](crate::Salver::broker_page) is the page of its operator.
//! - [`Salver::tokens`](crate::Salver::tokens) decides which programs may use it.
//! - Events are [CloudEvents 1.0](https://cloudevents.io) in the structured, binary and batched mode of HTTP. They are
//!   acknowledged when they are stored.
//!
//! Layer: above webhooks.
//!
//! # Examples
//!
//! ```
//! use actix_web::{App, test};
//! use salver::Salver;
//!
//! # #[actix_web::main] async fn main() -> Result<(), salver::Error> {
//! let salver = Salver::memory("shop")?;
//! let token = "a-secret-of-the-operator";
//! let app = test::init_service(App::new().service(salver.broker_routes().token(token))).await;
//!
//! let request = test::TestRequest::post().uri("/v1/events")
//!     .insert_header(("authorization", format!("Bearer {token}")))
//!     .insert_header(("ce-specversion", "1.0"))
//!     .insert_header(("ce-id", "1"))
//!     .insert_header(("ce-source", "/shop"))
//!     .insert_header(("ce-type", "order.created"))
//!     .insert_header(("content-type", "application/json"))
//!     .set_payload(r#"{"total": 7}"#);
//! let response = test::call_service(&app, request.to_request()).await;
//! assert_eq!(response.status(), 202);
//! # Ok(()) }
//! ```

mod access;
mod binding;
mod body;
mod deliveries;
mod endpoints;
mod events;
mod limits;
mod messages;
mod new_message;
mod notifications;
mod page;
mod routes;
mod settings;
mod tokens;
mod validators;

pub use self::limits::{MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_RECIPIENTS, MAX_TOKENS};
pub use self::page::BrokerPage;
pub use self::routes::BrokerRoutes;
pub use self::tokens::{ListedToken, Right, Token, Tokens};
pub use crate::webhooks::MAX_VALIDATORS;
