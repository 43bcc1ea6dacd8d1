//! The verdict on a monitor: liveness before leaks.
//!
//! A monitor that did not make its rotations, or did not deliver its lines, is never clean, however
//! little it leaks: the original team declared success on a run whose leak was zero because every
//! stream had deadlocked.

use leakcheck_report::model::report::{
    Answer, Answers, Delivery, Hung, Rate, Rates, Rotations, Sample, Verdict,
};
use leakcheck_test::growth::is_leak;
use leakcheck_text::figures::told;

use super::samples::Samples;
use super::sufficiency::ENOUGH;

/// What a verdict weighs.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Containers followed.
    pub containers: u64,
    /// Rotations that were asked for.
    pub rotations_asked: u64,
    /// Rotations.
    pub rotations: Rotations,
    /// The samples.
    pub samples: &'a Samples,
    /// Growth.
    pub rates: Rates,
    /// Lines.
    pub delivery: Delivery,
    /// Containers that stopped rotating.
    pub hung: &'a Hung,
    /// Containers that ended and did not start again.
    pub containers_ended: u64,
    /// Containers for which the wiring had no room: it is the monitor that does not follow them.
    pub containers_without_room: u64,
    /// Whether the containers end and start again: their streams then end before their rotation.
    pub restarts: bool,
    /// How many faults the engine injected, where it was to inject some: any may end a stream.
    pub faults: Option<u64>,
    /// How often a scheduler put another container in the place of one, whose stream then ends.
    pub replaced: u64,
    /// Rotations that were not made and not asked of the other container, over all of them.
    pub rotations_excused: u64,
    /// What is counted beside tasks.
    pub fd_unit: &'a str,
    /// The rotation at which no more files could be opened.
    pub fds_exhausted_at_rotation: Option<u64>,
    /// Why one of the streams failed that did.
    pub stream_error: Option<&'a str>,
    /// Why the run of this wiring ended early, where it did.
    pub cut_short: Option<&'a str>,
}

/// Judges, and says by which figures.
pub fn judge(evidence: Evidence<'_>) -> (Verdict, String) {
    let steps = [
        no_baseline,
        hung,
        starved,
        no_rotation,
        leaking,
        short_run,
        unproven,
        ended,
        no_fault,
        ended_early,
        clean,
    ];
    steps
        .into_iter()
        .find_map(|step| step(&evidence))
        .unwrap_or_else(|| (Verdict::Inconclusive, unsteady(&evidence)))
}

