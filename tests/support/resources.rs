//! The memory and the open files of a process, sampled while it runs.

use std::time::{Duration, Instant};

/// Maximum growth of the resident memory, in bytes per ten minutes.
pub const MAX_GROWTH: f64 = 1024.0 * 1024.0;

pub struct Sample {
    at: f64,
    bytes: f64,
    pub files: usize,
}

/// Samples a process every second. The first sixth of the time is warm-up and is not sampled.
pub fn sample(process: u32, length: Duration) -> Vec<Sample> {
    let started = Instant::now();
    let mut samples = Vec::new();
    while started.elapsed() < length {
        std::thread::sleep(Duration::from_secs(1));
        if started.elapsed() * 6 < length {
            continue;
        }
        let pages = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
        let pages: f64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
        let files = std::fs::read_dir(format!("/proc/{process}/fd"))
            .unwrap()
            .count();
        samples.push(Sample {
            at: started.elapsed().as_secs_f64(),
            bytes: pages * 4096.0,
            files,
        });
    }
    samples
}

/// Returns the growth in bytes per second, by least squares.
pub fn slope(samples: &[Sample]) -> f64 {
    let n = samples.len() as f64;
    let (mean_at, mean_bytes) = (
        samples.iter().map(|sample| sample.at).sum::<f64>() / n,
        samples.iter().map(|sample| sample.bytes).sum::<f64>() / n,
    );
    let numerator = samples
        .iter()
        .map(|sample| (sample.at - mean_at) * (sample.bytes - mean_bytes));
    let denominator = samples.iter().map(|sample| (sample.at - mean_at).powi(2));
    numerator.sum::<f64>() / denominator.sum::<f64>()
}

#[test]
fn slope_of_linear_samples_is_exact() {
    let at = |second: u32| Sample {
        at: second.into(),
        bytes: 7.0 + 3.0 * f64::from(second),
        files: 0,
    };
    let samples: Vec<_> = (0..100).map(at).collect();
    assert!((slope(&samples) - 3.0).abs() < 1e-9);
}
