//! The elements that the HTML standard treats in a way of their own (sections 13.2.4 to 13.2.6).

use crate::web::response::html::state::{Content, Escape};
use crate::web::response::html::tag::Tag;

/// The elements that need no end tag.
pub(super) const IMPLIED_END: [&[u8]; 10] = [
    b"dd",
    b"dt",
    b"li",
    b"optgroup",
    b"option",
    b"p",
    b"rb",
    b"rp",
    b"rt",
    b"rtc",
];

/// Returns how the text after the start tag of an HTML element is read. Browsers execute scripts, so
/// that the content of `noscript` is text.
pub(super) fn raw_content(name: &[u8]) -> Content {
    match name {
        b"script" => Content::Script(Escape::None),
        b"plaintext" => Content::Plaintext,
        b"iframe" => Content::Raw(b"iframe"),
        b"noembed" => Content::Raw(b"noembed"),
        b"noframes" => Content::Raw(b"noframes"),
        b"noscript" => Content::Raw(b"noscript"),
        b"style" => Content::Raw(b"style"),
        b"textarea" => Content::Raw(b"textarea"),
        b"title" => Content::Raw(b"title"),
        b"xmp" => Content::Raw(b"xmp"),
        _ => Content::Markup,
    }
}

/// Returns whether an element has no content and no end tag.
pub(super) fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"area"
            | b"base"
            | b"basefont"
            | b"bgsound"
            | b"br"
            | b"col"
            | b"embed"
            | b"hr"
            | b"image"
            | b"img"
            | b"input"
            | b"keygen"
            | b"link"
            | b"meta"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
    )
}

pub(super) fn is_heading(name: &[u8]) -> bool {
    matches!(name, b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6")
}

/// Returns whether the start tag of an element closes an open paragraph.
pub(super) fn is_block(name: &[u8]) -> bool {
    is_heading(name)
        || matches!(
            name,
            b"address"
                | b"article"
                | b"aside"
                | b"blockquote"
                | b"center"
                | b"dd"
                | b"details"
                | b"dialog"
                | b"dir"
                | b"div"
                | b"dl"
                | b"dt"
                | b"fieldset"
                | b"figcaption"
                | b"figure"
                | b"footer"
                | b"form"
                | b"header"
                | b"hgroup"
                | b"hr"
                | b"li"
                | b"listing"
                | b"main"
                | b"menu"
                | b"nav"
                | b"ol"
                | b"p"
                | b"plaintext"
                | b"pre"
                | b"search"
                | b"section"
                | b"summary"
                | b"table"
                | b"ul"
                | b"xmp"
        )
}

/// Returns whether an element belongs into the head of a page.
pub(super) fn is_metadata(name: &[u8]) -> bool {
    matches!(
        name,
        b"base" | b"link" | b"meta" | b"noframes" | b"script" | b"style" | b"template" | b"title"
    )
}

/// Returns whether an element is a formatting element.
pub(super) fn is_formatting(name: &[u8]) -> bool {
    matches!(
        name,
        b"a" | b"b"
            | b"big"
            | b"code"
            | b"em"
            | b"font"
            | b"i"
            | b"nobr"
            | b"s"
            | b"small"
            | b"strike"
            | b"strong"
            | b"tt"
            | b"u"
    )
}

/// Returns whether an HTML element ends every scope.
pub(super) fn is_scope(name: &[u8]) -> bool {
    matches!(
        name,
        b"applet"
            | b"caption"
            | b"marquee"
            | b"object"
            | b"select"
            | b"table"
            | b"td"
            | b"template"
            | b"th"
    )
}

/// Returns whether an HTML element is special: an unknown end tag does not close it.
pub(super) fn is_special(name: &[u8]) -> bool {
    is_block(name) && name != b"dialog"
        || is_scope(name)
        || is_void(name)
        || matches!(
            name,
            b"button"
                | b"colgroup"
                | b"iframe"
                | b"noembed"
                | b"noframes"
                | b"noscript"
                | b"script"
                | b"style"
                | b"tbody"
                | b"textarea"
                | b"tfoot"
                | b"thead"
                | b"title"
                | b"tr"
        )
}

/// Returns whether the start tag of an HTML element ends the SVG or MathML that it is in.
pub(super) fn is_breakout(tag: &Tag) -> bool {
    match tag.name() {
        b"font" => [b"color".as_slice(), b"face", b"size"]
            .iter()
            .any(|name| tag.attribute(name).is_some()),
        name => {
            is_heading(name)
                || matches!(
                    name,
                    b"b" | b"big"
                        | b"blockquote"
                        | b"body"
                        | b"br"
                        | b"center"
                        | b"code"
                        | b"dd"
                        | b"div"
                        | b"dl"
                        | b"dt"
                        | b"em"
                        | b"embed"
                        | b"head"
                        | b"hr"
                        | b"i"
                        | b"img"
                        | b"li"
                        | b"listing"
                        | b"menu"
                        | b"meta"
                        | b"nobr"
                        | b"ol"
                        | b"p"
                        | b"pre"
                        | b"ruby"
                        | b"s"
                        | b"small"
                        | b"span"
                        | b"strike"
                        | b"strong"
                        | b"sub"
                        | b"sup"
                        | b"table"
                        | b"tt"
                        | b"u"
                        | b"ul"
                        | b"var"
                )
        }
    }
}
