//! Axes: from values to places, and round numbers beside them.

/// A direction of a chart. Whatever it is made from, its range is finite and not empty.
#[derive(Clone, Debug)]
pub struct Axis {
    pub label: String,
    low: f64,
    high: f64,
    logarithmic: bool,
    pub ticks: Vec<(f64, String)>,
}

/// Ticks that fit, about.
const TICKS: f64 = 5.0;

impl Axis {
    /// From a round number below all values to one above.
    pub fn linear(label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        let (low, high) = if high - low > 1e-12 * high.abs().max(low.abs()) {
            (low, high)
        } else {
            let room = (low.abs() * 0.1).max(1e-6);
            (low - room, high + room)
        };
        let step = round_step((high - low) / TICKS);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let ticks = (0..=(last - first) as usize).map(|index| (first + index as f64) * step);
        let ticks = ticks.map(|tick| (tick, unsigned_zero(format!("{tick:.decimals$}"))));
        Self {
            label: label.to_owned(),
            low: first * step,
            high: last * step,
            logarithmic: false,
            ticks: ticks.collect(),
        }
    }

    /// As [`linear`](Self::linear), but at least `span` long: what hardly differs shall not look as if it did.
    pub fn spanning(label: &str, values: impl IntoIterator<Item = f64>, span: f64) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, span));
        let room = ((span - (high - low)) / 2.0).max(0.0);
        Self::linear(label, [low - room, high + room])
    }

    /// Cuts off what lies beyond the largest value that there can be.
    pub fn up_to(mut self, limit: f64) -> Self {
        self.ticks.retain(|(tick, _)| *tick <= limit + 1e-9);
        self.high = self.high.min(limit);
        self
    }

    /// Of positive values; others are left out.
    pub fn logarithmic(label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values.into_iter().filter(|value| *value > 0.0)).unwrap_or((1.0, 10.0));
        let (low, high) = (low / 1.25, high * 1.25);
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let wide = high / low > 300.0;
        let close = high / low < 4.0;
        let digits: &[f64] = match (wide, close) {
            (true, _) => &[1.0],
            (_, true) => &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
            _ => &[1.0, 2.0, 5.0],
        };
        let all = decades.flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)));
        let mut ticks: Vec<(f64, String)> =
            all.filter(|tick| (low..=high).contains(tick)).map(|tick| (tick, short(tick))).collect();
        if ticks.is_empty() {
            let middle = (low * high).sqrt();
            ticks.push((middle, short(middle)));
        }
        Self { label: label.to_owned(), low: low.log10(), high: high.log10(), logarithmic: true, ticks }
    }

    /// Places 0, 1, 2, ... with names; each has a band of width 1 around it.
    pub fn bands(label: &str, names: impl IntoIterator<Item = String>) -> Self {
        let ticks: Vec<(f64, String)> = names.into_iter().enumerate().map(|(at, name)| (at as f64, name)).collect();
        let high = (ticks.len() as f64 - 0.5).max(0.5);
        Self { label: label.to_owned(), low: -0.5, high, logarithmic: false, ticks }
    }

    /// Where a value lies between the ends, 0 to 1; `None` for one that has no place.
    pub fn place(&self, value: f64) -> Option<f64> {
        let value = if self.logarithmic { value.log10() } else { value };
        let place = (value - self.low) / (self.high - self.low);
        place.is_finite().then(|| place.clamp(0.0, 1.0))
    }
}

fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|value| value.is_finite() && value.abs() < 1e15);
    finite.fold(None, |extent, value| {
        let (low, high) = extent.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    })
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let digit = [1.0, 2.0, 5.0, 10.0].into_iter().find(|digit| digit * power >= step * (1.0 - 1e-9));
    digit.unwrap_or(10.0) * power
}

/// As short as it can be said.
fn short(value: f64) -> String {
    if value >= 1.0 { format!("{value:.0}") } else { format!("{value:.4}").trim_end_matches('0').to_owned() }
}

fn unsigned_zero(text: String) -> String {
    let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    if is_zero { text.trim_start_matches('-').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_enclose_the_values() {
        assert_eq!(labels(&Axis::linear("", [0.0, 4.2])), ["0", "1", "2", "3", "4", "5"]);
        assert_eq!(labels(&Axis::linear("", [0.912, 0.914])), ["0.9120", "0.9125", "0.9130", "0.9135", "0.9140"]);
        assert_eq!(labels(&Axis::linear("", [-0.02, 0.02])), ["-0.02", "-0.01", "0.00", "0.01", "0.02"]);
        assert_eq!(
            labels(&Axis::spanning("", [0.9, 0.9001], 0.004)),
            ["0.898", "0.899", "0.900", "0.901", "0.902", "0.903"]
        );
        assert_eq!(labels(&Axis::linear("", [0.86, 1.0]).up_to(1.0)).last(), Some(&"1.00"));
        assert_eq!(labels(&Axis::logarithmic("", [10.0, 54.0])), ["10", "20", "50"]);
        assert_eq!(labels(&Axis::logarithmic("", [0.007, 9.0])), ["0.01", "0.1", "1", "10"]);
    }

    #[test]
    fn nothing_or_one_value_or_nonsense_still_make_an_axis() {
        for values in
            [vec![], vec![3.0], vec![0.0, 0.0], vec![f64::NAN, f64::INFINITY], vec![-1e300, 1e300], vec![1e14, 1e14]]
        {
            for axis in [Axis::linear("", values.clone()), Axis::logarithmic("", values.clone())] {
                assert!(!axis.ticks.is_empty() && axis.ticks.len() < 20, "{values:?}: {axis:?}");
                let places = axis.ticks.iter().map(|(tick, _)| axis.place(*tick).expect("a tick has a place"));
                assert!(places.into_iter().all(|place| (0.0..=1.0).contains(&place)), "{values:?}");
            }
        }
        assert_eq!(Axis::linear("", [1.0, 2.0]).place(f64::NAN), None);
        assert_eq!(Axis::logarithmic("", [1.0, 2.0]).place(0.0), None);
        assert_eq!(Axis::bands("", []).place(0.0), Some(0.5));
    }
}
