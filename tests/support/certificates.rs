//! TLS certificates, created by `openssl` in a folder of the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::processes::scratch;

/// A certificate authority. The files of a certificate carry the name that was passed to `sign`.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

/// The files of a certificate and of its key.
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

    /// Returns the authority's own certificate, by which clients and servers verify the others.
    pub fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub fn pem(&self) -> Vec<u8> {
        std::fs::read(self.file()).unwrap()
    }

    /// Signs a certificate for these subject alternative names. It expires in `days`; a negative
    /// number makes it expired.
    pub fn sign(&self, name: &str, alternative_names: &str, days: i32) -> Certificate {
        let extension = format!("subjectAltName={alternative_names}\n");
        std::fs::write(self.folder.join("extension"), extension).unwrap();
        self.openssl(&format!(
            "req NEW -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -days {days} -extfile extension -out {name}.pem"
        ));
        Certificate {
            file: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        }
    }

    /// Signs a certificate for a server on localhost.
    pub fn sign_localhost(&self) -> Certificate {
        self.sign("localhost", "IP:127.0.0.1,DNS:localhost", 2)
    }

    fn openssl(&self, arguments: &str) {
        let arguments = arguments.replace(
            "NEW",
            "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes",
        );
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(&self.folder);
        let output = command
            .output()
            .expect("openssl is missing: install it, on Debian by `apt-get install openssl`");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {stderr}");
    }
}

impl Certificate {
    pub fn pem(&self) -> (Vec<u8>, Vec<u8>) {
        let read = |path: &Path| std::fs::read(path).unwrap();
        (read(&self.file), read(&self.key))
    }
}
