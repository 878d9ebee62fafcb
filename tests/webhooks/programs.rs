//! Local programs that a worker runs with events. The worker and the programs are real processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use salver::Salver;
use salver::events::Event;
use salver::jobs::{Delivery, DeliveryState};
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::inboxes::Inboxes;
use crate::support::processes::{ChildProcess, scratch, start};
use crate::support::program_worker::{program, start_programs, worker_command};
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{order_paid, register, webhook_settings};

const PAID: &str = "order.paid";

/// A program that keeps what it is called with. `FOLDER` is that of the test.
const KEEP: &str = "#!/bin/sh
cat /proc/$$/environ > FOLDER/environment
echo $# \"$PWD\" > FOLDER/arguments
cat > FOLDER/event.new
mv FOLDER/event.new FOLDER/event
";

fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    program(
        folder,
        name,
        &text.replace("FOLDER", folder.to_str().unwrap()),
    )
}

async fn run(inboxes: &Inboxes, programs: &[(&str, &Path)], arguments: &[&str]) -> ChildProcess {
    let url = inboxes.server.as_ref().unwrap().url();
    start_programs(&inboxes.salver, &url, programs, arguments).await
}

/// Waits for a file, and returns its text.
async fn text(file: &Path) -> String {
    eventually("the program writes its file", async || {
        fs::read_to_string(file).ok()
    })
    .await
}

/// Waits until an attempt has failed, and returns its delivery.
async fn failed(salver: &Salver) -> Delivery {
    eventually("an attempt fails", async || {
        let waiting = salver
            .deliveries()
            .list(DeliveryState::Waiting, None)
            .await
            .unwrap();
        waiting.into_iter().find(|one| !one.attempts.is_empty())
    })
    .await
}

async fn all_done(salver: &Salver) {
    eventually("all jobs are done", async || {
        let counts = salver.deliveries().counts().await.unwrap();
        let leased = salver
            .deliveries()
            .list(DeliveryState::Leased, None)
            .await
            .unwrap();
        (counts.due + counts.later + counts.dead == 0 && leased.is_empty()).then_some(())
    })
    .await;
}

