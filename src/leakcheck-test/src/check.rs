//! The check: rounds, counts after each, and what grew.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::census::{Census, SiteCounts, TELLS_SITES};
use crate::fds;
use crate::growth::{is_leak, signed_difference, weakest_growth};
use crate::settle::settle;
use crate::spawn_site::SpawnSite;

tokio::task_local! {
    static CENSUS: Census;
}

/// Runs a future on a runtime of its own that tells where each of its tasks was spawned.
///
/// # Panics
/// Where the system gives the runtime no event queue or no thread; and where the future does.
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
pub fn run<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let census = Census::new();
    census.observe(builder.enable_all());
    let runtime = builder.build().expect("a runtime for the test");
    runtime.block_on(async {
        match TELLS_SITES {
            true => CENSUS.scope(census, future).await,
            false => future.await,
        }
    })
}

/// Runs `round` so many times, after one to warm up, and fails if it leaves tasks.
///
/// # Panics
/// As [`NoLeak::assert`].
pub async fn assert_no_leak<F, R>(rounds: u32, round: F)
where
    F: FnMut() -> R,
    R: Future,
{
    NoLeak::rounds(rounds).assert(round).await;
}

/// How a leak is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoLeak {
    rounds: u32,
    warm_up: u32,
    settle_within: Duration,
    round_within: Duration,
    count_fds: bool,
    ignored: Vec<String>,
}

impl NoLeak {
    /// A check of so many rounds, at least one: one to warm up, a second to settle after each, 60 s for
    /// a round to end, and tasks alone counted. A single round may be a cache that fills; two or more
    /// tell a leak from it.
    pub fn rounds(rounds: u32) -> Self {
        Self {
            rounds: rounds.max(1),
            warm_up: 1,
            settle_within: Duration::from_secs(1),
            round_within: Duration::from_secs(60),
            count_fds: false,
            ignored: Vec::new(),
        }
    }

    /// How many rounds come before the baseline, in which pools fill and caches are made.
    #[must_use]
    pub fn warm_up(self, rounds: u32) -> Self {
        Self {
            warm_up: rounds,
            ..self
        }
    }

    /// How long a round's tasks may take to end after it: the counts are read again and again, with
    /// growing pauses, until they rest at what they were before it. A round that leaks takes so long.
    #[must_use]
    pub fn settle_within(self, deadline: Duration) -> Self {
        Self {
            settle_within: deadline,
            ..self
        }
    }

    /// How long a round may take: one that does not end is hung, which is never clean.
    #[must_use]
    pub fn round_within(self, limit: Duration) -> Self {
        Self {
            round_within: limit,
            ..self
        }
    }

    /// RoundCounts the process's file descriptors too. Other tests in the same process must open none
    /// meanwhile; cargo-nextest gives each test a process of its own.
    #[must_use]
    pub fn count_fds(self) -> Self {
        Self {
            count_fds: true,
            ..self
        }
    }

    /// Leaves out tasks of the spawn sites whose label, package or location contains `part`, such
    /// as `connection driver`, `hyper-util` or `src/pool.rs`. The test must be run by [`run`].
    ///
    /// # Panics
    /// Where `part` is empty: every site would be left out.
    #[must_use]
    pub fn ignore_site(mut self, part: &str) -> Self {
        assert!(
            !part.is_empty(),
            "ignore_site(\"\") would leave out every site"
        );
        self.ignored.push(part.into());
        self
    }

