//! `matchstick train --find-lr`: which learning rate suits the data, and a picture of why.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use matchstick_trainer::files::{check_not_input, check_writable, write_atomically};
use matchstick_trainer::training::{RangeTest, TrainConfig, find_learning_rate};
use plotters::prelude::*;
use serde_json::json;

use super::data::Loaded;
use super::interrupt::stop_on_interrupt;
use super::terminal::{Terminal, named};
use super::train::TrainCommandError;
use super::watch::Watcher;

/// Width and height of the picture.
const SIZE: (u32, u32) = (720, 420);

pub fn run(
    loaded: &Loaded,
    config: &TrainConfig,
    plot: Option<&Path>,
    terminal: &Terminal,
) -> Result<(), TrainCommandError> {
    let unwritable = |path: &Path| {
        let path = PathBuf::from(path);
        move |source| TrainCommandError::Plot { path, source }
    };
    if let Some(path) = plot {
        check_writable(path).map_err(unwritable(path))?;
        check_not_input(path, &[&loaded.dataset.path, &loaded.dataset.test_path]).map_err(unwritable(path))?;
    }
    let stop = stop_on_interrupt()?;
    let mut watcher = Watcher::quiet(terminal, Arc::clone(&stop));
    let test = find_learning_rate(&loaded.dataset, loaded.train(), config, &mut watcher, &stop);
    watcher.finish()?;
    let test = test?;
    let mut text = String::from("learning rate    loss\n");
    for point in test.points.iter().step_by(10) {
        text.push_str(&format!("{:>13.1e}  {:>6.4}\n", point.learning_rate, point.smoothed));
    }
    text.push_str(&format!("\ntry --learning-rate {:.2e}, a tenth of where the loss is smallest\n", test.suggestion));
    if let Some(path) = plot {
        write_atomically(path, picture(&test).as_bytes()).map_err(unwritable(path))?;
        text.push_str(&format!("wrote {}\n", path.display()));
    }
    let json = json!({ "suggestion": test.suggestion, "points": test.points, "plot": plot.map(named) });
    terminal.result(&text, &json)?;
    Ok(())
}

/// Loss over learning rate, as SVG.
fn picture(test: &RangeTest) -> String {
    let mut svg = String::new();
    // Drawing into a string cannot fail, and a picture that lacks something is better than none.
    let _ = draw(test, &SVGBackend::with_string(&mut svg, SIZE).into_drawing_area());
    svg
}

fn draw<'a>(
    test: &RangeTest,
    area: &DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
) -> Result<(), Box<dyn std::error::Error + 'a>> {
    let rates = || test.points.iter().map(|point| point.learning_rate);
    let losses = || test.points.iter().map(|point| point.smoothed);
    let (first, last) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
    let (low, high) = (losses().fold(f64::INFINITY, f64::min), losses().fold(0.0, f64::max));
    area.fill(&WHITE)?;
    if test.points.len() < 2 {
        // No two rates, no axis.
        return Ok(area.present()?);
    }
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(format!("suggestion: {:.2e}", test.suggestion), ("sans-serif", 18))
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((first..last.max(first * 2.0)).log_scale(), low * 0.95..high.max(low * 1.01) * 1.05)?;
    let label = |rate: &f64| format!("{rate:.0e}");
    chart.configure_mesh().x_desc("learning rate").y_desc("loss (smoothed)").x_label_formatter(&label).draw()?;
    chart.draw_series(LineSeries::new(rates().zip(losses()), BLUE.stroke_width(2)))?;
    let bar = [(test.suggestion, low * 0.95), (test.suggestion, high * 1.05)];
    chart.draw_series(LineSeries::new(bar, RED.stroke_width(1)))?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use matchstick_trainer::training::Point;

    use super::*;

    #[test]
    fn the_picture_is_svg_with_the_suggestion_in_it() {
        let point = |k: i32| Point { learning_rate: 10f64.powi(k - 5), loss: 1.0, smoothed: 2.0 - f64::from(k) / 4.0 };
        let svg = picture(&RangeTest { points: (0..5).map(point).collect(), suggestion: 0.0123 });
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("1.23e-2") && svg.contains("polyline") && !svg.contains("NaN"));
        assert!(picture(&RangeTest { points: Vec::new(), suggestion: 0.1 }).contains("<svg"));
    }
}
