//! The place of the slot, as html5ever sees it.

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, local_name, ns, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// The attribute that numbers the slots of a generated page.
const NUMBER: &str = "data-n";
/// An element that no page contains and that can be a child of any element.
const MARKER: &str = "<x-marker></x-marker>";

/// Calls `visit` with each HTML element outside of templates, in document order.
fn visit_elements(node: &Handle, visit: &mut impl FnMut(&Handle, &str)) {
    if let NodeData::Element { name, .. } = &node.data
        && name.ns == ns!(html)
    {
        visit(node, &name.local);
    }
    // The content of a template is not among its children.
    for child in node.children.borrow().iter() {
        visit_elements(child, visit);
    }
}

fn parse(html: &str) -> RcDom {
    parse_document(RcDom::default(), ParseOpts::default()).one(html)
}

fn number(slot: &Handle) -> Option<usize> {
    let NodeData::Element { attrs, .. } = &slot.data else {
        return None;
    };
    let attributes = attrs.borrow();
    let attribute = attributes.iter().find(|a| &*a.name.local == NUMBER)?;
    attribute.value.parse().ok()
}

/// Returns the number of the first slot in the source of a page.
pub fn first_slot(html: &str) -> Option<usize> {
    let mut first = None;
    visit_elements(&parse(html).document, &mut |element, name| {
        if name == "salver-messages" {
            let number = number(element).expect("every slot has a number");
            first = Some(first.map_or(number, |first: usize| first.min(number)));
        }
    });
    first
}

/// Returns whether an offset of a page is the beginning of the content of this slot.
pub fn is_beginning_of(html: &str, at: Option<usize>, slot: Option<usize>) -> bool {
    let (Some(at), Some(slot)) = (at, slot) else {
        return at.is_none() && slot.is_none();
    };
    let (before, after) = html.split_at(at);
    let mut parent_and_place = None;
    let marked = parse(&format!("{before}{MARKER}{after}"));
    visit_elements(&marked.document, &mut |element, name| {
        if name == "salver-messages" && number(element) == Some(slot) {
            let children = element.children.borrow();
            let first = children.first().map(|child| match &child.data {
                NodeData::Element { name, .. } => name.local == *"x-marker",
                _ => false,
            });
            parent_and_place = first;
        }
    });
    let _ = local_name!("p");
    parent_and_place == Some(true)
}