type Step = fn(&Evidence<'_>) -> Judgement;
type Otherwise = fn(&Evidence<'_>) -> (Verdict, String);

/// Liveness, leak and delivery, each by itself. [`judge`] draws its verdict from the same steps.
pub fn answers(evidence: Evidence<'_>) -> Answers {
    Answers {
        liveness: answer(
            &evidence,
            &[no_baseline, hung, no_rotation, ended, no_fault, ended_early],
            |evidence| {
                let rotations = evidence.rotations.made.unwrap_or(0);
                (
                    Verdict::Clean,
                    format!("every container made its {rotations} rotations"),
                )
            },
        ),
        leak: answer(
            &evidence,
            &[no_baseline, no_rotation, leaking, short_run, clean],
            |evidence| (Verdict::Inconclusive, unsteady(evidence)),
        ),
        delivery: answer(&evidence, &[no_baseline, starved, unproven], |evidence| {
            let lines = evidence.delivery.emitted.unwrap_or(0);
            (Verdict::Clean, format!("{lines} lines delivered once"))
        }),
    }
}

/// The first step that says something, or what is said where none does.
fn answer(evidence: &Evidence<'_>, steps: &[Step], otherwise: Otherwise) -> Answer {
    let said = steps.iter().find_map(|step| step(evidence));
    let (verdict, reason) = said.unwrap_or_else(|| otherwise(evidence));
    Answer { verdict, reason }
}

type Judgement = Option<(Verdict, String)>;

fn no_baseline(evidence: &Evidence<'_>) -> Judgement {
    let reason = match (evidence.samples.first(), evidence.cut_short) {
        (None, Some(cut_short)) => format!("no baseline was reached: {cut_short}"),
        (None, None) => "no baseline was reached".into(),
        (Some(baseline), _) if baseline.behind > Some(evidence.containers_without_room) => {
            let why = evidence
                .stream_error
                .map_or_else(String::new, |error| format!(": {error}"));
            format!(
                "{} of {} containers could not be followed, so there is no baseline{why}",
                baseline.behind.unwrap_or(0),
                evidence.containers
            )
        }
        _ => return None,
    };
    Some((Verdict::Inconclusive, reason))
}

fn hung(evidence: &Evidence<'_>) -> Judgement {
    let containers = evidence.hung.containers.filter(|hung| *hung > 0)?;
    let mut reason = format!(
        "{containers} of {} containers stopped rotating ({} of {} rotations made by the slowest)",
        evidence.containers,
        evidence.rotations.made.unwrap_or(0),
        evidence.rotations.due.unwrap_or(0)
    );
    if let Some(rotation) = evidence.fds_exhausted_at_rotation {
        reason += &format!("; file descriptors ran out at rotation {rotation}");
        // In the very first there was no growth to be measured.
        let until_then = growth(evidence);
        if !until_then.is_empty() {
            reason += &format!(", growing until then by {until_then} per rotation per container");
        }
    }
    if let Some(place) = evidence.hung.r#where.first() {
        let longest_s = place.longest_ms as f64 / 1000.0;
        reason += &format!(
            "; {} {}, for {longest_s:.1} s",
            place.containers, place.place
        );
    }
    if let Some(cut_short) = evidence.cut_short {
        reason += &format!("; {cut_short}");
    }
    Some((Verdict::Hung, reason))
}

fn starved(evidence: &Evidence<'_>) -> Judgement {
    let Delivery {
        emitted,
        lost,
        duplicated,
        ..
    } = evidence.delivery;
    // Where nobody can tell what came last, those that later ones came without are lost all the same.
    let missing = || evidence.samples.last()?.lines_missing;
    let of_all = |lines: u64| match emitted {
        Some(emitted) => format!("{lines} of {emitted} lines"),
        None => format!("{lines} lines"),
    };
    let all_lost = |lines: u64| match lost {
        Some(_) => of_all(lines),
        None => format!("{lines} lines, at least,"),
    };
    let mut reason = match (lost.or_else(missing).unwrap_or(0), duplicated.unwrap_or(0)) {
        (0, 0) => return None,
        (lost, 0) => format!("{} were not delivered", all_lost(lost)),
        (0, twice) => format!("{} were delivered more than once", of_all(twice)),
        (lost, twice) => format!(
            "{} were not delivered, {twice} more than once",
            all_lost(lost)
        ),
    };
    if let Some(cut_short) = evidence.cut_short {
        reason += &format!("; {cut_short}");
    }
    Some((Verdict::Starved, reason))
}

fn no_rotation(evidence: &Evidence<'_>) -> Judgement {
    let reason = match evidence.cut_short {
        _ if evidence.samples.rotations() > 0 => return None,
        Some(cut_short) => format!("no rotation was measured: {cut_short}"),
        None => "no rotation was measured".into(),
    };
    Some((Verdict::Inconclusive, reason))
}

fn leaking(evidence: &Evidence<'_>) -> Judgement {
    let (tasks, fds) = (evidence.rates.tasks, evidence.rates.fds);
    let grows = |rate: Option<Rate>| rate.is_some_and(|rate| is_leak(rate.weakest_rotation));
    if !grows(tasks) && !grows(fds) {
        return None;
    }
    // Two readings of which one was still changing tell no growth; a longer row of them does.
    let counted = evidence.samples.rated_rotations();
    if counted == 1 && !both_settled(evidence) {
        return None;
    }
    let mut reason = format!("{} per rotation per container", growth(evidence));
    reason += &match evidence.cut_short {
        None => format!(", in {counted} of {} rotations", evidence.rotations_asked),
        Some(cut_short) => {
            let sampled = evidence.samples.rotations();
            format!(", in {counted} of {sampled} rotations; {cut_short}")
        }
    };
    Some((Verdict::Leaking, reason))
}

fn growth(evidence: &Evidence<'_>) -> String {
    let rates = evidence.rates;
    let figure = |rate: Option<Rate>, unit| {
        let each = rate.and_then(|rate| rate.per_rotation_per_container);
        each.map(|each| format!("{} {unit}", told(each)))
    };
    let figures = [
        figure(rates.tasks, "tasks"),
        figure(rates.fds, evidence.fd_unit),
    ];
    figures
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" and ")
}

