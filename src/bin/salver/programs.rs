//! Local programs, which a worker runs with events.

use std::convert::Infallible;
use std::future::pending;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, kill_process_group};
use salver::events::Event;
use salver::jobs::Worker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::cli::{Exec, ProgramArgs};
use crate::error::CliError;

/// The name of the actions. So a function of the site for the same type is another action, and is called too.
const NAME: &str = "program";
/// Most output of a program in bytes: 64 KiB, as an event has at most. Stops a program from filling the memory of the worker.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024;
/// How much of the end of standard error is reported, in bytes: a job keeps 300 bytes of a failure.
const MAX_REPORTED_BYTES: usize = 200;
/// Shortest time that can be set for programs. A shorter one is a wrong unit.
const MIN_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest time that can be set for programs: an attempt, which lasts longer, has at most 1 hour.
const MAX_TIMEOUT: Duration = Duration::from_secs(50 * 60);
/// How much longer an attempt may last than its program: it reads the event and publishes the result.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);

/// Adds programs to a worker.
///
/// # Errors
///
/// Invalid input: a program that cannot be run, two programs for one type, a timeout out of its range.
pub(crate) fn add(mut worker: Worker, args: ProgramArgs) -> Result<Worker, CliError> {
    let time = *args.exec_timeout;
    if !(MIN_TIMEOUT..=MAX_TIMEOUT).contains(&time) {
        return Err(CliError::invalid_input(
            "--exec-timeout is not between 1 second and 50 minutes",
        ));
    }
    worker = worker.action_timeout(time + STORE_TIMEOUT);
    let mut types = args.exec.iter().map(|exec| &exec.event_type);
    while let Some(event_type) = types.next() {
        if types.clone().any(|other| other == event_type) {
            let problem = format!("--exec names two programs for {event_type}");
            return Err(CliError::invalid_input(problem));
        }
    }
    for Exec {
        event_type,
        program,
    } in args.exec
    {
        let program = Arc::new(Program::new(program, time)?);
        worker = worker.on_named(NAME, event_type, move |event| {
            let program = Arc::clone(&program);
            async move { program.call(&event).await }
        });
    }
    Ok(worker)
}

/// A program that can be run.
struct Program {
    path: PathBuf,
    timeout: Duration,
}

impl Program {
    fn new(path: PathBuf, timeout: Duration) -> Result<Self, CliError> {
        let invalid = |problem: &str| {
            let program = path.display();
            Err(CliError::invalid_input(format!(
                "the program {program} {problem}"
            )))
        };
        // The folder of the worker is not that of the program.
        if !path.is_absolute() {
            return invalid("is not named by an absolute path");
        }
        if !path.is_file() {
            return invalid("is not there, or is not a file");
        }
        if access(&path, Access::EXEC_OK).is_err() {
            return invalid("is not executable by the user of the worker");
        }
        Ok(Self { path, timeout })
    }

    /// Runs the program with an event. Returns its result. The error is for an operator.
    async fn call(&self, event: &Event) -> Result<Option<Event>, String> {
        let event = event.to_json().map_err(|error| error.to_string())?;
        let output = self.run(&event).await?;
        if output.trim_ascii().is_empty() {
            return Ok(None);
        }
        let result = Event::from_json(&output);
        result
            .map(Some)
            .map_err(|error| format!("the output is not a CloudEvent: {error}"))
    }

    /// Runs the program. Returns its output.
    async fn run(&self, input: &[u8]) -> Result<Vec<u8>, String> {
        let mut command = Command::new(&self.path);
        command.env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.stderr(Stdio::piped()).spawn();
        let child = child.map_err(|error| format!("the program cannot be started: {error}"))?;
        let (mut group, mut reported) = (ProcessGroup(child), Vec::new());
        let ended = timeout(self.timeout, group.end(input, &mut reported)).await;
        let problem = match ended {
            Ok(Ok(output)) => return Ok(output),
            Ok(Err(problem)) => problem,
            Err(_) => format!("killed after {} s", self.timeout.as_secs()),
        };
        Err(describe(&problem, &reported))
    }
}

/// A program that runs, with the processes that it has started. Dropping it kills them.
struct ProcessGroup(Child);

impl ProcessGroup {
    /// Waits until the program has ended and its output is closed. Returns the output. `reported`: gets the end of standard
    /// error.
    async fn end(&mut self, input: &[u8], reported: &mut Vec<u8>) -> Result<Vec<u8>, String> {
        let child = &mut self.0;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let ended = async {
            let output = tokio::try_join!(read_output(stdout), read_end(stderr, reported));
            let (output, ()) = output?;
            let status = child.wait().await.map_err(|error| error.to_string())?;
            match status.success() {
                true => Ok(output),
                false => Err(status.to_string()),
            }
        };
        // At the same time: a program need not read its input before it writes, or at all.
        tokio::select! {
            ended = ended => ended,
            never = write(stdin, input) => match never {},
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // A process that was waited for has no id here: the group of another program could have got it.
        let id = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(Pid::from_raw) {
            // An error: all processes of the group have ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Writes and closes the input.
async fn write(stdin: Option<ChildStdin>, input: &[u8]) -> Infallible {
    if let Some(mut stdin) = stdin {
        // An error: the program reads no more.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    }
    pending().await
}

/// Reads the output, up to its limit.
async fn read_output(stdout: Option<ChildStdout>) -> Result<Vec<u8>, String> {
    let mut output = Vec::new();
    if let Some(stdout) = stdout {
        let mut stdout = stdout.take(MAX_OUTPUT_BYTES + 1);
        let read = stdout.read_to_end(&mut output).await;
        read.map_err(|error| error.to_string())?;
    }
    match output.len() as u64 > MAX_OUTPUT_BYTES {
        true => Err(format!("the output has over {MAX_OUTPUT_BYTES} bytes")),
        false => Ok(output),
    }
}

/// Reads standard error, and keeps its end.
async fn read_end(stderr: Option<ChildStderr>, end: &mut Vec<u8>) -> Result<(), String> {
    let Some(mut stderr) = stderr else {
        return Ok(());
    };
    let mut buffer = [0; 4096];
    loop {
        let read = stderr.read(&mut buffer).await;
        let read = read.map_err(|error| error.to_string())?;
        if read == 0 {
            return Ok(());
        }
        end.extend(buffer.iter().take(read));
        let surplus = end.len().saturating_sub(MAX_REPORTED_BYTES);
        end.drain(..surplus);
    }
}

/// Describes a failed attempt in one line. Control characters could change the terminal of the operator.
fn describe(problem: &str, reported: &[u8]) -> String {
    let reported = String::from_utf8_lossy(reported);
    let reported = reported.replace(char::is_control, " ");
    match reported.trim() {
        "" => problem.to_owned(),
        reported => format!("{problem}: {reported}"),
    }
}
