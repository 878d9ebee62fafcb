//! The arguments of `publish`, `subscribe` and the commands that list subscriptions.

use std::str::FromStr;

use clap::Args;
use salver::Recipient;
use salver::events::{Event, Subscription};

use crate::message::MessageOptions;

pub(super) const PUBLISH_HELP: &str = "\
The command prints the id of the event. A job that can run twice passes the same --id each time: then all are notified \
once. Without --text the event is for workers of the site, which render its type.";

/// What an event is matched by, and what a subscription is for.
#[derive(Args)]
pub(crate) struct PatternArgs {
    /// Type of the events: dotted words such as `wiki.edit`.
    #[arg(value_name = "TYPE")]
    event_type: String,
    /// Object that the events are about: `documents/7`.
    #[arg(long)]
    subject: Option<String>,
    /// Value of a filter: `language=de`; repeat the option for several.
    #[arg(long, value_name = "NAME=VALUE")]
    filter: Vec<Filter>,
}

#[derive(Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    pattern: PatternArgs,
    /// Id of the event: one of an id and a source is published once [default: a new one].
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Where it happened [default: / and the application].
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Data of the event, any JSON; `-` reads it from standard input.
    #[arg(long, value_name = "JSON")]
    pub(crate) data: Option<String>,
    /// Text of the message that people get, if no worker renders the type; `-` reads it from standard input.
    #[arg(long)]
    pub(crate) text: Option<String>,
    #[command(flatten)]
    pub(crate) message: MessageOptions,
    /// Recipient who is not notified: user:{id} or email:{address}; repeat the option for several.
    #[arg(long, value_name = "RECIPIENT")]
    pub(crate) except: Vec<Recipient>,
    /// Further type whose subscriptions match, with the same subject and filters; repeat the option for several.
    #[arg(long, value_name = "TYPE")]
    also: Vec<String>,
}

#[derive(Args)]
pub(crate) struct SubscribeArgs {
    #[command(flatten)]
    pub(crate) subscription: SubscriptionArgs,
    /// Description for the person: `edits in German` [default: the type].
    #[arg(long, value_name = "TEXT")]
    pub(crate) described: Option<String>,
}

#[derive(Args)]
pub(crate) struct SubscriptionArgs {
    /// Recipient: user:{id} or email:{address}.
    pub(crate) recipient: Recipient,
    #[command(flatten)]
    pub(crate) pattern: PatternArgs,
}

/// The name and the value of a filter.
#[derive(Clone)]
struct Filter(String, String);

impl FromStr for Filter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let filter = text.split_once('=');
        let (name, value) = filter.ok_or("a filter is of the form NAME=VALUE")?;
        Ok(Self(name.to_owned(), value.to_owned()))
    }
}

impl PatternArgs {
    pub(crate) fn subscription(&self) -> Subscription {
        let mut subscription = Subscription::new(&self.event_type);
        if let Some(subject) = &self.subject {
            subscription = subscription.subject(subject);
        }
        for Filter(name, value) in &self.filter {
            subscription = subscription.filter(name, value);
        }
        subscription
    }

    fn event(&self, event_type: &str) -> Event {
        let mut event = Event::new(event_type);
        if let Some(subject) = &self.subject {
            event = event.subject(subject);
        }
        for Filter(name, value) in &self.filter {
            event = event.filter(name, value);
        }
        event
    }
}

impl Publish {
    /// Returns the event with what it is matched by.
    pub(crate) fn event(&self) -> Event {
        let also = self.also.iter();
        let also = also.map(|event_type| self.pattern.event(event_type));
        also.fold(self.pattern.event(&self.pattern.event_type), Event::also)
    }
}
