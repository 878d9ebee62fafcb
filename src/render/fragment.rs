//! The HTML fragment that fills the slot.

use std::fmt::{self, Write};

use url::Url;

use crate::render::presentation::{DefaultPresentation, Part, Presentation};
use crate::{Level, Message};

/// Initial capacity for an item without its text: most lists are rendered without a second allocation.
const ITEM_BYTES: usize = 320;

/// A text for HTML elements and attributes: `& < > " '` are escaped.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let special = |byte: u8| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
        while let Some(at) = rest.bytes().position(special) {
            let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            f.write_str(before)?;
            let mut characters = from.chars();
            match characters.next() {
                Some('&') => f.write_str("&amp;")?,
                Some('<') => f.write_str("&lt;")?,
                Some('>') => f.write_str("&gt;")?,
                Some('"') => f.write_str("&quot;")?,
                _ => f.write_str("&#39;")?,
            }
            rest = characters.as_str();
        }
        f.write_str(rest)?;
        Ok(())
    }
}

/// Renders messages as one HTML list, the content of a filled slot.
///
/// `displaced`: how many more messages there were; the last item reads "and N more" unless it is 0.
/// The result is empty if there is nothing to show.
///
/// Every text is escaped. With the feature `markdown`, Markdown texts are rendered to sanitised
/// HTML. A link that [`Message::validate`] rejects is omitted. Each item contains its own live
/// region, since an item with the role of a live region would no longer be a list item. It begins
/// with the word of its level, such as "Error:", which the stylesheet hides from sight.
///
/// ```
/// use salver::{Message, fragment};
///
/// let html = fragment(&[Message::info("1 < 2")], 0);
/// assert!(html.starts_with(r#"<ul class="salver-messages""#));
/// assert!(html.contains("1 &lt; 2"));
/// ```
#[must_use]
pub fn fragment(messages: &[Message], displaced: u64) -> String {
    list(messages, displaced, Shown::Once, &DefaultPresentation)
}

/// What a page does with the messages of a list once it has shown them.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(feature = "web"),
    expect(dead_code, reason = "only pages keep or confirm messages")
)]
pub(crate) enum Shown<'a> {
    /// They are shown this once.
    Once,
    /// The page script confirms them, as messages of this view.
    ConfirmedInBrowser(&'a str),
    /// They stay pending: the next page shows them again.
    Kept,
}

/// Renders the same list in the presentation of a site.
pub(crate) fn list(
    messages: &[Message],
    displaced: u64,
    shown: Shown<'_>,
    presentation: &impl Presentation,
) -> String {
    if messages.is_empty() && displaced == 0 {
        return String::new();
    }
    let texts: usize = messages.iter().map(|message| message.text().len()).sum();
    let mut list = String::with_capacity(texts + ITEM_BYTES * (messages.len() + 1));
    // Writing to a `String` cannot fail.
    let _ = render_list(&mut list, messages, displaced, shown, presentation);
    list
}

