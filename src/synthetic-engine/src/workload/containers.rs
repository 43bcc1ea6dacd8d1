//! The containers of an experiment: their names, their rates, and the lines that they print.
//!
//! The fleet is the one input that the synthetic engine, the real containers and the line
//! counter share: a line's text says which container printed it and which line it is, so that
//! lost and repeated lines can be counted whoever served them.

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::workload::fault_choice::FaultChoice;
use crate::workload::faults::ContainerFaults;
use crate::workload::faults::Target;

/// The mean of a chatty container's line rate where no other is asked for, in lines per second.
/// The rates spread from 0.4 to 1.6 times the mean: 5 to 20 lines/s, as in the Go reference runs.
pub const DEFAULT_LINES_PER_SECOND: f64 = 12.5;

/// Whole intervals pass in virtual time, 300 times as long as compressed ones: with the lines of wall time
/// most of the work would be lines.
pub const VIRTUAL_LINES_PER_SECOND: f64 = 1.0;

/// One container of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Its name, as `docker ps` shows it.
    pub name: String,
    /// Lines per second in wall time; 0 for a silent container.
    pub lines_per_second: f64,
    /// When its first line is due after the start of the experiment, in seconds.
    pub first_line_s: f64,
    /// How many lines it prints at once, at the same mean rate.
    pub burst: u32,
    /// When it ends and starts again; `None` for one that runs on.
    pub restarts: Option<Restarts>,
    /// What goes wrong with its streams; `None` where nothing does on purpose.
    pub faults: Option<ContainerFaults>,
    /// Whether it has a terminal: its log is then raw bytes instead of multiplexed frames.
    pub tty: bool,
}

/// When a container ends and is started again at once, as under a restart policy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Restarts {
    /// The first time, in seconds of wall time after the start of the experiment.
    pub first_s: f64,
    /// The time between two, in seconds of wall time.
    pub every_s: f64,
    /// Whether a follow stays open beyond the container's end, with nothing more to come.
    pub keeps_streams: bool,
}

impl Default for Container {
    /// A container without a name that prints nothing.
    fn default() -> Self {
        Self {
            name: String::new(),
            lines_per_second: 0.0,
            first_line_s: 0.0,
            burst: 1,
            restarts: None,
            faults: None,
            tty: false,
        }
    }
}

impl Container {
    /// Whether the container never prints.
    pub fn is_silent(&self) -> bool {
        self.lines_per_second == 0.0
    }
}

/// All the containers of an experiment, the same for every wiring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// In the order of their names.
    pub containers: Vec<Container>,
}

impl Fleet {
    /// Draws a fleet of `count` containers from a seed: the same seed gives the same fleet.
    ///
    /// `silent_share` (0 to 1) of the containers print nothing, spread evenly among the others.
    /// `lines_per_second` is the mean rate of the chatty ones.
    pub fn generate(count: usize, silent_share: f64, lines_per_second: f64, seed: u64) -> Self {
        let width = count.saturating_sub(1).to_string().len().max(2);
        let mut draw = ChaCha8Rng::seed_from_u64(seed);
        let containers = (0..count)
            .map(|index| {
                // Container `index` is silent when the running total of silent ones steps up there.
                let silent =
                    silent_among(index + 1, silent_share) > silent_among(index, silent_share);
                let spread = draw.random_range(0.4..=1.6);
                let phase = draw.random_range(0.0..1.0);
                let rate = if silent {
                    0.0
                } else {
                    lines_per_second * spread
                };
                Container {
                    name: format!("web-{index:0width$}"),
                    lines_per_second: rate,
                    first_line_s: if rate > 0.0 { phase / rate } else { 0.0 },
                    ..Container::default()
                }
            })
            .collect();
        Self { containers }
    }

    /// Gives `share` (0 to 1) of the containers a terminal, spread over chatty and silent ones alike.
    #[must_use]
    pub fn with_terminals(mut self, share: f64) -> Self {
        let terminals_up_to = |n: usize| (n as f64 * share).floor();
        // Chatty ones first, then silent ones: by position alone, equal shares of terminals and
        // of silence would pick the same containers.
        let (silent, chatty): (Vec<_>, Vec<_>) = self
            .containers
            .iter_mut()
            .partition(|container| container.is_silent());
        for (index, container) in chatty.into_iter().chain(silent).enumerate() {
            container.tty = terminals_up_to(index + 1) > terminals_up_to(index);
        }
        self
    }

    /// Lets each container print `lines` at once, at the same mean rate.
    #[must_use]
    pub fn with_bursts(mut self, lines: u32) -> Self {
        for container in &mut self.containers {
            container.burst = lines;
        }
        self
    }

    /// Lets each container end and start again at this interval of wall time, one after the other;
    /// its streams end with it, unless the engine keeps them open.
    #[must_use]
    pub fn with_restarts(mut self, every: Duration, keeps_streams: bool) -> Self {
        let (every_s, count) = (every.as_secs_f64(), self.containers.len() as f64);
        for (index, container) in self.containers.iter_mut().enumerate() {
            let share = (index as f64 + 0.5) / count;
            container.restarts = Some(Restarts {
                first_s: every_s * share,
                every_s,
                keeps_streams,
            });
        }
        self
    }

