//! Rendering of messages in Markdown.

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{Options, Parser, html};
use url::Url;

/// The HTML tags that a message may contain: text, links, lists and code.
///
/// No images, since loading one would reveal to another site that the message was read. No
/// headings, since they would break the outline of the page.
const ALLOWED_TAGS: [&str; 16] = [
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "ul",
];

/// Renders CommonMark with strikethrough to HTML, and removes all tags that are not in
/// [`ALLOWED_TAGS`]. `base`: what relative links are relative to; `None` on a page, which has its own.
pub(crate) fn render(text: &str, base: Option<&Url>) -> String {
    let relative = match base {
        Some(base) => UrlRelative::RewriteWithBase(base.clone()),
        None => UrlRelative::PassThrough,
    };
    let mut html = String::with_capacity(text.len() * 2);
    html::push_html(
        &mut html,
        Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH),
    );
    Builder::empty()
        .tags(ALLOWED_TAGS.into())
        .add_tag_attributes("a", ["href"])
        .url_schemes(["http", "https"].into())
        .url_relative(relative)
        .clean_content_tags(["script", "style"].into())
        .link_rel(Some("noopener nofollow"))
        .clean(&html)
        .to_string()
}
