//! A tag, as far as it decides how a page is parsed: its name, and a few attributes.

/// Longest name that is kept. No element or attribute that matters has a longer one.
const MAX_NAME: usize = 15;
/// Longest attribute value that is kept. A longer one equals no other value.
const MAX_VALUE: usize = 255;
/// The attributes that are kept: the `id` of a frame, and those that decide whether an element in
/// SVG or MathML is HTML.
const ATTRIBUTES: [&[u8]; 5] = [b"id", b"encoding", b"color", b"face", b"size"];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TagKind {
    #[default]
    Start,
    End,
}

/// A name in lower case. One that is too long is kept as an empty name, which no element has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Name {
    bytes: [u8; MAX_NAME],
    len: u8,
}

impl Name {
    fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(usize::from(self.len)) {
            Some(next) => {
                *next = byte.to_ascii_lowercase();
                self.len += 1;
            }
            None => self.len = u8::MAX,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// A tag that is being read, or was read last.
#[derive(Debug, Default)]
pub(super) struct Tag {
    kind: TagKind,
    name: Name,
    is_self_closing: bool,
    /// The attributes that are kept, in the order of the tag.
    attributes: Vec<(&'static [u8], Vec<u8>)>,
    attribute_name: Name,
    /// Whether the value that is being read belongs to a kept attribute.
    keeps_value: bool,
}

impl Tag {
    pub(super) fn kind(&self) -> TagKind {
        self.kind
    }

    pub(super) fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }

    pub(super) fn owned_name(&self) -> Name {
        self.name
    }

    pub(super) fn is_self_closing(&self) -> bool {
        self.is_self_closing
    }

    /// Returns the value of a kept attribute. Of several, the first counts.
    pub(super) fn attribute(&self, name: &[u8]) -> Option<&[u8]> {
        let attribute = self.attributes.iter().find(|(kept, _)| *kept == name)?;
        (attribute.1.len() <= MAX_VALUE).then_some(&attribute.1)
    }

    pub(super) fn begin(&mut self, kind: TagKind) {
        self.kind = kind;
        self.name = Name::default();
        self.is_self_closing = false;
        self.attributes.clear();
        self.keeps_value = false;
    }

    pub(super) fn push_name(&mut self, byte: u8) {
        self.name.push(byte);
    }

    pub(super) fn set_self_closing(&mut self) {
        self.is_self_closing = true;
    }

    pub(super) fn begin_attribute(&mut self) {
        self.attribute_name = Name::default();
        self.keeps_value = false;
    }

    pub(super) fn push_attribute_name(&mut self, byte: u8) {
        self.attribute_name.push(byte);
    }

    /// Ends the name of an attribute.
    pub(super) fn end_attribute_name(&mut self) {
        let name = self.attribute_name.as_bytes();
        let kept = ATTRIBUTES.iter().find(|kept| **kept == name);
        self.keeps_value = kept.is_some();
        self.attributes.extend(kept.map(|kept| (*kept, Vec::new())));
    }

    /// Returns whether the value that is being read is kept.
    pub(super) fn keeps_value(&self) -> bool {
        self.keeps_value
    }

    pub(super) fn push_value(&mut self, byte: u8) {
        if self.keeps_value
            && let Some((_, value)) = self.attributes.last_mut()
            && value.len() <= MAX_VALUE
        {
            value.push(byte);
        }
    }
}