/// Waits until the processes whose ids are in a file have ended.
async fn ended(file: &Path) {
    let ids = text(file).await;
    let runs = |id: &str| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // Its parent has not waited for one in the state Z.
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
    };
    assert_eq!(ids.split_whitespace().count(), 2);
    eventually("the processes have ended", async || {
        ids.split_whitespace().all(|id| !runs(id)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn program_gets_the_event_and_nothing_else() {
    let (inboxes, folder) = (Inboxes::redis(), scratch("programs"));
    let salver = &inboxes.salver;
    // A shell would expand the name.
    let name = "invoice $(touch expanded); *";
    let invoice = script(&folder, name, KEEP);
    let _worker = run(&inboxes, &[(PAID, &invoice)], &[]).await;
    salver
        .publish(order_paid("1").subject("orders/7"))
        .await
        .unwrap();
    let event: Value = serde_json::from_str(&text(&folder.join("event")).await).unwrap();
    let expected = json!({
        "specversion": "1.0", "id": "1", "source": "/shop", "type": PAID, "subject": "orders/7",
        "time": event["time"], "datacontenttype": "application/json", "data": 7,
    });
    assert_eq!(event, expected);
    assert_eq!(text(&folder.join("environment")).await, "");
    assert_eq!(text(&folder.join("arguments")).await, "0 /\n");
    all_done(salver).await;
}

#[tokio::test]
async fn output_of_a_program_is_published_with_its_cause() {
    let (inboxes, folder) = (Inboxes::redis_with(webhook_settings), scratch("programs"));
    let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
    register(salver, &receiver, "/results", |endpoint| {
        endpoint.types(["order.checked"])
    })
    .await;
    let check = script(
        &folder,
        "check",
        r#"#!/bin/sh
echo '{"specversion": "1.0", "id": "theirs", "source": "/theirs", "type": "order.checked", "data": {"is_valid": true}}'
"#,
    );
    let _programs = run(&inboxes, &[(PAID, &check)], &[]).await;
    let webhooks = salver.worker().webhooks().start().unwrap();
    salver.publish(order_paid("1")).await.unwrap();
    let result = receiver.wait_for(1).await.remove(0);
    webhooks.stop().await;
    let result: Value = serde_json::from_str(&result.body).unwrap();
    assert_eq!(result["type"], "order.checked");
    assert_eq!(result["data"], json!({"is_valid": true}));
    assert_eq!(result["causationid"], "1");
    assert_eq!(
        result["source"],
        format!("/{}/salver/actions", salver.app())
    );
    assert_ne!(result["id"], "theirs");
}

#[tokio::test]
async fn program_that_takes_too_long_is_killed_with_its_children() {
    let (inboxes, folder) = (Inboxes::redis(), scratch("programs"));
    let slow = script(
        &folder,
        "slow",
        "#!/bin/sh\nsleep 1000 &\necho late >&2\necho $$ $! > FOLDER/ids.new\nmv FOLDER/ids.new FOLDER/ids\nwait\n",
    );
    let _worker = run(&inboxes, &[(PAID, &slow)], &["--exec-timeout", "2s"]).await;
    inboxes.salver.publish(order_paid("1")).await.unwrap();
    let failed = failed(&inboxes.salver).await;
    assert_eq!(failed.attempts[0].error, "action: killed after 2 s: late");
    ended(&folder.join("ids")).await;
}

#[tokio::test]
async fn program_with_more_than_64_kib_of_output_is_killed() {
    let (inboxes, folder) = (Inboxes::redis(), scratch("programs"));
    let salver = &inboxes.salver;
    let event = r#"{"specversion": "1.0", "id": "1", "source": "/", "type": "order.checked"}"#;
    let print = |bytes: usize, then: &str| {
        let blanks = bytes - event.len();
        format!("#!/bin/sh\necho $$ $$ > FOLDER/ids\nprintf '%s%{blanks}s' '{event}' ''\n{then}\n")
    };
    let allowed = script(&folder, "allowed", &print(65_536, ""));
    let refused = script(&folder, "refused", &print(65_537, "sleep 1000"));
    let keep = script(&folder, "keep", KEEP);
    let programs: [(&str, &Path); 3] = [
        ("order.created", &allowed),
        (PAID, &refused),
        ("order.checked", &keep),
    ];
    let _worker = run(&inboxes, &programs, &[]).await;
    salver.publish(Event::new("order.created")).await.unwrap();
    text(&folder.join("event")).await;
    all_done(salver).await;
    fs::remove_file(folder.join("ids")).unwrap();
    salver.publish(order_paid("1")).await.unwrap();
    let failed = failed(salver).await;
    assert_eq!(
        failed.attempts[0].error,
        "action: the output has over 65536 bytes"
    );
    ended(&folder.join("ids")).await;
}

#[tokio::test]
async fn program_with_another_exit_status_is_repeated_and_its_last_errors_are_listed() {
    let (inboxes, folder) = (Inboxes::redis(), scratch("programs"));
    let salver = &inboxes.salver;
    let fails_once = script(
        &folder,
        "fails-once",
        "#!/bin/sh
if test -e FOLDER/called; then exit 0; fi
touch FOLDER/called
head -c 1000000 /dev/zero | tr '\\0' x >&2
printf '\\nno \\033[1mstock\\n' >&2
exit 3
",
    );
    let _worker = run(&inboxes, &[(PAID, &fails_once)], &[]).await;
    salver.publish(order_paid("1")).await.unwrap();
    let failed = failed(salver).await;
    let error = &failed.attempts[0].error;
    assert!(error.starts_with("action: exit status: 3: xxx"), "{error}");
    assert!(error.ends_with("x no  [1mstock"), "{error}");
    assert!(error.len() < 300, "{error}");
    assert!(salver.deliveries().retry(&failed.id).await.unwrap());
    all_done(salver).await;
}

#[tokio::test]
async fn program_that_reads_and_writes_nothing_is_done() {
    let (inboxes, folder) = (Inboxes::redis(), scratch("programs"));
    let salver = &inboxes.salver;
    let quiet = script(
        &folder,
        "quiet",
        "#!/bin/sh\nexec <&-\ntouch FOLDER/called\n",
    );
    let _worker = run(&inboxes, &[(PAID, &quiet)], &[]).await;
    salver
        .publish(order_paid("1").data("x".repeat(60_000)))
        .await
        .unwrap();
    text(&folder.join("called")).await;
    all_done(salver).await;
}

#[tokio::test]
async fn output_that_is_no_event_fails_the_attempt() {
    let (inboxes, folder) = (Inboxes::redis(), scratch("programs"));
    let talks = script(&folder, "talks", "#!/bin/sh\necho '{\"type\": \"done\"}'\n");
    let _worker = run(&inboxes, &[(PAID, &talks)], &[]).await;
    inboxes.salver.publish(order_paid("1")).await.unwrap();
    let error = &failed(&inboxes.salver).await.attempts[0].error;
    assert!(
        error.starts_with("action: the output is not a CloudEvent: "),
        "{error}"
    );
    assert!(error.contains("specversion"), "{error}");
}

/// A shell would run the text as a script.
#[tokio::test]
async fn executable_text_without_interpreter_is_not_run_by_a_shell() {
    let (inboxes, folder) = (Inboxes::redis(), scratch("programs"));
    let text = script(&folder, "text", "touch FOLDER/called\n");
    let _worker = run(&inboxes, &[(PAID, &text)], &[]).await;
    inboxes.salver.publish(order_paid("1")).await.unwrap();
    let error = &failed(&inboxes.salver).await.attempts[0].error;
    assert!(
        error.starts_with("action: the program cannot be started: "),
        "{error}"
    );
    assert!(!folder.join("called").exists());
}

#[test]
fn worker_without_a_program_that_runs_is_not_started() {
    let folder = scratch("programs");
    let plain = folder.join("plain");
    fs::write(&plain, "#!/bin/sh\n").unwrap();
    let refused = |code: i32, words: &str, arguments: &[&str]| {
        let errors = folder.join("errors");
        let mut command = worker_command("app", "redis://127.0.0.1:1");
        command.args(arguments).stdout(Stdio::piped());
        command.stderr(fs::File::create(&errors).unwrap());
        let mut worker = start(&mut command, "none: it is part of this crate");
        // A worker that is started prints a line, and does not end by itself.
        assert!(worker.lines().next().is_none(), "{arguments:?}");
        let status = worker.wait().code();
        let errors = fs::read_to_string(errors).unwrap();
        assert_eq!(status, Some(code), "{errors}");
        assert!(errors.contains(words), "{errors}");
    };
    let exec = |program: &str| format!("order.paid={program}");
    refused(65, "is not there", &["--exec", &exec("/none")]);
    refused(65, "is not there", &["--exec", &exec("/bin/echo paid")]);
    refused(65, "is not a file", &["--exec", &exec("/bin")]);
    refused(65, "absolute", &["--exec", &exec("echo")]);
    refused(
        65,
        "not executable",
        &["--exec", &exec(plain.to_str().unwrap())],
    );
    refused(65, "types", &["--exec", "order paid=/bin/true"]);
    refused(
        65,
        "two programs",
        &["--exec", "paid=/bin/true", "--exec", "paid=/bin/echo"],
    );
    refused(
        65,
        "1 second",
        &["--exec", "paid=/bin/true", "--exec-timeout", "0s"],
    );
    refused(2, "TYPE=PROGRAM", &["--exec", "paid"]);
    refused(2, "--smtp", &[]);
    let smtp = "smtp://127.0.0.1:1";
    refused(2, "--from", &["--exec", "paid=/bin/true", "--smtp", smtp]);
    let site = [
        "--site",
        "https://shop.example",
        "--from",
        "shop@shop.example",
    ];
    refused(
        65,
        "needs the secret",
        &[&site[..], &["--smtp", smtp]].concat(),
    );
}
