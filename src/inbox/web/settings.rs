//! What a site has set for the inbox.

use std::rc::Rc;
use std::sync::LazyLock;

use futures_util::future::LocalBoxFuture;

use crate::Notification;
#[cfg(feature = "mail")]
use crate::inbox::web::mail_contact::FindMailContact;
use crate::render::{BASE, BELL};
use crate::web::assets::Asset;

/// The stylesheet of the page.
pub(super) static CSS: LazyLock<Asset> = LazyLock::new(|| {
    let content = [BASE, BELL, include_str!("inbox.css")].concat();
    Asset::new("inbox", "css", "text/css; charset=utf-8", content)
});

pub(super) type Link = dyn Fn(Notification) -> LocalBoxFuture<'static, Option<String>>;

/// What a site has set.
#[derive(Clone, Default)]
pub(super) struct Settings {
    /// The kinds by which the page filters, with their names.
    pub(super) kinds: Vec<(String, String)>,
    pub(super) login: Option<String>,
    pub(super) link: Option<Rc<Link>>,
    /// The hour of the daily mail that the page offers.
    #[cfg(feature = "mail")]
    pub(super) daily_mail: Option<u8>,
    /// Finds where a recipient is mailed.
    #[cfg(feature = "mail")]
    pub(super) mail_contact: Option<FindMailContact>,
}

impl Settings {
    /// Returns whether the row of a notification is a link.
    pub(super) fn has_link(&self, notification: &Notification) -> bool {
        self.link.is_some() || notification.get_action().is_some()
    }

    /// Returns the URL to which a notification leads.
    pub(super) async fn link_of(&self, notification: Notification) -> Option<String> {
        match &self.link {
            Some(link) => link(notification).await,
            None => Some(notification.get_action()?.url().to_owned()),
        }
    }
}
