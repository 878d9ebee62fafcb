//! Schemathesis, which sends valid and invalid requests to the routes of an OpenAPI document.

use std::process::Command;

use super::browser::target;
use super::profile::by_profile;

/// Runs it, and returns its summary. Panics if a response is none that the document lists.
pub async fn schemathesis(document: &str, url: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(target().join("venv/bin/schemathesis"));
    // Schemathesis writes its reports to the working directory.
    command.current_dir(target());
    command.args(["run", document, "--url", url, "--seed", "1", "--no-color"]);
    command.args(arguments);
    // The limits are in bytes, those of the document in characters. In ASCII both are equal.
    command.args(["--generation-codec", "ascii"]);
    command.args(["--max-examples", &by_profile(50, 2_000).to_string()]);
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.unwrap().unwrap_or_else(|error| {
        panic!(
            "schemathesis: {error}; `tests/run integrations` installs it, `pip install schemathesis`"
        )
    });
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let summary = text.lines().find(|line| line.contains("generated"));
    summary.unwrap().trim().to_owned()
}
