//! Recorded metrics of this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// Every recorded value by metric name, in the order of recording. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct RecordedMetrics(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

impl RecordedMetrics {
    /// Installs the recorder for the whole process. Panics if the process has one already.
    pub fn start() -> Self {
        let metrics = Self::default();
        metrics::set_global_recorder(metrics.clone()).unwrap();
        metrics
    }

    /// Returns all values of a metric, over all labels.
    pub fn values(&self, name: &str) -> Vec<f64> {
        self.0
            .lock()
            .unwrap()
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    /// Returns the sum of all values of a metric.
    pub fn sum(&self, name: &str) -> u64 {
        self.values(name).iter().sum::<f64>() as u64
    }

    /// Returns the names of all metrics that have a value.
    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    fn recorder(&self, key: &Key) -> Arc<MetricRecorder> {
        let name = key.name().to_owned();
        Arc::new(MetricRecorder {
            name,
            metrics: self.clone(),
        })
    }
}

struct MetricRecorder {
    name: String,
    metrics: RecordedMetrics,
}

impl MetricRecorder {
    fn push(&self, value: f64) {
        let mut metrics = self.metrics.0.lock().unwrap();
        metrics.entry(self.name.clone()).or_default().push(value);
    }
}

impl CounterFn for MetricRecorder {
    fn increment(&self, value: u64) {
        self.push(value as f64);
    }

    fn absolute(&self, _: u64) {
        unreachable!("Salver does not use this operation");
    }
}

impl GaugeFn for MetricRecorder {
    fn increment(&self, _: f64) {
        unreachable!("Salver does not use this operation");
    }

    fn decrement(&self, _: f64) {
        unreachable!("Salver does not use this operation");
    }

    fn set(&self, value: f64) {
        self.push(value);
    }
}

impl HistogramFn for MetricRecorder {
    fn record(&self, value: f64) {
        self.push(value);
    }
}

impl Recorder for RecordedMetrics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.recorder(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.recorder(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.recorder(key))
    }
}
