//! k-means: Lloyd's iterations from a k-means++ start. The same input gives the same clusters, on any number of cores.

use crate::data::random::SplitMix64;
use crate::parallel;

/// Points of a share: the sums over shares are added in order, so that the result does not depend on who computed which.
const SHARE: usize = 1024;
/// Rounds, at most; it stops when nothing moves.
const ROUNDS: usize = 25;
/// Points from which the start is drawn, at most.
const START_POINTS: usize = 4096;

/// Exactly `count` centers, `(count, dims)`, of `points`, `(points, dims)`, of which there is at least one. Where points are few, some centers are equal.
pub fn kmeans(points: &[f32], dims: usize, count: usize, seed: u64) -> Vec<f32> {
    let rows: Vec<&[f32]> = points.chunks_exact(dims).collect();
    let mut centers = start(&rows, dims, count, &mut SplitMix64::new(seed));
    let shares = parallel::ranges(rows.len(), SHARE);
    for _ in 0..ROUNDS {
        let columns = transposed(&centers, dims);
        let sums = parallel::map(&shares, |share| Sums::of(&rows[share.clone()], &columns, dims, count));
        let mut all = Sums::new(dims, count);
        sums.iter().for_each(|sums| all.add(sums));
        if !all.move_centers(&mut centers, dims) {
            break;
        }
    }
    centers
}

/// k-means++ (Arthur and Vassilvitskii 2007): each center is a point drawn with a probability in proportion to its squared distance from the nearest
/// center so far.
fn start(rows: &[&[f32]], dims: usize, count: usize, random: &mut SplitMix64) -> Vec<f32> {
    let chosen = rows.len().min(START_POINTS);
    let rows: Vec<&[f32]> = (0..chosen).map(|k| rows[k * rows.len() / chosen]).collect();
    let mut centers = Vec::with_capacity(count * dims);
    let mut nearest = vec![f64::INFINITY; rows.len()];
    let mut next = random.below(rows.len());
    for _ in 0..count {
        let center = rows[next];
        centers.extend_from_slice(center);
        for (nearest, row) in nearest.iter_mut().zip(&rows) {
            *nearest = nearest.min(f64::from(distance(row, center)));
        }
        let total: f64 = nearest.iter().sum();
        let mut left = random.uniform() * total;
        next = nearest
            .iter()
            .position(|d| {
                left -= d;
                left < 0.0
            })
            .unwrap_or(0);
    }
    centers
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// (dims, count)
fn transposed(centers: &[f32], dims: usize) -> Vec<f32> {
    (0..dims).flat_map(|d| centers[d..].iter().step_by(dims).copied()).collect()
}

/// The nearest center of a point, the first of equals, and its squared distance. `distances` is scratch, one per center.
fn nearest(row: &[f32], columns: &[f32], distances: &mut [f32]) -> (usize, f32) {
    distances.fill(0.0);
    for (x, column) in row.iter().zip(columns.chunks_exact(distances.len())) {
        distances.iter_mut().zip(column).for_each(|(sum, c)| *sum += (x - c) * (x - c));
    }
    let mut best = (0, f32::INFINITY);
    for (index, &distance) in distances.iter().enumerate() {
        if distance < best.1 {
            best = (index, distance);
        }
    }
    best
}

struct Sums {
    /// (count, dims)
    sums: Vec<f64>,
    counts: Vec<u32>,
    /// The point farthest from its center, and how far.
    farthest: (f32, Vec<f32>),
}

impl Sums {
    fn new(dims: usize, count: usize) -> Self {
        Self { sums: vec![0.0; count * dims], counts: vec![0; count], farthest: (-1.0, Vec::new()) }
    }

    fn of(rows: &[&[f32]], columns: &[f32], dims: usize, count: usize) -> Self {
        let mut all = Self::new(dims, count);
        let mut distances = vec![0.0; count];
        for row in rows {
            let (center, distance) = nearest(row, columns, &mut distances);
            all.counts[center] += 1;
            all.sums[center * dims..][..dims].iter_mut().zip(*row).for_each(|(sum, x)| *sum += f64::from(*x));
            if distance > all.farthest.0 {
                all.farthest = (distance, row.to_vec());
            }
        }
        all
    }

    fn add(&mut self, other: &Self) {
        self.sums.iter_mut().zip(&other.sums).for_each(|(a, b)| *a += b);
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        if other.farthest.0 > self.farthest.0 {
            self.farthest.clone_from(&other.farthest);
        }
    }

    /// Returns whether anything moved. The first center without points goes where the fit is worst.
    fn move_centers(&self, centers: &mut [f32], dims: usize) -> bool {
        let mut moved = false;
        let mut farthest = (self.farthest.0 > 0.0).then_some(&self.farthest.1);
        for (index, center) in centers.chunks_exact_mut(dims).enumerate() {
            let count = self.counts[index];
            if count == 0 {
                if let Some(row) = farthest.take() {
                    center.copy_from_slice(row);
                    moved = true;
                }
                continue;
            }
            for (c, sum) in center.iter_mut().zip(&self.sums[index * dims..]) {
                let mean = (sum / f64::from(count)) as f32;
                moved |= mean != *c;
                *c = mean;
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(random: &mut SplitMix64, centers: &[[f32; 3]], each: usize) -> Vec<f32> {
        let all = (0..each).flat_map(|_| centers.concat());
        all.map(|x| x + 0.1 * random.normal() as f32).collect()
    }

    #[test]
    fn clusters_are_found() {
        let centers = [[0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [0.0, 5.0, 1.0], [-5.0, 2.0, -5.0]];
        for seed in 0..10 {
            let points = noisy(&mut SplitMix64::new(seed), &centers, 500);
            let found = kmeans(&points, 3, 4, seed);
            assert_eq!(found, kmeans(&points, 3, 4, seed), "the same every time");
            for center in centers {
                let nearest = found.chunks_exact(3).map(|c| distance(c, &center)).fold(f32::INFINITY, f32::min);
                assert!(nearest < 0.01, "seed {seed}: {found:?}");
            }
        }
    }

    #[test]
    fn fewer_points_than_centers_are_all_centers() {
        let points = [1.0, 2.0, 3.0, 4.0, 1.0, 2.0];
        let centers = kmeans(&points, 2, 5, 7);
        assert_eq!(centers.len(), 10);
        for point in points.chunks_exact(2) {
            assert!(centers.chunks_exact(2).any(|center| center == point), "{centers:?}");
        }
    }
}
