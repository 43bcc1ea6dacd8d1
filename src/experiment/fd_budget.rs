//! Whether file descriptors will suffice: what a wiring's processes need of them, worked out beforehand.

use leakcheck_report::exit_code::Failure;
use leakcheck_report::model::settings::Until;
use log_monitor::OPENING_AT_ONCE;
use log_monitor::wiring::{ClientUse, Wiring};

use super::plan::{Engine, Plan};
use crate::analysis::prediction::{Load, predict};
use crate::analysis::sufficiency;

/// What a worker has open besides its streams: standard streams, the runtime's, and a few to spare.
const WORKER_OWN_FDS: u64 = 32;

/// By how many file descriptors a worker stays below the limit that it shares with its engine: the
/// engine has its own, and the connections on which it is asked how it stands.
pub const FDS_LEFT_TO_ENGINE: u64 = 32;

/// What a worker and its engine take in the process that starts them: pipes, and a descriptor of each
/// process.
const FDS_OF_A_PAIR: u64 = 6;

/// More processes for each wiring than this no machine has a use for.
pub const MAX_SHARDS: u32 = 256;

/// What to do about file descriptors that will not suffice for all rotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FdShortage {
    /// Refuse.
    Refused,
    /// Refuse, and name the flags that shard the containers or accept the shortage.
    Forcible,
    /// Warn.
    Accepted,
}

impl Plan {
    /// Why the containers cannot be shared out among processes; `None` where they can.
    pub fn undivided(&self) -> Option<String> {
        let bound = (self.wirings.iter()).find(|wiring| wiring.is_bound_to_one_process());
        match bound {
            Some(wiring) => Some(format!(
                "the wiring {} limits what one process follows, which several would not keep",
                wiring.name
            )),
            None if self.console => Some("--console shows one process of each wiring".into()),
            None => None,
        }
    }

