//! An audit as a page: the claims as a table with small charts, then each claim with its evidence.

use leakcheck_report::model::audit::{Audit, Claim, ClaimVerdict};
use leakcheck_report::render::charts;
use leakcheck_report::render::html::{Figures, Tone, again, badge, document, report_body, text};
use maud::{Markup, html};

use super::summary;

/// Renders an audit.
pub(super) fn render(audit: &Audit) -> String {
    let title = in_short(audit);
    let figures = Figures::default();
    let body = html! {
        header {
            h1 { (title) }
            p class="quiet" { "leakcheck audit: claims put to the test" }
        }
        @if audit.partial {
            p class="warning" { "This audit is partial: it ended before every claim was tried." }
        }
        (claims(audit, &figures))
        section {
            h2 { "Each claim" }
            @for claim in &audit.claims { (whole(claim, &figures)) }
        }
        section {
            h2 { "To run it again" }
            (again::of_provenance(audit.provenance.as_ref(), &[]))
        }
        footer { "Every figure was measured in this audit, but for what is called predicted or a reference." }
    };
    document(&title, &body)
}

/// How many claims came to what.
fn in_short(audit: &Audit) -> String {
    let verdicts = [
        ClaimVerdict::Confirmed,
        ClaimVerdict::Partly,
        ClaimVerdict::Refuted,
        ClaimVerdict::Inconclusive,
    ];
    let count = |verdict| {
        audit
            .claims
            .iter()
            .filter(|claim| claim.verdict == verdict)
            .count()
    };
    let told = verdicts.map(|verdict: ClaimVerdict| (count(verdict), verdict.word()));
    let told: Vec<String> = told
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    format!("Of {} claims: {}", audit.claims.len(), told.join(", "))
}

/// A claim is neither good nor bad: what was confirmed stands, what was refuted does not.
fn verdict(claim: &Claim) -> Markup {
    let tone = match claim.verdict {
        ClaimVerdict::Confirmed => Tone::Good,
        ClaimVerdict::Refuted => Tone::Bad,
        ClaimVerdict::Partly | ClaimVerdict::Inconclusive => Tone::Open,
    };
    badge(claim.verdict.word(), tone)
}

fn claims(audit: &Audit, figures: &Figures) -> Markup {
    html! {
        section {
            h2 { "Claims" }
            p class="quiet" {
                "Measured: tasks / file descriptors left per rotation per container, or how many containers \
                 hung. In Go: goroutines / file descriptors, a reference measured once elsewhere. The chart: \
                 live tasks after each rotation."
            }
            div class="scroll" {
                table class="claims" {
                    thead {
                        tr {
                            @for name in ["claim", "verdict", "it predicts", "measured", "in Go", "live tasks"] {
                                th scope="col" { (name) }
                            }
                        }
                    }
                    tbody { @for claim in &audit.claims { (row(claim, figures)) } }
                }
            }
        }
    }
}

fn row(claim: &Claim, figures: &Figures) -> Markup {
    let chart = charts::main(&claim.report);
    let in_go = !claim.go_reference.is_empty();
    html! {
        tr {
            th scope="row" { (text(&claim.scenario)) }
            td { (verdict(claim)) }
            td data-name="it predicts" { (text(&claim.predicted)) }
            td data-name="measured" { @for wiring in &claim.report.wirings {
                div { (text(&wiring.name)) ": " (text(&summary::in_short(wiring))) }
            } }
            td data-name=[in_go.then_some("in Go")] { @for go in &claim.go_reference {
                div { (text(&go.wiring)) ": " (text(&summary::go_in_short(go))) }
            } }
            td { @if chart.shows_something() { (figures.in_a_cell(&chart)) } }
        }
    }
}

/// A claim with its evidence, and its scenario's whole report folded up.
fn whole(claim: &Claim, figures: &Figures) -> Markup {
    let section = summary::paragraph(claim);
    html! {
        details class="claim" {
            summary { strong { (text(&claim.scenario)) } ": " (verdict(claim)) }
            ul { @for note in &section.notes { li { (text(note)) } } }
            (report_body(&claim.report, figures))
        }
    }
}
