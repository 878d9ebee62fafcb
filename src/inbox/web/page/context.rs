//! What a page is made of.

use actix_web::HttpRequest;

use crate::inbox::results::InboxPage;
use crate::inbox::web::caller::list_path;
use crate::inbox::web::page::words::Words;
use crate::inbox::web::selection::{Paging, Selection};
use crate::inbox::web::settings::Settings;
use crate::render::Escaped;
use crate::web::request::state::RequestState;

/// One page of the list.
pub(in crate::inbox::web) struct Listing {
    pub(in crate::inbox::web) page: InboxPage,
    pub(in crate::inbox::web) has_newer: bool,
    pub(in crate::inbox::web) selection: Selection,
    pub(in crate::inbox::web) paging: Paging,
    /// Whether the recipient is mailed once a day; `None` if the page does not offer it.
    pub(in crate::inbox::web) daily_mail: Option<bool>,
}

impl Listing {
    /// Returns the query string of this page, to which its forms return.
    pub(super) fn query(&self) -> String {
        self.selection.query(&self.paging.cursor())
    }
}

/// The page for one request.
pub(in crate::inbox::web) struct PageOf<'a> {
    pub(super) request: &'a HttpRequest,
    pub(super) state: &'a RequestState,
    pub(super) settings: &'a Settings,
    /// The path of the inbox.
    pub(super) base: &'a str,
    pub(super) words: Words<'a>,
}

impl<'a> PageOf<'a> {
    pub(in crate::inbox::web) fn new(
        request: &'a HttpRequest,
        state: &'a RequestState,
        settings: &'a Settings,
        base: &'a str,
    ) -> Self {
        Self {
            request,
            state,
            settings,
            base,
            words: Words::new(state.translator(request)),
        }
    }

    /// Returns the URL of a list.
    pub(super) fn list_url(&self, query: &str) -> String {
        format!("{}?{query}", list_path(self.base))
    }

    /// Returns a link to a list, with further attributes.
    pub(super) fn link(&self, query: &str, attributes: &str, label: &str) -> String {
        format!(
            r#"<a{attributes} href="{}">{}</a>"#,
            Escaped(&self.list_url(query)),
            Escaped(label)
        )
    }
}
