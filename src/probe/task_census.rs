//! The census of live tasks by the place that spawned them.
//!
//! Under `tokio_unstable` the runtime's hooks tell of every spawn and every end, a library's hidden
//! tasks included. After a site's first spawn, counting takes no lock and allocates nothing, so that
//! the census does not disturb what it measures. Without `tokio_unstable`, tasks that this program
//! spawns carry a guard that counts them here, and all others are known only by their number.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Room for this many spawn sites; what does not fit is counted together.
const CAPACITY: usize = 256;

/// The census of this process.
static SITES: SiteTable = SiteTable::new();

/// Live tasks by spawn site, as `file:line:column`.
pub type SiteCounts = BTreeMap<String, u64>;

/// Lets the census hear of every task that the runtime spawns and ends.
#[cfg(tokio_unstable)]
pub fn observe(runtime: &mut tokio::runtime::Builder) {
    runtime.on_task_spawn(|task| SITES.site(task.spawned_at()).spawned());
    runtime.on_task_terminate(|task| SITES.ended(task.spawned_at()));
}

/// The same for a runtime in which an engine of ours lives too: its tasks are not the monitor's.
#[cfg(tokio_unstable)]
pub fn observe_beside_an_engine(runtime: &mut tokio::runtime::Builder) {
    let of_engine = |location: &Location<'_>| {
        let root = file!().strip_suffix("probe/task_census.rs");
        let place = root.and_then(|root| location.file().strip_prefix(root));
        place.is_some_and(|place| place.starts_with("engine/"))
    };
    runtime.on_task_spawn(move |task| {
        let location = task.spawned_at();
        if !of_engine(location) {
            SITES.site(location).spawned();
        }
    });
    // What has not been counted when it was spawned is not counted off.
    runtime.on_task_terminate(|task| SITES.ended(task.spawned_at()));
}

/// This build's runtime tells nothing of its tasks.
#[cfg(not(tokio_unstable))]
pub fn observe(_runtime: &mut tokio::runtime::Builder) {}

/// The census of one runtime in a process that has others: a test's, say.
#[derive(Clone)]
pub struct OwnCensus(Arc<SiteTable>);

impl OwnCensus {
    /// Lets a census of its own hear of every task that the runtime spawns and ends.
    #[cfg(tokio_unstable)]
    pub fn observe(runtime: &mut tokio::runtime::Builder) -> Option<Self> {
        let table = Arc::new(SiteTable::new());
        let (spawned, ended) = (Arc::clone(&table), Arc::clone(&table));
        runtime.on_task_spawn(move |task| spawned.site(task.spawned_at()).spawned());
        runtime.on_task_terminate(move |task| ended.ended(task.spawned_at()));
        Some(Self(table))
    }

    /// This build's runtime tells nothing of its tasks.
    #[cfg(not(tokio_unstable))]
    pub fn observe(_runtime: &mut tokio::runtime::Builder) -> Option<Self> {
        None
    }

    /// Live tasks by spawn site.
    pub fn by_site(&self) -> SiteCounts {
        self.0.live()
    }
}

/// Live tasks by spawn site.
pub fn by_site() -> SiteCounts {
    SITES.live()
}

/// All live tasks of the current runtime.
pub fn live_tasks() -> u64 {
    if cfg!(tokio_unstable) {
        SITES.total()
    } else {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks() as u64
    }
}

/// Counts a task at its spawn site until the guard is dropped.
#[cfg(not(tokio_unstable))]
pub fn count_own(site: &'static Location<'static>) -> OwnTask {
    let site = SITES.site(site);
    site.spawned();
    OwnTask(site)
}

/// A task that is counted by its guard.
#[cfg(not(tokio_unstable))]
pub struct OwnTask(&'static Site);

#[cfg(not(tokio_unstable))]
impl Drop for OwnTask {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// A hash table of spawn sites that only grows: open addressing, each slot written once.
struct SiteTable {
    slots: [Site; CAPACITY],
    overflow: Site,
}

/// One spawn site's counts. A location may stand in several slots, when the compiler emitted it
/// several times; reading merges them.
struct Site {
    location: OnceLock<&'static Location<'static>>,
    spawned: AtomicU64,
    ended: AtomicU64,
}

impl Site {
    const fn new() -> Self {
        Self {
            location: OnceLock::new(),
            spawned: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        }
    }

    fn spawned(&self) {
        self.spawned.fetch_add(1, Ordering::Relaxed);
    }

    /// The end is read first: a task that ends in between is then still counted as live, and none
    /// is ever counted as ended before it was spawned.
    fn live(&self) -> u64 {
        let ended = self.ended.load(Ordering::Acquire);
        self.spawned.load(Ordering::Acquire).saturating_sub(ended)
    }
}

impl SiteTable {
    const fn new() -> Self {
        Self {
            slots: [const { Site::new() }; CAPACITY],
            overflow: Site::new(),
        }
    }

    /// The slots in which a location may stand, in the order in which they are tried.
    fn probe(&self, location: &'static Location<'static>) -> impl Iterator<Item = &Site> {
        let start = std::ptr::from_ref(location).addr() / align_of::<Location<'static>>();
        (0..CAPACITY).map(move |step| &self.slots[(start + step) % CAPACITY])
    }

    /// The slot of a spawn site, taken now if it has none.
    fn site(&self, location: &'static Location<'static>) -> &Site {
        self.probe(location)
            .find(|slot| std::ptr::eq(*slot.location.get_or_init(|| location), location))
            .unwrap_or(&self.overflow)
    }

    /// Counts an end. Blocking tasks and worker threads end without having been spawned: a site
    /// that has no slot never spawned anything.
    #[cfg(any(tokio_unstable, test))]
    fn ended(&self, location: &'static Location<'static>) {
        let mut tried = 0;
        for slot in self.probe(location) {
            match slot.location.get() {
                Some(known) if std::ptr::eq(*known, location) => {
                    slot.ended.fetch_add(1, Ordering::Release);
                    return;
                }
                Some(_) => tried += 1,
                None => return,
            }
        }
        if tried == CAPACITY {
            self.overflow.ended.fetch_add(1, Ordering::Release);
        }
    }

    fn live(&self) -> SiteCounts {
        let mut counts = SiteCounts::new();
        for slot in &self.slots {
            if let Some(location) = slot.location.get() {
                *counts.entry(location.to_string()).or_default() += slot.live();
            }
        }
        if self.overflow.live() > 0 {
            counts.insert("elsewhere".into(), self.overflow.live());
        }
        counts
    }

    fn total(&self) -> u64 {
        self.slots.iter().map(Site::live).sum::<u64>() + self.overflow.live()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_counts_what_it_spawned_less_what_ended() {
        let table = SiteTable::new();
        let here = Location::caller();
        table.site(here).spawned();
        table.site(here).spawned();
        table.ended(here);
        assert_eq!(table.live(), SiteCounts::from([(here.to_string(), 1)]));
        assert_eq!(table.total(), 1);
    }

    #[test]
    fn an_end_at_a_site_that_never_spawned_is_ignored() {
        let table = SiteTable::new();
        table.ended(Location::caller());
        assert_eq!(table.live(), SiteCounts::new());
    }

    #[test]
    fn more_sites_than_there_is_room_for_are_counted_together() {
        let table = SiteTable::new();
        let location =
            || -> &'static Location<'static> { Box::leak(Box::new(*Location::caller())) };
        for _ in 0..CAPACITY + 5 {
            table.site(location()).spawned();
        }
        assert_eq!(table.live().get("elsewhere"), Some(&5));
        table.ended(location());
        assert_eq!(table.total(), CAPACITY as u64 + 4);
    }
}
