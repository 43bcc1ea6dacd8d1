//! What people read of a fit: the mechanisms in a table, best first, and what follows in words.

use leakcheck_text::duration::format_millis;

use super::section::{Section, Text, figure, table};
use crate::model::predict::{Candidate, Fit, Prediction, RuntimeKind};

/// The wiring whose leak is the reader's: what the post-mortem blames.
const READER_LEAK: &str = "old";

/// What the observed growth is, which mechanisms fit it, and what follows.
pub(super) fn of(prediction: &Prediction, fit: &Fit) -> Section {
    let tasks = fit.runtime.tasks();
    let header = [
        "mechanism".to_owned(),
        "driven by".into(),
        format!("{tasks} per fd"),
        "misfit".into(),
        format!("{tasks} per minute"),
        "misfit".into(),
    ];
    let rows = fit.candidates.iter().map(|candidate| {
        vec![
            Text::Words(candidate.mechanism.clone()),
            Text::Words(candidate.driver.word().into()),
            match candidate.tasks_per_fd {
                Some(ratio) => figure(Some(ratio)),
                None => Text::Figure("no fds".into()),
            },
            misfit(candidate.ratio_misfit),
            Text::Figure(rate(candidate)),
            misfit(Some(candidate.rate_misfit)),
        ]
    });
    Section {
        heading: heading(prediction, fit),
        table: Some(table(&header, rows)),
        notes: conclusions(prediction, fit),
    }
}

fn heading(prediction: &Prediction, fit: &Fit) -> String {
    let tasks = fit.runtime.tasks();
    let counts = match fit.fds {
        Some(fds) => format!("{} {tasks} and {fds} fds", fit.tasks),
        None => format!("{} {tasks}", fit.tasks),
    };
    let ratio = fit
        .tasks_per_fd
        .map(|ratio| format!("{ratio:.2} {tasks} per fd, "))
        .unwrap_or_default();
    format!(
        "What fits {counts} in {}: {ratio}{:.2} {tasks} per minute",
        format_millis(prediction.config.duration_ms),
        fit.tasks_per_minute
    )
}

fn conclusions(prediction: &Prediction, fit: &Fit) -> Vec<String> {
    let names = |of: fn(&Candidate) -> bool| {
        let found = fit.candidates.iter().filter(|candidate| of(candidate));
        found.collect::<Vec<_>>()
    };
    let both = names(|c| c.ratio_fits && c.rate_fits);
    let mut notes = vec![what_fits(fit, &both)];
    let ratio_only = names(|c| c.ratio_fits && !c.rate_fits && c.ratio_misfit.is_some());
    if !ratio_only.is_empty() {
        let said = ratio_only
            .iter()
            .map(|c| format!("{} ({} a minute)", c.mechanism, rate(c)));
        notes.push(format!(
            "The ratio but not the rate: {}.",
            said.collect::<Vec<_>>().join(", ")
        ));
    }
    // Any slower growth keeps below a bound, which makes it no match.
    let others =
        names(|c| !c.ratio_fits && c.rate_fits && !c.upper_bound && c.mechanism != READER_LEAK);
    if !others.is_empty() {
        let said = others
            .iter()
            .map(|c| format!("{} ({} : 1)", c.mechanism, ratio(c)));
        notes.push(format!(
            "The rate but not the ratio: {}.",
            said.collect::<Vec<_>>().join(", ")
        ));
    }
    notes.extend(which_clock(&both));
    notes.extend(upper_bounds(prediction, fit));
    notes.extend(stopped(prediction, fit));
    notes.extend(same_figures(fit));
    notes.push(whose_figures(fit));
    notes.push(left_out(fit));
    notes.retain(|note| !note.is_empty());
    notes
}

