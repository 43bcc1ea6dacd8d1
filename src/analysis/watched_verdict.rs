//! The verdict on a process that was watched from outside: signs of life before counts, as for a
//! monitor of our own, but by slopes and their intervals, since other work comes and goes in it.

use leakcheck_report::model::report::{Counts, FollowersSide, Hung, Rates, Trend, Trends, Verdict};
use leakcheck_text::figures::told;

use super::trend::FEWEST_POINTS;

/// A trend is one where chance makes such a row less often than this.
const SIGNIFICANT: f64 = 0.05;
/// Fewer than this over the whole watch is what any process does.
const LEAST_GROWTH: f64 = 3.0;
/// A slope that may be as large as this share of a container's rotation is not shown to be none.
const MOST_UNSEEN_PER_ROTATION: f64 = 0.5;
/// The same without a rotation: over the whole watch, as a share of the count …
const MOST_UNSEEN_SHARE: f64 = 0.05;
/// … but always so many.
const MOST_UNSEEN: f64 = 3.0;

/// Signs of life: what was replaced by others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Alive {
    /// Whether anything was seen one by one, of which there was one per container.
    pub(super) known: bool,
    /// How many were replaced.
    pub(super) replaced: u64,
    /// The same within the rotations, or stretches, that are judged.
    pub(super) in_parts: u64,
    /// The same in the last third of these.
    pub(super) in_last_third: u64,
    /// How many that third are.
    pub(super) parts_in_last_third: u64,
}

/// What a verdict weighs.
#[derive(Debug, Clone, Copy)]
pub(super) struct WatchedEvidence<'a> {
    /// What its tasks are called.
    pub(super) unit: &'a str,
    pub(super) rates: Rates,
    pub(super) trends: &'a Trends,
    /// The counts of the first readings, before the warm-up.
    pub(super) at_start: Option<Counts>,
    /// The counts of the first part that is judged, and of the last.
    pub(super) first: Option<Counts>,
    pub(super) last: Option<Counts>,
    /// How long what is judged lasted.
    pub(super) minutes: f64,
    pub(super) parts: usize,
    pub(super) by_rotation: bool,
    pub(super) containers: Option<u64>,
    pub(super) alive: Alive,
    pub(super) hung: &'a Hung,
    /// What the engine knows, where it is leakcheck's own.
    pub(super) followers: Option<&'a FollowersSide>,
    pub(super) cut_short: Option<&'a str>,
}

impl WatchedEvidence<'_> {
    /// The trends that are known, with what they are of.
    fn trends(&self) -> impl Iterator<Item = (&Trend, &str)> {
        let counts = [(&self.trends.tasks, self.unit), (&self.trends.fds, "fds")];
        let known = |(trend, unit)| Option::zip(Option::as_ref(trend), Some(unit));
        counts.into_iter().filter_map(known)
    }
}

type Judgement = Option<(Verdict, String)>;