    /// Runs the rounds and tells what they left.
    ///
    /// # Panics
    /// Where sites are to be ignored and nobody knows them: outside of [`run`], or in a build
    /// without `--cfg tokio_unstable`.
    pub async fn check<F, R>(&self, mut round: F) -> RoundGrowth
    where
        F: FnMut() -> R,
        R: Future,
    {
        let census = CENSUS.try_with(Census::clone).ok();
        assert!(
            census.is_some() || self.ignored.is_empty(),
            "ignore_site needs spawn sites: run the test by leakcheck_test::run, in a build with \
             RUSTFLAGS=\"--cfg tokio_unstable\""
        );
        let mut growth = RoundGrowth {
            counts: Vec::new(),
            sites_first: None,
            sites_last: None,
            settled: true,
            fds_wanted: self.count_fds,
            hung_in_round: None,
        };
        let (warm_up, rounds) = (u64::from(self.warm_up), u64::from(self.rounds));
        for number in 1..=warm_up + rounds {
            if number == warm_up + 1 {
                self.sample(census.as_ref(), &mut growth).await;
            }
            let ended = tokio::time::timeout(self.round_within, round()).await;
            if ended.is_err() {
                growth.hung_in_round = Some(number);
                return growth;
            }
            if number > warm_up {
                self.sample(census.as_ref(), &mut growth).await;
            }
        }
        growth
    }

    /// Runs the rounds and fails if they leave anything.
    ///
    /// # Panics
    /// With the table of what grew, where tasks (or file descriptors, if they are counted) grew in
    /// every round; where they grew in some rounds only, or did not settle, so that nobody knows;
    /// and where a round does not end.
    pub async fn assert<F, R>(&self, round: F)
    where
        F: FnMut() -> R,
        R: Future,
    {
        let growth = self.check(round).await;
        assert!(growth.verdict() == LeakVerdict::Clean, "{growth}");
    }

    async fn sample(&self, census: Option<&Census>, growth: &mut RoundGrowth) {
        let before = growth.counts.last().copied();
        let started = Instant::now();
        let settled = loop {
            let settled = settle(self.settle_within, || self.read(census)).await;
            let grew = before.is_some_and(|before| settled.reading.exceeds(before));
            if !grew || started.elapsed() >= self.settle_within {
                break settled;
            }
        };
        growth.settled &= settled.settled;
        growth.counts.push(settled.reading);
        let sites = census.map(|census| self.counted(census.by_site()));
        if growth.sites_first.is_none() {
            growth.sites_first.clone_from(&sites);
        }
        growth.sites_last = sites;
    }

    fn read(&self, census: Option<&Census>) -> RoundCounts {
        let tasks = match census {
            Some(census) => self.counted(census.by_site()).values().sum(),
            None => tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks() as u64,
        };
        RoundCounts {
            tasks,
            fds: self.count_fds.then(fds::open).flatten(),
        }
    }

