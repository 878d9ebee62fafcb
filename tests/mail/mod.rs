//! E-mail, over a real SMTP server where one can be distinguished from the memory.

mod addresses;
mod cadences;
mod encryption;
mod example;
mod headers;
mod personal_data;
mod preferences;
mod profiles;
mod refusals;
mod rendering;
mod repeats;
mod stored_format;
mod subscriptions;
mod suppression;
mod time_zones;
mod unsubscribe_words;
mod unsubscribing;

use salver::mail::Mailer;

/// Returns a mailer for a server.
fn mailer(url: &str) -> Mailer {
    let mailer = Mailer::smtp(url).unwrap();
    mailer.from("GraphSpace <notify@graphspace.example>")
}
