//! The filters and the form for all rows.

use crate::inbox::web::caller::list_path;
use crate::inbox::web::page::context::{Listing, PageOf};
use crate::inbox::web::selection::{Selection, Tab};
use crate::render::Escaped;

impl PageOf<'_> {
    /// Returns the form with the filters. It is closed unless a filter is set.
    pub(super) fn filter_form(&self, listing: &Listing) -> String {
        let (words, selection) = (&self.words, &listing.selection);
        let field = |label: String, control: String| {
            format!("<label><span>{}</span> {control}</label>", Escaped(&label))
        };
        let input = |name: &str, kind: &str, value: &str| {
            format!(
                r#"<input type="{kind}" name="{name}" value="{}">"#,
                Escaped(value)
            )
        };
        let mut fields = String::new();
        if !self.settings.kinds.is_empty() || !selection.kind.is_empty() {
            fields += &field(words.kind(), self.kind_select(selection));
        }
        fields += &field(words.text(), input("text", "search", &selection.text));
        fields += &field(words.since(), input("since", "date", &selection.since));
        fields += &field(words.until(), input("until", "date", &selection.until));
        for name in ["subject", "group"] {
            let value = selection.conditions().find(|(field, _)| *field == name);
            fields += &value.map_or_else(String::new, |(_, value)| input(name, "hidden", value));
        }
        let is_filtered = selection.is_filtered();
        let (open, after) = match is_filtered {
            true => (" open", self.filter_status(listing)),
            false => ("", String::new()),
        };
        format!(
            concat!(
                r#"<details class="salver-inbox-filter"{open}><summary>{filter}</summary>"#,
                r#"<form method="get" action="{list}">"#,
                r#"<input type="hidden" name="tab" value="{tab}">{fields}<button>{apply}</button></form></details>{after}"#,
            ),
            open = open,
            filter = Escaped(&words.filter()),
            list = Escaped(list_path(self.base)),
            tab = selection.tab.name(),
            fields = fields,
            apply = Escaped(&words.apply()),
            after = after,
        )
    }

    fn kind_select(&self, selection: &Selection) -> String {
        let option = |value: &str, label: &str| {
            let selected = if value == selection.kind {
                " selected"
            } else {
                ""
            };
            let (value, label) = (Escaped(value), Escaped(label));
            format!(r#"<option value="{value}"{selected}>{label}</option>"#)
        };
        let mut options = option("", &self.words.any_kind());
        let kinds = &self.settings.kinds;
        for (kind, name) in kinds {
            options += &option(kind, &self.words.name_of_kind(kind, name));
        }
        // A link of the site may select a kind that the form does not offer.
        let is_other = kinds.iter().all(|(kind, _)| *kind != selection.kind);
        if is_other && !selection.kind.is_empty() {
            options += &option(&selection.kind, &selection.kind);
        }
        format!(r#"<select name="kind">{options}</select>"#)
    }

    /// Returns how many rows match, and the link without the filter.
    fn filter_status(&self, listing: &Listing) -> String {
        let all = Selection::of_tab(listing.selection.tab).query(&[]);
        let rows = listing.page.rows.len() as u64;
        let results = match listing.page.next.is_some() || listing.has_newer {
            // The paragraph below says so.
            _ if rows == 0 => return String::new(),
            true => self.words.results_on_page(rows),
            false => self.words.results(rows),
        };
        format!(
            r#"<p class="salver-inbox-results"><span role="status">{}</span> {}</p>"#,
            Escaped(&results),
            self.link(&all, "", &self.words.clear()),
        )
    }

    /// Returns the form that marks all rows as read, up to the newest one of this page. On the first page it marks
    /// those too that cannot be decoded, and have no row.
    pub(super) fn mark_all_form(&self, listing: &Listing) -> String {
        let (selection, page) = (&listing.selection, &listing.page);
        let newest = match page.rows.first() {
            Some(row) if !listing.paging.cursor().is_empty() => row.newest.position(),
            None if selection.is_filtered() => return String::new(),
            _ => page.newest_read,
        };
        if selection.tab == Tab::Archived || page.unread == 0 {
            return String::new();
        }
        let conditions = selection.conditions();
        let conditions: String = conditions
            .map(|(name, value)| hidden(name, value))
            .collect();
        format!(
            r#"<form class="salver-inbox-all" method="post" action="{}/mark">{}{}{}{conditions}<button name="change" value="read">{}</button></form>"#,
            Escaped(self.base),
            hidden("tab", selection.tab.name()),
            hidden("upto", &newest.to_string()),
            hidden("return", &listing.query()),
            Escaped(&self.words.mark_all()),
        )
    }
}

impl PageOf<'_> {
    /// Returns the form by which the recipient is mailed once a day.
    pub(super) fn mail_form(&self, is_daily: bool) -> String {
        let checked = if is_daily { " checked" } else { "" };
        format!(
            concat!(
                r#"<form class="salver-inbox-mail" method="post" action="{base}/preferences">"#,
                r#"<label><input type="checkbox" name="daily" value="on"{checked}> <span>{label}</span></label> "#,
                r#"<button>{save}</button></form>"#,
            ),
            base = Escaped(self.base),
            checked = checked,
            label = Escaped(&self.words.daily_mail()),
            save = Escaped(&self.words.save()),
        )
    }
}

/// Returns a hidden field of a form.
pub(super) fn hidden(name: &str, value: &str) -> String {
    format!(
        r#"<input type="hidden" name="{name}" value="{}">"#,
        Escaped(value)
    )
}
