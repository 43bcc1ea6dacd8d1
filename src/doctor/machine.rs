//! What this machine allows.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::check::Check;
use crate::sys::socket_dirs;

/// What a worker or an engine holds beside its streams: runtime, pipes, sockets of its own.
const OWN_FDS: u64 = 64;

/// The main job's defaults: 50 containers through 12 rotations of a wiring that leaks one file
/// descriptor per rotation.
const DEFAULT_CONTAINERS: u64 = 50;
const FDS_PER_CONTAINER: u64 = 1 + 12;

/// Whether the limit on file descriptors lets the default run leak to its end.
pub fn fd_limit() -> Check {
    match rlimit::getrlimit(rlimit::Resource::NOFILE) {
        Ok((soft, hard)) => judge_fd_limit(soft, hard),
        Err(error) => Check::warn(
            "fd limit",
            format!("not readable: {error}"),
            "see ulimit -n",
        ),
    }
}

fn judge_fd_limit(soft: u64, hard: u64) -> Check {
    const NAME: &str = "fd limit";
    let containers = |limit: u64| limit.saturating_sub(OWN_FDS) / FDS_PER_CONTAINER;
    let shown = |limit: u64| match limit {
        rlimit::INFINITY => "unlimited".to_owned(),
        limit => limit.to_string(),
    };
    let found = format!(
        "soft {}, hard {}: enough for {} containers that leak one fd in each of 12 rotations",
        shown(soft),
        shown(hard),
        match soft {
            rlimit::INFINITY => "any number of".to_owned(),
            soft => containers(soft).to_string(),
        },
    );
    if containers(soft) >= DEFAULT_CONTAINERS {
        return Check::ok(NAME, found);
    }
    let fewer = format!("run with --containers {}", containers(soft).max(1));
    let needed = OWN_FDS + DEFAULT_CONTAINERS * FDS_PER_CONTAINER;
    let advice = if hard >= needed {
        format!(
            "raise it (ulimit -n {}), or {fewer}",
            needed.next_power_of_two().min(hard)
        )
    } else {
        format!(
            "have the hard limit raised to {needed} or more (limits.conf, LimitNOFILE), or {fewer}"
        )
    };
    Check::fail(NAME, found, advice)
}

/// Whether the kernel tells the number of open file descriptors without listing them.
pub fn fd_count() -> Check {
    const NAME: &str = "fd count";
    match std::fs::metadata("/proc/self/fd") {
        Ok(metadata) if metadata.len() > 0 => {
            Check::ok(NAME, "the kernel counts open fds in constant time")
        }
        Ok(_) => Check::warn(
            NAME,
            "the kernel lists open fds one by one: sampling slows down as fds leak",
            "a kernel from 6.2 on counts them at once; nothing else changes",
        ),
        Err(error) => Check::warn(
            NAME,
            format!("/proc/self/fd is not readable ({error}): fds cannot be counted"),
            "mount /proc, or run on Linux",
        ),
    }
}

/// Whether an engine can listen in a private directory of the temp directory.
pub fn sockets() -> Check {
    const NAME: &str = "private sockets";
    let temp = std::env::temp_dir();
    match listen_in(&temp) {
        Ok(()) => Check::ok(NAME, format!("engines can listen below {}", temp.display())),
        Err(error) => Check::fail(
            NAME,
            format!("no socket can be made below {}: {error}", temp.display()),
            "set TMPDIR to a writable directory with a short path (a socket's path is at most 107 \
             bytes long)",
        ),
    }
}

fn listen_in(temp: &Path) -> io::Result<()> {
    // As long a name as an engine's, since the length of the path is what may be refused.
    let directory = socket_dirs::make_directory(temp)?;
    UnixListener::bind(directory.path().join("engine.sock"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Status;

    #[test]
    fn a_limit_of_1024_is_enough_for_the_default_run_and_256_is_not() {
        assert_eq!(judge_fd_limit(1024, 4096).status, Status::Ok);
        let low = judge_fd_limit(256, 4096);
        assert_eq!(low.status, Status::Fail);
        assert_eq!(
            low.advice.as_deref(),
            Some("raise it (ulimit -n 1024), or run with --containers 14")
        );
    }

    #[test]
    fn a_hard_limit_that_is_too_low_is_not_to_be_raised_with_ulimit() {
        let advice = judge_fd_limit(256, 512).advice.expect("advice");
        assert!(
            advice.contains("hard limit") && !advice.contains("ulimit"),
            "{advice}"
        );
        assert!(
            judge_fd_limit(rlimit::INFINITY, rlimit::INFINITY)
                .found
                .contains("any number")
        );
    }

    #[test]
    fn a_temp_directory_with_too_long_a_path_is_found_out() {
        let temp = tempfile::tempdir().expect("a directory");
        let long = temp.path().join("x".repeat(100));
        std::fs::create_dir(&long).expect("a directory");
        assert!(listen_in(temp.path()).is_ok());
        assert!(listen_in(&long).is_err());
    }
}
