//! What a process's program runs beside threads: the goroutines of a Go program, the tasks of one that uses
//! tokio.
//!
//! A Go program carries its build's information under a magic of its own, stripped or not; one that uses tokio
//! the paths of tokio's source files, of which panics tell, or the name of its threads.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use leakcheck_report::readings::Concurrency;
use memchr::memmem;

/// At the head of a Go program's build information; in two parts, or this program would hold it too.
const GO_BUILD_INFORMATION: [&[u8]; 2] = [b"\xff Go", b" buildinf:"];
/// In a path of tokio's source, and what its threads are called: of a program that was built with both.
const TOKIO_SOURCE: &[u8] = b"/tokio-1.";
const TOKIO_THREADS: &[u8] = b"tokio-rt-worker";
/// So much of a file is read at once.
const CHUNK: usize = 1 << 20;
/// The longest of the three, so that none is missed between two chunks.
const OVERLAP: usize = 32;

/// The programs of processes, each looked at once.
#[derive(Debug, Default)]
pub struct SeenPrograms {
    /// By file, whatever process runs it: its device and its number.
    files: BTreeMap<(u64, u64), BTreeSet<Concurrency>>,
    /// Whether one may not be read.
    unknown: bool,
}

impl SeenPrograms {
    /// Looks at the programs of these processes that it has not seen yet.
    pub fn look_at(&mut self, pids: &[u32]) {
        for pid in pids {
            let program = format!("/proc/{pid}/exe");
            match self.look_at_file(Path::new(&program)) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    self.unknown = true
                }
                // It has ended, or is a thread of the kernel.
                Err(_) | Ok(()) => {}
            }
        }
    }

    fn look_at_file(&mut self, program: &Path) -> io::Result<()> {
        let file = std::fs::metadata(program)?;
        if let Entry::Vacant(unseen) = self.files.entry((file.dev(), file.ino())) {
            unseen.insert(concurrency(program)?);
        }
        Ok(())
    }

    /// What all of them run beside threads.
    pub fn concurrency(&self) -> BTreeSet<Concurrency> {
        let unknown = self.unknown.then_some(Concurrency::Unknown);
        self.files
            .values()
            .flatten()
            .copied()
            .chain(unknown)
            .collect()
    }
}

/// What a program's file tells.
fn concurrency(program: &Path) -> io::Result<BTreeSet<Concurrency>> {
    let mut file = File::open(program)?;
    let go = GO_BUILD_INFORMATION.concat();
    let needles = [
        (memmem::Finder::new(&go), Concurrency::Goroutines),
        (memmem::Finder::new(TOKIO_SOURCE), Concurrency::TokioTasks),
        (memmem::Finder::new(TOKIO_THREADS), Concurrency::TokioTasks),
    ];
    let mut found = BTreeSet::new();
    let mut chunk = Vec::with_capacity(CHUNK + OVERLAP);
    loop {
        let read = (&mut file).take(CHUNK as u64).read_to_end(&mut chunk)?;
        let held = needles
            .iter()
            .filter(|(needle, _)| needle.find(&chunk).is_some());
        found.extend(held.map(|(_, concurrency)| *concurrency));
        if read == 0 {
            return Ok(found);
        }
        chunk.drain(..chunk.len().saturating_sub(OVERLAP));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_program_that_uses_tokio_is_known_and_a_shell_uses_nothing() {
        let mut programs = SeenPrograms::default();
        programs.look_at(&[std::process::id()]);
        assert!(programs.concurrency().contains(&Concurrency::TokioTasks));
        assert_eq!(
            concurrency(Path::new("/bin/sh")).expect("can be read"),
            BTreeSet::new()
        );
    }

    #[test]
    fn what_lies_between_two_chunks_is_found() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("program");
        for before in [CHUNK - 7, CHUNK, 2 * CHUNK - 1] {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(&GO_BUILD_INFORMATION.concat());
            std::fs::write(&path, &bytes).expect("written");
            let found = concurrency(&path).expect("can be read");
            assert_eq!(found, BTreeSet::from([Concurrency::Goroutines]));
        }
    }
}
