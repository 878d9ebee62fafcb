//! The page of the inbox, as HTML that works without JavaScript.

mod context;
mod controls;
#[cfg(feature = "mail")]
mod preference_words;
#[cfg(feature = "mail")]
mod preferences;
mod row;
mod time_ago;
pub(super) mod words;

pub(super) use self::context::{Listing, PageOf};
use crate::inbox::web::selection::{Selection, Tab};
use crate::inbox::web::settings::CSS;
use crate::render::Escaped;
use crate::web::assets;
use crate::web::layout::Page;

impl PageOf<'_> {
    /// Returns the page with a list.
    pub(super) fn list(&self, listing: &Listing) -> String {
        let selection = &listing.selection;
        let mut main = self.header(selection, Some(listing.page.unread));
        main += &self.filter_form(listing);
        main += &self.mark_all_form(listing);
        if listing.page.rows.is_empty() {
            main += &self.empty(selection);
        } else {
            let rows = listing.page.rows.iter();
            let rows: String = rows.map(|row| self.row(listing, row)).collect();
            // The role survives `list-style: none`, with which Safari reads out no list.
            main += &format!(r#"<ul class="salver-inbox-list" role="list">{rows}</ul>"#);
        }
        main += &self.page_links(listing);
        main += &listing
            .daily_mail
            .map_or_else(String::new, |is_daily| self.mail_form(is_daily));
        #[cfg(feature = "mail")]
        {
            main += &self.preferences_link();
        }
        let newest = listing.page.rows.first();
        let newest = newest.map_or(0, |row| row.newest.position());
        let (unread, unseen) = (listing.page.unread, listing.page.unseen);
        let live = format!(
            concat!(
                r#" data-salver-base="{}" data-salver-newest="{}" data-salver-unread="{}""#,
                r#" data-salver-unseen="{}" data-salver-new="{}" data-salver-undo="{}""#
            ),
            Escaped(self.base),
            newest,
            unread,
            unseen,
            Escaped(&self.words.new_rows()),
            Escaped(&self.words.undo()),
        );
        let title = match unread {
            0 => self.words.title(),
            unread => format!("({unread}) {}", self.words.title()),
        };
        self.document(title, &live, &main)
    }

    /// Returns the page for a list that cannot be read. `query`: its query string.
    pub(super) fn failed(&self, selection: &Selection, query: &str) -> String {
        let main = format!(
            r#"{}<p class="salver-inbox-empty" role="alert">{} {}</p>"#,
            self.header(selection, None),
            Escaped(&self.words.failed()),
            self.link(query, "", &self.words.retry()),
        );
        self.document(self.words.title(), "", &main)
    }

    /// Returns the page for a visitor who is not logged in.
    pub(super) fn anonymous(&self) -> String {
        let main = format!(
            r#"<h1>{}</h1><p class="salver-inbox-empty">{}</p>"#,
            Escaped(&self.words.title()),
            Escaped(&self.words.anonymous()),
        );
        self.document(self.words.title(), "", &main)
    }

    /// `live`: attributes for the script of an open page; a page without a list has none.
    fn document(&self, title: String, live: &str, main: &str) -> String {
        let element = match live {
            "" => "div",
            _ => "salver-inbox",
        };
        let layout = &self.state.app_state.layout;
        let link = |name| {
            format!(
                r#"<link rel="stylesheet" href="{}/{name}">"#,
                Escaped(self.base)
            )
        };
        let mut head_html = link(CSS.file_name());
        if layout.is_default() {
            head_html = link(assets::CSS.file_name()) + &head_html;
        }
        let (language, direction) = (self.words.language(), self.words.direction());
        let page = Page {
            title,
            head_html,
            main_html: format!(
                r#"<{element} class="salver-inbox" lang="{}" dir="{}"{live}>{main}</{element}>"#,
                Escaped(&language),
                Escaped(&direction),
            ),
            language,
            direction,
        };
        layout.render(self.request, page)
    }

    /// Returns the heading and the tabs.
    fn header(&self, selection: &Selection, unread: Option<u64>) -> String {
        let tab = |tab: Tab, label: String| {
            let href = self.list_url(&selection.in_tab(tab).query(&[]));
            let current = match tab == selection.tab {
                true => r#" aria-current="page""#,
                false => "",
            };
            let count = unread.filter(|count| tab == Tab::Unread && *count > 0);
            let count =
                count.map(|count| format!(r#" <span class="salver-inbox-count">{count}</span>"#));
            format!(
                r#"<a href="{}"{current}>{}{}</a>"#,
                Escaped(&href),
                Escaped(&label),
                count.unwrap_or_default(),
            )
        };
        format!(
            r#"<h1>{}</h1><nav class="salver-inbox-tabs" aria-label="{}">{}{}{}</nav>"#,
            Escaped(&self.words.title()),
            Escaped(&self.words.tabs()),
            tab(Tab::Unread, self.words.unread()),
            tab(Tab::All, self.words.all()),
            tab(Tab::Archived, self.words.archived()),
        )
    }

    fn empty(&self, selection: &Selection) -> String {
        let link = |tab, label: String| {
            let query = Selection::of_tab(tab).query(&[]);
            format!(" {}", self.link(&query, "", &label))
        };
        let is_filtered = selection.is_filtered();
        let (text, link) = match selection.tab {
            tab if is_filtered => (self.words.nothing_matches(), link(tab, self.words.clear())),
            Tab::Unread => {
                let all = link(Tab::All, self.words.show_all());
                (self.words.everything_read(), all)
            }
            Tab::All => (self.words.nothing_yet(), String::new()),
            Tab::Archived => (self.words.nothing_archived(), String::new()),
        };
        let role = if is_filtered { r#" role="status""# } else { "" };
        format!(
            r#"<p class="salver-inbox-empty"{role}>{}{link}</p>"#,
            Escaped(&text)
        )
    }

    /// Returns the links to the pages with newer and older rows.
    fn page_links(&self, listing: &Listing) -> String {
        let selection = &listing.selection;
        let link = |field, cursor: &str, rel, label: String| {
            let query = selection.query(&[(field, cursor)]);
            self.link(&query, &format!(r#" rel="{rel}""#), &label)
        };
        let first = listing.page.rows.first().filter(|_| listing.has_newer);
        let newer = first.map(|row| {
            let position = row.newest.position().to_string();
            link("before", &position, "prev", self.words.newer())
        });
        let older = listing.page.next.as_ref();
        let older = older.map(|next| link("after", next, "next", self.words.older()));
        if newer.is_none() && older.is_none() {
            return String::new();
        }
        format!(
            r#"<nav class="salver-inbox-pages" aria-label="{}">{}{}</nav>"#,
            Escaped(&self.words.pages()),
            newer.unwrap_or_default(),
            older.unwrap_or_default(),
        )
    }
}
