//! The words of the page, which the translator of the site can replace by their keys.

use crate::inbox::results::InboxRow;
use crate::inbox::row_words;
use crate::inbox::web::change_name::ChangeName;
use crate::web::translation::Translator;
use crate::{Level, Message};

/// Defines one function for each text without arguments: its key, which follows `salver-inbox-`,
/// and the English text.
macro_rules! words {
    ($($name:ident => $key:literal, $text:literal;)*) => {
        impl Words<'_> {
            $(pub(in crate::inbox::web) fn $name(&self) -> String {
                self.translate(&Message::info($text).key(concat!("salver-inbox-", $key)))
            })*
        }
    };
}

/// The words of the page in the language of the visitor.
pub(in crate::inbox::web) struct Words<'a> {
    translator: &'a Translator,
}

words! {
    language => "language", "en";
    direction => "direction", "ltr";
    title => "title", "Notifications";
    tabs => "tabs", "Which notifications";
    unread => "unread", "Unread";
    all => "all", "All";
    archived => "archived", "Archived";
    open => "open", "Open";
    mark_read => "mark-read", "Mark as read";
    mark_unread => "mark-unread", "Mark as unread";
    archive => "archive", "Archive";
    restore => "restore", "Move to inbox";
    delete => "delete", "Delete";
    mark_all => "mark-all", "Mark all as read";
    filter => "filter", "Filter";
    kind => "kind", "Kind";
    any_kind => "any-kind", "Any";
    text => "text", "Text";
    since => "since", "From";
    until => "until", "To";
    apply => "apply", "Show";
    clear => "clear", "Clear filter";
    pages => "pages", "Pages";
    newer => "newer", "Newer";
    older => "older", "Older";
    everything_read => "everything-read", "You have read everything.";
    show_all => "show-all", "Show all notifications";
    nothing_yet => "nothing-yet", "Nothing yet.";
    nothing_archived => "nothing-archived", "Nothing is archived.";
    nothing_matches => "nothing-matches", "Nothing matches.";
    now => "now", "just now";
    failed => "failed", "Notifications cannot be loaded now.";
    retry => "retry", "Try again";
    anonymous => "anonymous", "Log in to see your notifications.";
    gone => "gone", "That is no longer there.";
    undo => "undo", "Undo";
    daily_mail => "daily-mail", "E-mail me once a day what I have not read";
    save => "save", "Save";
    new_rows => "new-rows", "Show # new";
    done_before => "done-before", "That was done before.";
}

#[cfg(feature = "mail")]
words! {
    saved => "saved", "Saved.";
    preferences => "mail-preferences", "E-mail preferences";
    mail_address => "mail-address", "E-mail address:";
    no_mail_address => "mail-no-address", "This site has no e-mail address of you, and sends you no e-mails.";
    mail_suppressed => "mail-suppressed", "E-mails to this address have stopped, because its mail server did not accept one, or one was reported as unwanted. Change the address in your account, or ask this site to allow it again.";
    all_kinds => "mail-all-kinds", "All notifications";
    other_kinds => "mail-other-kinds", "Everything else";
    never => "mail-never", "Never";
    at_once => "mail-at-once", "At once";
    hourly => "mail-hourly", "Once an hour";
    daily => "mail-daily", "Once a day";
    weekly => "mail-weekly", "Once a week";
    digest_time => "mail-time", "Daily and weekly e-mails";
    weekday => "mail-weekday", "Day of the week";
    local_hour => "mail-local-hour", "Hour in your time zone";
    preferences_failed => "mail-failed", "Your e-mail preferences cannot be loaded or saved now.";
}

impl<'a> Words<'a> {
    pub(in crate::inbox::web) fn new(translator: &'a Translator) -> Self {
        Self { translator }
    }

    pub(super) fn translate(&self, message: &Message) -> String {
        self.translator.text(message)
    }

    /// Returns a text with a count. The English text is `one` or, with the number before it,
    /// `many`.
    fn counted(&self, key: &str, count: u64, one: &str, many: &str) -> String {
        let text = match count {
            1 => one.to_owned(),
            count => format!("{count} {many}"),
        };
        let key = format!("salver-inbox-{key}");
        self.translate(&Message::info(text).key(key).arg("count", count))
    }

    /// Returns the name of a kind for people.
    pub(super) fn name_of_kind(&self, kind: &str, name: &str) -> String {
        let message = Message::info(name);
        self.translate(&message.key(format!("salver-inbox-kind-{kind}")))
    }

    /// Returns the text after a change of this many notifications.
    pub(in crate::inbox::web) fn done(&self, change: ChangeName, count: u64) -> String {
        if count == 0 {
            return self.done_before();
        }
        let (key, state) = match change {
            ChangeName::Read => ("done-read", "marked as read"),
            ChangeName::Unread => ("done-unread", "marked as unread"),
            ChangeName::Archive => ("done-archive", "archived"),
            ChangeName::Restore => ("done-restore", "moved to the inbox"),
            ChangeName::Delete => ("done-delete", "deleted"),
        };
        let one = format!("1 notification {state}.");
        self.counted(key, count, &one, &format!("notifications {state}."))
    }

    /// Returns the number of unread notifications, as the bell announces it.
    pub(in crate::inbox::web) fn unread_count(&self, count: u64) -> String {
        self.counted("unread-count", count, "1 unread", "unread")
    }

    pub(super) fn results(&self, count: u64) -> String {
        self.counted("results", count, "1 result", "results")
    }

    pub(super) fn results_on_page(&self, count: u64) -> String {
        let one = "1 result on this page";
        self.counted("results-on-page", count, one, "results on this page")
    }

    pub(super) fn mark_group_read(&self, count: u64) -> String {
        let text = format!("Mark {count} as read");
        self.translate(
            &Message::info(text)
                .key("salver-inbox-mark-group-read")
                .arg("count", count),
        )
    }

    pub(super) fn group(&self, row: &InboxRow) -> Option<String> {
        row_words::group(row, &|message| self.translate(message))
    }

    pub(super) fn more(&self, count: u64) -> String {
        row_words::more(count, &|message| self.translate(message))
    }

    /// Returns a time before now.
    pub(super) fn ago(&self, unit: &str, count: u64) -> String {
        let (one, many) = (format!("1 {unit} ago"), format!("{unit}s ago"));
        self.counted(&format!("{unit}s-ago"), count, &one, &many)
    }

    /// Returns the word of a level that people have to notice without its colour.
    pub(super) fn level(&self, level: Level) -> Option<String> {
        let word = self.translator.level_word(level);
        let word = word.unwrap_or_else(|| crate::render::default_level_word(level).into());
        matches!(level, Level::Warning | Level::Error).then(|| word.into_owned())
    }

    pub(super) fn actors(&self, names: &[String]) -> Option<String> {
        row_words::actors(names, &|message| self.translate(message))
    }
}
