//! The page of preferences.

use crate::cadence::{Cadence, WEEKDAYS};
use crate::inbox::web::caller::list_path;
use crate::inbox::web::mail_contact::MailContact;
use crate::inbox::web::page::context::PageOf;
use crate::inbox::web::page::preference_words::clock_time;
use crate::inbox::web::preferences::choices::{
    CADENCE_FIELD, DEFAULT_VALUE, DigestTime, KindPreference, MailPreferences,
};
use crate::render::Escaped;

impl PageOf<'_> {
    /// Returns the page with the preferences.
    pub(in crate::inbox::web) fn preferences(&self, preferences: &MailPreferences) -> String {
        let contact = preferences.contact.as_ref();
        let address = contact.map(|contact| self.address(contact));
        let kinds = preferences.kinds.iter();
        let kinds: String = kinds
            .map(|one| self.kind_fieldset(one, preferences))
            .collect();
        let time_zone = contact.map(|contact| &*contact.time_zone);
        let main = format!(
            concat!(
                r#"{header}{address}<form class="salver-inbox-preferences" method="post" action="{base}/preferences">"#,
                "{kinds}{time}<button class=\"salver-primary\">{save}</button></form>",
            ),
            header = self.preferences_header(),
            address = address.unwrap_or_default(),
            base = Escaped(self.base),
            kinds = kinds,
            time = self.time_fieldset(preferences.time, time_zone),
            save = Escaped(&self.words.save()),
        );
        self.document(self.words.preferences(), "", &main)
    }

    /// Returns the page for preferences that cannot be read or saved.
    pub(in crate::inbox::web) fn preferences_failed(&self) -> String {
        let main = format!(
            r#"{}<p class="salver-inbox-empty" role="alert">{} <a href="{}/preferences">{}</a></p>"#,
            self.preferences_header(),
            Escaped(&self.words.preferences_failed()),
            Escaped(self.base),
            Escaped(&self.words.retry()),
        );
        self.document(self.words.preferences(), "", &main)
    }

    /// Returns the link to the preferences, on a site that sends mails.
    pub(super) fn preferences_link(&self) -> String {
        let mails = &self.state.app_state.salver.config().mail;
        if !mails.is_enabled() {
            return String::new();
        }
        format!(
            r#"<p class="salver-inbox-more-pages"><a href="{}/preferences">{}</a></p>"#,
            Escaped(self.base),
            Escaped(&self.words.preferences()),
        )
    }

    fn preferences_header(&self) -> String {
        format!(
            r#"<p class="salver-inbox-more-pages"><a href="{}">{}</a></p><h1>{}</h1>"#,
            Escaped(list_path(self.base)),
            Escaped(&self.words.title()),
            Escaped(&self.words.preferences()),
        )
    }

    fn address(&self, contact: &MailContact) -> String {
        let Some(address) = &contact.address else {
            let missing = self.words.no_mail_address();
            return format!(r#"<p class="salver-inbox-note">{}</p>"#, Escaped(&missing));
        };
        let suppressed = contact.is_suppressed.then(|| {
            let text = self.words.mail_suppressed();
            format!(r#"<p class="salver-inbox-note">{}</p>"#, Escaped(&text))
        });
        format!(
            r#"<p class="salver-inbox-address">{} <bdi>{}</bdi></p>{}"#,
            Escaped(&self.words.mail_address()),
            Escaped(address),
            suppressed.unwrap_or_default(),
        )
    }

    fn kind_fieldset(&self, one: &KindPreference, preferences: &MailPreferences) -> String {
        let count = preferences.kinds.len();
        let content = match one.is_critical {
            true => {
                let cadence = self.words.cadence(one.default);
                let text = self.words.always_mailed(&cadence);
                format!("<p>{}</p>", Escaped(&text))
            }
            false => {
                let of = one.default_of.as_ref();
                let of = of.and_then(|kind| preferences.kinds.iter().find(|one| one.kind == *kind));
                let of = of.map(|of| self.words.kind_name(of, count));
                self.cadences(one, of.as_deref(), preferences.time)
            }
        };
        let name = self.words.kind_name(one, count);
        format!(
            "<fieldset><legend><bdi>{}</bdi></legend>{content}</fieldset>",
            Escaped(&name)
        )
    }

    /// Returns one choice for each cadence. What counts without a choice is one of them. `default_of`: the name of
    /// the kind whose choice that is.
    fn cadences(&self, one: &KindPreference, default_of: Option<&str>, time: DigestTime) -> String {
        let words = &self.words;
        let chosen = one.chosen.filter(|chosen| *chosen != one.default);
        // A choice that is the same as the default stays when something else is changed.
        let default_value = match one.chosen == Some(one.default) {
            true => one.default.to_string(),
            false => DEFAULT_VALUE.to_owned(),
        };
        let radio = |value: &str, is_checked: bool, label: &str| {
            format!(
                r#"<label><input type="radio" name="{CADENCE_FIELD}{}" value="{value}"{}> <span>{}</span></label>"#,
                Escaped(&one.kind),
                if is_checked { " checked" } else { "" },
                Escaped(label),
            )
        };
        let unread = Cadence::IfUnread(one.unread_time);
        let DigestTime { hour, weekday } = time;
        let options = [
            (Cadence::Never, words.never()),
            (Cadence::AtOnce, words.at_once()),
            (unread, words.cadence(unread)),
            (Cadence::Hourly, words.hourly()),
            (Cadence::Daily { hour }, words.daily()),
            (Cadence::Weekly { weekday, hour }, words.weekly()),
        ];
        let mut html = String::new();
        for (cadence, label) in options {
            if one.default.is_like(cadence) {
                let label = words.default_cadence(&words.cadence(one.default), default_of);
                html += &radio(&default_value, chosen.is_none(), &label);
            }
            let is_timed = matches!(cadence, Cadence::Daily { .. } | Cadence::Weekly { .. });
            let value = match is_timed {
                // At the hour of the form.
                true => cadence.name().to_owned(),
                false => cadence.to_string(),
            };
            if is_timed || one.default != cadence {
                let is_chosen = chosen.is_some_and(|chosen| chosen.is_like(cadence));
                html += &radio(&value, is_chosen, &label);
            }
        }
        format!(r#"<div class="salver-inbox-choices">{html}</div>"#)
    }

    /// Returns the choice of the time of all daily and weekly mails. `time_zone`: its name, if it is known.
    fn time_fieldset(&self, time: DigestTime, time_zone: Option<&str>) -> String {
        let words = &self.words;
        let option = |value: &str, is_selected: bool, label: &str| {
            let selected = if is_selected { " selected" } else { "" };
            format!(
                r#"<option value="{value}"{selected}>{}</option>"#,
                Escaped(label)
            )
        };
        let select = |name: &str, label: &str, options: String| {
            format!(
                r#"<label><span>{}</span> <select name="{name}">{options}</select></label>"#,
                Escaped(label)
            )
        };
        let weekdays = WEEKDAYS.into_iter().map(|(weekday, name)| {
            option(name, weekday == time.weekday, &words.weekday_name(weekday))
        });
        let hours = (0..24).map(|hour| {
            let is_selected = hour == time.hour;
            option(&hour.to_string(), is_selected, &clock_time(hour))
        });
        format!(
            r#"<fieldset><legend>{}</legend><div class="salver-inbox-time">{}{}</div></fieldset>"#,
            Escaped(&words.digest_time()),
            select("weekday", &words.weekday(), weekdays.collect()),
            select("hour", &words.hour(time_zone), hours.collect()),
        )
    }
}
