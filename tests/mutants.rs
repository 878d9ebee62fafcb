//! Mutation tests: each mutant of `mutants.toml` changes the source so that one named test must
//! fail.
//!
//! They cover code that the faulty stores of `faulty_stores.rs` cannot cover: claims, settlement,
//! slot injection, assets.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use serde::Deserialize;

/// Longest run of one test, in seconds. Bounds a mutant that waits forever.
const TEST_TIMEOUT: &str = "170";
/// Exit code of `timeout` after a timeout.
const TIMED_OUT: i32 = 124;
/// Files and folders of a copy of the package.
const PACKAGE: [&str; 7] = [
    ".typos.toml",
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "src",
    "tests",
    "examples",
];
/// Tests of these modules start examples as programs.
const USE_EXAMPLES: [&str; 4] = [
    "pages::",
    "live::accessibility::",
    "live::ten_thousand_streams::",
    "integrations::jobs::",
];
/// Tests of these modules are in the library.
const IN_LIBRARY: [&str; 26] = [
    "breaker::",
    "broker::page::",
    "changes::",
    "events::endpoints::shared_reads::",
    "events::event::",
    "events::formats::body::",
    "events::formats::canonical::",
    "events::formats::cloud_event::",
    "handle::tests::",
    "inbox::changes::",
    "inbox::store::memory::",
    "inbox::store::redis::",
    "jobs::activity::",
    "jobs::worker::claims::",
    "jobs::worker::running::",
    "log_limit::",
    "mail::schedule::",
    "mail::unsubscribe::",
    "mail::web::",
    "redis::",
    "secret::",
    "store::",
    "web::view::guarded_routes::",
    "webhooks::generations::",
    "webhooks::transport::guard::",
    "webhooks::transport::networks::",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutants {
    mutant: Vec<Mutant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    test: String,
    file: PathBuf,
    find: String,
    replace: String,
    profile: Profile,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Profile {
    Default,
    Full,
}

#[derive(PartialEq)]
enum Outcome {
    Caught,
    Missed,
    Timeout,
    Unviable,
}

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Missed => "MISSED",
            Self::Timeout => "TIMEOUT",
            Self::Unviable => "unviable",
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn mutants() -> Vec<Mutant> {
    let text = fs::read_to_string(root().join("tests/mutants.toml")).unwrap();
    toml::from_str::<Mutants>(&text).unwrap().mutant
}

/// Returns the named mutants, or those of the profile.
fn selected() -> Vec<Mutant> {
    let names = std::env::var("SALVER_TEST_MUTANTS").unwrap_or_default();
    let names: BTreeSet<_> = names.split_whitespace().collect();
    let is_full = std::env::var_os("SALVER_TEST_FULL").is_some();
    let mut mutants = mutants();
    mutants.retain(|mutant| match names.is_empty() {
        true => is_full || mutant.profile == Profile::Default,
        false => names.contains(mutant.name.as_str()),
    });
    mutants
}

/// A copy of the package to change, with the dependencies of this build.
struct Workspace(PathBuf);

impl Workspace {
    fn new() -> Self {
        let copy = root().join("target/mutants");
        let _ = fs::remove_dir_all(&copy);
        let (from, to) = (root().join("target"), copy.join("target"));
        fs::create_dir_all(to.join("debug")).unwrap();
        for folder in ["debug/.fingerprint", "debug/build", "debug/deps"] {
            copy_into(&from.join(folder), &to.join("debug"));
        }
        copy_into(&from.join("npm"), &to);
        copy_into(&from.join("venv"), &to);
        let workspace = Self(copy);
        workspace.forget_own_builds();
        workspace
    }

    /// Removes the artefacts of this package. Cargo could reuse an artefact that was built from
    /// other sources.
    fn forget_own_builds(&self) {
        let examples = root().join("examples").read_dir().unwrap();
        let examples = examples.map(|entry| entry.unwrap().path());
        let examples = examples.filter(|path| path.extension().is_some_and(|end| end == "rs"));
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<_> = examples.map(stem).collect();
        names.extend(["salver".to_owned(), "it".to_owned()]);
        let debug = self.0.join("target/debug");
        for folder in [".fingerprint", "deps"] {
            for entry in debug.join(folder).read_dir().unwrap() {
                let path = entry.unwrap().path();
                let file = path.file_name().unwrap().to_str().unwrap();
                let file = file.strip_prefix("lib").unwrap_or(file);
                let is_own = |name: &String| {
                    let rest = file.strip_prefix(name.as_str());
                    rest.is_some_and(|rest| rest.starts_with('-'))
                };
                if names.iter().any(is_own) {
                    let removed = match path.is_dir() {
                        true => fs::remove_dir_all(&path),
                        false => fs::remove_file(&path),
                    };
                    removed.unwrap();
                }
            }
        }
    }

    fn run(&self, mutant: &Mutant) -> Outcome {
        for part in PACKAGE {
            let path = self.0.join(part);
            let _ = fs::remove_dir_all(&path);
            copy_into(&root().join(part), &self.0);
        }
        // The copies keep their times, so that Cargo would keep the library of the last mutant if
        // this one changes no file of it.
        self.change("src/lib.rs", |text| text);
        self.change(&mutant.file, |text| {
            text.replacen(&mutant.find, &mutant.replace, 1)
        });

        let begins = |list: &[&str]| list.iter().any(|module| mutant.test.starts_with(module));
        let target: &[&str] = match begins(&IN_LIBRARY) {
            true => &["--lib"],
            false => &["--test", "it"],
        };
        let mut build = self.cargo("cargo");
        build
            .arg("test")
            .args(CARGO_FLAGS)
            .arg("--no-run")
            .args(target);
        if begins(&USE_EXAMPLES) {
            build.arg("--examples");
        }
        let (status, log) = self.output(&mut build);
        if !status.success() {
            println!("{log}");
            return Outcome::Unviable;
        }
        let mut test = self.cargo("timeout");
        test.args([TEST_TIMEOUT, "cargo", "test"]).args(CARGO_FLAGS);
        test.args(target).args(["--", "--exact", &mutant.test]);
        let (status, log) = self.output(&mut test);
        // A test that aborts its process prints no `FAILED`, but the message of its panic.
        let has_failed = log.contains("FAILED") || log.contains("panicked");
        match status.code() {
            Some(0) => Outcome::Missed,
            Some(TIMED_OUT) if !has_failed => Outcome::Timeout,
            _ if has_failed => Outcome::Caught,
            _ => {
                println!("{log}");
                Outcome::Unviable
            }
        }
    }

    fn change(&self, file: impl AsRef<Path>, change: impl FnOnce(String) -> String) {
        let file = self.0.join(file);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, change(text)).unwrap();
    }

    fn cargo(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", self.0.join("target"))
            .env("RUST_BACKTRACE", "0")
            .env_remove("SALVER_TEST_FULL");
        for (name, _) in std::env::vars() {
            // Cargo and nextest set these variables for this package. The copy has other values.
            if name.starts_with("CARGO_") && name != "CARGO_HOME" || name.starts_with("NEXTEST") {
                command.env_remove(name);
            }
        }
        command.env("CARGO_TARGET_DIR", self.0.join("target"));
        command
    }

    fn output(&self, command: &mut Command) -> (ExitStatus, String) {
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status, String::from_utf8_lossy(&text).into_owned())
    }
}