    /// The sites that are not to be ignored.
    fn counted(&self, mut sites: SiteCounts) -> SiteCounts {
        if !self.ignored.is_empty() {
            sites.retain(|site, _| {
                let names = [&site.label, &site.location, &site.package];
                let ignored = |part: &String| names.iter().any(|name| name.contains(part));
                !self.ignored.iter().any(ignored)
            });
        }
        sites
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RoundCounts {
    tasks: u64,
    fds: Option<u64>,
}

impl RoundCounts {
    fn exceeds(self, before: Self) -> bool {
        self.tasks > before.tasks || self.fds > before.fds
    }
}

/// What the rounds left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundGrowth {
    /// The baseline's, then those after each round.
    counts: Vec<RoundCounts>,
    sites_first: Option<SiteCounts>,
    sites_last: Option<SiteCounts>,
    settled: bool,
    fds_wanted: bool,
    hung_in_round: Option<u64>,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeakVerdict {
    /// Every round ended, and nothing is left.
    Clean,
    /// Tasks or file descriptors grew in every round.
    Leaking,
    /// A round did not end.
    Hung,
    /// There is more than at the baseline, but it did not grow in every round, or never settled.
    Inconclusive,
}

impl RoundGrowth {
    /// Judges: whether the rounds are alive comes before what they leave, and a leak shows in every
    /// round.
    pub fn verdict(&self) -> LeakVerdict {
        if self.hung_in_round.is_some() {
            return LeakVerdict::Hung;
        }
        let grows = |of: fn(&RoundCounts) -> Option<u64>| {
            is_leak(weakest_growth(self.counts.iter().map(of)))
        };
        if grows(|counts| Some(counts.tasks)) || grows(|counts| counts.fds) {
            return LeakVerdict::Leaking;
        }
        let fds_known = self.counts.iter().all(|counts| counts.fds.is_some());
        let back = match (self.counts.first(), self.counts.last()) {
            (Some(first), Some(last)) => !last.exceeds(*first),
            _ => false,
        };
        // As many tasks may be others: one that ended hides one that is left.
        let no_site_grew = self.sites().is_none_or(|grown| grown.is_empty());
        match back && no_site_grew && self.settled && (fds_known || !self.fds_wanted) {
            true => LeakVerdict::Clean,
            false => LeakVerdict::Inconclusive,
        }
    }

    /// How many tasks there are more than at the baseline.
    pub fn tasks(&self) -> i64 {
        self.difference(|counts| Some(counts.tasks)).unwrap_or(0)
    }

    /// How many file descriptors there are more than at the baseline; `None` where they were not
    /// counted, or could not be.
    pub fn fds(&self) -> Option<i64> {
        self.difference(|counts| counts.fds)
    }

    fn difference(&self, of: fn(&RoundCounts) -> Option<u64>) -> Option<i64> {
        let (first, last) = (self.counts.first()?, self.counts.last()?);
        Some(signed_difference(of(first)?, of(last)?))
    }

    /// The spawn sites that have grown, with their growth, the largest first; `None` where they are not
    /// known.
    pub fn sites(&self) -> Option<Vec<(&SpawnSite, i64)>> {
        let (first, last) = (self.sites_first.as_ref()?, self.sites_last.as_ref()?);
        let grown = last.iter().map(|(site, &tasks)| {
            let before = first.get(site).copied().unwrap_or(0);
            (site, signed_difference(before, tasks))
        });
        let mut grown: Vec<_> = grown.filter(|(_, growth)| *growth > 0).collect();
        grown.sort_by_key(|(_, growth)| std::cmp::Reverse(*growth));
        Some(grown)
    }

    fn in_words(&self) -> String {
        let rounds = self.counts.len().saturating_sub(1);
        let fds = match (self.fds(), self.fds_wanted) {
            (Some(fds), _) => format!(" and {fds:+} fds"),
            (None, true) => " and an unknown number of fds".into(),
            (None, false) => String::new(),
        };
        let counts = format!("{:+} tasks{fds}", self.tasks());
        match (self.verdict(), self.hung_in_round) {
            (LeakVerdict::Hung, Some(round)) => format!("hung: round {round} did not end in time"),
            (LeakVerdict::Leaking, _) => {
                format!("leaking: {counts} after {rounds} rounds, more in each")
            }
            (LeakVerdict::Clean, _) => format!("clean: {counts} after {rounds} rounds"),
            _ if !self.settled => format!("inconclusive: {counts}, and the counts never settled"),
            _ => format!("inconclusive: {counts} after {rounds} rounds, and not more in each"),
        }
    }
}

/// The verdict in words, and the table of the sites that grew.
impl fmt::Display for RoundGrowth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words())?;
        let Some(sites) = self.sites() else {
            return match self.tasks() > 0 {
                true => f.write_str(UNKNOWN_SITES),
                false => Ok(()),
            };
        };
        let labels = sites.iter().map(|(site, _)| site.label.chars().count());
        let width = labels.max().unwrap_or(0).max(TASK.len());
        if !sites.is_empty() {
            write!(f, "\n  growth  {TASK:width$}  spawned at")?;
        }
        for (site, growth) in sites {
            write!(
                f,
                "\n  {growth:+6}  {:width$}  {}",
                site.label, site.location
            )?;
        }
        Ok(())
    }
}

/// The name of the column of labels.
const TASK: &str = "task";
/// What stands in the place of the table.
const UNKNOWN_SITES: &str = "\nWhere they were spawned is not known: run the test by leakcheck_test::run, in a \
    build with RUSTFLAGS=\"--cfg tokio_unstable\".";
