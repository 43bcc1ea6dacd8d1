//! What the engine measures of itself and of its machine for `GET /info`. What cannot be known
//! is `None`, never a made-up number.

/// Tokio tasks that are alive in this process.
pub fn alive_tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}

/// Open file descriptors of this process.
pub fn open_fds() -> Option<usize> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?.count();
    // The listing itself is one of them.
    entries.checked_sub(1)
}

/// The kernel's release, as `uname -r`.
pub fn kernel_release() -> Option<String> {
    line_of("/proc/sys/kernel/osrelease")
}

/// The machine's name.
pub fn hostname() -> Option<String> {
    line_of("/proc/sys/kernel/hostname")
}

/// The machine's memory in bytes.
pub fn memory_bytes() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = total.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Docker's word for the machine's architecture, as Go says it: `amd64`.
pub fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn line_of(path: &str) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}