    /// Why a wiring has as many processes as it has, where that is not for the flags to say.
    pub fn processes(&self) -> Option<&'static str> {
        match &self.engine {
            Engine::Docker { hosts, .. } if hosts.len() > 1 => {
                Some("each --host has a process of each wiring to itself")
            }
            Engine::Swarm(swarm) if swarm.agents.is_none() => {
                Some("each node of a swarm has a process of each wiring to itself")
            }
            Engine::Swarm(_) => Some("each node's agent has processes of its own"),
            Engine::Docker { .. } | Engine::Synthetic => None,
        }
    }

    /// The fewest shards of which each process can follow its own with every wiring, where a process may
    /// open so many files; 1 where no number would help.
    pub fn fewest_shards(&self, limit: u64) -> usize {
        match &self.engine {
            Engine::Docker { hosts, .. } if hosts.len() > 1 => return hosts.len(),
            // How many nodes get containers is the swarm's to decide.
            Engine::Swarm(_) => return 1,
            Engine::Docker { .. } | Engine::Synthetic => {}
        }
        // How many containers there are to attach to is not known before they are found.
        if self.attaches() || !self.settings.clock.has_sockets() || self.undivided().is_some() {
            return 1;
        }
        let needs = self
            .wirings
            .iter()
            .map(|wiring| FdNeed::of(wiring, self.load(), 1));
        let needed: Option<Vec<_>> = needs.map(|need| need.shards_within(limit, 0)).collect();
        needed.and_then(|all| all.into_iter().max()).unwrap_or(1)
    }

    /// Works out whether each worker's file descriptors will suffice for its wiring, given how many
    /// one process may open.
    ///
    /// Returns warnings: what will run short, where that is accepted.
    ///
    /// # Errors
    /// An environment failure that says at which rotation they will run out and which flags to
    /// change; always where the containers alone do not fit.
    pub fn check_fds(&self, limit: u64, shortage: FdShortage) -> Result<Vec<String>, Failure> {
        self.check_own_fds(limit)?;
        let mut warnings = Vec::new();
        // How many containers there are to attach to is not known before they are found, and agents open
        // their files elsewhere.
        if self.attaches() || !self.settings.clock.has_sockets() || self.engine.has_agents() {
            return Ok(warnings);
        }
        // A wiring that leaks as predicted makes no more.
        let rotations = match self.settings.until {
            Until::Rotations => self.settings.rotations,
            Until::Verdict => self.settings.rotations.min(sufficiency::ENOUGH),
        };
        for wiring in &self.wirings {
            let need = FdNeed::of(wiring, self.load(), self.shards as u64);
            let Some(exhausted) = need.exhausted_at(limit) else {
                continue;
            };
            if exhausted > rotations {
                continue;
            }
            let (message, enough) = match exhausted {
                0 => (need.too_many(&wiring.name, limit), 0),
                _ => (
                    need.runs_out(&wiring.name, limit, exhausted, rotations),
                    rotations,
                ),
            };
            if let Engine::Swarm(_) = self.engine {
                // How many of them one process is to follow is the swarm's to decide.
                warnings.push(format!(
                    "{message}, if the swarm places all of them on one node"
                ));
                continue;
            }
            if exhausted > 0 && shortage == FdShortage::Accepted {
                warnings.push(message);
                continue;
            }
            let fewer_rotations = Some(exhausted)
                .filter(|&exhausted| exhausted > 1)
                .map(|exhausted| format!("--rotations {}", exhausted - 1));
            let fewer_containers = Some(need.containers_within(limit, enough))
                .filter(|&fit| fit > 0)
                .map(|fit| match self.shards {
                    1 => format!("--containers {fit}"),
                    // Fewer containers would be shared out among fewer by themselves.
                    shards => format!("--containers {fit} --shards {shards}"),
                });
            // An audit takes neither flag.
            let takes_flags = shortage != FdShortage::Refused;
            let shards = need.shards_within(limit, enough);
            let for_flags = self.undivided().is_none() && self.processes().is_none();
            let shards = shards.filter(|_| takes_flags && for_flags);
            let shards = shards.map(|shards| format!("--shards {shards}"));
            let beyond = match (exhausted, takes_flags) {
                (0, _) => Some("a higher limit (ulimit -Hn)".to_owned()),
                (_, true) => Some("--force to run into it".to_owned()),
                (_, false) => None,
            };
            let ways: Vec<String> = fewer_rotations
                .into_iter()
                .chain(fewer_containers)
                .chain(shards)
                .chain(beyond)
                .collect();
            return Err(Failure::environment(format!(
                "{message}: use {}",
                ways.join(", or ")
            )));
        }
        Ok(warnings)
    }

    /// Makes sure that the process that starts all the others may open as many files as that takes.
    fn check_own_fds(&self, limit: u64) -> Result<(), Failure> {
        let (shards, wirings) = (self.shards as u64, self.wirings.len() as u64);
        let needed = FdNeed::BESIDES_STREAMS + shards * wirings * FDS_OF_A_PAIR;
        if needed <= limit {
            return Ok(());
        }
        Err(Failure::environment(format!(
            "the processes of {shards} shards and {wirings} wirings take {needed} file descriptors in the \
             one that starts them, and it may open {limit}: use fewer --shards, fewer --containers, or a \
             higher limit (ulimit -Hn)"
        )))
    }
}

/// The file descriptors that the workers of a wiring need.
struct FdNeed {
    /// Processes that share the containers.
    shards: u64,
    /// Containers of all of them, and of the one with the most.
    containers: u64,
    in_a_shard: u64,
    /// While a container is followed.
    per_container: u64,
    /// Left by each rotation of a container.
    left: f64,
    /// How many streams may be closing still while the next ones are opened already.
    closing: u64,
}

impl FdNeed {
    const BESIDES_STREAMS: u64 = WORKER_OWN_FDS + FDS_LEFT_TO_ENGINE;

    fn of(wiring: &Wiring, load: Load, shards: u64) -> Self {
        let per_container = match wiring.client {
            ClientUse::Shared | ClientUse::PerContainerStart(_) => 1,
            // The stream's connection, and the inspection's beside it.
            ClientUse::ThrowawayPerRotation(_) => 2,
        };
        // With faults it is about as many, though nobody can say how many.
        let without_faults = Load {
            faults: false,
            ..load
        };
        let left = predict(wiring, without_faults)
            .fds_per_rotation_per_container
            .unwrap_or(0.0);
        Self {
            shards,
            containers: load.containers,
            in_a_shard: load.containers.div_ceil(shards),
            per_container,
            left,
            closing: match wiring.ends_connection() {
                true => OPENING_AT_ONCE as u64,
                false => 0,
            },
        }
    }

    /// What a process needs with all its containers followed, before a rotation leaves anything.
    fn baseline(&self) -> u64 {
        let streams = self.in_a_shard * self.per_container;
        Self::BESIDES_STREAMS + streams + self.closing.min(self.in_a_shard)
    }

