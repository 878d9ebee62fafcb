//! The plain text of a mail.

use crate::mail::body::content::{Content, Line};

impl Content<'_> {
    pub(super) fn text(&self, subject: &str, lines: &[Line]) -> String {
        let mut parts = Vec::new();
        if lines.len() > 1 {
            parts.push(subject.to_owned());
        }
        parts.extend(lines.iter().map(Line::text));
        let unsubscribe = self.unsubscribe_url.map(|url| {
            let label = self.words.unsubscribe();
            format!("{label}: {url}\n")
        });
        let unsubscribe = unsubscribe.unwrap_or_default();
        let follows = self.follows(str::to_owned);
        let follows = follows.map(|follows| format!("{follows}\n"));
        let follows = follows.unwrap_or_default();
        let (body, reason) = (parts.join("\n\n\n"), self.reason());
        format!("{body}\n\n-- \n{follows}{reason}\n{unsubscribe}")
    }
}

impl Line {
    fn text(&self) -> String {
        let link = self.link.as_ref();
        let link = link.map(|(label, url)| format!("{label}: {url}"));
        let parts = [
            self.title.clone(),
            self.message
                .as_ref()
                .map(|message| message.text().to_owned()),
            self.meta.clone(),
            link,
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        parts.join("\n\n")
    }
}
