//! The modules in other languages: what they write is read here, what is written here they read.

use std::process::Command;

use salver::store::RedisStore;
use salver::{Context, Message, Salver, View};
use serde_json::{Value, json};

use crate::support::at;
use crate::support::browser::target;
use crate::support::redis::Server;

/// A language: what runs it, what begins each program, and how a program says what it does.
struct Tongue {
    name: &'static str,
    add: &'static str,
    follow: &'static str,
    peek: &'static str,
}

const TONGUES: [Tongue; 2] = [
    Tongue {
        name: "python",
        add: r#"
for text in ("10 %", "20 %"):
    site.add(context, salver.message(text, tag="import", level="error", title="ø"))
one = salver.message("once", id=salver.step_id(int(time.time() * 1000) - 1000, "job", 1), action={"label": "Look", "url": "/p"})
print(json.dumps([site.add(context, one, salver.message("twice")), site.add(context, one)]))
"#,
        follow: r#"
try:
    print(json.dumps(site.add(context, salver.message("later"))))
except salver.Closed:
    print('"closed"')
"#,
        peek: "print(json.dumps([one['text'] for one in site.peek(context)]))",
    },
    Tongue {
        name: "node",
        add: r#"
for (const text of ["10 %", "20 %"]) await site.add(context, [salver.message(text, { tag: "import", level: "error", title: "ø" })]);
const one = salver.message("once", { id: salver.stepId(Date.now() - 1000, "job", 1), action: { label: "Look", url: "/p" } });
console.log(JSON.stringify([await site.add(context, [one, salver.message("twice")]), await site.add(context, [one])]));
"#,
        follow: r#"
const added = site.add(context, [salver.message("later")]);
console.log(JSON.stringify(await added.catch((error) => (error instanceof salver.Closed ? "closed" : String(error)))));
"#,
        peek: "console.log(JSON.stringify((await site.peek(context)).map(({ text }) => text)));",
    },
];

impl Tongue {
    /// Runs a program with a context at hand; gives what it prints.
    fn run(&self, server: &Server, context: &Context, program: &str) -> Value {
        let port = server.port;
        let mut command = match self.name {
            "python" => {
                let mut python = Command::new(target().join("venv/bin/python"));
                let begin = format!(
                    "import json, os, sys, time, redis\nsys.path.insert(0, 'examples/python')\nimport salver\n\
                     site = salver.Salver(redis.Redis(port={port}))\n\
                     context = salver.Context.from_json(os.environ['CONTEXT'])\n"
                );
                python.args(["-c", &(begin + program)]);
                python
            }
            _ => {
                let begin = format!(
                    "import {{ createRequire }} from 'node:module';\nimport * as salver from './examples/node/salver.mjs';\n\
                     const redis = createRequire(process.cwd() + '/target/npm/')('redis');\n\
                     const client = await redis.createClient({{ url: 'redis://127.0.0.1:{port}' }}).connect();\n\
                     const site = new salver.Salver(client);\nconst context = salver.Context.fromJson(process.env.CONTEXT);\n"
                );
                let mut node = Command::new("node");
                let program = begin + program + "\nclient.destroy();";
                node.args(["--input-type=module", "-e", &program]);
                node
            }
        };
        let context = serde_json::to_string(context).unwrap();
        let command = command
            .env("CONTEXT", context)
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        let ran = command.output().unwrap_or_else(|error| {
            panic!(
                "{}: {error}; `tests/run integrations` installs it",
                self.name
            )
        });
        let said = String::from_utf8_lossy(&ran.stdout);
        let errors = String::from_utf8_lossy(&ran.stderr);
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{}: {said}{errors}", self.name))
    }
}

#[tokio::test]
async fn what_is_written_in_another_language_is_read_and_the_other_way_round() {
    let server = Server::start();
    let salver = Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap();
    for tongue in &TONGUES {
        let page = at(&format!("ada:{{ø}} {}", tongue.name), "orders/{id}");
        assert_eq!(tongue.run(&server, &page, tongue.add), json!([0, 0]));
        let found = salver.peek(&page).await.unwrap();
        let texts: Vec<_> = found.iter().map(Message::text).collect();
        // In the order of their ids, of which one is of a job that began before.
        assert_eq!(texts, ["once", "20 %", "twice"], "{}", tongue.name);
        assert_eq!(found[0].get_action().unwrap().url(), "/p");
        assert_eq!(found[1].get_title(), Some("ø"));

        salver.add(&page, Message::info("from Rust")).await.unwrap();
        let any = page.with_view(View::ANY);
        salver.add(&any, Message::info("for any")).await.unwrap();
        let seen = tongue.run(&server, &page, tongue.peek);
        assert_eq!(
            seen,
            json!(["once", "20 %", "twice", "from Rust"]),
            "{}",
            tongue.name
        );
        assert_eq!(tongue.run(&server, &any, tongue.peek), json!(["for any"]));

        // A login, which adds follow; a logout, which they do not.
        let moved = at(&format!("ada after {}", tongue.name), "orders/{id}");
        salver
            .migrate(page.session(), moved.session())
            .await
            .unwrap();
        assert_eq!(
            tongue.run(&server, &page, tongue.follow),
            0,
            "{}",
            tongue.name
        );
        let found = salver.peek(&moved).await.unwrap();
        assert!(found.iter().any(|message| message.text() == "later"));
        salver.close_session(moved.session()).await.unwrap();
        assert_eq!(tongue.run(&server, &moved, tongue.follow), "closed");
        println!(
            "HANDS language={} written=read read=written moved=followed",
            tongue.name
        );
    }
}

/// The frozen vectors, read by each in its own tests.
#[test]
fn all_read_the_same_vectors() {
    for (name, program, arguments) in [
        (
            "python",
            target().join("venv/bin/python"),
            &["-m", "unittest", "-q", "examples/python/test_salver.py"][..],
        ),
        (
            "python's types",
            target().join("venv/bin/mypy"),
            &[
                "--strict",
                "--cache-dir=target/mypy",
                "examples/python/salver.py",
            ],
        ),
        ("node", "node".into(), &["--test", "examples/node/"]),
    ] {
        let mut command = Command::new(program);
        let ran = command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{name}: {said}");
    }
}