    /// What each rotation of all its containers leaves there.
    fn per_rotation(&self) -> f64 {
        self.left * self.in_a_shard as f64
    }

    /// How many containers can make so many rotations within a process's limit.
    fn in_one_process(&self, limit: u64, rotations: u64) -> u64 {
        let for_streams = limit.saturating_sub(Self::BESIDES_STREAMS);
        let each = self.per_container as f64 + self.left * rotations as f64;
        let many = (for_streams.saturating_sub(self.closing) as f64 / each) as u64;
        if many >= self.closing {
            return many;
        }
        // So few that all of them may be closing at once.
        let few = (for_streams as f64 / (each + 1.0)) as u64;
        few.min(self.closing)
    }

    /// How many of all the containers can make so many rotations.
    fn containers_within(&self, limit: u64, rotations: u64) -> u64 {
        let fit = self.in_one_process(limit, rotations) * self.shards;
        fit.min(self.containers)
    }

    /// How many shards are needed at the fewest for so many rotations; `None` where none would do.
    fn shards_within(&self, limit: u64, rotations: u64) -> Option<usize> {
        let fit = self.in_one_process(limit, rotations);
        let shards = (fit > 0).then(|| self.containers.div_ceil(fit))?;
        (shards <= u64::from(MAX_SHARDS)).then_some(shards as usize)
    }

    /// The rotation at which the limit is passed, 0 for the baseline; `None` where nothing grows.
    fn exhausted_at(&self, limit: u64) -> Option<u64> {
        let Some(spare) = limit.checked_sub(self.baseline()) else {
            return Some(0);
        };
        let per_rotation = self.per_rotation();
        (per_rotation > 0.0).then(|| (spare as f64 / per_rotation) as u64 + 1)
    }

    fn too_many(&self, wiring: &str, limit: u64) -> String {
        let (in_a_shard, baseline) = (self.in_a_shard, self.baseline());
        let each = self.each();
        format!(
            "{in_a_shard} containers{each} need {baseline} file descriptors with the wiring {wiring}, \
             and a process may open {limit}"
        )
    }

    fn runs_out(&self, wiring: &str, limit: u64, exhausted: u64, rotations: u64) -> String {
        let (per_rotation, each) = (self.per_rotation(), self.each());
        format!(
            "the wiring {wiring} is predicted to leave {per_rotation:.0} file descriptors per \
             rotation{each}, so that the limit of {limit} is hit at rotation {exhausted} of {rotations}"
        )
    }

