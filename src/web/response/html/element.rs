//! An open element.

use crate::web::response::html::elements::{is_heading, is_scope, is_special};
use crate::web::response::html::tag::{Name, Tag};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    Html,
    Svg,
    MathMl,
}

/// An open element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) name: Name,
    pub(super) namespace: Namespace,
    /// Whether start tags in it, an SVG or MathML element, begin HTML elements.
    pub(super) contains_html: bool,
    /// Whether it is a template that can begin with rows or cells, because no other element has begun
    /// in it.
    pub(super) accepts_table_parts: bool,
}

impl Element {
    pub(super) fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }

    pub(super) fn is_html(&self, name: &[u8]) -> bool {
        self.namespace == Namespace::Html && self.name() == name
    }

    /// Returns whether it is an integration point or another element that ends every scope.
    pub(super) fn ends_scope(&self) -> bool {
        match self.namespace {
            Namespace::Html => is_scope(self.name()),
            Namespace::Svg => self.contains_html,
            Namespace::MathMl => self.contains_html || self.name() == b"annotation-xml",
        }
    }

    pub(super) fn is_special(&self) -> bool {
        match self.namespace {
            Namespace::Html => is_special(self.name()),
            _ => self.ends_scope(),
        }
    }

    pub(super) fn is_heading(&self) -> bool {
        self.namespace == Namespace::Html && is_heading(self.name())
    }

    /// Creates an element of HTML.
    pub(super) fn html(tag: &Tag) -> Self {
        Self {
            name: tag.owned_name(),
            namespace: Namespace::Html,
            contains_html: false,
            accepts_table_parts: tag.name() == b"template",
        }
    }

    /// Creates an element of SVG or MathML.
    pub(super) fn foreign(tag: &Tag, namespace: Namespace) -> Self {
        Self {
            name: tag.owned_name(),
            namespace,
            contains_html: is_integration_point(tag, namespace),
            accepts_table_parts: false,
        }
    }

    /// Returns whether a start tag in this element begins an element of SVG or MathML.
    pub(super) fn begins_foreign_element(&self, tag: &Tag) -> bool {
        match self.namespace {
            Namespace::Html => false,
            Namespace::Svg => !self.contains_html,
            Namespace::MathMl if self.name() == b"annotation-xml" => {
                !self.contains_html && tag.name() != b"svg"
            }
            Namespace::MathMl => {
                !self.contains_html || matches!(tag.name(), b"mglyph" | b"malignmark")
            }
        }
    }
}

/// Returns whether start tags in this element begin HTML elements.
fn is_integration_point(tag: &Tag, namespace: Namespace) -> bool {
    match (namespace, tag.name()) {
        (Namespace::Svg, b"foreignobject" | b"desc" | b"title") => true,
        (Namespace::MathMl, b"mi" | b"mo" | b"mn" | b"ms" | b"mtext") => true,
        (Namespace::MathMl, b"annotation-xml") => {
            let encoding = tag.attribute(b"encoding").unwrap_or_default();
            encoding.eq_ignore_ascii_case(b"text/html")
                || encoding.eq_ignore_ascii_case(b"application/xhtml+xml")
        }
        _ => false,
    }
}
