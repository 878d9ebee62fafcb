//! Statistics of repeated measurements.

use std::fmt;

/// The median, minimum and maximum of repeated measurements.
#[derive(Clone, Copy, Debug)]
pub struct Statistics {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Statistics {
    /// Computes the statistics of values. Without values, all fields are 0.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let (last, middle) = (values.len().saturating_sub(1), values.len() / 2);
        let median = match values.len() % 2 {
            0 => f64::midpoint(at(middle.saturating_sub(1)), at(middle)),
            _ => at(middle),
        };
        Self {
            median,
            min: at(0),
            max: at(last),
        }
    }

    /// Prints these statistics as a named ratio, in a line that can be compared between runs.
    pub fn print_ratio(&self, name: &str) {
        println!("RATIO {name} {self:.3}");
    }
}

impl fmt::Display for Statistics {
    /// Writes `median (min-max)`, with the number of decimals given by the precision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(0);
        let (median, min, max) = (self.median, self.min, self.max);
        write!(f, "{median:.decimals$} ({min:.decimals$}-{max:.decimals$})")
    }
}