fn render_list(
    out: &mut String,
    messages: &[Message],
    displaced: u64,
    shown: Shown<'_>,
    presentation: &impl Presentation,
) -> fmt::Result {
    // Turbo caches a page when the visitor leaves it. `data-turbo-temporary` excludes the messages.
    out.push_str(r#"<ul class="salver-messages" data-turbo-temporary"#);
    match shown {
        Shown::Once => {}
        Shown::ConfirmedInBrowser(view) => {
            write!(out, r#" data-salver-confirm="{}""#, Escaped(view))?;
        }
        Shown::Kept => out.push_str(" data-salver-kept"),
    }
    out.push('>');
    for message in messages {
        render_item(out, message, presentation)?;
    }
    if displaced > 0 {
        render_more(out, displaced, presentation)?;
    }
    out.push_str("</ul>");
    Ok(())
}

/// Renders the item about displaced messages.
fn render_more(out: &mut String, displaced: u64, presentation: &impl Presentation) -> fmt::Result {
    let classes = presentation.classes(Level::Info, Part::More);
    write!(
        out,
        r#"<li class="{}""#,
        Escaped(classes.unwrap_or("salver-more"))
    )?;
    render_close_classes(out, Level::Info, presentation)?;
    write!(out, ">{}</li>", Escaped(&presentation.more(displaced)))
}

fn render_item(
    out: &mut String,
    message: &Message,
    presentation: &impl Presentation,
) -> fmt::Result {
    let level = message.level();
    let classes = |part| presentation.classes(level, part);
    // Only errors may interrupt a screen reader.
    let role = match level {
        Level::Error => "alert",
        _ => "status",
    };
    match classes(Part::Message) {
        Some(classes) => write!(out, r#"<li class="{}""#, Escaped(classes))?,
        None => write!(out, r#"<li class="salver-message salver-{level}""#)?,
    }
    let id = message.id();
    write!(out, r#" data-salver-id="{id}" data-salver-level="{level}""#)?;
    if let Some(tag) = message.get_tag() {
        write!(out, r#" data-salver-tag="{}""#, Escaped(tag))?;
    }
    if let Some(millis) = message.autoclose_millis() {
        write!(out, r#" data-salver-autoclose="{millis}""#)?;
    }
    render_close_classes(out, level, presentation)?;
    write!(out, r#"><div class="salver-body" role="{role}">"#)?;
    let word = presentation.level_word(level);
    if !word.is_empty() {
        let classes = Escaped(classes(Part::Level).unwrap_or("salver-level"));
        write!(out, r#"<span class="{classes}">{}</span> "#, Escaped(&word))?;
    }
    if let Some(title) = message.get_title() {
        let title = Escaped(title);
        match classes(Part::Title) {
            Some(classes) => write!(
                out,
                r#"<strong class="{}">{title}</strong> "#,
                Escaped(classes)
            )?,
            None => write!(out, "<strong>{title}</strong> ")?,
        }
    }
    let text_classes = classes(Part::Text).unwrap_or("salver-text");
    render_text(out, message, text_classes, None)?;
    // `fragment` is public: its caller may pass a message that was never validated.
    if let Some(action) = message
        .get_action()
        .filter(|action| action.validate().is_ok())
    {
        let classes = classes(Part::Action).unwrap_or("salver-action");
        write!(
            out,
            r#" <a class="{}" href="{}">{}</a>"#,
            Escaped(classes),
            Escaped(action.url()),
            Escaped(action.label()),
        )?;
    }
    out.push_str("</div></li>");
    Ok(())
}

/// Renders the attribute with the classes of the button that the page script adds.
fn render_close_classes(
    out: &mut String,
    level: Level,
    presentation: &impl Presentation,
) -> fmt::Result {
    match presentation.classes(level, Part::Close) {
        Some(classes) => write!(out, r#" data-salver-close="{}""#, Escaped(classes)),
        None => Ok(()),
    }
}

/// Renders the text of a message, in an element with these classes. `base`: what relative links are
/// relative to, outside of a page of the site.
#[cfg(any(all(feature = "web", feature = "inbox"), feature = "mail"))]
pub(crate) fn text(message: &Message, classes: &str, base: Option<&Url>) -> String {
    let mut html = String::new();
    // Writing to a `String` cannot fail.
    let _ = render_text(&mut html, message, classes, base);
    html
}

fn render_text(
    out: &mut String,
    message: &Message,
    classes: &str,
    base: Option<&Url>,
) -> fmt::Result {
    let classes = Escaped(classes);
    #[cfg(not(feature = "markdown"))]
    let _ = base;
    #[cfg(feature = "markdown")]
    if message.format() == crate::Format::Markdown {
        let html = crate::render::markdown::render(message.text(), base);
        return write!(out, r#"<div class="{classes}">{html}</div>"#);
    }
    write!(
        out,
        r#"<span class="{classes}">{}</span>"#,
        Escaped(message.text())
    )
}
