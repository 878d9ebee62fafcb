//! The states of the tokenizer.

/// How the text after a tag is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    /// Text and tags.
    #[default]
    Markup,
    /// Text until the end tag of this element.
    Raw(&'static [u8]),
    /// Text until the end tag of a `script` element.
    Script(Escape),
    /// Text until the end of the page.
    Plaintext,
}

/// How much of `<!-- <script>` a script contains. After all of it, the next end tag of a script ends
/// the inner one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    None,
    Comment,
    ScriptInComment,
}

/// The states of the standard. `Text` stands for its data, RCDATA, RAWTEXT, script data and
/// PLAINTEXT states, and `Content` says which of them it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum State {
    #[default]
    Text,
    TagOpen,
    EndTagOpen,
    TagName,
    BeforeAttribute,
    AttributeName,
    AfterAttributeName,
    BeforeValue,
    QuotedValue(u8),
    UnquotedValue,
    AfterQuotedValue,
    SelfClosing,
    BogusComment,
    MarkupDeclaration,
    CommentStart,
    CommentStartDash,
    Comment,
    CommentEndDash,
    CommentEnd,
    CommentEndBang,
    Cdata,
    CdataBracket,
    CdataEnd,
    RawLessThan,
    RawEndTagOpen,
    RawEndTagName,
    EscapeStart,
    EscapeStartDash,
    DoubleEscapeStart,
    DoubleEscapeEnd,
}

/// What a byte does in a state.
pub(super) enum Step {
    /// The byte is consumed; the next one is read in this state.
    To(State),
    /// The same byte is read again in this state.
    Again(State),
    /// The byte ends a tag.
    TagEnd,
}
