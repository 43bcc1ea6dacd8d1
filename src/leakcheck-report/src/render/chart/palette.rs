//! What tells one series from another: colour, and always something beside it. Lines have dashes and
//! markers, areas have hatching.

use maud::{Markup, html};

use super::layout::{n, points};

/// So many looks there are; then they come again.
const LOOKS: usize = 8;
/// What programs without style sheets draw, as style.css has it: after the palette of Okabe and Ito for
/// colour-blind readers, darker where that has too little contrast on white.
const COLOURS: [&str; LOOKS] = [
    "#0072b2", "#d55e00", "#00805c", "#b0508a", "#a86f00", "#2f8fc4", "#6f6500", "#5c5c5c",
];
const DASHES: [&str; LOOKS] = [
    "none", "7 3", "2 2.5", "8 3 2 3", "none", "7 3", "2 2.5", "8 3 2 3",
];

pub(super) fn class_of(look: usize) -> String {
    format!("look{}", look % LOOKS)
}

pub(super) fn colour_of(look: usize) -> &'static str {
    COLOURS[look % LOOKS]
}

pub(super) fn dash_of(look: usize) -> &'static str {
    DASHES[look % LOOKS]
}

/// Which hatching an area has; the first and every fourth has none.
pub(super) fn hatch_of(look: usize) -> Option<usize> {
    Some(look % 4).filter(|hatch| *hatch > 0)
}

/// What stands on a line at some of its points.
pub(super) fn marker(look: usize, x: f64, y: f64) -> Markup {
    let colour = colour_of(look);
    let around = |offsets: &[(f64, f64)]| {
        let corners: Vec<_> = offsets.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        points(&corners)
    };
    html! {
        @match look % 4 {
            0 => circle class="marker" fill=(colour) cx=(n(x)) cy=(n(y)) r="3" {},
            1 => rect class="marker" fill=(colour) x=(n(x - 3.0)) y=(n(y - 3.0)) width="6" height="6" {},
            2 => polygon class="marker" fill=(colour)
                points=(around(&[(0.0, -4.0), (3.8, 3.0), (-3.8, 3.0)])) {},
            _ => polygon class="marker" fill=(colour)
                points=(around(&[(0.0, -4.0), (4.0, 0.0), (0.0, 4.0), (-4.0, 0.0)])) {},
        }
    }
}

/// The areas' hatching, which tells neighbours apart without colour.
pub(super) fn hatching(id: &str) -> Markup {
    html! {
        defs {
            @for (number, turned) in [(1, 45), (2, -45), (3, 0)] {
                pattern id=(format!("{id}-hatch{number}")) width="6" height="6"
                    patternUnits="userSpaceOnUse" patternTransform=(format!("rotate({turned})"))
                {
                    line class="hatch" y2="6" stroke="#ffffff" stroke-width="2" stroke-opacity="0.55" {}
                }
            }
        }
    }
}
