//! The arguments of `notify` and `inbox`.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use salver::{InboxFilter, MessageId, ReadState, Recipient};

use crate::message::MessageArgs;

pub(super) const NOTIFY_HELP: &str = "\
The command prints the id of the message. A job that can run twice passes the same --id each time: then nothing is \
added twice, and nothing that was removed comes back.";

const SELECTION_HELP: &str = "All conditions must hold.";

/// A recipient is `user:{id}` or `email:{address}`.
#[derive(Args)]
pub(crate) struct Notify {
    /// Recipient: user:{id} or email:{address}; repeat the option for several.
    #[arg(long, required = true, value_name = "RECIPIENT")]
    pub(crate) to: Vec<Recipient>,
    /// Kind: what happened, as dotted words such as `graph.uploaded`.
    pub(crate) kind: String,
    #[command(flatten)]
    pub(crate) message: MessageArgs,
    /// Object that the notification is about: `graphs/7`.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Group: notifications of one group on one day are one row.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Person who caused it: recipient and name.
    #[arg(long, num_args = 2, value_names = ["RECIPIENT", "NAME"])]
    pub(crate) actor: Option<Vec<String>>,
    /// Add the notification as read.
    #[arg(long)]
    pub(crate) read: bool,
    /// Id of the message, a UUIDv7 [default: a new one].
    #[arg(long)]
    pub(crate) id: Option<MessageId>,
}

#[derive(Subcommand)]
pub(crate) enum InboxCommand {
    /// Print notifications, newest first; changes nothing.
    #[command(after_help = SELECTION_HELP)]
    List(Box<List>),
    /// Print how many notifications are unseen, unread and in the inbox; changes nothing.
    Counts {
        /// Recipient: user:{id} or email:{address}.
        recipient: Recipient,
    },
    /// Mark notifications as read, unread or archived.
    #[command(after_help = SELECTION_HELP)]
    Mark(Box<Mark>),
    /// Remove notifications, archived ones too; they never come back.
    #[command(after_help = SELECTION_HELP)]
    Retract(Box<Retract>),
}

#[derive(Args)]
pub(crate) struct List {
    /// Recipient: user:{id} or email:{address}.
    pub(crate) recipient: Recipient,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Print each notification in a row of its own.
    #[arg(long)]
    pub(crate) ungrouped: bool,
    /// Number of rows: 1 to 100.
    #[arg(long, default_value_t = 20, value_name = "ROWS")]
    pub(crate) limit: usize,
    /// Print the rows after a cursor, which the page before ends with.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

#[derive(Args)]
pub(crate) struct Mark {
    /// Recipient: user:{id} or email:{address}.
    pub(crate) recipient: Recipient,
    /// State of the selected notifications; without a condition, of the whole inbox.
    pub(crate) state: StateArg,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

#[derive(Args)]
#[group(skip)]
#[command(group(
    ArgGroup::new("condition")
        .args(["unread", "archived", "kind", "subject", "group", "text", "id", "all"])
        .required(true)
        .multiple(true)
))]
pub(crate) struct Retract {
    /// Recipient: user:{id} or email:{address}.
    pub(crate) recipient: Recipient,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Remove all notifications of the recipient.
    #[arg(
        long,
        required_unless_present = "Selection",
        conflicts_with = "Selection"
    )]
    pub(crate) all: bool,
}

/// The conditions that select notifications.
#[derive(Args)]
pub(crate) struct Selection {
    /// Select unread notifications.
    #[arg(long, conflicts_with = "archived")]
    unread: bool,
    /// Select archived notifications.
    #[arg(long)]
    archived: bool,
    /// Select a kind: `graph` selects `graph.uploaded` too.
    #[arg(long)]
    kind: Option<String>,
    /// Select a subject.
    #[arg(long)]
    subject: Option<String>,
    /// Select a group, of any day.
    #[arg(long)]
    group: Option<String>,
    /// Select notifications whose text, title or actor contains a text, in any letter case.
    #[arg(long)]
    text: Option<String>,
    /// Select the notification with this id, as `list --json` prints it; repeat the option for several.
    #[arg(long)]
    id: Vec<MessageId>,
}

impl Selection {
    pub(crate) fn filter(self) -> InboxFilter {
        let mut filter = match (self.unread, self.archived) {
            (true, _) => InboxFilter::unread(),
            (_, true) => InboxFilter::archived(),
            _ => InboxFilter::all(),
        };
        if let Some(kind) = self.kind {
            filter = filter.kind(kind);
        }
        if let Some(subject) = self.subject {
            filter = filter.subject(subject);
        }
        if let Some(group) = self.group {
            filter = filter.group(group);
        }
        if let Some(text) = self.text {
            filter = filter.text(text);
        }
        if !self.id.is_empty() {
            filter = filter.ids(self.id);
        }
        filter
    }
}

/// A state as an argument.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum StateArg {
    Read,
    Unread,
    Archived,
}

impl From<StateArg> for ReadState {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Read => Self::Read,
            StateArg::Unread => Self::Unread,
            StateArg::Archived => Self::Archived,
        }
    }
}
