//! The operator's own numbers, read from its `/metrics`.

use std::collections::BTreeMap;

/// One look at all numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Scrape(Vec<(String, BTreeMap<String, String>, f64)>);

/// Counts by upper bound, as a histogram tells them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buckets(Vec<(f64, f64)>);

impl Scrape {
    /// Reads OpenMetrics text.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect())
    }

    /// The values of a metric by one of its labels.
    pub(super) fn by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let found = self.0.iter().filter(|(found, ..)| found == name);
        let mut sums = BTreeMap::new();
        for (_, labels, value) in found {
            *sums.entry(labels.get(label).cloned().unwrap_or_default()).or_default() += value;
        }
        sums
    }

    /// The only value of a metric without labels.
    pub(super) fn one(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(found, ..)| found == name).map(|(_, _, value)| *value)
    }

    /// The histogram of how long reconciles took, all kinds together.
    pub(super) fn reconciles(&self) -> Buckets {
        let mut buckets: Vec<(f64, f64)> = self
            .by("genesis_operator_reconcile_seconds_bucket", "le")
            .into_iter()
            .filter_map(|(bound, count)| {
                Some((if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? }, count))
            })
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        Buckets(buckets)
    }
}

/// `name{label="value",…} value`; the values here have no quotes in them.
fn line(text: &str) -> Option<(String, BTreeMap<String, String>, f64)> {
    let (head, value) = text.rsplit_once(' ')?;
    let (name, labels) = head.split_once('{').map_or((head, ""), |(name, rest)| (name, rest.trim_end_matches('}')));
    let pairs = labels.split("\",").filter_map(|pair| pair.trim_end_matches('"').split_once("=\""));
    let labels = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some((name.to_owned(), labels, value.parse().ok()?))
}

impl Buckets {
    /// What came since an earlier look.
    pub(super) fn since(&self, before: &Self) -> Self {
        let earlier = |bound: f64| before.0.iter().find(|(found, _)| *found == bound).map_or(0.0, |(_, count)| *count);
        Self(self.0.iter().map(|(bound, count)| (*bound, count - earlier(*bound))).collect())
    }

    /// How many.
    pub(super) fn count(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, count)| *count)
    }

    /// A quantile, interpolated in its bucket; nothing where there is nothing.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        let wanted = q * self.count();
        let mut below = (0.0, 0.0);
        for &(bound, count) in self.0.iter().filter(|_| self.count() > 0.0) {
            if count >= wanted {
                let share = (wanted - below.1) / (count - below.1).max(f64::MIN_POSITIVE);
                return Some(if bound.is_finite() { below.0 + share * (bound - below.0) } else { below.0 });
            }
            below = (bound, count);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE x histogram\n\
        genesis_operator_reconcile_seconds_bucket{le=\"0.01\",kind=\"A\"} 50\n\
        genesis_operator_reconcile_seconds_bucket{le=\"0.1\",kind=\"A\"} 100\n\
        genesis_operator_reconcile_seconds_bucket{le=\"+Inf\",kind=\"A\"} 100\n\
        genesis_operator_reconcile_seconds_bucket{le=\"0.1\",kind=\"B\"} 0\n\
        genesis_operator_leads 1\n# EOF\n";

    #[test]
    fn quantiles_come_from_the_sum_of_all_kinds() {
        let scrape = Scrape::parse(TEXT);
        let buckets = scrape.reconciles();
        assert_eq!((buckets.count(), scrape.one("genesis_operator_leads")), (100.0, Some(1.0)));
        assert_eq!(buckets.quantile(0.5), Some(0.01));
        assert!((buckets.quantile(0.99).unwrap() - 0.0982).abs() < 1e-9);
        assert_eq!(buckets.since(&buckets).quantile(0.99), None);
    }
}
