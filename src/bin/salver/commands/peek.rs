//! `peek`: prints the messages that a page would show.

use std::collections::HashSet;

use crate::Outcome;
use crate::cli::Target;
use crate::output::Output;
use crate::server::Server;

pub(crate) async fn run(server: &Server, target: &Target, output: &Output) -> Outcome {
    let salver = server.salver(target.app())?;
    let contexts = match target {
        Target::Context(context) => vec![context.clone()],
        Target::Session(_, session) => {
            server
                .with_diagnosis(&salver, salver.contexts(session))
                .await?
        }
    };
    let mut printed = HashSet::new();
    for context in contexts {
        let messages = server
            .with_diagnosis(&salver, salver.peek(&context))
            .await?;
        for message in &messages {
            // The messages of `View::ANY` are pending in every context of the session.
            if printed.insert(message.id()) {
                output.message(&context, message)?;
            }
        }
    }
    if printed.is_empty() && !output.is_json() {
        output.print(|| "no pending messages".to_owned(), ())?;
    }
    Ok(true)
}
