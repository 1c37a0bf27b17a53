//! Random variates of the sampler: normal, gamma and Wishart, from streams that don't depend on who else draws.
//!
//! Every row of every iteration has a stream of its own, so that rows can be drawn in any order and on any number of threads.
//! Normals need a logarithm, which C libraries round differently: results repeat to the bit on one machine, not between
//! machines.

use crate::data::random::SplitMix64;

use super::small::{Square, cholesky};

/// One stream of random numbers.
pub struct Stream {
    bits: SplitMix64,
    spare: Option<f64>,
}

impl Stream {
    /// The stream at `path` below `seed`. Distinct paths begin at unrelated places of the generator's 2^64 states.
    pub fn new(seed: u64, path: [u64; 3]) -> Self {
        let mut state = seed;
        for part in path {
            state = SplitMix64::new(state).next_u64() ^ part;
        }
        Self { bits: SplitMix64::new(SplitMix64::new(state).next_u64()), spare: None }
    }

    /// Standard normal, by the polar method (Marsaglia and Bray, 1964).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.bits.uniform() - 1.0, 2.0 * self.bits.uniform() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// Gamma with this shape (above 0) and scale 1, by Marsaglia and Tsang's method (2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            // A gamma of shape + 1, times u^(1 / shape). The smallest u is half a step of the generator, for 0 has no power.
            let uniform = self.bits.uniform() + f64::EPSILON / 2.0;
            return self.gamma(shape + 1.0) * uniform.powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - self.bits.uniform()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Wishart with this scale matrix and `degrees` of freedom (above its size less one), by Bartlett's decomposition.
    pub fn wishart(&mut self, scale: &Square, degrees: f64) -> Square {
        let size = scale.size;
        let mut bartlett = Square::zeros(size);
        for row in 0..size {
            for col in 0..row {
                bartlett[(row, col)] = self.normal();
            }
            bartlett[(row, row)] = (2.0 * self.gamma((degrees - row as f64) / 2.0)).sqrt();
        }
        let mut root = scale.clone();
        cholesky(&mut root, 0.0);
        let root = root.lower_times(&bartlett);
        root.times_own_transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (mean, variance) of many draws.
    fn moments(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        const DRAWS: usize = 200_000;
        let draws: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
        let mean = draws.iter().sum::<f64>() / DRAWS as f64;
        (mean, draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / DRAWS as f64)
    }

    #[test]
    fn normals_are_normal() {
        let mut stream = Stream::new(1, [0; 3]);
        let (mean, variance) = moments(|| stream.normal());
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        // P(|x| > 1.96) = .05, which the moments alone don't tell.
        let (outside, _) = moments(|| f64::from(u8::from(stream.normal().abs() > 1.96)));
        assert!((outside - 0.05).abs() < 0.003, "{outside}");
    }

    #[test]
    fn gammas_have_their_shape_as_mean_and_variance() {
        for shape in [0.5, 1.0, 3.5, 400.0] {
            let mut stream = Stream::new(2, [0; 3]);
            let (mean, variance) = moments(|| stream.gamma(shape));
            assert!(
                (mean / shape - 1.0).abs() < 0.02 && (variance / shape - 1.0).abs() < 0.05,
                "{shape}: {mean} {variance}"
            );
        }
    }

    #[test]
    fn the_mean_of_a_wishart_is_its_scale_times_its_degrees() {
        let scale = Square { size: 2, data: vec![2.0, 0.6, 0.6, 1.0] };
        let mut stream = Stream::new(3, [0; 3]);
        let mut sum = Square::zeros(2);
        const DRAWS: usize = 20_000;
        for _ in 0..DRAWS {
            let draw = stream.wishart(&scale, 5.0);
            sum.data.iter_mut().zip(&draw.data).for_each(|(sum, draw)| *sum += draw / DRAWS as f64);
        }
        for (mean, scale) in sum.data.iter().zip(&scale.data) {
            assert!((mean / 5.0 - scale).abs() < 0.04, "{sum:?}");
        }
    }

    #[test]
    fn streams_differ_by_each_part_of_their_path() {
        let first = |seed, path| Stream::new(seed, path).bits.next_u64();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..4 {
            for path in [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [2, 1, 0]] {
                assert!(seen.insert(first(seed, path)));
            }
        }
    }
}
