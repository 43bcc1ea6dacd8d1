//! The spawn sites, in the order that was chosen.

use super::state::{LiveSite, LiveState};
use super::subjects::{each, grown};
use super::table::{Cell, Column, LiveTable};
use super::view::View;

/// The table of so many sites from the one that is scrolled to, and which of them they are.
pub(super) fn table(state: &LiveState, room: usize, view: &View) -> (LiveTable, String) {
    let mut sites: Vec<(usize, &LiveSite)> = state.sites().collect();
    view.order.sort(&mut sites);
    // Nothing is scrolled past while there is room for all.
    let first = view.scrolled.min(sites.len().saturating_sub(room));
    let shown = &sites[first..sites.len().min(first + room)];
    let several = state.subjects.len() > 1;
    let row = |&(subject, site): &(usize, &LiveSite)| {
        let mut row: Vec<Cell> = vec![site.label.to_string().into()];
        if several {
            row.push(state.subjects[subject].name.clone().into());
        }
        row.push(site.first.to_string().into());
        row.push(site.now.to_string().into());
        row.push(grown(Some(site.growth()), view));
        row.push(each(site.each));
        row
    };
    let mut columns = vec![Column::words("site", 0)];
    if several {
        columns.push(Column::words("of", 1));
    }
    columns.extend([
        Column::figures("first", 3),
        Column::figures("now", 0),
        Column::figures("growth", 0),
        Column::figures("each", 2),
    ]);
    let table = LiveTable {
        columns,
        rows: shown.iter().map(row).collect(),
    };
    let which = match shown.len() == sites.len() {
        true => String::new(),
        false => format!(", {}-{} of {}", first + 1, first + shown.len(), sites.len()),
    };
    (table, which)
}
