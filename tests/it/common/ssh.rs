//! A host that is reached by ssh: this machine, by an sshd of the test's own for each login, on no port.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::skip;

const SSHD: &str = "/usr/sbin/sshd";

/// What a user's own files would hold: a configuration, keys, and the hosts that are known.
pub struct SshHost {
    directory: TempDir,
}

impl SshHost {
    /// Makes keys on both sides that know each other; `None`, said as a skipped test, where no sshd can run.
    pub fn or_skip() -> Option<Self> {
        let host = Self::new()?;
        let configuration = host.path("sshd_config");
        let tried = Command::new(SSHD)
            .arg("-t")
            .arg("-f")
            .arg(configuration)
            .output();
        match tried {
            Ok(tried) if tried.status.success() => Some(host),
            Ok(tried) => {
                let said = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
                skip(&format!("no sshd can be run: {said}"));
                None
            }
            Err(error) => {
                skip(&format!("{SSHD} cannot be run: {error}"));
                None
            }
        }
    }

    fn new() -> Option<Self> {
        let host = Self {
            directory: tempfile::tempdir().expect("a directory"),
        };
        for key in ["host_key", "user_key"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(host.path(key))
                .stdin(Stdio::null())
                .status();
            if !made.is_ok_and(|status| status.success()) {
                skip("ssh-keygen cannot be run");
                return None;
            }
        }
        let public = |key: &str| std::fs::read_to_string(host.path(key)).expect("a public key");
        host.write("authorized_keys", &public("user_key.pub"));
        host.write("known_hosts", &format!("far {}", public("host_key.pub")));
        let at = |name| host.path(name).display().to_string();
        host.write(
            "sshd_config",
            &format!(
                "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n",
                at("host_key"),
                at("authorized_keys")
            ),
        );
        host.write(
            "config",
            &format!(
                "Host *\nProxyCommand {SSHD} -i -f {}\nIdentityFile {}\nIdentitiesOnly yes\n\
                 UserKnownHostsFile {}\nGlobalKnownHostsFile none\n",
                at("sshd_config"),
                at("user_key"),
                at("known_hosts")
            ),
        );
        std::fs::create_dir(host.path("bin")).expect("a directory");
        let ssh = format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", at("config"));
        host.write("bin/ssh", &ssh);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(host.path("bin/ssh"), executable).expect("a mode");
        Some(host)
    }

    /// A search path on which `ssh` is one with this configuration.
    pub fn search_path(&self) -> String {
        let usual = std::env::var("PATH").unwrap_or_default();
        format!("{}:{usual}", self.path("bin").display())
    }

    /// Takes the user's key back.
    pub fn shut_out(&self) {
        self.write("authorized_keys", "");
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }
}
