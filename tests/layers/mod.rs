//! The house itself: imports fall, scripts have headers, examples are listed, docs run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::imports::{Crate, cycles};

mod imports;

#[test]
fn imports_have_no_cycle() {
    for crate_root in ["src/lib.rs", "src/bin/salver/main.rs"] {
        let edges = Crate::read(&root().join(crate_root)).edges();
        let cycles = cycles(&edges);
        assert!(cycles.is_empty(), "{cycles:#?}");
    }
}

/// The rooms by floor. Rooms of floors 0 and 3 are one household; elsewhere rooms never meet.
const FLOORS: [(&str, u8); 20] = [
    ("chance", 0),
    ("check", 0),
    ("error", 0),
    ("level", 0),
    ("message", 0),
    ("context", 0),
    ("wire", 0),
    ("home", 0),
    ("seldom", 0),
    ("link", 1),
    ("render", 1),
    ("store", 2),
    ("salver", 3),
    ("policy", 3),
    ("settle", 3),
    ("breaker", 3),
    ("count", 3),
    ("testing", 3),
    ("web", 4),
    ("docs", 0),
];
const HOUSEHOLDS: [u8; 2] = [0, 3];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Where each name comes from that `lib.rs` lets out: `Message` is of the room `message`.
fn names() -> BTreeMap<String, String> {
    let lib = read("src/lib.rs");
    let mut names = BTreeMap::new();
    for statement in lib.split("pub use crate::").skip(1) {
        let statement = statement.split(';').next().unwrap();
        let (room, rest) = statement.split_once("::").unwrap();
        let words = rest.split(|c: char| !c.is_alphanumeric() && c != '_');
        for name in words.filter(|word| !word.is_empty()) {
            names.insert(name.to_owned(), room.to_owned());
        }
    }
    names
}

/// Gives every `crate::…` in a file's code as the room that it leads to.
fn imports(code: &str, names: &BTreeMap<String, String>) -> Vec<String> {
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join(" ");
    let mut rooms = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let group = match rest.strip_prefix('{') {
            Some(group) => group.split("};").next().unwrap(),
            None => rest
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap(),
        };
        let mut depth = 0;
        let mut word = String::new();
        for c in group.chars().chain([',']) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    let first = word.trim().split("::").next().unwrap().to_owned();
                    rooms.push(names.get(&first).cloned().unwrap_or(first));
                    word.clear();
                }
                c if depth == 0 => word.push(c),
                _ => {}
            }
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

#[test]
fn imports_fall_and_rooms_do_not_meet() {
    let (names, mut looked, mut wrong) = (names(), 0, Vec::new());
    let floor = |room: &str| {
        FLOORS
            .iter()
            .find(|(name, _)| *name == room)
            .map(|(_, floor)| *floor)
    };
    for path in files("src", ".rs") {
        let inside = path.strip_prefix(root().join("src")).unwrap();
        let room = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let room = room.trim_end_matches(".rs");
        // Programs are built on the library as anybody's are, and have crates of their own.
        if room == "lib" || room == "bin" {
            continue;
        }
        let own = floor(room).unwrap_or_else(|| panic!("{room} stands on no floor"));
        for import in imports(&read(&path), &names) {
            looked += 1;
            // Constants and the pool of the root's own modules.
            if ["redis", "limits", "assert_messages"].contains(&import.as_str()) {
                continue;
            }
            let Some(theirs) = floor(&import) else {
                wrong.push(format!("{}: `{import}` is of no room", inside.display()));
                continue;
            };
            let household = HOUSEHOLDS.contains(&own) && theirs == own;
            if theirs > own || (theirs == own && import != room && !household) {
                wrong.push(format!(
                    "{} (floor {own}) imports {import} (floor {theirs})",
                    inside.display()
                ));
            }
        }
    }
    assert!(looked > 50, "the test reads imports no more");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_script_has_a_header_and_one_typed_door() {
    let scripts: String = files("src/store/redis/scripts", ".rs")
        .iter()
        .map(read)
        .collect();
    for path in files("src", ".lua") {
        let (lua, name) = (read(&path), path.file_name().unwrap().to_str().unwrap());
        let header: String = lua
            .lines()
            .take_while(|line| line.starts_with("--"))
            .collect();
        for part in ["KEYS", "ARGV", "Returns", "Cost"] {
            let no_arguments = part == "ARGV" && !lua.contains("ARGV[");
            assert!(
                header.contains(part) || no_arguments,
                "{name} does not say its {part}"
            );
        }
        assert_eq!(
            scripts
                .matches(&format!("include_str!(\"../{name}\")"))
                .count(),
            1,
            "{name}"
        );
        let door = format!(" fn {}(", name.trim_end_matches(".lua"));
        assert_eq!(
            scripts.matches(&door).count(),
            1,
            "{name} has one typed function"
        );
    }
}

#[test]
fn every_example_is_listed_and_says_how_to_run_it() {
    let readme = read("README.md");
    for path in files("examples", ".rs") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let head: Vec<_> = read(&path).lines().take(5).map(str::to_owned).collect();
        assert!(
            head[0].starts_with("//! "),
            "{name} does not say what it shows"
        );
        let run = format!("cargo run --example {name}");
        assert!(
            head.join(" ").contains(&run),
            "{name} does not say how to run it"
        );
        assert!(
            readme.contains(&format!("(examples/{name}.rs)")),
            "README does not list {name}"
        );
    }
}