fn short_run(evidence: &Evidence<'_>) -> Judgement {
    let counted = evidence.samples.rotations();
    let reason = match evidence.cut_short {
        Some(cut_short) => {
            format!(
                "no leak in {counted} of {} rotations; {cut_short}",
                evidence.rotations_asked
            )
        }
        None if counted < evidence.rotations_asked => {
            format!(
                "only {counted} of {} rotations were measured",
                evidence.rotations_asked
            )
        }
        None => return None,
    };
    Some((Verdict::Inconclusive, reason))
}

/// Without a line that was delivered, nothing proves that the streams are alive.
fn unproven(evidence: &Evidence<'_>) -> Judgement {
    let reason = match evidence.delivery {
        Delivery { emitted: None, .. } => {
            "no leak, but it is unknown whether every line was delivered"
        }
        Delivery {
            emitted: Some(0), ..
        } => "no leak, but no container printed a line: that streams deliver is unproven",
        // Lines of the first streams alone say nothing of those that rotations opened.
        _ if no_line_since_the_baseline(evidence) => {
            "no leak, but no line was delivered after the baseline: that later streams deliver is \
             unproven"
        }
        _ => return None,
    };
    Some((Verdict::Inconclusive, reason.into()))
}

fn no_line_since_the_baseline(evidence: &Evidence<'_>) -> bool {
    let (first, last) = (evidence.samples.first(), evidence.samples.last());
    first
        .zip(last)
        .is_some_and(|(first, last)| last.lines_read <= first.lines_read)
}

/// A container that is gone has no stream that could leak.
fn ended(evidence: &Evidence<'_>) -> Judgement {
    let (ended, all) = (evidence.containers_ended, evidence.containers);
    let reason = format!("no leak, but {ended} of {all} containers ended and did not start again");
    (ended > 0).then_some((Verdict::Inconclusive, reason))
}

/// A fault that was to be borne must have been injected.
fn no_fault(evidence: &Evidence<'_>) -> Judgement {
    let reason = "no leak, but the engine injected no fault, though it was to: that the monitor bears it is \
                  unproven";
    (evidence.faults == Some(0)).then(|| (Verdict::Inconclusive, reason.into()))
}

/// Only streams that lasted from rotation to rotation show that a monitor that holds them leaks
/// nothing. Containers that are meant to start again must have ended for it to show that.
fn ended_early(evidence: &Evidence<'_>) -> Judgement {
    let last = evidence.samples.last()?;
    let made = last
        .rotations_made?
        .saturating_sub(evidence.rotations_excused);
    let held = evidence.containers + made + evidence.replaced;
    let ended = last.streams_opened?.saturating_sub(held);
    let reason = match (evidence.restarts, ended) {
        (false, 0) => return None,
        (false, _) if evidence.faults.is_some() => return None,
        (false, ended) => format!("no leak, but {ended} streams ended before their rotation"),
        (true, 0) => "no leak, but no container ended, though they were to start again".into(),
        (true, _) => return None,
    };
    Some((Verdict::Inconclusive, reason))
}