const CARGO_FLAGS: [&str; 2] = ["--locked", "--quiet"];

fn copy_into(path: &Path, folder: &Path) {
    let copied = Command::new("cp").arg("-a").arg(path).arg(folder).status();
    assert!(
        copied.unwrap().success(),
        "{} is not copied",
        path.display()
    );
}

#[test]
fn every_mutant_names_a_test_and_code_that_exist() {
    let this = std::env::current_exe().unwrap();
    let list = Command::new(this)
        .args(["--list", "--format", "terse"])
        .output();
    let list = String::from_utf8(list.unwrap().stdout).unwrap();
    let tests: BTreeSet<_> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .collect();
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    for mutant in mutants() {
        let is_in_library = IN_LIBRARY
            .iter()
            .any(|module| mutant.test.starts_with(module));
        if !is_in_library && !tests.contains(mutant.test.as_str()) {
            wrong.push(format!("{}: {} is no test", mutant.name, mutant.test));
        }
        let text = fs::read_to_string(root().join(&mutant.file)).unwrap_or_default();
        if !text.contains(&mutant.find) {
            let file = mutant.file.display();
            wrong.push(format!("{}: nothing to change in {file}", mutant.name));
        }
        if !names.insert(mutant.name.clone()) {
            wrong.push(format!("{}: the name is taken", mutant.name));
        }
    }
    assert!(names.len() > 100, "mutants.toml is not read");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[ignore = "builds the package once for each mutant: `tests/run mutants`"]
fn every_mutant_is_caught() {
    let mutants = selected();
    assert!(!mutants.is_empty(), "SALVER_TEST_MUTANTS names no mutant");
    let workspace = Workspace::new();
    let mut uncaught = Vec::new();
    for mutant in &mutants {
        let outcome = workspace.run(mutant);
        println!("MUTANT {} {} {}", mutant.name, mutant.test, outcome.name());
        uncaught.extend((outcome != Outcome::Caught).then_some(&mutant.name));
    }
    println!(
        "MUTANTS caught={} of={}",
        mutants.len() - uncaught.len(),
        mutants.len()
    );
    assert!(uncaught.is_empty(), "not caught: {uncaught:?}");
}
