//! `subscriptions`, `subscribers`, `subscribe` and `unsubscribe`.

use salver::Recipient;
use salver::events::Subscription;
use serde_json::{Value, json};

use crate::Outcome;
use crate::cli::{PatternArgs, SubscribeArgs, SubscriptionArgs};
use crate::error::CliError;
use crate::output::{Output, number};
use crate::server::Server;

/// Prints the subscriptions of a recipient.
pub(crate) async fn list(
    server: &Server,
    app: &str,
    recipient: &Recipient,
    output: &Output,
) -> Outcome {
    let salver = server.salver(app)?;
    let subscriptions = salver.subscriptions(recipient);
    let subscriptions = server.with_diagnosis(&salver, subscriptions).await?;
    for subscription in &subscriptions {
        output.print(|| line(subscription), subscription)?;
    }
    if subscriptions.is_empty() && !output.is_json() {
        output.print(|| "no subscriptions".to_owned(), ())?;
    }
    Ok(true)
}

/// Prints the recipients with a subscription.
pub(crate) async fn subscribers(
    server: &Server,
    app: &str,
    args: &PatternArgs,
    output: &Output,
) -> Outcome {
    let salver = server.salver(app)?;
    let subscription = args.subscription();
    let mut last: Option<Recipient> = None;
    loop {
        let page = salver.subscribers(&subscription, last.as_ref());
        let page = server.with_diagnosis(&salver, page).await?;
        for recipient in &page {
            output.print(|| recipient.to_string(), json!({ "recipient": recipient }))?;
        }
        if page.is_empty() {
            break;
        }
        last = page.last().cloned();
    }
    if last.is_none() && !output.is_json() {
        output.print(|| "no subscribers".to_owned(), ())?;
    }
    Ok(true)
}

/// Subscribes a user.
pub(crate) async fn subscribe(
    server: &Server,
    app: &str,
    args: SubscribeArgs,
    output: &Output,
) -> Outcome {
    let SubscriptionArgs { recipient, pattern } = args.subscription;
    if recipient.address().is_some() {
        let error = "an address is subscribed by the site, which mails it a link that activates the subscription";
        return Err(CliError::invalid_input(error));
    }
    let salver = server.salver(app)?;
    let mut subscription = pattern.subscription();
    if let Some(description) = args.described {
        subscription = subscription.described(description);
    }
    let subscribed = salver.subscribe(&recipient, subscription);
    server.with_diagnosis(&salver, subscribed).await?;
    output.print(
        || format!("{recipient} is subscribed"),
        json!({ "subscribed": recipient }),
    )?;
    Ok(true)
}

/// Ends a subscription.
pub(crate) async fn unsubscribe(
    server: &Server,
    app: &str,
    args: &SubscriptionArgs,
    output: &Output,
) -> Outcome {
    let salver = server.salver(app)?;
    let subscription = args.pattern.subscription();
    let ended = salver.unsubscribe(&args.recipient, &subscription);
    let ended = u64::from(server.with_diagnosis(&salver, ended).await?);
    output.print(
        || format!("ended {} subscriptions", number(ended)),
        json!({ "ended": ended }),
    )?;
    Ok(true)
}

/// Returns a subscription as one line: type, filters, description.
fn line(subscription: &Subscription) -> String {
    let fields = serde_json::to_value(subscription).unwrap_or_default();
    let filters = fields.get("filters").and_then(Value::as_object);
    let filters = filters.into_iter().flatten();
    let filters: Vec<_> = filters
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    let filters = match filters.is_empty() {
        true => "-".to_owned(),
        false => filters.join(" "),
    };
    let description = subscription.get_description().unwrap_or_default();
    format!(
        "{:20} {filters:24} {description}",
        subscription.event_type()
    )
    .trim_end()
    .to_owned()
}
