//! Charts: what they show as data, and their drawing as SVG and as a line of text.
//!
//! ```text
//! place ─► series ─► thin (no more columns than can be seen) ─► svg (by layout, scale, legend, palette, style.css)
//!                └► sparkline
//! ```

mod layout;
mod legend;
mod palette;
mod place;
mod scale;
mod series;
pub mod sparkline;
pub mod svg;
mod thin;

pub use place::Place;
pub use series::{Chart, Mark, Role, Series, Shape};
