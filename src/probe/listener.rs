//! Which process serves an address of this machine.

use std::path::Path;

/// The process that listens at a TCP port of this machine's own address, where it can be found.
#[cfg(target_os = "linux")]
pub fn at_port(port: u16) -> Option<u32> {
    use procfs::net::TcpState;

    let v4 = procfs::net::tcp().into_iter().flatten();
    let v6 = procfs::net::tcp6().into_iter().flatten();
    let listens = |entry: &procfs::net::TcpNetEntry| {
        entry.state == TcpState::Listen && entry.local_address.port() == port
    };
    let socket = v4.chain(v6).find(listens)?.inode;
    owner(socket)
}

/// The process that listens at a unix socket, where it can be found.
#[cfg(target_os = "linux")]
pub fn at_socket(path: &Path) -> Option<u32> {
    let path = path.canonicalize().ok()?;
    let is_it = |entry: &procfs::net::UnixNetEntry| {
        let bound = entry.path.as_deref().map(Path::canonicalize);
        // What listens accepts connections: bit 16 of its flags. Those that it accepted have the same path.
        bound.is_some_and(|bound| bound.ok().as_deref() == Some(&path))
            && entry.state == procfs::net::UnixState::UNCONNECTED
    };
    let all = procfs::net::unix().into_iter().flatten();
    owner(all.into_iter().find(is_it)?.inode)
}

/// The process that has a socket open; of several, as of a program and what it has started, the oldest.
#[cfg(target_os = "linux")]
fn owner(socket: u64) -> Option<u32> {
    use leakcheck_test::fds;

    let has_it = |pid: &u32| {
        let folder = format!("/proc/{pid}/fd");
        let open = fds::targets(Path::new(&folder)).unwrap_or_default();
        open.iter()
            .any(|target| fds::socket(target) == Some(socket))
    };
    let processes = procfs::process::all_processes().ok()?.flatten();
    let pids = processes.filter_map(|process| u32::try_from(process.pid).ok());
    pids.filter(has_it).min()
}

/// The command line of a process, its words apart by zero bytes.
#[cfg(target_os = "linux")]
pub fn command_line(pid: u32) -> Option<Vec<u8>> {
    std::fs::read(format!("/proc/{pid}/cmdline")).ok()
}

/// Nothing: only Linux has `/proc`.
#[cfg(not(target_os = "linux"))]
pub fn at_port(_port: u16) -> Option<u32> {
    None
}

/// Nothing: only Linux has `/proc`.
#[cfg(not(target_os = "linux"))]
pub fn at_socket(_path: &Path) -> Option<u32> {
    None
}

/// Nothing: only Linux has `/proc`.
#[cfg(not(target_os = "linux"))]
pub fn command_line(_pid: u32) -> Option<Vec<u8>> {
    None
}
