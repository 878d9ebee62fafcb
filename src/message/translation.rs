//! A message in another language.

/// The translation of a message: its text and, optionally, its title and the label of its link.
///
/// Returned by the closure that is passed to `Middleware::translate` or to `Mailer::translate`. Any
/// string converts into a translation of the text alone.
///
/// # Examples
///
/// ```
/// use salver::Translation;
///
/// let danish = Translation::new("Ikonerne er klar.").title("Import").action("Vis");
/// let text_only: Translation = "Gemt.".into();
/// # let _ = (danish, text_only);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    pub(super) text: String,
    pub(super) title: Option<String>,
    pub(super) action: Option<String>,
}

impl Translation {
    /// Creates a translation of the text.
    ///
    /// The title and the label of the link stay as they were written, unless they are set.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Sets the translated title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the translated label of the link.
    #[must_use]
    pub fn action(mut self, label: impl Into<String>) -> Self {
        self.action = Some(label.into());
        self
    }
}

impl<T: Into<String>> From<T> for Translation {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

impl Translation {
    /// Returns the translated text.
    #[cfg(feature = "web")]
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}
