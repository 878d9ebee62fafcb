//! What a mail says, before it is plain text or HTML.

use crate::Message;
use crate::inbox::{InboxRow, actors, group, more};
use crate::mail::words::Words;
use crate::site::Site;

/// Longest subject in characters. Longer ones are cut by mail programs.
pub(in crate::mail) const MAX_SUBJECT: usize = 150;

/// Most subscriptions that a mail names. A digest may have been caused by hundreds.
const MAX_NAMES: usize = 8;

/// All that the bodies of a mail are made of.
pub(in crate::mail) struct Content<'a> {
    pub(in crate::mail) rows: &'a [InboxRow],
    pub(in crate::mail) words: &'a Words,
    pub(in crate::mail) site: &'a Site,
    /// The address of the recipient.
    pub(in crate::mail) address: &'a str,
    /// What the recipient has subscribed to and is notified for.
    pub(in crate::mail) subscriptions: &'a [String],
    pub(in crate::mail) unsubscribe_url: Option<&'a str>,
}

/// The subject and both bodies of a mail.
pub(in crate::mail) struct Body {
    pub(in crate::mail) subject: String,
    pub(in crate::mail) text: String,
    pub(in crate::mail) html: String,
}

/// A row as both bodies show it, in the language of the recipient.
pub(super) struct Line {
    pub(super) title: Option<String>,
    /// The newest notification; `None` if the title stands for the row.
    pub(super) message: Option<Message>,
    /// The other notifications of the row, and who caused them.
    pub(super) meta: Option<String>,
    /// The label and the address of the link.
    pub(super) link: Option<(String, String)>,
}

impl Content<'_> {
    pub(in crate::mail) fn body(&self) -> Body {
        let lines: Vec<_> = self.rows.iter().map(|row| self.line(row)).collect();
        let subject = self.subject(&lines);
        Body {
            text: self.text(&subject, &lines),
            html: self.html(&subject, &lines),
            subject,
        }
    }

    /// Returns the title or the first line of the only row, or the number of notifications.
    fn subject(&self, lines: &[Line]) -> String {
        let subject = match lines {
            [line] => line.headline().to_owned(),
            _ => {
                let counts = self.rows.iter().map(|row| row.count);
                self.words.subject(counts.sum())
            }
        };
        one_line(&subject, MAX_SUBJECT)
    }

    pub(super) fn reason(&self) -> String {
        self.words.reason(self.address, self.site.host())
    }

    /// Returns for what the recipient is notified; `None` if nothing came from an event. `show`: changes each name.
    pub(super) fn follows(&self, show: impl Fn(&str) -> String) -> Option<String> {
        let names = self.subscriptions.iter().take(MAX_NAMES);
        let names = names.map(|name| show(name));
        let more = (self.subscriptions.len() > MAX_NAMES).then(|| "…".to_owned());
        let names: Vec<_> = names.chain(more).collect();
        (!names.is_empty()).then(|| self.words.follows(&names.join(", ")))
    }

    fn line(&self, row: &InboxRow) -> Line {
        let translate = |message: &Message| self.words.text(message);
        let message = self.words.translate(&row.newest);
        let of_group = match row.count > 1 {
            true => group(row, &translate),
            false => None,
        };
        let more = match &of_group {
            None if row.count > 1 => Some(more(row.count - 1, &translate)),
            _ => None,
        };
        // The sentence of the site about a group names the people.
        let actors = match &of_group {
            None => actors(&row.actors, &translate),
            Some(_) => None,
        };
        let meta: Vec<_> = more.into_iter().chain(actors).collect();
        let link = message.get_action().map(|action| {
            let url = self.site.link(action.url());
            (action.label().to_owned(), url)
        });
        let meta = (!meta.is_empty()).then(|| meta.join(", "));
        match of_group {
            Some(title) => Line {
                title: Some(title),
                message: None,
                meta,
                link,
            },
            None => Line {
                title: message.get_title().map(str::to_owned),
                message: Some(message),
                meta,
                link,
            },
        }
    }
}

impl Line {
    fn headline(&self) -> &str {
        let text = self.message.as_ref().map(|message| message.text());
        let first = text.and_then(|text| text.lines().next());
        self.title.as_deref().or(first).unwrap_or_default()
    }
}

/// Returns a text without line ends and other control characters, with at most so many characters.
pub(in crate::mail) fn one_line(text: &str, limit: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words.filter(|word| !word.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limit) {
        None => line,
        Some(_) => line.chars().take(limit - 1).chain(['…']).collect(),
    }
}
