//! Several processes read as one: their descriptors, threads and memory summed up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::other_process::{OtherProcess, ProcessReadError, ProcessReading};

/// Processes that come and go, read together.
#[derive(Debug, Clone, Default)]
pub struct ProcessSet {
    pids: Arc<Mutex<BTreeSet<u32>>>,
    /// Where all that this process has started is read, but for these.
    with_children_but: Option<BTreeSet<u32>>,
    /// The process whose descendants are read with it, and without which there is nothing to read.
    root: Option<u32>,
}

impl ProcessSet {
    /// The same, read with all that this process has started, but for these: what a process leaves
    /// behind is this process's, where that has asked for it.
    #[must_use]
    pub fn with_children_but(self, others: BTreeSet<u32>) -> Self {
        Self {
            with_children_but: Some(others),
            ..self
        }
    }

    /// A process with all that it has started, and that has.
    pub fn tree(root: u32) -> Self {
        let set = Self {
            root: Some(root),
            ..Self::default()
        };
        set.insert(root);
        set
    }

    /// Takes a process in.
    pub fn insert(&self, pid: u32) {
        self.lock().insert(pid);
    }

    /// Takes a process out.
    pub fn remove(&self, pid: u32) {
        self.lock().remove(&pid);
    }

    /// The processes that were taken in.
    pub fn pids(&self) -> BTreeSet<u32> {
        self.lock().clone()
    }

    /// The processes that are read.
    pub fn all(&self) -> BTreeSet<u32> {
        let mut pids = self.pids();
        if let Some(others) = &self.with_children_but {
            pids.extend(children_but(others));
        }
        if let Some(root) = self.root {
            pids.extend(descendants(root, &BTreeSet::new()));
        }
        pids
    }

    /// Reads those that are there; one that ends meanwhile counts for nothing.
    ///
    /// # Errors
    /// Where one may not be read, and where none is left.
    pub fn read(&self) -> Result<ProcessReading, ProcessReadError> {
        let pids = self.all();
        if pids.is_empty() {
            return Err(ProcessReadError::Gone);
        }
        let mut sum: Option<ProcessReading> = None;
        // A process that was started anew is no restart of the set, unless it is its root.
        let mut started = 0;
        for pid in pids {
            let one = match OtherProcess::new(pid).read() {
                Ok(one) => one,
                Err(ProcessReadError::Gone) if self.root != Some(pid) => continue,
                Err(error) => return Err(error),
            };
            if self.root == Some(pid) {
                started = one.started;
            }
            match &mut sum {
                None => sum = Some(one),
                Some(sum) => add(sum, one),
            }
        }
        let read = sum.map(|sum| ProcessReading { started, ..sum });
        Ok(read.unwrap_or_default())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(sum: &mut ProcessReading, one: ProcessReading) {
    sum.pids.extend(one.pids);
    sum.fds += one.fds;
    sum.cpu_time += one.cpu_time;
    for (kind, count) in one.fd_kinds {
        *sum.fd_kinds.entry(kind).or_default() += count;
    }
    sum.members.extend(one.members);
    sum.gauges = sum.gauges.plus(one.gauges);
}

/// What this process has started, and what that has, but for these; without what has ended.
#[cfg(target_os = "linux")]
pub fn children_but(others: &BTreeSet<u32>) -> BTreeSet<u32> {
    descendants(std::process::id(), others)
}

/// What a process has started, and what that has, but for these; without what has ended.
#[cfg(target_os = "linux")]
fn descendants(root: u32, others: &BTreeSet<u32>) -> BTreeSet<u32> {
    use procfs::process::{ProcState, all_processes};

    let mut parents = Vec::new();
    for process in all_processes().into_iter().flatten() {
        let Ok(stat) = process.and_then(|process| process.stat()) else {
            continue;
        };
        let ids = u32::try_from(stat.pid)
            .ok()
            .zip(u32::try_from(stat.ppid).ok());
        if !matches!(stat.state(), Ok(ProcState::Zombie | ProcState::Dead)) {
            parents.extend(ids);
        }
    }
    let mut found = BTreeSet::new();
    loop {
        let is_new = |(pid, parent): &&(u32, u32)| {
            let is_theirs = *parent == root || found.contains(parent);
            is_theirs && !others.contains(pid) && !found.contains(pid)
        };
        let new: Vec<u32> = parents.iter().filter(is_new).map(|(pid, _)| *pid).collect();
        if new.is_empty() {
            return found;
        }
        found.extend(new);
    }
}

/// Nothing: only Linux has `/proc`.
#[cfg(not(target_os = "linux"))]
pub fn children_but(_others: &BTreeSet<u32>) -> BTreeSet<u32> {
    BTreeSet::new()
}

/// Nothing: only Linux has `/proc`.
#[cfg(not(target_os = "linux"))]
fn descendants(_root: u32, _others: &BTreeSet<u32>) -> BTreeSet<u32> {
    BTreeSet::new()
}
