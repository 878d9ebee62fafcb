//! Figures that were measured several times.

use std::fmt;

/// The median of several figures, and the least and the most of them.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Figures {
    /// Sums figures up; of none, all is nothing.
    pub fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or_default();
        let (last, middle) = (figures.len().saturating_sub(1), figures.len() / 2);
        let median = match figures.len() % 2 {
            0 => f64::midpoint(at(middle.saturating_sub(1)), at(middle)),
            _ => at(middle),
        };
        Self {
            median,
            least: at(0),
            most: at(last),
        }
    }

    /// Tells a ratio by its name, for those who compare one run with the next.
    pub fn tell(&self, name: &str) {
        println!("RATIO {name} {self:.3}");
    }
}

impl fmt::Display for Figures {
    /// `median (least-most)`, with as many decimals as are asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(0);
        let (median, least, most) = (self.median, self.least, self.most);
        write!(
            f,
            "{median:.decimals$} ({least:.decimals$}-{most:.decimals$})"
        )
    }
}
