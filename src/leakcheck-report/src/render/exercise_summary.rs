//! What people read of a follower that was exercised, beside what any watched process shows.

use super::section::{Section, Text, table};
use crate::model::report::{Config, FollowersSide, UnreadAtRotations, WiringReport};

/// What the engine knows of it; `None` where it was not leakcheck's own.
pub(super) fn of_engine(config: &Config, process: &WiringReport) -> Option<Section> {
    let followers = process.engine_side.followers.as_ref()?;
    let rows = figures(followers).into_iter();
    let rows = rows.map(|(what, figure)| vec![Text::Words(what.into()), Text::Figure(figure)]);
    let mut notes = Vec::new();
    if let Some(own) = followers.own_rotations {
        notes.push(format!(
            "It rotates by itself: every {:.1} s, {} times per container.",
            own.interval_ms / 1000.0,
            own.made
        ));
    }
    let requests: Vec<String> = (followers.requests_per_minute.iter())
        .map(|(path, rate)| format!("{rate:.1} {path}"))
        .collect();
    if !requests.is_empty() {
        notes.push(format!("Requests per minute: {}.", requests.join(", ")));
    }
    let unknown: Vec<String> = (followers.unknown_requests.iter())
        .map(|(path, count)| format!("{count} {path}"))
        .collect();
    if !unknown.is_empty() {
        notes.push(format!(
            "It asked for what the synthetic engine does not know: {}.",
            unknown.join(", ")
        ));
    }
    notes.extend(ends(config));
    Some(Section {
        heading: "Seen from the engine".into(),
        table: Some(table(&["what", "count"], rows)),
        notes,
    })
}

/// How its streams were rotated; `None` where nobody did.
pub(super) fn rotations(config: &Config) -> Option<String> {
    let exercised = config.exercised.as_ref()?;
    let by = match exercised.rotate_by.as_str() {
        "none" => "its own".to_owned(),
        by => format!("the engine's, by {by}"),
    };
    let kept = match config.keep_ended_streams {
        true => ", ended streams kept open",
        false => "",
    };
    Some(format!("{by}{kept}"))
}

fn figures(followers: &FollowersSide) -> Vec<(&'static str, String)> {
    let delay = |which: fn(&crate::model::report::ReopenDelay) -> f64| {
        let delay = followers.reopen_delay_ms.as_ref().map(which);
        delay.map_or("-".into(), |ms| format!("{ms:.1}"))
    };
    let unread = |which: fn(&UnreadAtRotations) -> f64| {
        let unread = followers.unread_at_rotations.as_ref().map(which);
        unread.map_or("-".into(), |bytes| format!("{bytes:.0}"))
    };
    vec![
        (
            "streams open before the first rotation that counts",
            followers.streams_baseline.to_string(),
        ),
        (
            "streams open at the end",
            followers.streams_final.to_string(),
        ),
        (
            "containers followed more than once at the end",
            followers.followed_twice.to_string(),
        ),
        ("rotations of a container", followers.rotations.to_string()),
        (
            "streams opened anew before the next",
            followers.reopened.to_string(),
        ),
        ("ms until then, median", delay(|delay| delay.median)),
        ("ms until then, longest", delay(|delay| delay.longest)),
        (
            "containers that stopped rotating",
            followers.stopped.to_string(),
        ),
        ("lines handed over", followers.lines_sent.to_string()),
        (
            "lines handed to no stream",
            followers.lines_lost.to_string(),
        ),
        (
            "lines handed over twice",
            followers.lines_repeated.to_string(),
        ),
        (
            "lines handed over again at a resume",
            followers.lines_redelivered.to_string(),
        ),
        (
            "bytes unread right before a rotation, median",
            unread(|unread| unread.median_bytes),
        ),
        (
            "bytes unread right before a rotation, most",
            unread(|unread| unread.most_bytes as f64),
        ),
        (
            "connections that nobody reads at the end",
            (followers.unread_connections).map_or("-".into(), |count| count.to_string()),
        ),
        ("lines not taken yet", followers.lines_behind.to_string()),
        (
            "lines that the next stream can ask for",
            followers.lines_waiting.to_string(),
        ),
    ]
}

/// What became of its processes.
fn ends(config: &Config) -> Vec<String> {
    let Some(exercised) = &config.exercised else {
        return Vec::new();
    };
    let mut said = Vec::new();
    match (exercised.ended_by_itself, exercised.restarted) {
        (0, _) => {}
        (ends, true) => said.push(format!(
            "Its processes ended by themselves {ends} times and were started again."
        )),
        (ends, false) => said.push(format!("Its processes ended by themselves {ends} times.")),
    }
    if exercised.killed > 0 {
        said.push(format!(
            "{} processes did not heed SIGTERM and were killed.",
            exercised.killed
        ));
    }
    if exercised.left_behind > 0 {
        said.push(format!(
            "{} processes that it had started were still there when it had ended; they were killed.",
            exercised.left_behind
        ));
    }
    said
}