/// Judges, and says by which figures.
pub(super) fn judge(evidence: &WatchedEvidence<'_>) -> (Verdict, String) {
    let steps = [
        hung,
        never_followed,
        stopped,
        starved,
        too_short,
        leaking,
        leaking_streams,
        unread,
        one_step,
        fallen,
        cut_short,
        lower_bound,
        not_reopened,
        not_delivered_once,
        not_alive,
        not_shown,
    ];
    let (verdict, mut reason) = steps
        .into_iter()
        .find_map(|step| step(evidence))
        .unwrap_or_else(|| (Verdict::Clean, clean(evidence)));
    if let Some(cut_short) = evidence.cut_short
        && !reason.contains(cut_short)
    {
        reason += &format!("; {cut_short}");
    }
    (verdict, reason)
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
        let reason = format!(
            "{stopped} of {all} containers hang: no stream was opened anew for up to {longest:.1} s, and the \
             old one is still open"
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
    let (before, now) = (followers.streams_baseline, followers.streams_final);
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
    let reason = match (followers.lines_lost, followers.lines_repeated) {
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

fn too_short(evidence: &WatchedEvidence<'_>) -> Judgement {
    let (parts, what) = match evidence.by_rotation {
        true => (evidence.parts, "rotations"),
        false => (evidence.parts, "readings"),
    };
    let neither = evidence.trends.tasks.is_none() && evidence.trends.fds.is_none();
    let too_few = format!(
        "only {parts} {what} after the warm-up, and a trend needs {FEWEST_POINTS}; watch longer"
    );
    (parts < FEWEST_POINTS || neither).then(|| inconclusive(too_few))
}

/// Whether a count grows: its interval excludes zero, chance makes no such row, and it is no one
/// task that came.
fn grows(trend: &Trend, minutes: f64) -> bool {
    trend.ci95_per_minute[0] > 0.0
        && trend.mann_kendall_p < SIGNIFICANT
        && trend.per_minute * minutes >= LEAST_GROWTH
}

/// Whether all of a growth came in one step.
fn is_one_step(trend: &Trend, minutes: f64) -> bool {
    let up: Vec<f64> = trend
        .steps
        .iter()
        .map(|step| step.size)
        .filter(|size| *size > 0.0)
        .collect();
    matches!(up[..], [size] if size >= 0.7 * trend.per_minute * minutes)
}

fn leaking(evidence: &WatchedEvidence<'_>) -> Judgement {
    let minutes = evidence.minutes;
    let leaks = |trend: &Trend| grows(trend, minutes) && !is_one_step(trend, minutes);
    if !evidence.trends().any(|(trend, _)| leaks(trend)) {
        return None;
    }
    let Rates { tasks, fds } = evidence.rates;
    let figures = [(tasks, evidence.unit), (fds, "fds")];
    let figures = figures
        .into_iter()
        .filter_map(|(rate, unit)| Some(format!("{} {unit}", told(rate?.told()))));
    let per = match (evidence.by_rotation, evidence.containers) {
        (true, Some(_)) => "per rotation per container",
        (true, None) => "per rotation",
        (false, _) => "per minute",
    };
    let figures: Vec<String> = figures.collect();
    let (trend, unit) = match (&evidence.trends.tasks, &evidence.trends.fds) {
        (Some(trend), _) if grows(trend, evidence.minutes) => (trend, evidence.unit),
        (_, Some(trend)) | (Some(trend), None) => (trend, "fds"),
        (None, None) => return None,
    };
    let steps = match trend.steps.iter().filter(|step| step.size > 0.0).count() {
        0 | 1 => String::new(),
        steps if !evidence.by_rotation => format!(", in {steps} steps"),
        _ => String::new(),
    };
    let points = match evidence.by_rotation {
        true => format!("{} rotations", trend.points),
        false => format!("{} points", trend.points),
    };
    Some((
        Verdict::Leaking,
        format!(
            "{} {per}{steps}; the slope of {unit} over {points} lies between {:.1} and {:.1} a minute \
             (95 %), p {}",
            figures.join(" and "),
            trend.ci95_per_minute[0],
            trend.ci95_per_minute[1],
            probability(trend.mann_kendall_p),
        ),
    ))
}

fn probability(p: f64) -> String {
    match p {
        p if p < 0.001 => "< 0.001".into(),
        p => format!("= {p:.3}"),
    }
}

fn one_step(evidence: &WatchedEvidence<'_>) -> Judgement {
    evidence.trends().find_map(|(trend, unit)| {
        let trend = Some(trend).filter(|trend| grows(trend, evidence.minutes))?;
        let step = trend.steps.iter().find(|step| step.size > 0.0)?;
        Some(inconclusive(format!(
            "one step of {:+} {unit} after {:.1} s, and level since: watch longer to see whether \
             another follows",
            step.size,
            step.t_ms as f64 / 1000.0
        )))
    })
}

/// How the counts fell, where they did clearly.
fn fell(evidence: &WatchedEvidence<'_>) -> Option<String> {
    let (first, last) = (evidence.at_start?, evidence.last?);
    let counts = [
        (first.tasks, last.tasks, evidence.unit),
        (first.fds, last.fds, "fds"),
    ];
    let fell = |(first, last, unit): (Option<u64>, Option<u64>, &str)| {
        let (first, last) = (first?, last?);
        let by = first.saturating_sub(last);
        (by as f64 >= LEAST_GROWTH && by * 10 > first)
            .then(|| format!("{unit} fell from {first} to {last}"))
    };
    let fell: Vec<String> = counts.into_iter().filter_map(fell).collect();
    (!fell.is_empty()).then(|| fell.join(" and "))
}

/// A monitor that gives up its streams holds less and less: that is no sign of health.
fn fallen(evidence: &WatchedEvidence<'_>) -> Judgement {
    let fell = fell(evidence)?;
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

/// Counts that stand still are those of a healthy process, and of a dead one.
fn not_alive(evidence: &WatchedEvidence<'_>) -> Judgement {
    let alive = evidence.alive;
    // Streams that were opened anew after each rotation are a sign that leaves nothing open.
    if evidence
        .followers
        .is_some_and(|followers| followers.rotations > 0)
    {
        return None;
    }
    if !alive.known {
        return Some(inconclusive(
            "no leak, but nothing that was read tells a living process from a dead one: give --pprof or \
             --console too, or of a --pid alone its --rotation and --containers",
        ));
    }
    let Some(containers) = evidence.containers.filter(|_| evidence.by_rotation) else {
        return (alive.in_last_third == 0).then(|| {
            inconclusive(format!(
                "no leak, but nothing was replaced in the last third of the time ({} before): that it \
                 still works is unproven",
                alive.replaced
            ))
        });
    };
    // At either end a rotation's replacements may fall into its neighbour.
    let rotations = evidence.parts as u64;
    let due = containers * rotations.saturating_sub(1);
    let due_late = containers * alive.parts_in_last_third.saturating_sub(1);
    (alive.in_parts < due || alive.in_last_third < due_late).then(|| {
        inconclusive(format!(
            "no leak, but only {} of {} streams were replaced in {rotations} rotations: that all of \
             them rotate is unproven",
            alive.in_parts,
            containers * rotations
        ))
    })
}

/// A slope of nothing with an interval that holds a leak shows none.
fn not_shown(evidence: &WatchedEvidence<'_>) -> Judgement {
    let Some(first) = evidence.first else {
        return Some(inconclusive("nothing was read"));
    };
    let counts = [
        (
            &evidence.trends.tasks,
            evidence.rates.tasks,
            first.tasks,
            evidence.unit,
        ),
        (&evidence.trends.fds, evidence.rates.fds, first.fds, "fds"),
    ];
    counts.into_iter().find_map(|(trend, rate, level, unit)| {
        let (trend, rate) = (trend.as_ref()?, rate?);
        let (most, unseen, per) = match rate.ci95 {
            Some([_, high]) => (high, MOST_UNSEEN_PER_ROTATION, "per rotation per container"),
            None => {
                let share = level.unwrap_or(0) as f64 * MOST_UNSEEN_SHARE;
                let over_all = trend.ci95_per_minute[1] * evidence.minutes;
                (over_all, share.max(MOST_UNSEEN), "over the watch")
            }
        };
        (most > unseen).then(|| {
            inconclusive(format!(
                "no trend, but up to {most:.2} {unit} {per} cannot be excluded: watch longer"
            ))
        })
    })
}

fn clean(evidence: &WatchedEvidence<'_>) -> String {
    let figures = evidence.trends().map(|(trend, unit)| {
        let [low, high] = trend.ci95_per_minute;
        format!("{unit} between {low:.1} and {high:.1} a minute (95 %)")
    });
    let figures: Vec<String> = figures
        .map(|figure| figure.replace("-0.0 ", "0.0 "))
        .collect();
    let over = match evidence.by_rotation {
        true => format!("{} rotations", evidence.parts),
        false => format!("{:.1} min", evidence.minutes),
    };
    format!(
        "no trend over {over}: {}; alive: {}",
        figures.join(", "),
        match evidence.followers {
            Some(followers) if followers.rotations > 0 =>
                format!("{} streams opened anew", followers.reopened),
            _ => format!("{} replaced", evidence.alive.replaced),
        }
    )
}
