//! The HTML fragment that fills the slot.

use std::fmt::{self, Write};

use crate::{Level, Message};

/// A text for HTML elements and attributes: `& < > " '` are escaped.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

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

/// Renders messages as one HTML list, the content of a filled slot.
///
/// `displaced`: how many more messages there were; the last item reads "and N more" unless it is 0.
/// The result is empty if there is nothing to show.
///
/// Every text is escaped. With the feature `markdown`, Markdown texts are rendered to sanitised
/// HTML. A link that [`Message::validate`] rejects is omitted. Each item contains its own live
/// region, since an item with the role of a live region would no longer be a list item.
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

/// Renders the same list. `more`: the text of the last item. `confirm`: the view whose messages the
/// page script confirms, on a page that confirms in the browser.
pub(crate) fn list(messages: &[Message], more: Option<&str>, confirm: Option<&str>) -> String {
    let mut items = String::new();
    for message in messages {
        // Writing to a `String` cannot fail.
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
    // Turbo caches a page when the visitor leaves it. `data-turbo-temporary` excludes the messages.
    format!(r#"<ul class="salver-messages" data-turbo-temporary{confirm}>{items}</ul>"#)
}

fn render_item(out: &mut String, message: &Message) -> fmt::Result {
    let level = message.level();
    // Only errors may interrupt a screen reader.
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
    // `fragment` is public: its caller may pass a message that was never validated.
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
