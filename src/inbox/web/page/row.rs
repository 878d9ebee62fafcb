//! One row of the list.

use crate::inbox::results::InboxRow;
use crate::inbox::web::page::context::{Listing, PageOf};
use crate::inbox::web::page::controls::hidden;
use crate::inbox::web::page::time_ago::time_element;
use crate::inbox::web::selection::Tab;
use crate::render::{self, Escaped};
use crate::{Format, Notification};

impl PageOf<'_> {
    /// Returns the row of one notification, or of a group that opens.
    pub(super) fn row(&self, listing: &Listing, row: &InboxRow) -> String {
        match row.older.is_empty() {
            true => {
                let actions = self.actions(listing, &[&row.newest], None);
                self.item(&row.newest, &row.actors, row.count, &actions)
            }
            false => self.group(listing, row),
        }
    }

    fn group(&self, listing: &Listing, row: &InboxRow) -> String {
        let notifications: Vec<_> = row.notifications().collect();
        let id = row.newest.id();
        let items = notifications.iter().map(|notification| {
            let actions = self.actions(listing, &[notification], None);
            let actor = notification.get_actor().map(|(_, name)| name.to_owned());
            self.item(notification, actor.as_slice(), 1, &actions)
        });
        let items: String = items.collect();
        let (text, more) = match self.words.group(row) {
            Some(text) => (text, String::new()),
            None => {
                let more = self.words.more(row.count.saturating_sub(1));
                let more = format!(
                    r#" <span class="salver-inbox-more">{}</span>"#,
                    Escaped(&more)
                );
                (headline(&row.newest), more)
            }
        };
        format!(
            concat!(
                r#"<li class="salver-inbox-row salver-inbox-group{unread_class}">"#,
                r#"<details><summary><span id="salver-g-{id}">{mark}<bdi>{text}</bdi>{more}</span> {meta}</summary>"#,
                r#"<ul class="salver-inbox-list" role="list">{items}</ul></details>{actions}</li>"#,
            ),
            unread_class = if row.unread > 0 {
                " salver-inbox-unread"
            } else {
                ""
            },
            id = id,
            mark = self.unread_mark(row.unread > 0),
            text = Escaped(&text),
            more = more,
            meta = self.meta(&row.newest, &row.actors),
            items = items,
            actions = self.actions(listing, &notifications, Some(row.unread)),
        )
    }

    /// Returns the item of one notification. `count`: how many it stands for.
    fn item(
        &self,
        notification: &Notification,
        actors: &[String],
        count: u64,
        actions: &str,
    ) -> String {
        let level = notification.level();
        let word = self.words.level(level);
        let word = word.map(|word| {
            format!(
                r#"<span class="salver-inbox-hidden">{}</span> "#,
                Escaped(&word)
            )
        });
        let more = match count {
            1 => String::new(),
            count => {
                let more = self.words.more(count - 1);
                format!(
                    r#" <span class="salver-inbox-more">{}</span>"#,
                    Escaped(&more)
                )
            }
        };
        let unread_class = if notification.is_unread() {
            " salver-inbox-unread"
        } else {
            ""
        };
        format!(
            r#"<li class="salver-inbox-row salver-inbox-{level}{unread_class}"><div class="salver-inbox-what">{}{}{}{more} {}</div>{actions}</li>"#,
            self.unread_mark(notification.is_unread()),
            word.unwrap_or_default(),
            self.content(notification),
            self.meta(notification, actors),
        )
    }

    /// Returns the text, whose first line is the link.
    fn content(&self, notification: &Notification) -> String {
        let is_plain = notification.format() == Format::Plain;
        let id = format!(r#" id="salver-n-{}""#, notification.id());
        let text = |id: &str| {
            let text = render::text(notification, "salver-inbox-text", None);
            format!(r#"<div{id} dir="auto">{text}</div>"#)
        };
        match (notification.get_title(), is_plain) {
            (None, true) => self.headline(notification, notification.text(), &id),
            (Some(title), _) => self.headline(notification, title, &id) + &text(""),
            // Markdown can contain links of its own, so the link is a line before it.
            (None, false) => {
                let label = notification.get_action().map(|action| action.label());
                let label = label.map_or_else(|| self.words.open(), str::to_owned);
                let link = match self.settings.has_link(notification) {
                    true => self.headline(notification, &label, ""),
                    false => String::new(),
                };
                link + &text(&id)
            }
        }
    }

    /// Returns the first line of a row: a link if the notification leads to something.
    fn headline(&self, notification: &Notification, text: &str, id: &str) -> String {
        let text = Escaped(text);
        match self.settings.has_link(notification) {
            true => format!(
                r#"<a{id} class="salver-inbox-link" dir="auto" href="{}/{}">{text}</a>"#,
                Escaped(self.base),
                notification.id(),
            ),
            false => {
                format!(r#"<span{id} class="salver-inbox-link" dir="auto">{text}</span>"#)
            }
        }
    }

    fn meta(&self, notification: &Notification, actors: &[String]) -> String {
        let actors = self.words.actors(actors);
        let actors = actors.map(|actors| format!("<bdi>{}</bdi> · ", Escaped(&actors)));
        format!(
            r#"<span class="salver-inbox-meta">{}{}</span>"#,
            actors.unwrap_or_default(),
            time_element(&self.words, notification.id().unix_ms()),
        )
    }

    /// Returns the word for people who do not see that a row is unread.
    fn unread_mark(&self, is_unread: bool) -> String {
        match is_unread {
            true => format!(
                r#"<span class="salver-inbox-dot"><span class="salver-inbox-hidden">{}</span></span> "#,
                Escaped(&self.words.unread())
            ),
            false => String::new(),
        }
    }

    /// Returns the form with the actions on a row. `group_unread`: the unread ones of a group.
    fn actions(
        &self,
        listing: &Listing,
        notifications: &[&Notification],
        group_unread: Option<u64>,
    ) -> String {
        let Some(newest) = notifications.first() else {
            return String::new();
        };
        let ids: Vec<_> = notifications
            .iter()
            .map(|one| one.id().to_string())
            .collect();
        let described_by = group_unread.map_or("n", |_| "g");
        let button = |change: &str, label: String| {
            format!(
                r#"<button name="change" value="{change}" aria-describedby="salver-{described_by}-{}">{}</button>"#,
                newest.id(),
                Escaped(&label),
            )
        };
        let words = &self.words;
        let buttons = match (listing.selection.tab, group_unread) {
            (Tab::Archived, _) => {
                button("restore", words.restore()) + &button("delete", words.delete())
            }
            (_, Some(0)) => button("archive", words.archive()),
            (_, Some(unread)) => {
                button("read", words.mark_group_read(unread)) + &button("archive", words.archive())
            }
            _ if newest.is_unread() => {
                button("read", words.mark_read()) + &button("archive", words.archive())
            }
            _ => button("unread", words.mark_unread()) + &button("archive", words.archive()),
        };
        format!(
            r#"<form class="salver-inbox-actions" method="post" action="{}/mark">{}{}{}{buttons}</form>"#,
            Escaped(self.base),
            hidden("tab", listing.selection.tab.name()),
            hidden("ids", &ids.join(",")),
            hidden("return", &listing.query()),
        )
    }
}

/// Returns one line that stands for a notification.
fn headline(notification: &Notification) -> String {
    let text = notification.get_title().unwrap_or(notification.text());
    text.lines().next().unwrap_or_default().to_owned()
}
