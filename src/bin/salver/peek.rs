//! Reads what a page would show.

use std::collections::HashSet;

use crate::Outcome;
use crate::args::{Address, Server};
use crate::say::Say;
use crate::trouble::answered;

pub(crate) async fn run(server: &Server, address: &Address, say: &Say) -> Outcome {
    let salver = server.salver(address.app())?;
    let contexts = match address {
        Address::Page(page) => vec![page.clone()],
        Address::Session(_, session) => answered(server, &salver, salver.contexts(session)).await?,
    };
    let mut said = HashSet::new();
    for context in contexts {
        let messages = answered(server, &salver, salver.peek(&context)).await?;
        for message in &messages {
            // What is for any page is pending for each.
            if said.insert(message.id()) {
                say.message(&context, message)?;
            }
        }
    }
    if said.is_empty() && !say.is_json() {
        say.either(|| "nothing is pending".to_owned(), ())?;
    }
    Ok(true)
}
