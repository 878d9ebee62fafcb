//! The modules for Python and Node: they read messages that Rust writes, and the reverse.

use std::process::Command;

use salver::store::RedisStore;
use salver::{Context, Message, Salver, View};
use serde_json::{Value, json};

use crate::support::at;
use crate::support::browser::target;
use crate::support::redis::Server;

/// A language, with the programs that add, that add after the session has changed, and that peek.
struct Language {
    name: &'static str,
    add: &'static str,
    add_later: &'static str,
    peek: &'static str,
}

const LANGUAGES: [Language; 2] = [
    Language {
        name: "python",
        add: r#"
for text in ("10 %", "20 %"):
    site.add(context, salver.message(text, tag="import", level="error", title="ø"))
one = salver.message("once", id=salver.step_id(int(time.time() * 1000) - 1000, "job", 1), action={"label": "Look", "url": "/p"})
print(json.dumps([site.add(context, one, salver.message("twice")), site.add(context, one)]))
"#,
        add_later: r#"
try:
    print(json.dumps(site.add(context, salver.message("later"))))
except salver.Closed:
    print('"closed"')
"#,
        peek: "print(json.dumps([one['text'] for one in site.peek(context)]))",
    },
    Language {
        name: "node",
        add: r#"
for (const text of ["10 %", "20 %"]) await site.add(context, [salver.message(text, { tag: "import", level: "error", title: "ø" })]);
const one = salver.message("once", { id: salver.stepId(Date.now() - 1000, "job", 1), action: { label: "Look", url: "/p" } });
console.log(JSON.stringify([await site.add(context, [one, salver.message("twice")]), await site.add(context, [one])]));
"#,
        add_later: r#"
const added = site.add(context, [salver.message("later")]);
console.log(JSON.stringify(await added.catch((error) => (error instanceof salver.Closed ? "closed" : String(error)))));
"#,
        peek: "console.log(JSON.stringify((await site.peek(context)).map(({ text }) => text)));",
    },
];

impl Language {
    /// Runs a program with a context in `context`. Returns the JSON that the program prints.
    fn run(&self, server: &Server, context: &Context, program: &str) -> Value {
        let context = serde_json::to_string(context).unwrap();
        run(self.name, server, &context, program)
    }
}

/// Runs a program in a language, with a client of a server in `client` and a context or `null` in
/// `context`. Returns the JSON that the program prints.
pub(super) fn run(language: &str, server: &Server, context: &str, program: &str) -> Value {
    let port = server.port;
    let mut command = match language {
        "python" => {
            let mut python = Command::new(target().join("venv/bin/python"));
            let prelude = format!(
                "import json, os, sys, time, redis\nsys.path.insert(0, 'examples/python')\nimport salver\n\
                 client = redis.Redis(port={port})\nsite = salver.Salver(client)\n\
                 context = os.environ['CONTEXT'] != 'null' and salver.Context.from_json(os.environ['CONTEXT'])\n"
            );
            python.args(["-c", &(prelude + program)]);
            python
        }
        _ => {
            let prelude = format!(
                "import {{ createRequire }} from 'node:module';\nimport * as salver from './examples/node/salver.mjs';\n\
                 const redis = createRequire(process.cwd() + '/target/npm/')('redis');\n\
                 const client = await redis.createClient({{ url: 'redis://127.0.0.1:{port}' }}).connect();\n\
                 const site = new salver.Salver(client);\n\
                 const context = process.env.CONTEXT !== 'null' && salver.Context.fromJson(process.env.CONTEXT);\n"
            );
            let mut node = Command::new("node");
            let program = prelude + program + "\nclient.destroy();";
            node.args(["--input-type=module", "-e", &program]);
            node
        }
    };
    let command = command
        .env("CONTEXT", context)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().unwrap_or_else(|error| {
        panic!("{language}: {error}; `tests/run integrations` installs it")
    });
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{language}: {text}{errors}"))
}

#[tokio::test]
async fn python_and_node_exchange_messages_with_rust() {
    let server = Server::start();
    let salver = Salver::new("app", RedisStore::new(&server.url()).unwrap()).unwrap();
    for language in &LANGUAGES {
        let context = at(&format!("ada:{{ø}} {}", language.name), "orders/{id}");
        assert_eq!(language.run(&server, &context, language.add), json!([0, 0]));
        let messages = salver.peek(&context).await.unwrap();
        let texts: Vec<_> = messages.iter().map(Message::text).collect();
        // In the order of their ids. That of the first is derived from an earlier time, the start
        // of a job.
        assert_eq!(texts, ["once", "20 %", "twice"], "{}", language.name);
        assert_eq!(messages[0].get_action().unwrap().url(), "/p");
        assert_eq!(messages[1].get_title(), Some("ø"));

        salver
            .add(&context, Message::info("from Rust"))
            .await
            .unwrap();
        let any = context.with_view(View::ANY);
        salver.add(&any, Message::info("for any")).await.unwrap();
        let texts = language.run(&server, &context, language.peek);
        assert_eq!(
            texts,
            json!(["once", "20 %", "twice", "from Rust"]),
            "{}",
            language.name
        );
        assert_eq!(
            language.run(&server, &any, language.peek),
            json!(["for any"])
        );

        // Adds follow a login to the new session. After a logout they fail.
        let moved = at(&format!("ada after {}", language.name), "orders/{id}");
        salver
            .migrate(context.session(), moved.session())
            .await
            .unwrap();
        assert_eq!(
            language.run(&server, &context, language.add_later),
            0,
            "{}",
            language.name
        );
        let messages = salver.peek(&moved).await.unwrap();
        assert!(messages.iter().any(|message| message.text() == "later"));
        salver.close_session(moved.session()).await.unwrap();
        assert_eq!(language.run(&server, &moved, language.add_later), "closed");
        println!(
            "INTEGRATION language={} write=ok read=ok session_change=ok",
            language.name
        );
    }
}

/// The unit tests of both modules, which read the frozen wire vectors, and the type check.
#[test]
fn python_and_node_pass_wire_vectors() {
    for (name, program, arguments) in [
        (
            "python",
            target().join("venv/bin/python"),
            &["-m", "unittest", "-q", "examples/python/test_salver.py"][..],
        ),
        (
            "mypy",
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
        let output = command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {text}");
    }
}
