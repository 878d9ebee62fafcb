//! Programs of a test in other languages, with the packages that tests/setup.sh installs.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A language with packages of its own.
#[derive(Clone, Copy, Debug)]
pub enum Language {
    Python,
    Node,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Python, Self::Node];

    /// Runs a program, which gets JSON at its standard input, and returns the JSON that it prints. `program`: the path of its
    /// file without the ending.
    pub fn run(self, program: &str, input: &Value) -> Value {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = match self {
            Self::Python => {
                let mut python = Command::new(root.join("target/venv/bin/python"));
                python.arg(root.join(program).with_extension("py"));
                python
            }
            Self::Node => {
                let file = root.join(program).with_extension("mjs");
                // Node looks for packages in the folder of the file, or where a program without a file runs.
                let mut node = Command::new("node");
                node.current_dir(root.join("target/npm"));
                node.args(["--input-type=module", "--eval"]);
                node.arg(std::fs::read_to_string(file).unwrap());
                node
            }
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        let process = command.spawn();
        let mut process = process.unwrap_or_else(|error| {
            panic!("{self:?} does not start ({error}): run tests/setup.sh")
        });
        let mut standard_input = process.stdin.take().unwrap();
        standard_input
            .write_all(input.to_string().as_bytes())
            .unwrap();
        drop(standard_input);
        let output = process.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
