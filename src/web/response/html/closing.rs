//! Which elements an end tag closes, and which ones a start tag closes.

use crate::web::response::html::element::{Element, Namespace};
use crate::web::response::html::elements::{IMPLIED_END, is_block, is_formatting, is_heading};
use crate::web::response::html::open_elements::OpenElements;

impl OpenElements {
    pub(super) fn close_item(&mut self, names: &[&[u8]]) {
        for at in (0..self.stack.len()).rev() {
            let Some(element) = self.stack.get(at) else {
                return;
            };
            if names.iter().any(|name| element.is_html(name)) {
                return self.stack.truncate(at);
            }
            let is_passed = ["address", "div", "p"]
                .iter()
                .any(|name| element.is_html(name.as_bytes()));
            if element.is_special() && !is_passed {
                return;
            }
        }
    }

    pub(super) fn close_current(&mut self, name: &[u8]) {
        self.stack.pop_if(|element| element.is_html(name));
    }

    pub(super) fn is_in_select(&self) -> bool {
        let boundary = self.stack.iter().rfind(|element| element.ends_scope());
        boundary.is_some_and(|element| element.is_html(b"select"))
    }

    pub(super) fn close_select(&mut self) {
        if self.is_in_select() {
            let select = self
                .stack
                .iter()
                .rposition(|element| element.is_html(b"select"));
            self.stack.truncate(select.unwrap_or(self.stack.len()));
        }
    }

    /// Closes a table whose current row or group another table follows.
    pub(super) fn close_table(&mut self) {
        let is_boundary = |element: &&Element| {
            element.namespace == Namespace::Html
                && matches!(
                    element.name(),
                    b"table" | b"td" | b"th" | b"caption" | b"template"
                )
        };
        let boundary = self.stack.iter().rfind(is_boundary);
        if boundary.is_some_and(|element| element.is_html(b"table")) {
            self.end_table_part(b"table");
        }
    }

    pub(super) fn close_paragraph(&mut self) {
        self.close_in_scope(
            |element| element.is_html(b"p"),
            |element| element.is_html(b"button"),
        );
    }

    /// Closes the innermost element that matches, unless an element ends the scope before.
    pub(super) fn close_in_scope(
        &mut self,
        matches: impl Fn(&Element) -> bool,
        also_ends_scope: impl Fn(&Element) -> bool,
    ) {
        for at in (0..self.stack.len()).rev() {
            match self.stack.get(at) {
                Some(element) if matches(element) => return self.stack.truncate(at),
                Some(element) if element.ends_scope() || also_ends_scope(element) => return,
                _ => {}
            }
        }
    }

    pub(super) fn end_html(&mut self, name: &[u8]) {
        match name {
            b"html" | b"body" | b"head" | b"br" => {}
            b"template" => {
                let open = self.stack.iter().rposition(|element| element.is_html(name));
                self.stack.truncate(open.unwrap_or(self.stack.len()));
            }
            b"p" => self.close_paragraph(),
            b"form" if !self.is_in_template() => self.end_form(),
            b"li" => self.close_in_scope(
                |element| element.is_html(name),
                |element| element.is_html(b"ol") || element.is_html(b"ul"),
            ),
            b"table" | b"caption" | b"colgroup" | b"tbody" | b"tfoot" | b"thead" | b"tr"
            | b"td" | b"th" => self.end_table_part(name),
            b"select" => self.close_select(),
            b"applet" | b"marquee" | b"object" | b"button" => {
                self.close_in_scope(|element| element.is_html(name), |_| false);
            }
            _ if is_heading(name) => self.close_in_scope(Element::is_heading, |_| false),
            _ if is_block(name) => self.close_in_scope(|element| element.is_html(name), |_| false),
            _ if is_formatting(name) => self.end_formatting(name),
            _ => self.end_other(name),
        }
    }

    /// Closes the form, and leaves the elements in it open.
    fn end_form(&mut self) {
        if !std::mem::take(&mut self.has_form) {
            return;
        }
        let form = self
            .stack
            .iter()
            .rposition(|element| element.is_html(b"form"));
        let Some(at) = form else { return };
        let inner = self.stack.get(at + 1..).unwrap_or_default();
        if !inner.iter().any(Element::ends_scope) {
            self.close_all(&IMPLIED_END);
            self.stack.remove(at);
        }
    }

    /// Closes the current element as long as it is one of these.
    pub(super) fn close_all(&mut self, names: &[&[u8]]) {
        let is_one = |element: &mut Element| names.iter().any(|name| element.is_html(name));
        while self.stack.pop_if(is_one).is_some() {}
    }

    /// Only tables and templates end the scope of a part of a table.
    pub(super) fn end_table_part(&mut self, name: &[u8]) {
        for at in (0..self.stack.len()).rev() {
            match self.stack.get(at) {
                Some(element) if element.is_html(name) => return self.stack.truncate(at),
                Some(element) if element.is_html(b"table") || element.is_html(b"template") => {
                    return;
                }
                _ => {}
            }
        }
    }

    /// Closes a formatting element. One that contains a block is moved into it by the standard, and
    /// closed there, so that the block stays open.
    pub(super) fn end_formatting(&mut self, name: &[u8]) {
        let open = self.stack.iter().rposition(|element| element.is_html(name));
        let Some(at) = open else { return };
        let inner = self.stack.get(at + 1..).unwrap_or_default();
        if inner.iter().any(Element::ends_scope) {
            return;
        }
        if inner.iter().any(Element::is_special) {
            self.stack.remove(at);
        } else {
            self.stack.truncate(at);
        }
    }

    fn end_other(&mut self, name: &[u8]) {
        for at in (0..self.stack.len()).rev() {
            match self.stack.get(at) {
                Some(element) if element.is_html(name) => return self.stack.truncate(at),
                Some(element) if element.is_special() => return,
                _ => {}
            }
        }
    }
}
