//! The verdict on a process that was watched from outside: signs of life before counts, as for a
//! monitor of our own, but by how they go, since other work comes and goes in it.
//!
//! Liveness, leak and delivery are judged each by itself. The verdict is drawn from them in one order: where
//! there is no baseline it is inconclusive; then `hung`, `starved`, `leaking`; where any of them is inconclusive,
//! so is it; else it is clean. Delivery counts where somebody sees it, which is an exercise's engine.

use std::collections::BTreeSet;
use std::time::Duration;

use leakcheck_report::model::report::{
    Answer, Answers, Counts, FollowersSide, Hung, Step, Trends, Verdict,
};
use leakcheck_report::readings::Concurrency;
use leakcheck_text::figures::told;

use super::growth::{Course, LEAST_GROWTH, Rise};
use super::trend::FEWEST_POINTS;
use super::watched_counts::{Bound, CountEvidence, Counted, minutes, time};
use super::watched_life::{Alive, Silence};

/// A slope that may be as large as this share of a container's rotation is not shown to be none.
const MOST_UNSEEN_PER_ROTATION: f64 = 0.5;
/// The same without a rotation: over the whole watch, as a share of the count …
const MOST_UNSEEN_SHARE: f64 = 0.05;
/// … but always so many.
const MOST_UNSEEN: f64 = 3.0;
/// A count that never fell and rose more often than this is not shown to be level.
const MOST_RISES: usize = 1;
/// A growth is told with when it began that began after this share of the watch.
const LATE: f64 = 0.2;
/// Memory that grew by at least so many bytes …
const MUCH_MEMORY: f64 = (32 << 20) as f64;
/// … and by this share.
const MUCH_MEMORY_SHARE: f64 = 0.2;
/// So few signs of life are those of an idle process.
const FEW_SIGNS: usize = 2;
/// In bytes.
const MIB: f64 = (1 << 20) as f64;

/// What a verdict weighs.
#[derive(Debug, Clone, Copy)]
pub(super) struct WatchedEvidence<'a> {
    /// What its tasks are called.
    pub(super) unit: &'a str,
    pub(super) counts: &'a [CountEvidence],
    pub(super) trends: &'a Trends,
    /// The counts of the first readings, before the warm-up.
    pub(super) at_start: Option<Counts>,
    /// The counts of the last part that is judged.
    pub(super) last: Option<Counts>,
    /// Whether what is judged reaches to the last reading: a process that was started anew is judged by the
    /// longest stretch without.
    pub(super) to_the_end: bool,
    /// The counts of the very first and the very last reading.
    pub(super) ends: Option<(Counts, Counts)>,
    /// Its resident memory in bytes, at the first reading that is judged.
    pub(super) memory_at_first: Option<u64>,
    pub(super) readings: usize,
    pub(super) parts: usize,
    pub(super) by_rotation: bool,
    pub(super) containers: Option<u64>,
    pub(super) rotation: Option<Duration>,
    pub(super) alive: Alive,
    pub(super) hung: &'a Hung,
    /// What the engine knows, where it is leakcheck's own.
    pub(super) followers: Option<&'a FollowersSide>,
    /// Whether a line that is handed over again at a resume is a fault.
    pub(super) exactly_once: bool,
    /// The counts that were read at every reading.
    pub(super) covers: &'a BTreeSet<&'static str>,
    /// What the program runs beside threads.
    pub(super) concurrency: &'a BTreeSet<Concurrency>,
    pub(super) cut_short: Option<&'a str>,
}

impl WatchedEvidence<'_> {
    /// In what rates are told.
    fn per(&self) -> &'static str {
        match (self.by_rotation, self.containers) {
            (true, Some(_)) => "per rotation per container",
            (true, None) => "per rotation",
            (false, _) => "per minute",
        }
    }
}

/// What the evidence comes to.
#[derive(Debug)]
pub(super) struct WatchedJudgement {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) answers: Answers,
    /// When the growth began that is called a leak, since the first reading.
    pub(super) began: Option<Duration>,
}

type Judgement = Option<(Verdict, String)>;

