//! The stack of open elements of the HTML standard (section 13.2.6), as far as it decides which
//! elements are HTML, which are in a template, and how the text after a tag is read.
//!
//! In SVG and MathML, `<title>` and `<style>` contain markup, and an unknown element is no HTML
//! element. An end tag of an HTML element can close both, so all open elements are kept.

use crate::web::response::html::element::{Element, Namespace};
use crate::web::response::html::elements::{
    IMPLIED_END, is_block, is_breakout, is_heading, is_metadata, is_void, raw_content,
};
use crate::web::response::html::state::Content;
use crate::web::response::html::tag::Tag;

/// Maximum depth of a page. Browsers stop at 512; a deeper page is not searched further. Bounds the
/// memory for a page that opens elements without closing them.
pub(super) const MAX_DEPTH: usize = 2_000;

/// What a start tag begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Started {
    /// Whether it is an element of HTML, outside of any template.
    pub(super) is_in_page: bool,
    /// How the text after the tag is read.
    pub(super) content: Content,
}

const IGNORED: Started = Started {
    is_in_page: false,
    content: Content::Markup,
};

/// The elements that are open at a position of the page.
#[derive(Default)]
pub(super) struct OpenElements {
    pub(super) stack: Vec<Element>,
    /// Whether a form outside of templates has begun, and no end tag has ended it.
    pub(super) has_form: bool,
}

impl OpenElements {
    pub(super) fn depth(&self) -> usize {
        self.stack.len()
    }

    /// Returns whether the current element is SVG or MathML.
    pub(super) fn is_in_foreign_content(&self) -> bool {
        let current = self.stack.last();
        current.is_some_and(|element| element.namespace != Namespace::Html)
    }

    pub(super) fn start(&mut self, tag: &Tag) -> Started {
        let Some(current) = self
            .stack
            .last()
            .filter(|element| element.begins_foreign_element(tag))
        else {
            return self.start_html(tag);
        };
        let namespace = current.namespace;
        if is_breakout(tag) {
            self.close_foreign();
            return self.start_html(tag);
        }
        self.push_foreign(tag, namespace);
        IGNORED
    }

    pub(super) fn end(&mut self, name: &[u8]) {
        if self.is_in_foreign_content() && matches!(name, b"br" | b"p") {
            self.close_foreign();
        }
        // The end tag of an SVG or MathML element closes those that are open in it, up to the next
        // HTML element.
        for at in (0..self.stack.len()).rev() {
            match self.stack.get(at) {
                Some(element) if element.namespace == Namespace::Html => break,
                Some(element) if element.name() == name => return self.stack.truncate(at),
                _ => {}
            }
        }
        self.end_html(name);
    }

    fn push_foreign(&mut self, tag: &Tag, namespace: Namespace) {
        if !tag.is_self_closing() {
            self.stack.push(Element::foreign(tag, namespace));
        }
    }

    /// Closes SVG and MathML elements up to one that contains HTML.
    fn close_foreign(&mut self) {
        while self
            .stack
            .pop_if(|element| element.namespace != Namespace::Html && !element.contains_html)
            .is_some()
        {}
    }

    fn start_html(&mut self, tag: &Tag) -> Started {
        let name = tag.name();
        match name {
            b"svg" => self.push_foreign(tag, Namespace::Svg),
            b"math" => self.push_foreign(tag, Namespace::MathMl),
            b"html" | b"head" | b"body" | b"frameset" | b"frame" => return IGNORED,
            b"select" if self.is_in_select() => {
                self.close_select();
                return IGNORED;
            }
            b"form" if self.has_form && !self.is_in_template() => return IGNORED,
            b"caption" | b"colgroup" | b"tbody" | b"tfoot" | b"thead" | b"tr" | b"td" | b"th" => {
                if !self.begin_table_part(name) {
                    return IGNORED;
                }
                self.stack.push(Element::html(tag));
            }
            _ => {
                self.begin_body_of_template(name);
                self.close_implied(name);
                self.has_form |= name == b"form" && !self.is_in_template();
                if !is_void(name) {
                    self.stack.push(Element::html(tag));
                }
            }
        }
        Started {
            is_in_page: !self.is_in_template(),
            content: raw_content(name),
        }
    }

    pub(super) fn is_in_template(&self) -> bool {
        self.stack
            .iter()
            .any(|element| element.is_html(b"template"))
    }

    fn begin_body_of_template(&mut self, name: &[u8]) {
        if let Some(template) = self.stack.last_mut()
            && !is_metadata(name)
        {
            template.accepts_table_parts = false;
        }
    }

    /// Closes the elements that a start tag closes: a paragraph before a block, an item of a list
    /// before the next.
    fn close_implied(&mut self, name: &[u8]) {
        match name {
            b"li" => self.close_item(&[b"li"]),
            b"dd" | b"dt" => self.close_item(&[b"dd", b"dt"]),
            b"option" | b"optgroup" if self.is_in_select() => self.close_all(&IMPLIED_END),
            b"option" | b"optgroup" => self.close_current(b"option"),
            b"table" => self.close_table(),
            b"button" => self.close_in_scope(|element| element.is_html(b"button"), |_| false),
            b"input" => self.close_select(),
            b"hr" if self.is_in_select() => self.close_all(&IMPLIED_END),
            b"a" | b"nobr" => self.end_formatting(name),
            _ => {}
        }
        if is_block(name) {
            self.close_paragraph();
        }
        if is_heading(name) && self.stack.last().is_some_and(Element::is_heading) {
            self.stack.pop();
        }
    }

    /// Closes the cells, rows and groups that a part of a table ends. Returns whether a table is
    /// open; elsewhere the part is ignored.
    fn begin_table_part(&mut self, name: &[u8]) -> bool {
        let is_container = |element: &Element| match name {
            b"td" | b"th" => matches!(element.name(), b"tr" | b"tbody" | b"tfoot" | b"thead"),
            b"tr" => matches!(element.name(), b"tbody" | b"tfoot" | b"thead"),
            _ => false,
        };
        for at in (0..self.stack.len()).rev() {
            let Some(element) = self.stack.get(at) else {
                break;
            };
            if element.namespace != Namespace::Html {
                continue;
            }
            if is_container(element) || element.name() == b"table" {
                self.stack.truncate(at + 1);
                return true;
            }
            if element.name() == b"template" {
                return at + 1 == self.stack.len() && element.accepts_table_parts;
            }
        }
        false
    }
}
