//! Open file descriptors: how many this process has, and of which kinds; what those of any process
//! point to.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

#[cfg(target_os = "linux")]
const FD_FOLDER: &str = "/proc/self/fd";
#[cfg(not(target_os = "linux"))]
const FD_FOLDER: &str = "/dev/fd";

/// Descriptors by kind: `socket`, `pipe`, `eventpoll`, `file` …
pub type FdKinds = BTreeMap<String, u64>;

/// Whether the kernel tells the number of descriptors in constant time: Linux 6.2 and later give it
/// as the size of `/proc/self/fd`. That reading works at the descriptor limit too, where listing
/// the folder fails.
pub fn constant_time() -> bool {
    cfg!(target_os = "linux") && std::fs::metadata(FD_FOLDER).is_ok_and(|folder| folder.len() > 0)
}

/// The number of open descriptors; `None` where it cannot be told.
pub fn open() -> Option<u64> {
    if cfg!(target_os = "linux")
        && let Ok(folder) = std::fs::metadata(FD_FOLDER)
        && folder.len() > 0
    {
        return Some(folder.len());
    }
    // Listing the folder opens a descriptor, which it lists with the others.
    let listed = std::fs::read_dir(FD_FOLDER).ok()?.count() as u64;
    Some(listed.saturating_sub(1))
}

/// The open descriptors by kind.
///
/// # Errors
/// Fails where the descriptors cannot be listed, as at the descriptor limit.
pub fn kinds() -> io::Result<FdKinds> {
    let mut targets = targets(Path::new(FD_FOLDER))?;
    // The folder's own.
    targets.retain(|target| !target.ends_with("/fd"));
    Ok(by_kind(&targets))
}

/// What the descriptors of a folder point to: `socket:[123]`, `anon_inode:[eventpoll]`, a path.
///
/// # Errors
/// Fails where the folder cannot be listed.
pub fn targets(folder: &Path) -> io::Result<Vec<String>> {
    let numbered = numbered_targets(folder)?.into_iter();
    Ok(numbered.map(|(_, target)| target).collect())
}

/// The same, each with the descriptor's number.
///
/// # Errors
/// Fails where the folder cannot be listed.
pub fn numbered_targets(folder: &Path) -> io::Result<Vec<(u32, String)>> {
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        // A descriptor that was closed since the folder was read is none.
        if let Some(number) = number
            && let Ok(target) = std::fs::read_link(entry.path())
        {
            targets.push((number, target.to_string_lossy().into_owned()));
        }
    }
    Ok(targets)
}

/// Counts targets by their kind.
pub fn by_kind(targets: impl IntoIterator<Item = impl AsRef<str>>) -> FdKinds {
    let mut kinds = FdKinds::new();
    for target in targets {
        *kinds.entry(kind(target.as_ref()).into()).or_default() += 1;
    }
    kinds
}

/// The number of the socket that a target is.
pub fn socket(target: &str) -> Option<u64> {
    let number = target.strip_prefix("socket:[")?.strip_suffix(']')?;
    number.parse().ok()
}

/// The kind of what a descriptor's link points to: `socket:[123]`, `anon_inode:[eventpoll]`, a path.
fn kind(target: &str) -> &str {
    if let Some(anonymous) = target.strip_prefix("anon_inode:") {
        return anonymous.trim_matches(['[', ']']);
    }
    match target.split_once(":[") {
        Some((kind, _)) => kind,
        None => "file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_off_the_links() {
        assert_eq!(kind("socket:[4711]"), "socket");
        assert_eq!(kind("pipe:[4711]"), "pipe");
        assert_eq!(kind("anon_inode:[eventpoll]"), "eventpoll");
        assert_eq!(kind("/dev/null"), "file");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_its_descriptors_counted() {
        assert!(open().expect("/proc is mounted") >= 3);
        assert!(kinds().expect("/proc is mounted").values().sum::<u64>() >= 3);
    }
}
