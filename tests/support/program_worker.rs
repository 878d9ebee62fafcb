//! `salver worker --exec` in a process of its own, and the programs that it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use salver::Salver;

use super::eventually;
use super::processes::{ChildProcess, start};

const TOOL: &str = env!("CARGO_BIN_EXE_salver");

/// Returns `salver worker` for an application, without settings of the environment.
pub fn worker_command(app: &str, redis: &str) -> Command {
    let mut command = Command::new(TOOL);
    for variable in ["SECRET", "SITE", "SMTP", "FROM"] {
        command.env_remove(format!("SALVER_{variable}"));
    }
    command.args(["worker", "--app", app]);
    command.env("REDIS_URL", redis);
    command
}

/// Starts a worker with programs, each with the type of its events, and waits until other workers know them.
pub async fn start_programs(
    salver: &Salver,
    redis: &str,
    programs: &[(&str, &Path)],
    arguments: &[&str],
) -> ChildProcess {
    let mut command = worker_command(salver.app(), redis);
    for (event_type, program) in programs {
        command.arg("--exec");
        command.arg(format!("{event_type}={}", program.display()));
    }
    command.args(arguments).stdout(Stdio::null());
    let process = start(&mut command, "none: it is part of this crate");
    eventually("the programs are registered", async || {
        let known = salver.endpoints().list().await.unwrap();
        let is_known = |event_type: &str| {
            let id = format!("action.program:{event_type}");
            known.iter().any(|endpoint| endpoint.id == id)
        };
        let mut types = programs.iter().map(|(event_type, _)| *event_type);
        types.all(is_known).then_some(())
    })
    .await;
    process
}

/// Writes an executable file. The text begins with `#!`, unless no program can run it.
pub fn program(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}
