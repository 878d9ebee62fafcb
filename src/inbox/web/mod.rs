//! The inbox in pages and as JSON, for the recipient of a request.

mod body;
mod caller;
mod change_name;
mod counts;
mod flash;
mod list;
mod mark;
mod open;
mod page;
mod refusal;
mod routes;
mod selection;
mod settings;

pub use self::routes::InboxRoutes;