    /// Lets each fault strike its share of the containers, drawn from a seed, in no rotation after
    /// `last_rotation`. What damages lines strikes containers that print.
    #[must_use]
    pub fn with_faults(
        mut self,
        choices: &[FaultChoice],
        seed: u64,
        last_rotation: Option<u64>,
    ) -> Self {
        let (all, printing) = (self.containers.len(), self.containers.len() - self.silent());
        for choice in choices {
            let target = choice.fault.known().target;
            let struck = choice.containers(all, printing);
            let candidates = match target.needs_lines() {
                true => printing,
                false => all,
            };
            let up_to = |n: usize| n * struck / candidates.max(1);
            let numbered = (0..).zip(&mut self.containers);
            let candidates =
                numbered.filter(|(_, container)| !(target.needs_lines() && container.is_silent()));
            for (index, (number, container)) in candidates.enumerate() {
                if up_to(index + 1) == up_to(index) {
                    continue;
                }
                if target == Target::Timestamps {
                    // What shares a timestamp, or has it the wrong way round, is printed at once.
                    container.burst = container.burst.max(2);
                }
                let faults = container.faults.get_or_insert_with(|| ContainerFaults {
                    faults: Vec::new(),
                    seed,
                    number,
                    last_rotation,
                });
                faults.faults.push(choice.fault);
            }
        }
        self
    }

    /// How many containers print nothing.
    pub fn silent(&self) -> usize {
        self.containers.iter().filter(|c| c.is_silent()).count()
    }
}

/// How many of `count` containers print nothing where `share` (0 to 1) of them should: whole ones.
pub fn silent_among(count: usize, share: f64) -> usize {
    (count as f64 * share).floor() as usize
}

/// What every line of an experiment's container starts with.
const LINE_MARK: &str = "leakcheck";

/// The text of a container's line number `sequence` (from 0), without a line end.
pub fn line_text(container: &str, sequence: u64) -> String {
    let mut text = Vec::new();
    write_line_text(&mut text, container, sequence);
    String::from_utf8_lossy(&text).into_owned()
}

/// Appends the same to a buffer.
pub fn write_line_text(out: &mut Vec<u8>, container: &str, sequence: u64) {
    let mut digits = itoa::Buffer::new();
    for part in [LINE_MARK, " ", container, " line ", digits.format(sequence)] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// The sequence number that a line of ours carries; `None` for any other text.
pub fn line_sequence(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(LINE_MARK.as_bytes())?;
    let mut words = rest
        .trim_ascii_end()
        .strip_prefix(b" ")?
        .split(|byte| *byte == b' ');
    let _container = words.next()?;
    let (word, sequence) = (words.next()?, words.next()?);
    match (word, words.next()) {
        (b"line", None) => std::str::from_utf8(sequence).ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_fleet() {
        assert_eq!(
            Fleet::generate(50, 0.5, DEFAULT_LINES_PER_SECOND, 7),
            Fleet::generate(50, 0.5, DEFAULT_LINES_PER_SECOND, 7)
        );
    }

    #[test]
    fn half_of_the_containers_are_silent_and_the_others_print_5_to_20_lines_a_second() {
        let fleet = Fleet::generate(50, 0.5, DEFAULT_LINES_PER_SECOND, 1);
        assert_eq!(fleet.silent(), 25);
        for container in fleet.containers.iter().filter(|c| !c.is_silent()) {
            assert!(
                (5.0..=20.0).contains(&container.lines_per_second),
                "{container:?}"
            );
        }
    }

    #[test]
    fn every_share_of_silence_is_met_to_the_container() {
        for (share, expected) in [(0.0, 0), (0.1, 1), (0.34, 3), (1.0, 10)] {
            assert_eq!(
                Fleet::generate(10, share, 1.0, 1).silent(),
                expected,
                "{share}"
            );
        }
    }

    #[test]
    fn terminals_are_given_to_chatty_and_silent_containers_alike() {
        let fleet = Fleet::generate(50, 0.5, 1.0, 1).with_terminals(0.5);
        let terminals = || fleet.containers.iter().filter(|c| c.tty);
        assert_eq!(terminals().count(), 25);
        assert_eq!(terminals().filter(|c| c.is_silent()).count(), 13);
    }

    #[test]
    fn restarts_are_spread_over_the_interval() {
        let fleet = Fleet::generate(4, 0.5, 1.0, 1).with_restarts(Duration::from_secs(8), false);
        let first: Vec<f64> = fleet
            .containers
            .iter()
            .filter_map(|container| container.restarts.map(|restarts| restarts.first_s))
            .collect();
        assert_eq!(first, [1.0, 3.0, 5.0, 7.0]);
    }

    #[test]
    fn a_fault_strikes_its_share_of_the_containers_that_it_can_strike() {
        let struck = |choice: &str| {
            let choices = [choice.parse().expect("a fault")];
            let fleet = Fleet::generate(10, 0.5, 1.0, 1).with_faults(&choices, 1, None);
            let struck = fleet.containers.into_iter().filter(|c| c.faults.is_some());
            struck.collect::<Vec<_>>()
        };
        assert_eq!(struck("stall").len(), 10);
        assert_eq!(struck("stall=0.5").len(), 5);
        assert_eq!(struck("garbage=0.2").len(), 2);
        let chatty = struck("garbage");
        assert!(chatty.len() == 5 && chatty.iter().all(|c| !c.is_silent()));
        assert_eq!(struck("engine-restart").len(), 1);
        assert!(struck("clock-jump").iter().all(|c| c.burst == 2));
    }

    #[test]
    fn a_line_is_recognised_by_its_text_and_no_other_is() {
        assert_eq!(
            line_sequence(line_text("web-07", 123).as_bytes()),
            Some(123)
        );
        assert_eq!(line_sequence(b"leakcheck web-07 line 9\n"), Some(9));
        for other in [
            "",
            "hello",
            "leakcheck web-07 line x",
            "leakcheck web-07 line 1 more",
        ] {
            assert_eq!(line_sequence(other.as_bytes()), None, "{other}");
        }
    }
}
