//! Certificates as an operator makes them, by `openssl`, in a folder of the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::processes::scratch;

/// An authority and what it has signed, in files named after who they are for.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub file: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new() -> Self {
        let folder = scratch("authority");
        let authority = Self { folder };
        authority.openssl("req -x509 NEW -keyout ca.key -out ca.pem -days 2 -subj /CN=authority");
        authority
    }

    /// The certificate by which clients and servers know what it has signed.
    pub fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub fn pem(&self) -> Vec<u8> {
        std::fs::read(self.file()).unwrap()
    }

    /// Signs a certificate for these names, for so many days from now.
    pub fn sign(&self, who: &str, names: &str, days: i32) -> Certificate {
        let names = format!("subjectAltName={names}\n");
        std::fs::write(self.folder.join("names"), names).unwrap();
        self.openssl(&format!(
            "req NEW -keyout {who}.key -out {who}.csr -subj /CN={who}"
        ));
        self.openssl(&format!(
            "x509 -req -in {who}.csr -CA ca.pem -CAkey ca.key -days {days} -extfile names -out {who}.pem"
        ));
        Certificate {
            file: self.folder.join(format!("{who}.pem")),
            key: self.folder.join(format!("{who}.key")),
        }
    }

    /// Signs a certificate for a server on this machine.
    pub fn sign_here(&self) -> Certificate {
        self.sign("here", "IP:127.0.0.1,DNS:localhost", 2)
    }

    fn openssl(&self, words: &str) {
        let words = words.replace(
            "NEW",
            "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes",
        );
        let mut command = Command::new("openssl");
        command.args(words.split(' ')).current_dir(&self.folder);
        let output = command
            .output()
            .expect("openssl is missing: install it, on Debian by `apt-get install openssl`");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {words}: {said}");
    }
}

impl Certificate {
    pub fn pem(&self) -> (Vec<u8>, Vec<u8>) {
        let read = |path: &Path| std::fs::read(path).unwrap();
        (read(&self.file), read(&self.key))
    }
}
