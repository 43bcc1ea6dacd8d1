//! What the kernel counts of a process: of this one, of another, and the memory of a child.

use leakcheck_report::model::process_gauges::ProcessGauges;

/// Reads this process; nothing where the kernel tells nothing.
#[cfg(target_os = "linux")]
pub fn read() -> ProcessGauges {
    let stat = procfs::process::Process::myself().and_then(|process| process.stat());
    stat.map(|stat| gauges(&stat)).unwrap_or_default()
}

/// What the kernel tells of a process.
#[cfg(target_os = "linux")]
pub(super) fn gauges(stat: &procfs::process::Stat) -> ProcessGauges {
    ProcessGauges {
        rss_bytes: Some(stat.rss * procfs::page_size()),
        threads: u64::try_from(stat.num_threads).ok(),
        ..ProcessGauges::default()
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
pub fn read() -> ProcessGauges {
    ProcessGauges::default()
}