/// The fitting mechanisms in plain words, and how the reader's leak stands to them.
fn what_fits(fit: &Fit, both: &[&Candidate]) -> String {
    let tasks = fit.runtime.tasks();
    let mut words = match both {
        [] => {
            let nearest = fit.candidates.first().map(|nearest| &nearest.mechanism);
            format!(
                "No known mechanism fits within {:.0}%{}.",
                100.0 * fit.tolerance,
                nearest
                    .map(|name| format!("; the nearest is {name}"))
                    .unwrap_or_default()
            )
        }
        both => {
            let said = both.iter().map(|candidate| {
                let figure = match fit.fds {
                    Some(_) => format!("{} {tasks} per fd", ratio(candidate)),
                    None => format!("{} {tasks} a minute", rate(candidate)),
                };
                let driver = candidate.driver.word();
                format!("{}, {figure}, driven by the {driver}", candidate.mechanism)
            });
            format!("What fits: {}.", said.collect::<Vec<_>>().join("; or "))
        }
    };
    let reader = fit.candidates.iter().find(|c| c.mechanism == READER_LEAK);
    if let Some(reader) = reader.filter(|reader| !(reader.ratio_fits && reader.rate_fits)) {
        let of_ratio = reader
            .ratio_misfit
            .map(|misfit| format!("its {} : 1 is {} off, ", ratio(reader), percent(misfit)))
            .unwrap_or_default();
        words += &format!(
            " Not the reader's leak ({READER_LEAK}): {of_ratio}its rate {}.",
            percent(reader.rate_misfit)
        );
    }
    if !both.is_empty() {
        words += match fit.fds {
            Some(_) => " This is an inference from two counts: only a dump says who waits in what.",
            None => {
                " This is an inference from one count: without fds there is no ratio, and a rate \
                 alone tells little."
            }
        };
    }
    words
}

/// How to tell apart what fits on different clocks.
fn which_clock(both: &[&Candidate]) -> Option<String> {
    let first = both.first()?.driver;
    both.iter().any(|c| c.driver != first).then(|| {
        "To tell the clocks apart, observe again at another rotation interval: a leak that health \
         checks drive keeps its rate per minute."
            .into()
    })
}

fn upper_bounds(prediction: &Prediction, fit: &Fit) -> Option<String> {
    let bound = fit.candidates.iter().find(|c| c.upper_bound)?;
    let share = bound.share_of_checks?;
    let takes = match share <= 1.0 {
        true => format!("the observed rate takes {} of them", percent(share)),
        false => "the observed rate is above that".into(),
    };
    Some(format!(
        "≤ an upper bound: every check of every container, each {}, would have to find the pool of \
         clients busy and open a client that nobody closes. What share does is unknown; {takes}. \
         Below the bound there is no misfit.",
        format_millis(prediction.config.health_check_ms)
    ))
}

fn stopped(prediction: &Prediction, fit: &Fit) -> Option<String> {
    let hanging = fit.candidates.iter().filter(|c| c.containers_hung > 0);
    let said: Vec<String> = hanging
        .map(|c| format!("{} {}", c.mechanism, c.containers_hung))
        .collect();
    (!said.is_empty()).then(|| {
        format!(
            "Would also have stopped containers, of {}: {}.",
            prediction.config.containers,
            said.join(", ")
        )
    })
}

fn same_figures(fit: &Fit) -> Vec<String> {
    let several = fit.candidates.iter().filter(|c| !c.same_figures.is_empty());
    several
        .map(|c| {
            format!(
                "{} stands for {} too: the same figures.",
                c.mechanism,
                c.same_figures.join(", ")
            )
        })
        .collect()
}

fn whose_figures(fit: &Fit) -> String {
    match fit.runtime {
        RuntimeKind::Go => "Figures of Go: a reference, measured once with half of the containers \
             silent (with none silent, line-fix is 2.00 : 1 as well, at 2.00 per rotation); at \
             health checks inferred, from what an idle connection holds there (throwaway-client)."
            .into(),
        RuntimeKind::Rust => "Figures of Rust, by the closed form.".into(),
    }
}

fn left_out(fit: &Fit) -> String {
    let list = |what: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("{what}: {}. ", names.join(", ")),
    };
    let words =
        list("Leave nothing", &fit.leave_nothing) + &list("Without figures", &fit.without_figures);
    words.trim_end().into()
}

fn ratio(candidate: &Candidate) -> String {
    let ratio = candidate.tasks_per_fd;
    ratio.map_or_else(|| "no".into(), |ratio| format!("{ratio:.2}"))
}

fn rate(candidate: &Candidate) -> String {
    let bound = if candidate.upper_bound { "≤ " } else { "" };
    format!("{bound}{:.2}", candidate.tasks_per_minute)
}

fn misfit(value: Option<f64>) -> Text {
    Text::Figure(value.map_or_else(|| "-".into(), percent))
}

fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}
