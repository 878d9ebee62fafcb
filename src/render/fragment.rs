//! The fragment that fills the slot.

use std::fmt::{self, Write};

use crate::{Level, Message};

/// Text with the five characters escaped that mean something in HTML, in elements and in attributes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Draws messages, and how many more there were, as one list: what stands in a filled slot.
///
/// Every text is escaped; Markdown is drawn for the messages that ask for it; a link that
/// [`Message::check`] refuses is left out. Empty when there is nothing to show. Each item holds a live region of its own: with the role on the item, it would be no list item any more.
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
    let more = (displaced > 0).then(|| format!("and {displaced} more"));
    list(messages, more.as_deref(), None)
}

/// Draws the same, with these words for how many more there were, and for a page that says itself what it shows the view
/// that it says it for.
pub(crate) fn list(messages: &[Message], more: Option<&str>, confirm: Option<&str>) -> String {
    let mut items = String::new();
    for message in messages {
        // Writing into a string cannot fail.
        let _ = render_item(&mut items, message);
    }
    if let Some(more) = more {
        let _ = write!(items, r#"<li class="salver-more">{}</li>"#, Escaped(more));
    }
    if items.is_empty() {
        return items;
    }
    let confirm = confirm.map(|view| format!(r#" data-salver-confirm="{}""#, Escaped(view)));
    let confirm = confirm.unwrap_or_default();
    // Turbo keeps pages as they were when they are left: without what has been read there.
    format!(r#"<ul class="salver-messages" data-turbo-temporary{confirm}>{items}</ul>"#)
}

fn render_item(out: &mut String, message: &Message) -> fmt::Result {
    let level = message.level();
    // Only errors may interrupt what a screen reader is saying.
    let role = match level {
        Level::Error => "alert",
        _ => "status",
    };
    write!(
        out,
        r#"<li class="salver-message salver-{level}" data-salver-id="{id}" data-salver-level="{level}""#,
        id = message.id(),
    )?;
    if let Some(tag) = message.get_tag() {
        write!(out, r#" data-salver-tag="{}""#, Escaped(tag))?;
    }
    if let Some(millis) = message.autoclose_millis() {
        write!(out, r#" data-salver-autoclose="{millis}""#)?;
    }
    write!(out, r#"><div class="salver-body" role="{role}">"#)?;
    if let Some(title) = message.get_title() {
        write!(out, "<strong>{}</strong> ", Escaped(title))?;
    }
    render_text(out, message)?;
    // Whoever calls `fragment` may have built the message from anything.
    if let Some(action) = message
        .get_action()
        .filter(|action| action.validate().is_ok())
    {
        write!(
            out,
            r#" <a class="salver-action" href="{}">{}</a>"#,
            Escaped(action.url()),
            Escaped(action.label()),
        )?;
    }
    out.push_str("</div></li>");
    Ok(())
}

fn render_text(out: &mut String, message: &Message) -> fmt::Result {
    #[cfg(feature = "markdown")]
    if message.format() == crate::Format::Markdown {
        let html = crate::render::markdown::render(message.text());
        return write!(out, r#"<div class="salver-text">{html}</div>"#);
    }
    write!(
        out,
        r#"<span class="salver-text">{}</span>"#,
        Escaped(message.text())
    )
}