fn clean(evidence: &Evidence<'_>) -> Judgement {
    let (first, last) = compared(evidence)?;
    // Where containers were moved after that, what is away may be missing, and nothing may be added.
    let at_the_end = evidence.samples.last()?;
    let added = at_the_end.tasks > first.tasks || at_the_end.fds > first.fds;
    let back = last.counts() == first.counts() && both_settled(evidence) && !added;
    back.then(|| {
        let lines = evidence.delivery.emitted.unwrap_or(0);
        let reason = format!(
            "back at the baseline after {} of {} rotations; {lines} lines delivered once",
            evidence.rotations.made.unwrap_or(0),
            evidence.rotations_asked
        );
        (Verdict::Clean, reason)
    })
}

/// Neither a leak in every rotation nor back at the baseline.
fn unsteady(evidence: &Evidence<'_>) -> String {
    let Some((first, last)) = compared(evidence) else {
        return "containers were moved in so many rotations that none can be compared with the baseline"
            .into();
    };
    if !both_settled(evidence) {
        return "the counts did not settle, so they cannot be compared".into();
    }
    let grew = evidence.samples.rotations_with_growth();
    let grown = |first: Option<u64>, last: Option<u64>| {
        i128::from(last.unwrap_or(0)) - i128::from(first.unwrap_or(0))
    };
    let (tasks, fds) = (grown(first.tasks, last.tasks), grown(first.fds, last.fds));
    format!(
        "{tasks:+} tasks and {fds:+} {} over the baseline, but growth in {grew} of {} rotations only; \
         more --rotations would tell",
        evidence.fd_unit,
        evidence.samples.rotations()
    )
}

/// The baseline, and the last sample after it in which nothing was away that belongs there: of the last three,
/// for a container that is moved disturbs two, or after as many rotations as suffice by themselves.
fn compared<'a>(evidence: &Evidence<'a>) -> Option<(&'a Sample, &'a Sample)> {
    let samples = evidence.samples;
    let (first, last) = (samples.first()?, samples.last_unmoved()?);
    let is_recent = samples.last()?.rotation? <= last.rotation? + 2;
    let suffices = is_recent || samples.undisturbed_rotations() >= ENOUGH;
    (last.rotation > first.rotation && suffices).then_some((first, last))
}

