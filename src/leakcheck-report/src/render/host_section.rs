//! What people read of the hosts that a report was merged of.

use leakcheck_text::figures::told;

use super::section::{Section, Table, Text};
use crate::model::report::{Counts, HostReport, Report, Verdict, WiringReport};

/// Hosts that are listed of each wiring; the JSON has them all.
const SHOWN: usize = 24;

/// A row for each host, those that are not clean first; without a table where there are none.
pub(super) fn of(report: &Report) -> Section {
    let fds = report.config.fd_unit().0;
    let header = [
        "wiring".to_owned(),
        "host".into(),
        "verdict".into(),
        "tasks".into(),
        fds.into(),
        "tasks each".into(),
        format!("{fds} each"),
    ];
    let rows: Vec<_> = report.wirings.iter().flat_map(rows).collect();
    let left_out = report.wirings.iter().filter_map(|wiring| {
        let more = wiring
            .hosts
            .len()
            .checked_sub(SHOWN)
            .filter(|more| *more > 0)?;
        Some(format!(
            "{}: {more} hosts more are in the JSON.",
            wiring.name
        ))
    });
    Section {
        heading: "On each host: from the baseline to the end, and per rotation per container"
            .into(),
        notes: left_out.collect(),
        table: (!rows.is_empty()).then(|| Table {
            header: header.into(),
            rows,
        }),
    }
}

fn rows(wiring: &WiringReport) -> Vec<Vec<Text>> {
    let mut hosts: Vec<&HostReport> = wiring.hosts.iter().collect();
    hosts.sort_by_key(|host| host.verdict == Verdict::Clean);
    let row = |host: &&HostReport| {
        let count = |of: fn(&Counts) -> Option<u64>| {
            let at = |counts: &Option<Counts>| match counts.as_ref().and_then(of) {
                Some(count) => count.to_string(),
                None => "-".into(),
            };
            Text::Figure(format!("{}→{}", at(&host.baseline), at(&host.r#final)))
        };
        let rate = |rate: Option<_>| {
            let each =
                rate.and_then(|rate: crate::model::report::Rate| rate.per_rotation_per_container);
            Text::Figure(each.map_or_else(|| "-".into(), told))
        };
        vec![
            Text::Words(wiring.name.clone()),
            Text::Words(host.host.clone()),
            Text::Verdict(host.verdict),
            count(|counts| counts.tasks),
            count(|counts| counts.fds),
            rate(host.rates.tasks),
            rate(host.rates.fds),
        ]
    };
    hosts.iter().take(SHOWN).map(row).collect()
}
