//! The tokenizer of the HTML standard (section 13.2.5), reduced to tags: their ends in the input,
//! their names, and the attributes that decide how they are used.
//!
//! The input arrives in chunks that are cut at any byte. Only the tag that is being read is kept, so
//! a page of any length needs little memory.

use memchr::memchr;

use crate::web::response::html::state::{Content, Escape, State, Step};
use crate::web::response::html::tag::{Tag, TagKind};

use State as S;
use Step::{Again, TagEnd, To};

/// Reads the tags of a page.
#[derive(Default)]
pub(super) struct Tokenizer {
    state: State,
    content: Content,
    tag: Tag,
    /// Letters that decide between two states: of a markup declaration, or of a name in a script.
    letters: Vec<u8>,
    /// Number of consecutive dashes in a script, at most 2.
    dashes: u8,
    allows_cdata: bool,
}

/// What begins a comment after `<!`.
const COMMENT: &[u8] = b"--";
/// What begins a CDATA section after `<!`.
const CDATA: &[u8] = b"[CDATA[";
const SCRIPT: &[u8] = b"script";

impl Tokenizer {
    /// Reads until the end of the next tag. Returns the number of bytes up to it, or `None` if the
    /// input ends before.
    pub(super) fn read_tag(&mut self, input: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            at += self.skip(input.get(at..)?);
            at += self.read_name(input.get(at..)?);
            let byte = *input.get(at)?;
            at += 1;
            if self.read(byte) {
                return Some(at);
            }
        }
    }

    /// Returns the tag that ended last.
    pub(super) fn tag(&self) -> &Tag {
        &self.tag
    }

    /// Sets how the text after the last tag is read.
    pub(super) fn set_content(&mut self, content: Content) {
        self.content = content;
        self.dashes = 0;
    }

    /// Sets whether `<![CDATA[` begins a CDATA section, as in SVG and MathML.
    pub(super) fn set_allows_cdata(&mut self, allows: bool) {
        self.allows_cdata = allows;
    }

    /// Returns the number of bytes that do not change the state.
    fn skip(&self, input: &[u8]) -> usize {
        let until = match (self.state, self.content) {
            (S::Text, Content::Plaintext) => return input.len(),
            (S::Text, Content::Script(Escape::Comment | Escape::ScriptInComment)) => return 0,
            (S::Text, _) => b'<',
            (S::QuotedValue(quote), _) if !self.tag.keeps_value() => quote,
            (S::Comment, _) => b'-',
            (S::BogusComment, _) => b'>',
            (S::Cdata, _) => b']',
            _ => return 0,
        };
        memchr(until, input).unwrap_or(input.len())
    }

    /// Reads the bytes that belong to the name of a tag or of an attribute, and leave the state as it is.
    /// Returns their number.
    fn read_name(&mut self, input: &[u8]) -> usize {
        let end = match self.state {
            S::TagName => input.iter().position(|byte| ends_name(*byte)),
            S::AttributeName => input
                .iter()
                .position(|byte| ends_name(*byte) || *byte == b'='),
            _ => return 0,
        };
        let length = end.unwrap_or(input.len());
        for byte in input.iter().take(length) {
            match self.state {
                S::TagName => self.tag.push_name(*byte),
                _ => self.tag.push_attribute_name(*byte),
            }
        }
        length
    }

    /// Reads one byte. Returns whether it ends a tag.
    fn read(&mut self, byte: u8) -> bool {
        loop {
            match self.step(byte) {
                To(state) => {
                    self.state = state;
                    return false;
                }
                Again(state) => self.state = state,
                TagEnd => {
                    self.state = S::Text;
                    return true;
                }
            }
        }
    }

    fn step(&mut self, byte: u8) -> Step {
        match self.state {
            S::Text => self.in_text(byte),
            S::TagOpen | S::EndTagOpen | S::TagName | S::SelfClosing => self.in_tag(byte),
            S::BeforeAttribute | S::AttributeName | S::AfterAttributeName => {
                self.in_attribute_name(byte)
            }
            S::BeforeValue | S::QuotedValue(_) | S::UnquotedValue | S::AfterQuotedValue => {
                self.in_value(byte)
            }
            S::MarkupDeclaration => self.in_markup_declaration(byte),
            S::RawLessThan | S::RawEndTagOpen | S::RawEndTagName => self.in_raw_text_tag(byte),
            S::EscapeStart | S::EscapeStartDash | S::DoubleEscapeStart | S::DoubleEscapeEnd => {
                self.in_script_escape(byte)
            }
            _ => self.in_comment_or_cdata(byte),
        }
    }

    fn in_text(&mut self, byte: u8) -> Step {
        match (self.content, byte) {
            (Content::Markup, b'<') => return To(S::TagOpen),
            (Content::Markup | Content::Plaintext, _) => {}
            (Content::Raw(_) | Content::Script(_), b'<') => {
                self.dashes = 0;
                return To(S::RawLessThan);
            }
            (Content::Script(Escape::Comment | Escape::ScriptInComment), b'-') => {
                self.dashes = (self.dashes + 1).min(2);
            }
            (Content::Script(_), b'>') if self.dashes == 2 => {
                self.set_content(Content::Script(Escape::None));
            }
            _ => self.dashes = 0,
        }
        To(S::Text)
    }

    fn in_tag(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            (S::TagOpen, b'!') => self.read_letters(S::MarkupDeclaration),
            (S::TagOpen, b'/') => To(S::EndTagOpen),
            (S::TagOpen, b'?') => Again(S::BogusComment),
            (S::TagOpen, b'a'..=b'z' | b'A'..=b'Z') => self.begin_tag(TagKind::Start, S::TagName),
            (S::TagOpen, _) => Again(S::Text),
            (S::EndTagOpen, b'a'..=b'z' | b'A'..=b'Z') => self.begin_tag(TagKind::End, S::TagName),
            (S::EndTagOpen, b'>') => To(S::Text),
            (S::EndTagOpen, _) => Again(S::BogusComment),
            (S::SelfClosing, b'>') => {
                self.tag.set_self_closing();
                TagEnd
            }
            (S::SelfClosing, _) => Again(S::BeforeAttribute),
            (_, b'>') => TagEnd,
            (_, b'/') => To(S::SelfClosing),
            _ if is_space(byte) => To(S::BeforeAttribute),
            _ => {
                self.tag.push_name(byte);
                To(S::TagName)
            }
        }
    }

    fn begin_tag(&mut self, kind: TagKind, state: State) -> Step {
        self.tag.begin(kind);
        Again(state)
    }

    fn in_attribute_name(&mut self, byte: u8) -> Step {
        if matches!(self.state, S::AttributeName) && (ends_name(byte) || byte == b'=') {
            self.tag.end_attribute_name();
        }
        match (self.state, byte) {
            (_, b'>') => TagEnd,
            (_, b'/') => To(S::SelfClosing),
            (S::AttributeName | S::AfterAttributeName, b'=') => To(S::BeforeValue),
            (S::AttributeName, _) if is_space(byte) => To(S::AfterAttributeName),
            (state, _) if is_space(byte) => To(state),
            (state, _) => {
                // An equals sign before a name is part of it.
                if !matches!(state, S::AttributeName) {
                    self.tag.begin_attribute();
                }
                self.tag.push_attribute_name(byte);
                To(S::AttributeName)
            }
        }
    }

    fn in_value(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            (S::BeforeValue, b'"' | b'\'') => To(S::QuotedValue(byte)),
            (S::BeforeValue, b'>') => TagEnd,
            (S::BeforeValue, _) if is_space(byte) => To(S::BeforeValue),
            (S::BeforeValue, _) => Again(S::UnquotedValue),
            (S::QuotedValue(quote), _) if byte == quote => To(S::AfterQuotedValue),
            (S::UnquotedValue, b'>') => TagEnd,
            (S::UnquotedValue, _) if is_space(byte) => To(S::BeforeAttribute),
            (S::AfterQuotedValue, b'/') => To(S::SelfClosing),
            (S::AfterQuotedValue, b'>') => TagEnd,
            (S::AfterQuotedValue, _) => Again(S::BeforeAttribute),
            (state, _) => {
                self.tag.push_value(byte);
                To(state)
            }
        }
    }

    /// Decides between a comment, a CDATA section, and a declaration that the standard reads as a
    /// comment until the next `>`, as it does a `DOCTYPE`.
    fn in_markup_declaration(&mut self, byte: u8) -> Step {
        self.letters.push(byte);
        let letters = self.letters.as_slice();
        if letters == COMMENT {
            To(S::CommentStart)
        } else if letters == CDATA && self.allows_cdata {
            To(S::Cdata)
        } else if COMMENT.starts_with(letters) || CDATA.starts_with(letters) && self.allows_cdata {
            To(S::MarkupDeclaration)
        } else {
            Again(S::BogusComment)
        }
    }

    fn in_comment_or_cdata(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            (
                S::BogusComment
                | S::CommentStart
                | S::CommentStartDash
                | S::CommentEnd
                | S::CommentEndBang
                | S::CdataEnd,
                b'>',
            ) => To(S::Text),
            (S::BogusComment, _) => To(S::BogusComment),
            (S::CommentStart, b'-') => To(S::CommentStartDash),
            (S::CommentStartDash | S::CommentEndDash | S::CommentEnd, b'-') => To(S::CommentEnd),
            (S::Comment | S::CommentEndBang, b'-') => To(S::CommentEndDash),
            (S::CommentEnd, b'!') => To(S::CommentEndBang),
            (S::Cdata, b']') => To(S::CdataBracket),
            (S::CdataBracket | S::CdataEnd, b']') => To(S::CdataEnd),
            (S::Cdata | S::CdataBracket | S::CdataEnd, _) => To(S::Cdata),
            _ => To(S::Comment),
        }
    }

    fn in_raw_text_tag(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            (S::RawLessThan, b'/') => match self.content {
                Content::Script(Escape::ScriptInComment) => self.read_letters(S::DoubleEscapeEnd),
                _ => To(S::RawEndTagOpen),
            },
            (S::RawLessThan, b'!') if self.content == Content::Script(Escape::None) => {
                To(S::EscapeStart)
            }
            (S::RawLessThan, b'a'..=b'z' | b'A'..=b'Z')
                if self.content == Content::Script(Escape::Comment) =>
            {
                self.letters.clear();
                Again(S::DoubleEscapeStart)
            }
            (S::RawEndTagOpen, b'a'..=b'z' | b'A'..=b'Z') => {
                self.begin_tag(TagKind::End, S::RawEndTagName)
            }
            (S::RawEndTagName, b'a'..=b'z' | b'A'..=b'Z') => {
                self.tag.push_name(byte);
                To(S::RawEndTagName)
            }
            (S::RawEndTagName, _) if ends_name(byte) && self.is_expected_end_tag() => {
                self.set_content(Content::Markup);
                Again(S::TagName)
            }
            _ => Again(S::Text),
        }
    }

    fn is_expected_end_tag(&self) -> bool {
        match self.content {
            Content::Raw(name) => self.tag.name() == name,
            _ => self.tag.name() == SCRIPT,
        }
    }

    fn read_letters(&mut self, state: State) -> Step {
        self.letters.clear();
        To(state)
    }

    fn in_script_escape(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            (S::EscapeStart, b'-') => To(S::EscapeStartDash),
            (S::EscapeStartDash, b'-') => {
                self.set_content(Content::Script(Escape::Comment));
                self.dashes = 2;
                To(S::Text)
            }
            (S::DoubleEscapeStart | S::DoubleEscapeEnd, b'a'..=b'z' | b'A'..=b'Z') => {
                // One letter more than the name shows that it is another one.
                if self.letters.len() <= SCRIPT.len() {
                    self.letters.push(byte.to_ascii_lowercase());
                }
                To(self.state)
            }
            (S::DoubleEscapeStart, _) if ends_name(byte) && self.letters == SCRIPT => {
                self.set_content(Content::Script(Escape::ScriptInComment));
                To(S::Text)
            }
            (S::DoubleEscapeEnd, _) if ends_name(byte) && self.letters == SCRIPT => {
                self.set_content(Content::Script(Escape::Comment));
                To(S::Text)
            }
            (S::DoubleEscapeStart | S::DoubleEscapeEnd, _) if ends_name(byte) => To(S::Text),
            _ => Again(S::Text),
        }
    }
}

fn ends_name(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'/' | b'>')
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}