    fn each(&self) -> &'static str {
        match self.shards {
            1 => "",
            _ => " in each process",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::plan;
    use super::*;
    use leakcheck_report::model::settings::Clock;

    #[test]
    fn the_rotation_at_which_descriptors_run_out_is_named_with_the_flags_to_change() {
        let refusal = plan("old", 5000)
            .check_fds(20_000, FdShortage::Forcible)
            .expect_err("13 × 5000 > 20000");
        let message = refusal.to_string();
        assert!(message.contains("at rotation 3 of 12"), "{message}");
        assert!(message.contains("--rotations 2"), "{message}");
        assert!(message.contains("--force"), "{message}");
    }

    #[test]
    fn the_advised_number_of_containers_fits_and_one_more_does_not() {
        for limit in [120, 1024, 20_000] {
            let too_many = (limit as usize - 64) / 13 + 1;
            let message = plan("old", too_many)
                .check_fds(limit, FdShortage::Forcible)
                .expect_err("too many")
                .to_string();
            let (_, advised) = message.split_once("--containers ").expect("advice");
            let digits: String = advised.chars().take_while(char::is_ascii_digit).collect();
            let advised = digits.parse().expect("a number");
            let fits = |containers| {
                plan("old", containers)
                    .check_fds(limit, FdShortage::Forcible)
                    .is_ok()
            };
            assert!(fits(advised) && !fits(advised + 1), "{limit}: {message}");
        }
    }

    #[test]
    fn streams_that_close_while_the_next_open_need_room() {
        for limit in [70, 100, 192, 193, 20_000] {
            let need = FdNeed::of(&plan("fixed", 1).wirings[0], plan("fixed", 1).load(), 1);
            let fit = need.in_one_process(limit, 0);
            let fits = |containers| {
                let plan = plan("fixed", containers as usize);
                plan.check_fds(limit, FdShortage::Refused).is_ok()
            };
            assert!(fits(fit) && !fits(fit + 1), "{limit}: {fit}");
        }
    }

    /// The shards that a refusal advises.
    fn advised_shards(plan: &Plan, shortage: FdShortage) -> Option<usize> {
        let refusal = plan.check_fds(20_000, shortage).expect_err("too many");
        let message = refusal.to_string();
        let (_, advised) = message.rsplit_once("--shards ")?;
        let digits: String = advised.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }

    #[test]
    fn the_advised_number_of_shards_fits_and_one_fewer_does_not() {
        for containers in [5000, 19_000, 50_000] {
            let mut plan = plan("old", containers);
            plan.shards = plan.fewest_shards(20_000);
            let advised = advised_shards(&plan, FdShortage::Forcible).expect("advice");
            let mut fits = |shards| {
                plan.shards = shards;
                plan.check_fds(20_000, FdShortage::Forcible).is_ok()
            };
            assert!(fits(advised) && !fits(advised - 1), "{containers}");
        }
    }

    #[test]
    fn no_more_shards_are_made_than_the_containers_need() {
        let shards = |containers| plan("fixed", containers).fewest_shards(20_000);
        assert_eq!([50, 19_872, 19_873, 100_000].map(shards), [1, 1, 2, 6]);
        let mut in_memory = plan("fixed", 100_000);
        in_memory.settings.clock = Clock::Virtual;
        assert_eq!(in_memory.fewest_shards(20_000), 1);
    }

    #[test]
    fn the_containers_that_are_advised_beside_shards_fit() {
        let mut plan = plan("old", 40_000);
        plan.shards = plan.fewest_shards(20_000);
        let refusal = plan.check_fds(20_000, FdShortage::Forcible);
        let message = refusal.expect_err("too many").to_string();
        assert!(
            message.contains("--containers 4599 --shards 3,"),
            "{message}"
        );
        plan.settings.containers = 4599;
        assert!(plan.check_fds(20_000, FdShortage::Forcible).is_ok());
    }

    #[test]
    fn the_process_that_starts_all_others_needs_room_for_them() {
        let mut many = plan("fixed", 100);
        many.shards = 100;
        let refusal = many.check_fds(500, FdShortage::Accepted);
        let message = refusal.expect_err("600 and more").to_string();
        assert!(
            message.contains("100 shards and 1 wirings take 664"),
            "{message}"
        );
        assert!(many.check_fds(1000, FdShortage::Accepted).is_ok());
    }

    #[test]
    fn no_shards_are_advised_where_they_cannot_be_had() {
        let mut limited = plan("old", 5000);
        assert_eq!(advised_shards(&limited, FdShortage::Refused), None);
        let other = plan("fixed", 1).wirings;
        limited.wirings.extend(other);
        limited.wirings[1].stream_limit = Some(9000);
        assert_eq!(advised_shards(&limited, FdShortage::Forcible), None);
        limited.settings.containers = 50_000;
        assert_eq!(limited.fewest_shards(20_000), 1);
    }

    #[test]
    fn forced_the_same_is_a_warning() {
        let warnings = plan("old", 5000)
            .check_fds(20_000, FdShortage::Accepted)
            .expect("forced");
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn containers_that_do_not_fit_at_all_are_refused_even_when_forced() {
        let refusal = plan("fixed", 20_000)
            .check_fds(20_000, FdShortage::Accepted)
            .expect_err("no room");
        assert!(
            refusal.to_string().contains("--containers 19872"),
            "{refusal}"
        );
    }

    #[test]
    fn rotations_that_no_verdict_needs_take_no_descriptors() {
        let mut plan = plan("old", 50);
        plan.settings.rotations = 1000;
        assert!(plan.check_fds(20_000, FdShortage::Forcible).is_err());
        plan.settings.until = Until::Verdict;
        let warnings = plan.check_fds(20_000, FdShortage::Forcible);
        assert!(warnings.is_ok_and(|warnings| warnings.is_empty()));
        plan.settings.containers = 5000;
        let refusal = plan.check_fds(20_000, FdShortage::Forcible);
        assert!(refusal.is_err_and(|refusal| refusal.to_string().contains("at rotation 3 of 5")));
    }

    #[test]
    fn a_wiring_that_leaks_nothing_fits() {
        assert!(
            plan("fixed", 19_000)
                .check_fds(20_000, FdShortage::Forcible)
                .is_ok_and(|w| w.is_empty())
        );
    }
}