/// Judges, and says by which figures.
pub(super) fn judge(evidence: &WatchedEvidence<'_>) -> WatchedJudgement {
    let answers = Answers {
        liveness: answer(evidence, &[hung, stopped, not_reopened, not_alive], alive),
        leak: answer(
            evidence,
            &[
                too_short,
                leaking,
                leaking_streams,
                busier,
                one_step,
                rose,
                fallen,
                cut_short,
                lower_bound,
                not_shown,
                memory,
                not_covered,
            ],
            no_growth,
        ),
        delivery: match evidence.followers {
            None => answer(evidence, &[nobody_tells], delivered),
            Some(_) => answer(evidence, &[starved, unread, not_delivered_once], delivered),
        },
    };
    let (verdict, mut reason) =
        never_followed(evidence).unwrap_or_else(|| drawn(&answers, evidence.followers.is_some()));
    if let Some(cut_short) = evidence.cut_short
        && !reason.contains(cut_short)
    {
        reason += &format!("; {cut_short}");
    }
    let leaks = answers.leak.verdict == Verdict::Leaking;
    let rise = leaks
        .then(|| evidence.counts.iter().find_map(CountEvidence::leak))
        .flatten();
    WatchedJudgement {
        verdict,
        reason,
        answers,
        began: rise.map(|rise| time(rise.from)),
    }
}

