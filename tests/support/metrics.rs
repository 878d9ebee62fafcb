//! What was counted in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// Every value by the name of its metric, in the order in which it came. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Counted(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

impl Counted {
    /// Collects for the whole process from now on; once.
    pub fn start() -> Self {
        let counted = Self::default();
        metrics::set_global_recorder(counted.clone()).unwrap();
        counted
    }

    /// All values of a metric, whatever its labels.
    pub fn values(&self, name: &str) -> Vec<f64> {
        self.0
            .lock()
            .unwrap()
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    pub fn sum(&self, name: &str) -> u64 {
        self.values(name).iter().sum::<f64>() as u64
    }

    /// The names of all metrics that had a value.
    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    fn cell(&self, key: &Key) -> Arc<Cell> {
        let name = key.name().to_owned();
        Arc::new(Cell {
            name,
            counted: self.clone(),
        })
    }
}

struct Cell {
    name: String,
    counted: Counted,
}

impl Cell {
    fn note(&self, value: f64) {
        let mut counted = self.counted.0.lock().unwrap();
        counted.entry(self.name.clone()).or_default().push(value);
    }
}

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.note(value as f64);
    }

    fn absolute(&self, _: u64) {
        unreachable!("nothing is counted so");
    }
}

impl GaugeFn for Cell {
    fn increment(&self, _: f64) {
        unreachable!("nothing is counted so");
    }

    fn decrement(&self, _: f64) {
        unreachable!("nothing is counted so");
    }

    fn set(&self, value: f64) {
        self.note(value);
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.note(value);
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}
