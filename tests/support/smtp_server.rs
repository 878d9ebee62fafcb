//! A real SMTP server, which writes each accepted mail into a file of its own.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde::Deserialize;

use super::certificates::Authority;
use super::processes::{self, ChildProcess, scratch};

pub struct SmtpServer {
    folder: PathBuf,
    port: u16,
    counted: Mutex<ReadPosition>,
    _process: ChildProcess,
}

/// How much of the file was counted.
#[derive(Default)]
struct ReadPosition {
    bytes: u64,
    mails: usize,
}

/// A mail that the server has accepted.
#[derive(Clone, Debug, Deserialize)]
pub struct ReceivedMail {
    pub to: String,
    pub sender: String,
    pub is_encrypted: bool,
    pub is_authenticated: bool,
    /// The decoded headers, by their names in lower case.
    pub headers: HashMap<String, String>,
    pub header_names: Vec<String>,
    /// What Python's parser finds wrong with the headers.
    pub defects: Vec<String>,
    pub text: String,
    pub html: String,
}

impl SmtpServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with a certificate for localhost. `tls`: `tls` or `starttls`.
    pub fn encrypted(tls: &str, authority: &Authority) -> Self {
        let certificate = authority.sign_localhost();
        let (file, key) = (certificate.file.to_str(), certificate.key.to_str());
        let (file, key) = (file.unwrap(), key.unwrap());
        Self::with(&["--tls", tls, "--certificate", file, "--key", key])
    }

    /// Starts a server that requires a login as `salver`.
    pub fn with_password(password: &str) -> Self {
        Self::with(&["--password", password])
    }

    fn with(arguments: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = scratch("smtp");
        let python = root.join("target/venv/bin/python");
        assert!(python.exists(), "Python is missing: run tests/setup.sh");
        let mut command = Command::new(python);
        command.arg(root.join("tests/support/smtp_server.py"));
        command.arg(&folder).args(arguments).stdout(Stdio::piped());
        let mut process = processes::start(&mut command, "python3");
        let port = process.lines().next();
        let port = port.expect("the SMTP server does not start: run tests/setup.sh");
        Self {
            folder,
            port: port.unwrap().parse().unwrap(),
            counted: Mutex::default(),
            _process: process,
        }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets what becomes of all mails: `421`, `451`, `550`, `535`, `lost`, `hold…`; empty for acceptance.
    pub fn set_mode(&self, mode: &str) {
        std::fs::write(self.folder.join("mode"), mode).unwrap();
    }

    /// Replies to the mails that were accepted in a mode of `hold…`.
    pub fn reply_to_held(&self, mode: &str, reply: &str) {
        // The server reads the file as soon as it has its name.
        let unnamed = self.folder.join("reply");
        std::fs::write(&unnamed, reply).unwrap();
        std::fs::rename(unnamed, self.folder.join(format!("{mode}.reply"))).unwrap();
    }

    /// Returns the number of accepted mails.
    pub fn count(&self) -> usize {
        let mut counted = self.counted.lock().unwrap();
        let Ok(mut file) = File::open(self.folder.join("mails")) else {
            return 0;
        };
        let mut new = Vec::new();
        file.seek(SeekFrom::Start(counted.bytes)).unwrap();
        file.read_to_end(&mut new).unwrap();
        counted.bytes += new.len() as u64;
        counted.mails += new.iter().filter(|byte| **byte == b'\n').count();
        counted.mails
    }

    /// Returns the accepted mails, oldest first.
    pub fn mails(&self) -> Vec<ReceivedMail> {
        let lines = std::fs::read_to_string(self.folder.join("mails"));
        let lines = lines.unwrap_or_default();
        // One that is being written has no end yet.
        let (lines, _) = lines.rsplit_once('\n').unwrap_or_default();
        let mails = lines.lines().map(serde_json::from_str);
        mails.collect::<Result<_, _>>().unwrap()
    }
}
