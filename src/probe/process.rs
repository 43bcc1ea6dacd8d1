//! Memory and threads of this process, and the memory of a child.

/// What the kernel tells of this process; `None` where it tells nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessReading {
    /// Resident memory in bytes. It is no leak signal: an allocator keeps what a leak once took.
    pub rss_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// Reads this process.
#[cfg(target_os = "linux")]
pub fn read() -> ProcessReading {
    let stat = procfs::process::Process::myself().and_then(|process| process.stat());
    match stat {
        Ok(stat) => ProcessReading {
            rss_bytes: Some(stat.rss * procfs::page_size()),
            threads: u64::try_from(stat.num_threads).ok(),
        },
        Err(_) => ProcessReading::default(),
    }
}

/// Resident memory of a process, in bytes; `None` where it is gone.
#[cfg(target_os = "linux")]
pub fn rss_bytes(pid: u32) -> Option<u64> {
    let process = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?;
    Some(process.stat().ok()?.rss * procfs::page_size())
}

/// Reads nothing: only Linux has `/proc`.
#[cfg(not(target_os = "linux"))]
pub fn rss_bytes(_pid: u32) -> Option<u64> {
    None
}

/// Reads nothing: only Linux has `/proc`.
#[cfg(not(target_os = "linux"))]
pub fn read() -> ProcessReading {
    ProcessReading::default()
}
