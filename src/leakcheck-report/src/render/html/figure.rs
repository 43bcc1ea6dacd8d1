//! A chart on a page: the drawing, what it says at a place, and its figures as a table.

use std::cell::Cell;

use maud::{Markup, html};

use super::text::text;
use crate::render::chart::{Chart, Role, Series, svg};

/// Figures, each of which has a name of its own on the page.
#[derive(Debug, Default)]
pub struct Figures {
    so_far: Cell<u32>,
}

impl Figures {
    /// A chart with all that belongs to it.
    pub fn figure(&self, chart: &Chart) -> Markup {
        let id = self.next_id();
        let thinned = chart.thinned();
        let (all, drawn) = (chart.places.len(), thinned.places.len());
        html! {
            figure {
                figcaption { h3 id=(format!("{id}-heading")) { (text(&chart.title)) } }
                div class="plot" tabindex="0" role="group" aria-describedby=(format!("{id}-readout"))
                    aria-label=(format!("{}; the arrow keys go from place to place", chart.title))
                {
                    (svg::draw(&thinned, &id))
                }
                output id=(format!("{id}-readout")) class="readout" aria-live="polite" {}
                @if drawn < all {
                    p class="note" {
                        "Drawn are " (drawn) " of " (all) " places, the smallest and the largest value of \
                         each stretch among them; the JSON has them all."
                    }
                }
                (table(&thinned))
            }
        }
    }

    fn next_id(&self) -> String {
        self.so_far.set(self.so_far.get() + 1);
        format!("chart{}", self.so_far.get())
    }

    /// The heading of a part, and its charts; nothing where there are none.
    pub fn part(&self, heading: &str, charts: &[Chart]) -> Markup {
        html! {
            @if !charts.is_empty() {
                section {
                    h2 { (heading) }
                    div class="figures" { @for chart in charts { (self.figure(chart)) } }
                }
            }
        }
    }

    /// A chart that stands in a table's cell: the drawing alone.
    pub fn in_a_cell(&self, chart: &Chart) -> Markup {
        html! { div class="small" { (svg::draw_small(&chart.thinned(), &self.next_id())) } }
    }
}

/// What was drawn as a table, folded up.
fn table(chart: &Chart) -> Markup {
    let value = |series: &Series, index: usize| match series.values.get(index).copied().flatten() {
        Some(value) => value.to_string(),
        None => "-".into(),
    };
    let place = match chart.place {
        crate::render::chart::Place::Rotation => "rotation",
        crate::render::chart::Place::Seconds => "seconds",
    };
    html! {
        details class="figures-as-table" {
            summary { "Figures as a table" }
            div class="scroll" {
                table {
                    caption { (text(&chart.title)) ", in " (text(&chart.unit)) }
                    thead {
                        tr {
                            th scope="col" { (place) }
                            @for series in &chart.series {
                                th scope="col" class="figure" {
                                    (text(&series.name))
                                    @if series.role == Role::Predicted { " (not measured)" }
                                }
                            }
                        }
                    }
                    tbody {
                        @for (index, place) in chart.places.iter().enumerate() {
                            tr {
                                th scope="row" { (place) }
                                @for series in &chart.series {
                                    td class="figure" { (value(series, index)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
