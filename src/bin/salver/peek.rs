//! Reads what a page would show.

use std::collections::HashSet;

use crate::Outcome;
use crate::args::{Address, Server};
use crate::say::Say;
use crate::trouble::Trouble;

pub(crate) async fn run(server: &Server, address: &Address, say: &Say) -> Outcome {
    let salver = server.salver(address.app())?;
    let contexts = match address.page_or_session() {
        Ok(page) => vec![page.clone()],
        Err((_, session)) => match salver.contexts(session).await {
            Ok(contexts) => contexts,
            Err(error) => return Err(Trouble::at(server, &salver, error).await),
        },
    };
    let mut said = HashSet::new();
    for context in contexts {
        let messages = match salver.peek(&context).await {
            Ok(messages) => messages,
            Err(error) => return Err(Trouble::at(server, &salver, error).await),
        };
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