/// The first step that says something, or what is said where none does.
fn answer(
    evidence: &WatchedEvidence<'_>,
    steps: &[fn(&WatchedEvidence<'_>) -> Judgement],
    clean: fn(&WatchedEvidence<'_>) -> String,
) -> Answer {
    let said = steps.iter().find_map(|step| step(evidence));
    let (verdict, reason) = said.unwrap_or_else(|| (Verdict::Clean, clean(evidence)));
    Answer { verdict, reason }
}

/// The verdict that three answers come to; `observed` where delivery is seen by somebody.
fn drawn(answers: &Answers, observed: bool) -> (Verdict, String) {
    let Answers {
        liveness,
        leak,
        delivery,
    } = answers;
    let found = |answer: &&Answer| {
        matches!(
            answer.verdict,
            Verdict::Hung | Verdict::Starved | Verdict::Leaking
        )
    };
    let in_order = [liveness, delivery, leak];
    if let Some(worst) = in_order.into_iter().find(found) {
        let leaks_too = leak.verdict == Verdict::Leaking && worst.verdict != Verdict::Leaking;
        let too = match leaks_too {
            true => format!("; and it leaks: {}", leak.reason),
            false => String::new(),
        };
        return (worst.verdict, format!("{}{too}", worst.reason));
    }
    let open = [
        Some(leak),
        Some(delivery).filter(|_| observed),
        Some(liveness),
    ];
    let open = open
        .into_iter()
        .flatten()
        .find(|answer| answer.verdict != Verdict::Clean);
    match open {
        Some(answer) => (Verdict::Inconclusive, answer.reason.clone()),
        None => (
            Verdict::Clean,
            format!("{}; {}", leak.reason, liveness.reason),
        ),
    }
}

fn inconclusive(reason: impl Into<String>) -> (Verdict, String) {
    (Verdict::Inconclusive, reason.into())
}

fn hung(evidence: &WatchedEvidence<'_>) -> Judgement {
    let hung = evidence.hung.containers.filter(|hung| *hung > 0)?;
    let of = match evidence.containers {
        Some(containers) => format!("{hung} of {containers} containers"),
        None => format!("{hung} goroutines"),
    };
    let place = evidence
        .hung
        .r#where
        .iter()
        .max_by_key(|place| place.containers)?;
    Some((
        Verdict::Hung,
        format!(
            "{of} hang: {} {}, for up to {:.1} s",
            place.containers,
            place.place,
            place.longest_ms as f64 / 1000.0
        ) + &fell(evidence).map_or_else(String::new, |fell| format!("; {fell}")),
    ))
}

/// Who never followed is no monitor.
fn never_followed(evidence: &WatchedEvidence<'_>) -> Judgement {
    let (never, all) = (evidence.followers?.never_followed, evidence.containers?);
    (never > 0).then(|| {
        let cut_short = evidence
            .cut_short
            .map_or(String::new(), |why| format!(": {why}"));
        inconclusive(format!(
            "{never} of {all} containers were never followed{cut_short}"
        ))
    })
}

/// Who opens no stream anew, and does not let go of the old one, has stopped rotating.
fn stopped(evidence: &WatchedEvidence<'_>) -> Judgement {
    let (followers, all) = (evidence.followers?, evidence.containers?);
    let (stopped, longest) = (followers.stopped, followers.stopped_for_ms as f64 / 1000.0);
    (stopped > 0).then(|| {
        let after = match followers.own_rotations {
            Some(own) => format!(
                "after {} rotations of its own, every {:.1} s, ",
                own.made,
                own.interval_ms / 1000.0
            ),
            None => String::new(),
        };
        let reason = format!(
            "{stopped} of {all} containers hang: {after}no stream was opened anew for up to {longest:.1} s, and \
             the old one is still open"
        );
        (Verdict::Hung, reason)
    })
}

fn starved(evidence: &WatchedEvidence<'_>) -> Judgement {
    let (starved, all) = (evidence.followers?.starved, evidence.containers?);
    (starved > 0).then(|| {
        let reason = format!("{starved} of {all} containers are followed by nobody any more");
        (Verdict::Starved, reason)
    })
}

/// Streams that nobody closes are a leak, whatever can be read of the follower itself.
fn leaking_streams(evidence: &WatchedEvidence<'_>) -> Judgement {
    let followers = evidence.followers?;
    // Who pauses between two streams may have none of a container for a moment.
    let before = followers.streams_baseline.max(evidence.containers?);
    let now = followers.streams_final;
    (now.saturating_sub(before) as f64 >= LEAST_GROWTH).then(|| {
        let twice = followers.followed_twice;
        let reason = format!(
            "its open streams grew from {before} to {now}: {twice} containers are followed more than once"
        );
        (Verdict::Leaking, reason)
    })
}

/// Whoever opens streams and does not read them is as dead as one who opens none.
fn unread(evidence: &WatchedEvidence<'_>) -> Judgement {
    let followers = evidence.followers?;
    let (connections, bytes) = (followers.unread_connections?, followers.unread_bytes?);
    (connections > 0).then(|| {
        let reason = format!("nobody reads what lies on {connections} connections: {bytes} bytes");
        (Verdict::Starved, reason)
    })
}

/// A rotation that no new stream followed is none that was made.
fn not_reopened(evidence: &WatchedEvidence<'_>) -> Judgement {
    let followers = evidence.followers?;
    let (rotations, reopened) = (followers.rotations, followers.reopened);
    (reopened < rotations).then(|| {
        inconclusive(format!(
            "no leak, but after {} of {rotations} rotations of a container no stream was opened anew before \
             the next",
            rotations - reopened
        ))
    })
}

/// As for a monitor of our own: whoever loses lines does not do its work.
fn not_delivered_once(evidence: &WatchedEvidence<'_>) -> Judgement {
    let followers = evidence.followers?;
    let emitted = followers.lines_sent + followers.lines_lost;
    let again = match evidence.exactly_once {
        true => followers.lines_redelivered,
        false => 0,
    };
    let reason = match (followers.lines_lost, followers.lines_repeated + again) {
        (0, 0) if emitted == 0 => {
            return Some(inconclusive(
                "no leak, but no container printed a line: that streams deliver is unproven",
            ));
        }
        (0, 0) => return None,
        (lost, 0) => format!("{lost} of {emitted} lines were handed to no stream"),
        (0, twice) => format!("{twice} of {emitted} lines were handed over more than once"),
        (lost, twice) => {
            format!("{lost} of {emitted} lines were handed to no stream, {twice} to more than one")
        }
    };
    Some((Verdict::Starved, reason))
}

fn nobody_tells(_: &WatchedEvidence<'_>) -> Judgement {
    Some(inconclusive("nobody tells what the process should deliver"))
}

fn delivered(evidence: &WatchedEvidence<'_>) -> String {
    let of = |count: fn(&FollowersSide) -> u64| evidence.followers.map_or(0, count);
    let lines = of(|followers| followers.lines_sent);
    match of(|followers| followers.lines_redelivered) {
        0 => format!("{lines} lines were handed over, each once"),
        again => {
            format!("{lines} lines were handed over, {again} of them again as the follower resumed")
        }
    }
}

fn too_short(evidence: &WatchedEvidence<'_>) -> Judgement {
    if !evidence.counts.is_empty() {
        return None;
    }
    let (count, what) = match evidence.by_rotation {
        true => (evidence.parts, "rotations"),
        false => (evidence.readings, "readings"),
    };
    let cut_short = evidence.cut_short;
    let cut_short = cut_short.map_or(String::new(), |why| format!(" ({why})"));
    Some(inconclusive(format!(
        "only {count} {what} after the warm-up{cut_short}, and a trend needs {FEWEST_POINTS}{}; watch longer",
        so_far(evidence)
    )))
}

/// How the counts went from the first reading to the last, however few there are.
fn so_far(evidence: &WatchedEvidence<'_>) -> String {
    let went = |first: u64, last: u64, unit: &str| {
        (first != last).then(|| format!("{unit} went from {first} to {last}"))
    };
    let ends = evidence.ends;
    let went = ends.and_then(|(first, last)| between(evidence, first, last, went));
    went.map_or(String::new(), |went| format!("; so far {went}"))
}

/// What is to be said of tasks and file descriptors between two readings, where there is anything.
fn between(
    evidence: &WatchedEvidence<'_>,
    first: Counts,
    last: Counts,
    tell: impl Fn(u64, u64, &str) -> Option<String>,
) -> Option<String> {
    let counts = [
        (first.tasks, last.tasks, evidence.unit),
        (first.fds, last.fds, "fds"),
    ];
    let told = counts
        .into_iter()
        .filter_map(|(first, last, unit)| tell(first?, last?, unit));
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(" and "))
}

fn leaking(evidence: &WatchedEvidence<'_>) -> Judgement {
    let leak = |count: &'_ CountEvidence| {
        let rise = count.leak()?;
        // What stays one by one is no step, whatever other work does to the count.
        let is_step = |step: Step| step.size >= 0.7 * rise.by;
        let grows = matches!(count.growth.course, Course::Growing(_));
        let in_one_step = grows && count.only_step().is_some_and(is_step);
        (!in_one_step).then_some(rise)
    };
    let leaks: Vec<(&CountEvidence, Rise)> = (evidence.counts.iter())
        .filter_map(|count| Some((count, leak(count)?)))
        .collect();
    let (lead, rise) = *leaks.first()?;
    let is_told = |count: &&CountEvidence| {
        matches!(count.counted, Counted::Tasks | Counted::Fds)
            || leaks
                .iter()
                .any(|(leaking, _)| leaking.counted == count.counted)
    };
    let figures: Vec<String> = (evidence.counts.iter())
        .filter(is_told)
        .map(|count| {
            format!(
                "{} {}",
                told(count.rate.told()),
                count.counted.unit(evidence.unit)
            )
        })
        .collect();
    let figures = figures.join(" and ");
    let per = evidence.per();
    let steps = match lead
        .trend
        .steps
        .iter()
        .filter(|step| step.size > 0.0)
        .count()
    {
        0 | 1 => String::new(),
        steps if !evidence.by_rotation => format!(", in {steps} steps"),
        _ => String::new(),
    };
    let points = match evidence.by_rotation {
        true => format!("{} rotations", lead.trend.points),
        false => format!("{} points", lead.trend.points),
    };
    let unit = lead.counted.unit(evidence.unit);
    let [low, high] = lead.trend.ci95_per_minute;
    let stays = match lead.staying {
        Some(_) => ", and what has come stays",
        None => "",
    };
    let reason = match lead.growth.course {
        Course::Growing(_) if began_late(lead, rise) => format!(
            "{} since {:.1} s into the watch, {} in all{stays}; p {}",
            rate_since(evidence, lead, rise, unit),
            rise.from * 60.0,
            signed(rise.by),
            probability(lead.growth.p),
        ),
        Course::Growing(_) => format!(
            "{figures} {per}{steps}; the slope of {unit} over {points} lies between {low:.1} and {high:.1} a \
             minute (95 %), p {}{stays}",
            probability(lead.growth.p),
        ),
        _ => format!(
            "{} {unit} more stay than at first, beside others that come and go: {}",
            signed(rise.by),
            rate_since(evidence, lead, rise, unit),
        ),
    };
    Some((Verdict::Leaking, reason))
}

/// Whether a growth began well after the watch did.
fn began_late(count: &CountEvidence, rise: Rise) -> bool {
    let began = rise.from - (count.ends - count.minutes);
    began > LATE * count.minutes
}

/// How fast a count grew since its growth began.
fn rate_since(
    evidence: &WatchedEvidence<'_>,
    count: &CountEvidence,
    rise: Rise,
    unit: &str,
) -> String {
    let per_minute = rise.by / (count.ends - rise.from);
    let rotation = evidence.rotation.map_or(1.0, minutes);
    let containers = evidence
        .containers
        .filter(|_| evidence.by_rotation)
        .unwrap_or(1);
    let each = per_minute * rotation / containers as f64;
    format!("{} {unit} {}", told(each), evidence.per())
}

fn signed(by: f64) -> String {
    format!("{by:+.0}")
}

fn probability(p: f64) -> String {
    match p {
        p if p < 0.001 => "< 0.001".into(),
        p => format!("= {p:.3}"),
    }
}

/// A count that grows whose members come and go is that of a process that has more to do.
fn busier(evidence: &WatchedEvidence<'_>) -> Judgement {
    evidence.counts.iter().find_map(|count| {
        let Course::Growing(rise) = count.growth.course else {
            return None;
        };
        let unit = count.counted.unit(evidence.unit);
        (count.has_members && count.staying.is_none()).then(|| {
            inconclusive(match count.turns_over {
                true => format!(
                    "{unit} grew by {:.0}, but come and go: it has more to do; watch longer to see whether any \
                     stay",
                    rise.by
                ),
                false => format!(
                    "{unit} grew by {:.0} from {:.1} s on: whether what came stays cannot be told yet; watch \
                     longer",
                    rise.by,
                    rise.from * 60.0
                ),
            })
        })
    })
}

fn one_step(evidence: &WatchedEvidence<'_>) -> Judgement {
    evidence.counts.iter().find_map(|count| {
        let step = count.only_step()?;
        let grew = count.last as f64 - count.first as f64 >= LEAST_GROWTH;
        grew.then(|| {
            inconclusive(format!(
                "one step of {:+} {} after {:.1} s, and level since: watch longer to see whether \
                 another follows",
                step.size,
                count.counted.unit(evidence.unit),
                step.t_ms as f64 / 1000.0
            ))
        })
    })
}

/// A growth that is over, or of which nobody knows whether it is.
fn rose(evidence: &WatchedEvidence<'_>) -> Judgement {
    evidence.counts.iter().find_map(|count| {
        let unit = count.counted.unit(evidence.unit);
        match count.growth.course {
            Course::Ended(rise) => Some(inconclusive(format!(
                "{unit} rose by {:.0} until {:.1} s, and are level since: watch longer to see whether they \
                 stay so",
                rise.by,
                rise.until * 60.0
            ))),
            Course::Unclear(rise) => Some(inconclusive(format!(
                "{unit} rose by {:.0} from {:.1} s on: whether that goes on cannot be told yet; watch longer",
                rise.by,
                rise.from * 60.0
            ))),
            _ => None,
        }
    })
}

/// How the counts fell, where they did clearly.
fn fell(evidence: &WatchedEvidence<'_>) -> Option<String> {
    let fell = |first: u64, last: u64, unit: &str| {
        let by = first.saturating_sub(last);
        (by as f64 >= LEAST_GROWTH && by * 10 > first)
            .then(|| format!("{unit} fell from {first} to {last}"))
    };
    between(evidence, evidence.at_start?, evidence.last?, fell)
}

/// A monitor that gives up its streams holds less and less: that is no sign of health.
fn fallen(evidence: &WatchedEvidence<'_>) -> Judgement {
    let fell = fell(evidence)?;
    // The engine sees that it does as much as before.
    if evidence.followers.is_some_and(|seen| {
        let rotates = seen.rotations > 0 || seen.own_rotations.is_some();
        rotates && seen.reopened == seen.rotations && seen.starved + seen.stopped == 0
    }) {
        return None;
    }
    Some(inconclusive(format!(
        "no leak, but {fell}: what does less holds less"
    )))
}

fn cut_short(evidence: &WatchedEvidence<'_>) -> Judgement {
    let cut_short = evidence.cut_short?;
    Some(inconclusive(format!("no leak until then, but {cut_short}")))
}

fn lower_bound(evidence: &WatchedEvidence<'_>) -> Judgement {
    evidence
        .trends
        .tasks_are_lower_bound
        .then(|| inconclusive("no leak seen, but the console had not told of all tasks"))
}

/// What is nowhere shown to be level may grow.
fn not_shown(evidence: &WatchedEvidence<'_>) -> Judgement {
    evidence.counts.iter().find_map(|count| {
        let unit = count.counted.unit(evidence.unit);
        if let Some(rise) = count.staying {
            return Some(inconclusive(format!(
                "no trend, but {:.0} {unit} more stay than at first: watch longer",
                rise.by
            )));
        }
        let limit = limit(evidence, count);
        // What came last has not been seen to stay.
        let ends_above = count.bounds.first().map_or(0.0, |all| all.ends_above);
        let unshown = |bound: &Bound| {
            let bound = Bound {
                ends_above: bound.ends_above.max(ends_above),
                ..*bound
            };
            why_unshown(evidence, &bound, limit, unit)
        };
        let why: Option<Vec<String>> = count.bounds.iter().map(unshown).collect();
        // What is said is what all readings show; what stays may show more.
        Some(inconclusive(why?.into_iter().next()?))
    })
}

/// By how much a count may grow and still count as level.
fn limit(evidence: &WatchedEvidence<'_>, count: &CountEvidence) -> f64 {
    match evidence.by_rotation && evidence.containers.is_some() {
        true => MOST_UNSEEN_PER_ROTATION,
        false => (count.first as f64 * MOST_UNSEEN_SHARE).max(MOST_UNSEEN),
    }
}

/// Why a bound does not show a count to be level; `None` where it does.
fn why_unshown(
    evidence: &WatchedEvidence<'_>,
    bound: &Bound,
    limit: f64,
    unit: &str,
) -> Option<String> {
    let per = match evidence.by_rotation && evidence.containers.is_some() {
        true => "per rotation per container",
        false => "over the watch",
    };
    let most = bound.most.max(bound.width);
    if most > limit || !bound.level {
        return Some(format!(
            "no trend, but up to {most:.2} {unit} {per} cannot be excluded: watch longer"
        ));
    }
    // A leak that begins late shows at the end alone.
    if bound.ends_above >= LEAST_GROWTH {
        return Some(format!(
            "no trend, but {unit} end {:.0} above all that they were before: watch longer",
            bound.ends_above
        ));
    }
    let rises = bound.rises.filter(|rises| *rises > MOST_RISES)?;
    Some(format!(
        "no trend yet, but {unit} rose {rises} times and never fell: watch longer"
    ))
}

/// Memory that grows tells of something that is not counted.
fn memory(evidence: &WatchedEvidence<'_>) -> Judgement {
    use leakcheck_report::model::report::Course::{Growing, Unclear};
    let trend = evidence.trends.rss_bytes.as_ref()?;
    let rise = trend
        .rise
        .filter(|_| matches!(trend.course, Some(Growing | Unclear)))?;
    let before = evidence.memory_at_first? as f64;
    (rise.by >= MUCH_MEMORY.max(before * MUCH_MEMORY_SHARE)).then(|| {
        inconclusive(format!(
            "no count grows, but its memory does: by {:.0} MiB, {:.1} MiB a minute",
            rise.by / MIB,
            trend.per_minute / MIB
        ))
    })
}

/// Nothing is clean that was not read.
fn not_covered(evidence: &WatchedEvidence<'_>) -> Judgement {
    let read = |what: &str| evidence.covers.contains(what);
    let tasks = read("goroutines") || read("tasks");
    let has = |what: Concurrency| evidence.concurrency.contains(&what);
    let missing = if has(Concurrency::Goroutines) && !tasks {
        "its goroutines were not read: give --pprof (or --metrics)"
    } else if has(Concurrency::TokioTasks) && !tasks {
        "its tokio tasks were not read: give --console (or --metrics)"
    } else if has(Concurrency::Unknown) && !tasks {
        "its program may not be read, so that whether it has goroutines or tasks is unknown: run leakcheck as \
         its user, or as root"
    } else if !tasks && !read("threads") {
        "nothing that runs in it was read: give --pid, --pprof or --console"
    } else if !read("fds") {
        "its file descriptors were not read: give --pid (or --metrics)"
    } else {
        return None;
    };
    Some(inconclusive(format!(
        "no leak of {}, but {missing}",
        listed(evidence)
    )))
}

/// The counts that were read, as a list.
fn listed(evidence: &WatchedEvidence<'_>) -> String {
    let names: Vec<&str> = evidence.covers.iter().copied().collect();
    names.join(", ")
}

fn no_growth(evidence: &WatchedEvidence<'_>) -> String {
    let figures: Vec<String> = (evidence.counts.iter())
        .filter(|count| {
            matches!(
                count.counted,
                Counted::Tasks | Counted::Fds | Counted::Threads
            )
        })
        .map(|count| {
            let [low, high] = count.trend.ci95_per_minute;
            let unit = count.counted.unit(evidence.unit);
            format!("{unit} between {low:.1} and {high:.1} a minute (95 %)")
                .replace("-0.0 ", "0.0 ")
        })
        .collect();
    let minutes = evidence.counts.first().map_or(0.0, |count| count.minutes);
    let over = match evidence.by_rotation {
        true => format!("{} rotations", evidence.parts),
        false => format!("{minutes:.1} min"),
    };
    format!(
        "no trend over {over}: {}; covers {}",
        figures.join(", "),
        listed(evidence)
    )
}

/// Counts that stand still are those of a healthy process, and of a dead one.
fn not_alive(evidence: &WatchedEvidence<'_>) -> Judgement {
    let alive = evidence.alive;
    // Streams that were opened anew after each rotation are a sign that leaves nothing open.
    if evidence
        .followers
        .is_some_and(|followers| followers.rotations > 0 || followers.own_rotations.is_some())
    {
        return None;
    }
    if !alive.known {
        return Some(inconclusive(
            "no leak, but nothing that was read tells a living process from a dead one: give its PID, --pprof or \
             --console too",
        ));
    }
    if !evidence.to_the_end {
        return Some(inconclusive(
            "no leak, but it was started anew later, and what runs now was seen too briefly to be judged",
        ));
    }
    if let Some(silence) = alive.silence {
        return Some(inconclusive(silent(alive, silence)));
    }
    let containers = evidence.containers.filter(|_| evidence.by_rotation)?;
    if let Some((last, usual)) = alive.fewer_at_the_end {
        return Some(inconclusive(format!(
            "no leak, but only {last} streams were replaced in the last rotations, and {usual} in as many \
             before: that all of them still rotate is unproven"
        )));
    }
    // At either end a rotation's replacements may fall into its neighbour.
    let rotations = evidence.parts as u64;
    (alive.in_parts < containers * rotations.saturating_sub(1)).then(|| {
        inconclusive(format!(
            "no leak, but only {} of {} streams were replaced in {rotations} rotations: that all of \
             them rotate is unproven",
            alive.in_parts,
            containers * rotations
        ))
    })
}

fn silent(alive: Alive, silence: Silence) -> String {
    let seconds = |time: Duration| time.as_secs_f64();
    if silence.signs > FEW_SIGNS {
        return format!(
            "no leak, but nothing shows that it still works: no sign of life in the last {:.1} s, after {} that \
             were never {:.1} s apart",
            seconds(silence.lasted),
            silence.signs,
            seconds(silence.longest_before).max(0.1),
        );
    }
    let mut did = vec![format!(
        "{} goroutines, tasks, threads or sockets replaced",
        alive.replaced
    )];
    did.extend(
        alive
            .started
            .map(|started| format!("{started} goroutines started")),
    );
    did.extend(
        alive
            .cpu_time
            .map(|time| format!("{:.1} s of CPU time spent", seconds(time))),
    );
    format!(
        "no leak, but it is idle, which looks like a dead one: {}; watch it under load",
        did.join(", ")
    )
}

fn alive(evidence: &WatchedEvidence<'_>) -> String {
    match evidence.followers {
        Some(followers) if followers.rotations > 0 => {
            format!("alive: {} streams opened anew", followers.reopened)
        }
        Some(FollowersSide {
            own_rotations: Some(own),
            ..
        }) => format!("alive: {} rotations of its own per container", own.made),
        _ => {
            let Alive {
                replaced,
                started,
                cpu_time,
                ..
            } = evidence.alive;
            let mut signs = vec![format!("{replaced} replaced")];
            let started = started.filter(|started| *started > 0);
            signs.extend(started.map(|started| format!("{started} goroutines started")));
            let cpu_time = cpu_time.filter(|time| !time.is_zero());
            signs.extend(cpu_time.map(|time| format!("{:.1} s of CPU time", time.as_secs_f64())));
            format!("alive: {}", signs.join(", "))
        }
    }
}
