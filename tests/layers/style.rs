//! The style of the source: short files, documented scripts, doc comments that begin with a plain
//! verb.

use std::fs;
use std::process::Command;

use super::{files, read, root};

/// Most lines of code in one file, before its tests. A longer file has more than one concern.
const MAX_LINES: usize = 300;

/// Returns whether a line is code: neither blank nor a comment.
fn is_code(line: &&str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for path in files("src", ".rs") {
        let text = read(&path);
        let code = text.split("\n#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(is_code).count();
        if lines > MAX_LINES {
            let path = path.strip_prefix(root()).unwrap();
            long.push(format!("{}: {lines} lines of code", path.display()));
        }
    }
    assert!(long.is_empty(), "over {MAX_LINES} lines: {long:#?}");
}

/// The files that read the system's clock. `health` compares it with the server's.
const SYSTEM_CLOCK_READERS: [&str; 4] = [
    "src/bin/",
    "src/store/conformance/",
    "src/store/memory/clock.rs",
    "src/store/redis/health.rs",
];

/// All other files use tokio's clock, which a test pauses and advances.
#[test]
fn library_reads_time_from_injectable_clock() {
    let mut wrong = Vec::new();
    for path in files("src", ".rs") {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        if SYSTEM_CLOCK_READERS
            .iter()
            .any(|reader| name.starts_with(reader))
        {
            continue;
        }
        for line in read(&path).lines().filter(is_code) {
            let has_std_instant = line.contains("std::time::") && line.contains("Instant");
            if has_std_instant || line.contains("SystemTime") || line.contains("now_utc") {
                wrong.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "use `tokio::time::Instant`: {wrong:#?}");
}

#[test]
fn doc_comments_begin_with_plain_verb() {
    let mut wrong = Vec::new();
    for path in files("src", ".rs") {
        for (number, line) in read(&path).lines().enumerate() {
            let line = line.trim_start();
            let comment = line
                .strip_prefix("///")
                .or_else(|| line.strip_prefix("//!"));
            let first = comment.and_then(|comment| comment.split_whitespace().next());
            if first.is_some_and(|word| ["Gives", "Tells", "Says"].contains(&word)) {
                let path = path.strip_prefix(root()).unwrap();
                wrong.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "write `Returns ...` or a plain verb: {wrong:#?}"
    );
}

/// The dictionary of retired words and their replacements is `.typos.toml`.
#[test]
fn text_has_no_retired_word_and_no_misspelling() {
    let program = root().join("target/venv/bin/typos");
    let output = Command::new(&program)
        .args(["--format", "brief"])
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "{} does not start ({error}): run tests/setup.sh",
                program.display()
            )
        });
    let report = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&report)
    );
}

#[test]
fn every_script_has_header_and_one_typed_function() {
    for path in files("src", ".lua") {
        let (lua, name) = (read(&path), path.file_name().unwrap().to_str().unwrap());
        let parent = path.strip_prefix(root()).unwrap().parent().unwrap();
        // The functions of a module with few scripts are beside its folder of scripts.
        let folder = match !parent.starts_with("src/store") {
            true => parent.parent().unwrap().to_str().unwrap(),
            false => "src/store/redis/scripts",
        };
        let scripts: String = files(folder, ".rs").iter().map(read).collect();
        // A part of several scripts, which they include.
        if !lua.contains("KEYS[") && !lua.contains("redis.call('TIME')") {
            assert!(scripts.contains(&format!("{name}\")")), "{name}");
            continue;
        }
        let header: String = lua
            .lines()
            .take_while(|line| line.starts_with("--"))
            .collect();
        for section in ["KEYS", "ARGV", "Returns", "Cost"] {
            let has_no_arguments = section == "ARGV" && !lua.contains("ARGV[");
            assert!(
                header.contains(section) || has_no_arguments,
                "the header of {name} lacks {section}"
            );
        }
        let included = ["\"", "/"].map(|before| format!("{before}{name}\")"));
        let included = included.iter().map(|text| scripts.matches(text).count());
        assert_eq!(included.sum::<usize>(), 1, "{name}");
        let function = format!(" fn {}(", name.trim_end_matches(".lua"));
        assert_eq!(
            scripts.matches(&function).count(),
            1,
            "{name} does not have exactly one typed function"
        );
    }
}

#[test]
fn every_code_block_runs() {
    let ignored = concat!("```", "ignore");
    for path in files("src", "")
        .into_iter()
        .chain([root().join("README.md")])
    {
        if let Ok(text) = fs::read_to_string(&path) {
            for fence in [ignored, &ignored.replace("```", "```rust,")] {
                assert!(
                    !text.contains(fence),
                    "{} has a code block that never runs",
                    path.display()
                );
            }
        }
    }
}