/// Whether the counts stood still at the baseline and at the end.
fn both_settled(evidence: &Evidence<'_>) -> bool {
    compared(evidence).is_some_and(|(first, last)| first.settled && last.settled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use leakcheck_report::model::report::{HungPlace, Sample};

    /// A run of twelve rotations of 50 containers whose tasks are given.
    struct Run {
        tasks: Vec<u64>,
        delivery: Delivery,
        hung: Hung,
        cut_short: Option<&'static str>,
        streams_opened: u64,
        settled: bool,
        rotations_asked: u64,
        lines_per_rotation: u64,
        restarts: bool,
        lines_missing: Option<u64>,
        /// Rotations in which containers were moved.
        moved_in: std::ops::RangeInclusive<usize>,
        faults: Option<u64>,
    }

    impl Run {
        fn with_tasks(tasks: impl IntoIterator<Item = u64>) -> Self {
            let delivery = Delivery {
                emitted: Some(1000),
                read: Some(1000),
                lost: Some(0),
                duplicated: Some(0),
                redelivered: None,
            };
            let tasks = tasks.into_iter().collect();
            Self {
                tasks,
                delivery,
                hung: Hung {
                    containers: Some(0),
                    r#where: Vec::new(),
                },
                cut_short: None,
                streams_opened: 13 * 50,
                settled: true,
                rotations_asked: 12,
                lines_per_rotation: 70,
                restarts: false,
                lines_missing: Some(0),
                moved_in: 0..=0,
                faults: None,
            }
        }

        fn verdict(&self) -> (Verdict, String) {
            let sample = |(rotation, &tasks): (usize, &u64)| Sample {
                rotation: Some(rotation as u64),
                tasks: Some(tasks),
                fds: Some(60),
                settled: self.settled,
                moved: u64::from(rotation > 0 && self.moved_in.contains(&rotation)),
                streams_opened: Some(self.streams_opened),
                rotations_made: Some(rotation as u64 * 50),
                lines_read: Some((rotation as u64 + 1) * self.lines_per_rotation),
                lines_missing: self.lines_missing,
                ..Sample::default()
            };
            let mut samples = Samples::default();
            for sample in self.tasks.iter().enumerate().map(sample) {
                samples.add(sample, true);
            }
            let scale = crate::analysis::rates::RateScale {
                containers: 50,
                rotation: std::time::Duration::from_secs(300),
            };
            let fds = vec![60; self.tasks.len()];
            judge(Evidence {
                containers: 50,
                rotations_asked: self.rotations_asked,
                rotations: Rotations {
                    due: Some(12),
                    made: Some(12),
                    missed: Some(0),
                    sufficed: None,
                },
                samples: &samples,
                rates: Rates {
                    tasks: crate::analysis::rates::rate_of_readings(&self.tasks, scale),
                    fds: crate::analysis::rates::rate_of_readings(&fds, scale),
                },
                delivery: self.delivery,
                hung: &self.hung,
                containers_ended: 0,
                containers_without_room: 0,
                restarts: self.restarts,
                faults: self.faults,
                replaced: 0,
                rotations_excused: 0,
                fd_unit: "fds",
                fds_exhausted_at_rotation: None,
                stream_error: None,
                cut_short: self.cut_short,
            })
        }
    }

    #[test]
    fn a_monitor_that_hangs_is_hung_whatever_its_counts_are() {
        for tasks in [
            vec![200; 13],
            (0..13).map(|n| 200 + n).collect(),
            (0..13).map(|n| 200 - n).collect(),
        ] {
            let mut run = Run::with_tasks(tasks);
            let place = HungPlace {
                place: "waiting".into(),
                containers: 1,
                shortest_ms: 900,
                longest_ms: 900,
            };
            run.hung = Hung {
                containers: Some(1),
                r#where: vec![place],
            };
            assert_eq!(run.verdict().0, Verdict::Hung);
        }
    }

    #[test]
    fn what_is_away_at_the_end_hides_no_leak_and_is_none() {
        let with_end = |end: [u64; 2]| {
            let tasks = [200; 11].into_iter().chain(end);
            let mut run = Run::with_tasks(tasks);
            run.moved_in = 11..=12;
            run.verdict().0
        };
        assert_eq!(with_end([196, 200]), Verdict::Clean);
        assert_eq!(with_end([200, 196]), Verdict::Clean, "one is still away");
        assert_eq!(with_end([200, 201]), Verdict::Inconclusive);
    }

    #[test]
    fn nothing_is_clean_of_which_nearly_every_rotation_was_disturbed() {
        let verdict = |moved_in| {
            let mut run = Run::with_tasks([200; 13]);
            run.moved_in = moved_in;
            run.verdict()
        };
        assert_eq!(verdict(6..=12).0, Verdict::Clean);
        let (disturbed, why) = verdict(2..=12);
        assert_eq!(disturbed, Verdict::Inconclusive);
        assert!(why.contains("moved"), "{why}");
    }

    #[test]
    fn a_lost_line_is_never_clean() {
        let mut run = Run::with_tasks([200; 13]);
        run.delivery.lost = Some(1);
        assert_eq!(run.verdict().0, Verdict::Starved);
    }

    #[test]
    fn lines_that_later_ones_came_without_are_lost_though_the_engine_is_gone() {
        let mut run = Run::with_tasks([200; 13]);
        run.delivery = Delivery::default();
        assert_eq!(run.verdict().0, Verdict::Inconclusive);
        run.lines_missing = Some(3);
        let (verdict, why) = run.verdict();
        assert_eq!(verdict, Verdict::Starved);
        assert_eq!(why, "3 lines, at least, were not delivered");
        run.delivery.duplicated = Some(1);
        run.cut_short = Some("the engine is gone");
        let why = "3 lines, at least, were not delivered, 1 more than once; the engine is gone";
        assert_eq!(run.verdict().1, why);
    }

    #[test]
    fn a_line_delivered_twice_is_never_clean() {
        let mut run = Run::with_tasks([200; 13]);
        run.delivery.duplicated = Some(1);
        assert_eq!(run.verdict().0, Verdict::Starved);
    }

    #[test]
    fn a_run_that_delivered_no_line_is_inconclusive() {
        for emitted in [None, Some(0)] {
            let mut run = Run::with_tasks([200; 13]);
            run.delivery = Delivery {
                emitted,
                ..Delivery::default()
            };
            assert_eq!(run.verdict().0, Verdict::Inconclusive);
        }
    }

    #[test]
    fn one_task_in_every_rotation_is_a_leak_and_in_all_but_one_is_inconclusive() {
        let every: Vec<u64> = (0..13).map(|rotation| 200 + rotation).collect();
        assert_eq!(Run::with_tasks(every.clone()).verdict().0, Verdict::Leaking);
        let mut all_but_one = every;
        all_but_one[12] = all_but_one[11];
        assert_eq!(
            Run::with_tasks(all_but_one).verdict().0,
            Verdict::Inconclusive
        );
    }

    #[test]
    fn one_rotation_with_a_count_that_did_not_settle_is_no_leak() {
        let mut run = Run::with_tasks([200, 201]);
        run.settled = false;
        run.rotations_asked = 1;
        run.streams_opened = 2 * 50;
        let (verdict, reason) = run.verdict();
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(reason.contains("did not settle"), "{reason}");
    }

    #[test]
    fn counts_below_the_baseline_are_not_clean() {
        let mut tasks = vec![200; 13];
        tasks[12] = 199;
        assert_eq!(Run::with_tasks(tasks).verdict().0, Verdict::Inconclusive);
    }

    #[test]
    fn a_run_that_was_cut_short_may_leak_but_is_not_clean() {
        let mut run = Run::with_tasks([200; 6]);
        run.cut_short = Some("interrupted");
        assert_eq!(run.verdict().0, Verdict::Inconclusive);
        let mut run = Run::with_tasks((0..6).map(|n| 200 + n));
        run.cut_short = Some("interrupted");
        assert_eq!(run.verdict().0, Verdict::Leaking);
    }

    #[test]
    fn a_stream_that_ended_by_itself_is_no_proof_of_a_clean_monitor() {
        let mut run = Run::with_tasks([200; 13]);
        run.streams_opened += 1;
        assert_eq!(run.verdict().0, Verdict::Inconclusive);
    }

    #[test]
    fn lines_of_the_first_streams_alone_are_no_proof() {
        let mut run = Run::with_tasks([200; 13]);
        run.lines_per_rotation = 0;
        let (verdict, reason) = run.verdict();
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(reason.contains("after the baseline"), "{reason}");
    }

    #[test]
    fn containers_that_were_to_end_and_did_not_prove_nothing() {
        let mut run = Run::with_tasks([200; 13]);
        run.restarts = true;
        assert_eq!(run.verdict().0, Verdict::Inconclusive);
        run.streams_opened += 7;
        assert_eq!(run.verdict().0, Verdict::Clean);
    }

    #[test]
    fn faults_may_end_streams_and_prove_nothing_where_none_was_injected() {
        let mut run = Run::with_tasks([200; 13]);
        run.streams_opened += 7;
        run.faults = Some(7);
        assert_eq!(run.verdict().0, Verdict::Clean);
        run.faults = Some(0);
        let (verdict, reason) = run.verdict();
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(reason.contains("injected no fault"), "{reason}");
    }

    #[test]
    fn back_at_the_baseline_with_every_line_delivered_is_clean() {
        let (verdict, reason) = Run::with_tasks([200; 13]).verdict();
        assert_eq!(verdict, Verdict::Clean);
        assert_eq!(
            reason,
            "back at the baseline after 12 of 12 rotations; 1000 lines delivered once"
        );
    }
}
