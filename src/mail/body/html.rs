//! The HTML of a mail: one column without images, in light and dark, that a telephone shows without
//! scrolling sideways.

use crate::mail::body::content::{Content, Line};
use crate::mail::words::Words;
use crate::render::{self, Escaped};
use crate::site::Site;

const STYLE: &str = include_str!("mail.css");
/// For mail programs that drop the stylesheet.
const BUTTON_STYLE: &str =
    "display:inline-block;padding:12px 20px;border-radius:6px;font-weight:600;text-decoration:none";

impl Content<'_> {
    pub(super) fn html(&self, subject: &str, lines: &[Line]) -> String {
        let rows: String = match lines {
            [line] => line.html(self.site),
            _ => {
                let title = format!(r#"<h1 class="title">{}</h1>"#, Escaped(subject));
                let rows = lines.iter().map(|line| line.html_of_many(self.site));
                std::iter::once(title).chain(rows).collect()
            }
        };
        let unsubscribe = self.unsubscribe_url.map(|url| {
            let (url, label) = (Escaped(url), self.words.unsubscribe());
            format!(r#" <a href="{url}">{}</a>"#, Escaped(&label))
        });
        let follows = self.follows(isolated);
        let follows = follows.map(|follows| format!("{}<br>", Escaped(&follows)));
        let footer = format!(
            "{}{}{}",
            follows.unwrap_or_default(),
            Escaped(&self.reason()),
            unsubscribe.unwrap_or_default(),
        );
        document(self.words, subject, &rows, &footer)
    }
}

/// Returns the whole document. `main`, `footer`: HTML.
pub(super) fn document(words: &Words, subject: &str, main: &str, footer: &str) -> String {
    let (language, direction) = (words.language(), words.direction());
    format!(
        concat!(
            r#"<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">"#,
            r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#,
            r#"<meta name="color-scheme" content="light dark"><title>{subject}</title><style>{style}</style></head>"#,
            r#"<body><div class="page"><div class="card" role="main">{main}</div>"#,
            r#"<div class="footer" role="contentinfo">{footer}</div></div></body></html>"#,
        ),
        language = Escaped(&language),
        direction = Escaped(&direction),
        subject = Escaped(subject),
        style = STYLE,
        main = main,
        footer = footer,
    )
}

pub(super) fn button(url: &str, label: &str) -> String {
    format!(
        r#"<p class="action"><a class="button" style="{BUTTON_STYLE}" href="{}">{}</a></p>"#,
        Escaped(url),
        Escaped(label),
    )
}

/// Encloses a text in the characters that isolate its direction.
pub(super) fn isolated(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

impl Line {
    /// Returns the only row of a mail, with a button.
    fn html(&self, site: &Site) -> String {
        let title = self
            .title
            .as_ref()
            .map(|title| format!(r#"<h1 class="title" dir="auto">{}</h1>"#, Escaped(title)));
        let link = self.link.as_ref();
        let button = link.map(|(label, url)| button(url, label));
        self.row(title, button, site)
    }

    /// Returns one of several rows, with a link.
    fn html_of_many(&self, site: &Site) -> String {
        let title = self
            .title
            .as_ref()
            .map(|title| format!(r#"<h2 class="headline" dir="auto">{}</h2>"#, Escaped(title)));
        let link = self.link.as_ref().map(|(label, url)| {
            let (label, url) = (Escaped(label), Escaped(url));
            format!(r#"<p class="small"><a href="{url}">{label}</a></p>"#)
        });
        self.row(title, link, site)
    }

    fn row(&self, title: Option<String>, link: Option<String>, site: &Site) -> String {
        let text = self.message.as_ref();
        let text = text.map(|message| {
            let text = render::text(message, "text", Some(site.url()));
            format!(r#"<div dir="auto">{text}</div>"#)
        });
        let meta = self.meta.as_ref();
        let meta = meta.map(|meta| format!(r#"<p class="meta" dir="auto">{}</p>"#, Escaped(meta)));
        format!(
            r#"<div class="row">{}{}{}{}</div>"#,
            title.unwrap_or_default(),
            text.unwrap_or_default(),
            meta.unwrap_or_default(),
            link.unwrap_or_default(),
        )
    }
}
