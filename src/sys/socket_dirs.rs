//! Private directories for the sockets of engines: made, and found again where the process that made one was
//! killed before it could remove it.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// What the names of the private directories start with.
const PREFIX: &str = "leakcheck-engine-";

/// An engine makes its directory first and its socket right after: an empty directory is stale
/// only when it is older than this.
const TIME_TO_LISTEN: Duration = Duration::from_secs(60);

/// A listener that does not even take a connection within this is busy, and alive.
const TIME_TO_ACCEPT: Duration = Duration::from_secs(1);

/// Makes a private directory in `dir` (the temp directory), which goes when it is dropped.
///
/// # Errors
/// As the file system says.
pub fn make_directory(dir: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(PREFIX)
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(dir)
}

/// Makes a directory for an engine's socket that only this user can enter, and that goes when it is dropped.
///
/// # Errors
/// Fails where the directory for temporary files cannot be written.
pub fn private_directory() -> anyhow::Result<TempDir> {
    let parent = std::env::temp_dir();
    make_directory(&parent).with_context(|| {
        format!(
            "cannot make a directory for the engine's socket in {}; set TMPDIR to one that can be written",
            parent.display()
        )
    })
}

/// The stale directories in `dir` (the temp directory): named as ours, owned by us, holding
/// nothing but sockets that nobody listens on. What cannot be judged is left out.
pub async fn find(dir: &Path) -> Vec<PathBuf> {
    let (Ok(entries), Ok(me)) = (std::fs::read_dir(dir), own_uid()) else {
        return Vec::new();
    };
    let mut stale = Vec::new();
    for entry in entries.flatten() {
        let named_as_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if named_as_ours && is_stale(&entry.path(), me).await.unwrap_or(false) {
            stale.push(entry.path());
        }
    }
    stale.sort();
    stale
}

/// Removes a directory that [`find`] found. One that somebody else has removed meanwhile is gone.
///
/// # Errors
/// As the file system says.
pub fn remove(directory: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// The user that we act as, without a system call of our own: whose are the files that we make?
fn own_uid() -> io::Result<u32> {
    Ok(tempfile::tempfile()?.metadata()?.uid())
}

async fn is_stale(path: &Path, me: u32) -> io::Result<bool> {
    // Not through a symbolic link, which anybody can lay in a shared directory.
    let metadata = std::fs::symlink_metadata(path)?;
    if !metadata.is_dir() || metadata.uid() != me {
        return Ok(false);
    }
    let mut empty = true;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        empty = false;
        if !entry.file_type()?.is_socket() || !is_deserted(&entry.path()).await {
            return Ok(false);
        }
    }
    let age = metadata.modified()?.elapsed().unwrap_or_default();
    Ok(!empty || age > TIME_TO_LISTEN)
}

async fn is_deserted(socket: &Path) -> bool {
    match timeout(TIME_TO_ACCEPT, UnixStream::connect(socket)).await {
        Ok(Err(error)) => error.kind() == io::ErrorKind::ConnectionRefused,
        Ok(Ok(_)) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[tokio::test]
    async fn only_a_directory_of_ours_whose_listener_is_gone_is_stale() {
        let temp = tempfile::tempdir().expect("a directory");
        let make = |name: &str| {
            let path = temp.path().join(name);
            std::fs::create_dir(&path).expect("a directory");
            path
        };
        let dead = make("leakcheck-engine-dead");
        drop(UnixListener::bind(dead.join("engine.sock")).expect("a socket"));
        let live = make("leakcheck-engine-live");
        let _listening = UnixListener::bind(live.join("engine.sock")).expect("a socket");
        make("leakcheck-engine-just-made");
        let notes = make("leakcheck-engine-with-notes");
        std::fs::write(notes.join("notes.txt"), "mine").expect("a file");
        let other = make("somebody-elses");
        drop(UnixListener::bind(other.join("engine.sock")).expect("a socket"));
        std::os::unix::fs::symlink(&dead, temp.path().join("leakcheck-engine-link"))
            .expect("a link");

        assert_eq!(find(temp.path()).await, vec![dead.clone()]);
        remove(&dead).expect("removed");
        assert!(!dead.exists() && live.exists() && notes.exists());
    }
}
