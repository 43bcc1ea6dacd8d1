//! The order in which spawn sites are shown.

use std::cmp::Reverse;

use super::state::LiveSite;

/// By what sites are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// What grew most comes first.
    #[default]
    Growth,
    /// What there is most of now.
    Now,
    /// By the alphabet.
    Name,
}

impl Order {
    /// The order after this one; the first after the last.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Growth => Self::Now,
            Self::Now => Self::Name,
            Self::Name => Self::Growth,
        }
    }

    /// What it goes by, in a word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Growth => "growth",
            Self::Now => "count",
            Self::Name => "name",
        }
    }

    /// Sorts sites, each with the number of its subject; what is equal goes by name.
    pub(super) fn sort(self, sites: &mut [(usize, &LiveSite)]) {
        let by_name = |(subject, site): &(usize, &LiveSite)| (site.label.clone(), *subject);
        match self {
            Self::Growth => sites.sort_by_cached_key(|one| {
                (Reverse(one.1.growth()), Reverse(one.1.now), by_name(one))
            }),
            Self::Now => sites.sort_by_cached_key(|one| (Reverse(one.1.now), by_name(one))),
            Self::Name => sites.sort_by_cached_key(by_name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(label: &str, first: u64, now: u64) -> LiveSite {
        LiveSite {
            label: label.into(),
            first,
            now,
            each: None,
        }
    }

    #[test]
    fn each_order_puts_its_own_first_and_the_orders_go_round() {
        let all = [
            site("reader", 4, 12),
            site("driver", 4, 40),
            site("heart", 90, 90),
        ];
        let mut order = Order::default();
        for expected in [
            ["driver", "reader", "heart"],
            ["heart", "driver", "reader"],
            ["driver", "heart", "reader"],
        ] {
            let mut sites: Vec<(usize, &LiveSite)> = all.iter().map(|site| (0, site)).collect();
            order.sort(&mut sites);
            let labels: Vec<&str> = sites.iter().map(|(_, site)| &*site.label).collect();
            assert_eq!(labels, expected, "{order:?}");
            order = order.next();
        }
        assert_eq!(order, Order::default());
    }
}
