//! The census of a runtime's live tasks by the place that spawned them.
//!
//! Under `tokio_unstable` the runtime's hooks tell of every spawn and every end, a library's hidden
//! tasks included. After a site's first spawn, counting takes no lock and allocates nothing, so that
//! the census does not disturb what it measures. Without `tokio_unstable`, tasks that a program counts
//! by itself ([`Census::count`]) are known by their sites, and all others only by their number.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::spawn_site::{Declared, SpawnSite};

/// Room for this many spawn sites; what does not fit is counted together.
const CAPACITY: usize = 256;

/// Whether this build's runtimes tell where their tasks are spawned.
pub const TELLS_SITES: bool = cfg!(tokio_unstable);

/// Live tasks by spawn site.
pub type SiteCounts = BTreeMap<SpawnSite, u64>;

/// A census of tasks. Its clones share their counts.
#[derive(Clone)]
pub struct Census(Arc<SiteTable>);

impl Census {
    /// One that has counted nothing yet.
    pub fn new() -> Self {
        Self(Arc::new(SiteTable::new()))
    }

    /// Lets the census hear of every task that the runtime spawns and ends. A build without
    /// `tokio_unstable` tells it nothing.
    pub fn observe(&self, runtime: &mut tokio::runtime::Builder) {
        self.observe_unless(|| false, runtime);
    }

    /// The same, but for tasks of something else within the runtime: `is_foreign` is asked within each spawn,
    /// on the thread that spawns.
    #[cfg(tokio_unstable)]
    pub fn observe_unless(&self, is_foreign: fn() -> bool, runtime: &mut tokio::runtime::Builder) {
        let (spawned, ended) = (Arc::clone(&self.0), Arc::clone(&self.0));
        runtime.on_task_spawn(move |task| {
            if !is_foreign() {
                spawned.site(task.spawned_at()).spawned();
            }
        });
        // What has not been counted when it was spawned is not counted off: its site has no slot.
        runtime.on_task_terminate(move |task| ended.ended(task.spawned_at()));
    }

    /// The same, but for tasks of something else within the runtime. This build's runtime tells nothing of
    /// its tasks.
    #[cfg(not(tokio_unstable))]
    pub fn observe_unless(&self, _: fn() -> bool, _runtime: &mut tokio::runtime::Builder) {}

    /// Declares what the tasks of a spawn site are called. The first declaration of a site holds.
    pub fn declare(&self, site: &'static Location<'static>, declared: Declared) {
        self.0.site(site).declared.get_or_init(|| declared);
    }

    /// Counts a task at its spawn site until the guard is dropped: for builds in which nobody else does.
    pub fn count(&self, site: &'static Location<'static>) -> CountedTask {
        self.0.site(site).spawned();
        CountedTask {
            census: self.clone(),
            site,
        }
    }

    /// Live tasks by spawn site.
    pub fn by_site(&self) -> SiteCounts {
        self.0.live()
    }

    /// All live tasks of the current runtime.
    ///
    /// # Panics
    /// Outside of a runtime, in a build without `tokio_unstable`.
    pub fn live_tasks(&self) -> u64 {
        match TELLS_SITES {
            true => self.0.total(),
            false => tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks() as u64,
        }
    }
}

impl Default for Census {
    fn default() -> Self {
        Self::new()
    }
}

/// A task that is counted by its guard.
pub struct CountedTask {
    census: Census,
    site: &'static Location<'static>,
}

impl Drop for CountedTask {
    fn drop(&mut self) {
        self.census.0.ended(self.site);
    }
}

/// A hash table of spawn sites that only grows: open addressing, each slot written once.
struct SiteTable {
    slots: [SiteSlot; CAPACITY],
    overflow: SiteSlot,
}

/// One spawn site's counts. A location may stand in several slots, when the compiler emitted it
/// several times; reading merges them.
struct SiteSlot {
    location: OnceLock<&'static Location<'static>>,
    declared: OnceLock<Declared>,
    spawned: AtomicU64,
    ended: AtomicU64,
}

impl SiteSlot {
    const fn new() -> Self {
        Self {
            location: OnceLock::new(),
            declared: OnceLock::new(),
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
            slots: [const { SiteSlot::new() }; CAPACITY],
            overflow: SiteSlot::new(),
        }
    }

    /// The slots in which a location may stand, in the order in which they are tried.
    fn probe(&self, location: &'static Location<'static>) -> impl Iterator<Item = &SiteSlot> {
        let start = std::ptr::from_ref(location).addr() / align_of::<Location<'static>>();
        (0..CAPACITY).map(move |step| &self.slots[(start + step) % CAPACITY])
    }

    /// The slot of a spawn site, taken now if it has none.
    fn site(&self, location: &'static Location<'static>) -> &SiteSlot {
        self.probe(location)
            .find(|slot| std::ptr::eq(*slot.location.get_or_init(|| location), location))
            .unwrap_or(&self.overflow)
    }

    /// Counts an end. Blocking tasks and worker threads end without having been spawned: a site
    /// that has no slot never spawned anything.
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
                let site = match slot.declared.get() {
                    Some(declared) => SpawnSite::declared(&location.to_string(), *declared),
                    None => SpawnSite::parse(&location.to_string()),
                };
                *counts.entry(site).or_default() += slot.live();
            }
        }
        if self.overflow.live() > 0 {
            counts.insert(SpawnSite::parse("elsewhere"), self.overflow.live());
        }
        counts
    }

    fn total(&self) -> u64 {
        self.slots.iter().map(SiteSlot::live).sum::<u64>() + self.overflow.live()
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
        let here = SpawnSite::parse(&here.to_string());
        assert_eq!(table.live(), SiteCounts::from([(here, 1)]));
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
        let elsewhere = SpawnSite::parse("elsewhere");
        assert_eq!(table.live().get(&elsewhere), Some(&5));
        table.ended(location());
        assert_eq!(table.total(), CAPACITY as u64 + 4);
    }

    #[test]
    fn a_declared_site_is_called_what_its_program_calls_it() {
        let census = Census::new();
        let here = Location::caller();
        let declared = Declared {
            label: "follower",
            package: "shipper",
            folder: "/shipper",
        };
        census.declare(here, declared);
        let task = census.count(here);
        let site = SpawnSite::declared(&here.to_string(), declared);
        assert_eq!(census.by_site(), SiteCounts::from([(site.clone(), 1)]));
        drop(task);
        assert_eq!(census.by_site(), SiteCounts::from([(site, 0)]));
    }
}
