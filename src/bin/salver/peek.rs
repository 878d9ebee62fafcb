//! Reads what a page would show.

use std::collections::HashSet;

use crate::Outcome;
use crate::cli::Target;
use crate::output::Output;
use crate::server::Server;

pub(crate) async fn run(server: &Server, address: &Target, output: &Output) -> Outcome {
    let salver = server.salver(address.app())?;
    let contexts = match address {
        Target::Context(page) => vec![page.clone()],
        Target::Session(_, session) => {
            server
                .with_diagnosis(&salver, salver.contexts(session))
                .await?
        }
    };
    let mut said = HashSet::new();
    for context in contexts {
        let messages = server
            .with_diagnosis(&salver, salver.peek(&context))
            .await?;
        for message in &messages {
            // What is for any page is pending for each.
            if said.insert(message.id()) {
                output.message(&context, message)?;
            }
        }
    }
    if said.is_empty() && !output.is_json() {
        output.print(|| "nothing is pending".to_owned(), ())?;
    }
    Ok(true)
}
