//! Which processes serve an address of this machine.

use std::path::Path;

/// The processes that have the socket open that listens at a TCP port, as far as they can be found.
#[cfg(target_os = "linux")]
pub fn at_port(port: u16) -> Vec<u32> {
    use procfs::net::TcpState;

    let v4 = procfs::net::tcp().into_iter().flatten();
    let v6 = procfs::net::tcp6().into_iter().flatten();
    let listens = |entry: &procfs::net::TcpNetEntry| {
        entry.state == TcpState::Listen && entry.local_address.port() == port
    };
    let socket = v4.chain(v6).find(listens);
    socket
        .map(|socket| owners(socket.inode))
        .unwrap_or_default()
}

/// The processes that have the listening end of a unix socket open, as far as they can be found.
#[cfg(target_os = "linux")]
pub fn at_socket(path: &Path) -> Vec<u32> {
    let Ok(path) = path.canonicalize() else {
        return Vec::new();
    };
    let is_it = |entry: &procfs::net::UnixNetEntry| {
        let bound = entry.path.as_deref().map(Path::canonicalize);
        // Connections that it accepted have the same path, and are connected.
        bound.is_some_and(|bound| bound.ok().as_deref() == Some(&path))
            && entry.state == procfs::net::UnixState::UNCONNECTED
    };
    let all = procfs::net::unix().into_iter().flatten();
    let socket = all.into_iter().find(is_it);
    socket
        .map(|socket| owners(socket.inode))
        .unwrap_or_default()
}

/// The processes that have a socket open: a program, what it has started, and what has started it.
#[cfg(target_os = "linux")]
fn owners(socket: u64) -> Vec<u32> {
    use leakcheck_test::fds;

    let has_it = |pid: &u32| {
        let folder = format!("/proc/{pid}/fd");
        let open = fds::targets(Path::new(&folder)).unwrap_or_default();
        open.iter()
            .any(|target| fds::socket(target) == Some(socket))
    };
    let processes = procfs::process::all_processes()
        .into_iter()
        .flatten()
        .flatten();
    let pids = processes.filter_map(|process| u32::try_from(process.pid).ok());
    pids.filter(has_it).collect()
}

/// The command line of a process, its words apart by zero bytes.
#[cfg(target_os = "linux")]
pub fn command_line(pid: u32) -> Option<Vec<u8>> {
    std::fs::read(format!("/proc/{pid}/cmdline")).ok()
}

/// Nothing: only Linux has `/proc`.
#[cfg(not(target_os = "linux"))]
pub fn at_port(_port: u16) -> Vec<u32> {
    Vec::new()
}

/// Nothing: only Linux has `/proc`.
#[cfg(not(target_os = "linux"))]
pub fn at_socket(_path: &Path) -> Vec<u32> {
    Vec::new()
}

/// Nothing: only Linux has `/proc`.
#[cfg(not(target_os = "linux"))]
pub fn command_line(_pid: u32) -> Option<Vec<u8>> {
    None
}