#[test]
fn readme_shows_hello_as_it_is() {
    let hello = read("examples/hello.rs");
    assert!(hello.lines().count() < 50);
    let code = hello.split_once("\n\n").unwrap().1;
    assert!(
        read("README.md").contains(code.trim()),
        "README and examples/hello.rs differ"
    );
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
                    "{} has a block that never runs",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn files_are_short() {
    for path in files("src", ".rs") {
        let lines = read(&path)
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .count();
        assert!(
            lines <= 600,
            "{} has {lines} lines of code: is it still one noun?",
            path.display()
        );
    }
}

fn output(program: &str, args: &[&str]) -> String {
    let mut command = std::process::Command::new(program);
    let output = command.args(args).current_dir(root()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

/// What cargo knows of all dependencies of this platform; those of others need not be here.
fn metadata() -> Value {
    let version = output("rustc", &["-vV"]);
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let args = "metadata --format-version 1 --all-features --offline --locked --filter-platform";
    let mut args: Vec<_> = args.split(' ').collect();
    args.push(host);
    serde_json::from_str(&output(env!("CARGO"), &args)).unwrap()
}

#[test]
fn no_dependency_asks_for_a_newer_compiler() {
    let metadata = metadata();
    let version = |text: &str| -> Vec<u32> {
        let mut parts: Vec<_> = text.split('.').map(|part| part.parse().unwrap()).collect();
        parts.resize(3, 0);
        parts
    };
    let packages = metadata["packages"].as_array().unwrap();
    let own = packages
        .iter()
        .find(|package| package["name"] == "salver")
        .unwrap();
    let own = version(own["rust_version"].as_str().unwrap());
    let seen = built(&metadata);
    assert!(seen.len() > 100, "{} packages", seen.len());
    for package in packages
        .iter()
        .filter(|package| seen.contains(package["id"].as_str().unwrap()))
    {
        if let Some(theirs) = package["rust_version"].as_str() {
            assert!(
                version(theirs) <= own,
                "{} asks for Rust {theirs}",
                package["name"]
            );
        }
    }
}

/// The packages that a user builds: normal and build dependencies.
fn built(metadata: &Value) -> BTreeSet<String> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let mut wanted = vec![metadata["resolve"]["root"].as_str().unwrap().to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(id) = wanted.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let node = nodes.iter().find(|node| node["id"] == id.as_str()).unwrap();
        for dependency in node["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            if kinds.iter().any(|kind| kind["kind"] != "dev") {
                wanted.push(dependency["pkg"].as_str().unwrap().to_owned());
            }
        }
    }
    seen
}

/// Every promise names its tests, and each of them exists.
#[test]
fn every_promise_has_a_test() {
    let this = std::env::current_exe().unwrap();
    let list = output(this.to_str().unwrap(), &["--list", "--format", "terse"]);
    let tests: BTreeSet<_> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .collect();
    let page = read("src/docs/promises.md");
    let mut promises = 0;
    let rows = page.split("| promise | test |\n|---|---|\n").skip(1);
    for row in rows.flat_map(|table| table.lines().take_while(|line| line.starts_with('|'))) {
        let named: Vec<_> = row
            .rsplit(" | ")
            .next()
            .unwrap()
            .split('`')
            .skip(1)
            .step_by(2)
            .collect();
        assert!(!named.is_empty(), "no test shows: {row}");
        for name in named {
            // A law is one test for each store.
            let law = name
                .strip_prefix("laws::")
                .map(|law| format!("laws::redis_server::{law}"));
            let name = law.as_deref().unwrap_or(name);
            assert!(tests.contains(name), "{name} is no test");
        }
        promises += 1;
    }
    assert!(promises > 30, "the test reads promises no more");
}

#[test]
fn there_is_one_redis() {
    let args = "tree --edges normal --all-features --offline --locked --prefix none";
    let tree = output(env!("CARGO"), &args.split(' ').collect::<Vec<_>>());
    let redis: BTreeSet<_> = tree
        .lines()
        .filter(|line| line.starts_with("redis v"))
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    assert_eq!(redis.len(), 1, "{redis:?}");
}

/// The licences under which everything that a user builds may be used, as in `.cargo/deny.toml`.
#[test]
fn every_licence_is_on_the_list() {
    let deny = read(".cargo/deny.toml");
    let list = deny.split_once("allow = [").unwrap().1;
    let list = list.split_once(']').unwrap().0;
    let list: BTreeSet<_> = list.split('"').skip(1).step_by(2).collect();
    let metadata = metadata();
    let built = built(&metadata);
    let mut met = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        if !built.contains(package["id"].as_str().unwrap()) {
            continue;
        }
        let licence = package["license"]
            .as_str()
            .unwrap_or("none")
            .replace('/', " OR ");
        // Each part joined by AND has to offer one that is on the list.
        let allowed = licence.split(" AND ").all(|part| {
            let offered = part.trim_matches(['(', ')']).split(" OR ");
            let mut offered = offered.map(|name| name.trim_matches([' ', '(', ')']));
            let name = offered.find(|name| list.contains(name));
            name.map(|name| met.insert(name.to_owned())).is_some()
        });
        assert!(allowed, "{} is under {licence}", package["name"]);
    }
    let unused: Vec<_> = list.iter().filter(|name| !met.contains(**name)).collect();
    assert!(unused.is_empty(), "nothing is under {unused:?} any more");
}

#[test]
fn the_pictures_are_the_same_in_readme_and_in_the_docs() {
    use base64::Engine;
    for (picture, spelled) in [
        ("src/docs/messages.png", "src/docs/messages.base64"),
        ("benches/page.svg", "src/docs/plot.base64"),
    ] {
        let picture = fs::read(root().join(picture)).unwrap();
        let expected = base64::engine::general_purpose::STANDARD.encode(picture);
        assert_eq!(read(spelled), expected, "base64 -w0");
    }
}
