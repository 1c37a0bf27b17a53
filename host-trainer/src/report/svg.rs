//! Charts as inline SVG.
//!
//! They are written by hand and not by `plotters`, whose SVG backend puts sizes and colours into every element: here colours are
//! classes, which the page's style sheet turns over for a dark screen; everything scales with the column; text has a size that a phone
//! shows legibly (360 units wide, which is about a phone's pixels); and every chart says in words what it shows.

use std::fmt::Write as _;

use super::axis::Axis;
use super::html::text;

/// All charts are so wide.
pub const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 236.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 40.0;
/// About the width of a character of the charts' text.
const CHARACTER: f64 = 6.4;

/// Colour, marker and dashes of a series; the three say the same thing, for whoever sees only one of them.
pub type Series = usize;
/// How many there are before they repeat.
pub const SERIES: usize = 6;

/// A chart being drawn.
pub struct Chart {
    x: Axis,
    y: Axis,
    body: String,
    legend: Vec<(Series, Mark, String)>,
    /// Where labels and markers lie: left, top, right, bottom.
    taken: Vec<[f64; 4]>,
}

/// What a series is drawn with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Line,
    Marker,
    Bar,
}

impl Chart {
    pub fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, body: String::new(), legend: Vec::new(), taken: Vec::new() }
    }

    fn point(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        let x = LEFT + self.x.place(x)? * (WIDTH - LEFT - RIGHT);
        let y = HEIGHT - BOTTOM - self.y.place(y)? * (HEIGHT - TOP - BOTTOM);
        Some((x, y))
    }

    fn name(&mut self, series: Series, mark: Mark, name: &str) {
        self.legend.push((series, mark, name.to_owned()));
    }

    /// A line through points, each with a small marker where there are few.
    pub fn line(&mut self, series: Series, name: &str, points: &[(f64, f64)]) {
        let places: Vec<(f64, f64)> = points.iter().filter_map(|point| self.point(*point)).collect();
        let mut path = String::new();
        for (index, (x, y)) in places.iter().enumerate() {
            let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { "M" } else { "L" });
        }
        if places.len() > 1 {
            let _ = writeln!(self.body, "<path class=\"line s{}\" d=\"{path}\"/>", series % SERIES);
        }
        if places.len() <= 30 {
            places.iter().for_each(|at| self.body.push_str(&marker(series, *at, 2.6)));
        }
        self.name(series, Mark::Line, name);
    }

    /// Markers, each with a title that shows under the pointer.
    pub fn markers(&mut self, series: Series, name: &str, points: &[(f64, f64)]) {
        for place in points.iter().filter_map(|point| self.point(*point)).collect::<Vec<_>>() {
            self.body.push_str(&marker(series, place, 4.2));
            self.take(place, 5.0);
        }
        self.name(series, Mark::Marker, name);
    }

    /// Many points: one path of dots.
    pub fn cloud(&mut self, series: Series, points: &[(f64, f64)]) {
        let mut path = String::new();
        for (x, y) in points.iter().filter_map(|point| self.point(*point)) {
            let _ = write!(path, "M{x:.1} {y:.1}h0");
        }
        if !path.is_empty() {
            let _ = writeln!(self.body, "<path class=\"cloud s{}\" d=\"{path}\"/>", series % SERIES);
        }
    }

    /// Bars from the lower end of y, one in each band; `of` says the place of this series among so many in a band.
    pub fn bars(&mut self, series: Series, name: &str, of: (usize, usize), values: &[f64]) {
        let width = 0.76 / of.1 as f64;
        for (band, value) in values.iter().enumerate() {
            let left = band as f64 - 0.38 + width * of.0 as f64;
            let base = self.y.ticks.first().map_or(0.0, |(tick, _)| *tick);
            let (Some((x0, y1)), Some((x1, y0))) = (self.point((left, *value)), self.point((left + width, base)))
            else {
                continue;
            };
            let (width, height) = ((x1 - x0 - 1.0).max(0.5), (y0 - y1).max(0.0));
            let _ = writeln!(
                self.body,
                "<rect class=\"bar s{}\" x=\"{x0:.1}\" y=\"{y1:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"1.5\"/>",
                series % SERIES
            );
        }
        self.name(series, Mark::Bar, name);
    }

    /// A thin vertical line through a value: how sure it is, or how far it spreads.
    pub fn whisker(&mut self, series: Series, x: f64, low: f64, high: f64) {
        if let (Some((x, y0)), Some((_, y1))) = (self.point((x, low)), self.point((x, high))) {
            let _ = writeln!(self.body, "<path class=\"whisker s{}\" d=\"M{x:.1} {y0:.1}V{y1:.1}\"/>", series % SERIES);
        }
    }

    /// A dashed line between two points, to compare with.
    pub fn reference(&mut self, from: (f64, f64), to: (f64, f64), label: &str) {
        let (Some((x0, y0)), Some((x1, y1))) = (self.point(from), self.point(to)) else { return };
        let _ = writeln!(self.body, "<path class=\"reference\" d=\"M{x0:.1} {y0:.1}L{x1:.1} {y1:.1}\"/>");
        if (y0 - y1).abs() < 0.05 {
            self.taken.push([x0, y0 - 1.0, x1, y0 + 1.0]);
        }
        if !label.is_empty() {
            let width = label.chars().count() as f64 * CHARACTER;
            let _ = writeln!(
                self.body,
                "<text class=\"note\" x=\"{x1:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                y1 - 4.0,
                text(label)
            );
            self.taken.push([x1 - width, y1 - 14.0, x1, y1]);
        }
    }

    fn take(&mut self, (x, y): (f64, f64), radius: f64) {
        self.taken.push([x - radius, y - radius, x + radius, y + radius]);
    }

    /// Writes beside a point, where nothing else is.
    pub fn label(&mut self, point: (f64, f64), label: &str) {
        let Some((x, y)) = self.point(point) else { return };
        let width = label.chars().count() as f64 * CHARACTER;
        let places = [
            (8.0, 4.0, 0.0),
            (-8.0, 4.0, 1.0),
            (0.0, -8.0, 0.5),
            (0.0, 17.0, 0.5),
            (8.0, -7.0, 0.0),
            (8.0, 15.0, 0.0),
            (-8.0, -7.0, 1.0),
            (-8.0, 15.0, 1.0),
            (0.0, -22.0, 0.5),
            (0.0, 31.0, 0.5),
        ];
        let boxes = places.map(|(dx, dy, before)| {
            let left = x + dx - before * width;
            [left, y + dy - 10.0, left + width, y + dy + 3.0]
        });
        let free = |b: &[f64; 4]| {
            let inside = b[0] >= LEFT && b[2] <= WIDTH && b[1] >= TOP - 8.0 && b[3] <= HEIGHT - BOTTOM + 2.0;
            inside && !self.taken.iter().any(|t| b[0] < t[2] && t[0] < b[2] && b[1] < t[3] && t[1] < b[3])
        };
        let chosen = boxes.iter().find(|b| free(b)).copied().unwrap_or(boxes[0]);
        let _ = writeln!(
            self.body,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            chosen[0],
            chosen[1] + 10.0,
            text(label)
        );
        self.taken.push(chosen);
    }

    fn frame(&self) -> String {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let mut frame = String::new();
        for (value, label) in &self.y.ticks {
            let Some(place) = self.y.place(*value) else { continue };
            let y = bottom - place * (bottom - TOP);
            let _ = writeln!(frame, "<path class=\"grid-line\" d=\"M{LEFT} {y:.1}H{right}\"/>");
            let (x, y) = (LEFT - 5.0, y + 4.0);
            let _ = writeln!(
                frame,
                "<text class=\"tick\" x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
                text(label)
            );
        }
        // Names that would run into each other are left out, every other one or more.
        let longest = self.x.ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(1) as f64;
        let fit = ((right - LEFT) / (longest * CHARACTER + 6.0)).max(1.0);
        let every = (self.x.ticks.len() as f64 / fit).ceil().max(1.0) as usize;
        for (value, label) in self.x.ticks.iter().step_by(every) {
            let Some(place) = self.x.place(*value) else { continue };
            let (x, y) = (LEFT + place * (right - LEFT), bottom + 15.0);
            let _ = writeln!(
                frame,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>",
                text(label)
            );
        }
        let _ = writeln!(frame, "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>");
        let _ = writeln!(frame, "<text class=\"axis-label\" x=\"0\" y=\"13\">{}</text>", text(&self.y.label));
        let (middle, low) = ((LEFT + right) / 2.0, HEIGHT - 6.0);
        let _ = writeln!(
            frame,
            "<text class=\"axis-label\" x=\"{middle}\" y=\"{low}\" text-anchor=\"middle\">{}</text>",
            text(&self.x.label)
        );
        frame
    }

    fn legend(&self) -> String {
        if self.legend.len() < 2 {
            return String::new();
        }
        let mut items = String::new();
        for (series, mark, name) in &self.legend {
            let class = series % SERIES;
            let swatch = match mark {
                Mark::Line => {
                    format!("<path class=\"line s{class}\" d=\"M1 6H21\"/>{}", marker(*series, (11.0, 6.0), 2.6))
                }
                Mark::Marker => marker(*series, (11.0, 6.0), 4.2),
                Mark::Bar => {
                    format!("<rect class=\"bar s{class}\" x=\"5\" y=\"0\" width=\"12\" height=\"12\" rx=\"1.5\"/>")
                }
            };
            let _ = write!(
                items,
                "<li><svg class=\"swatch\" viewBox=\"0 0 22 12\" aria-hidden=\"true\">{swatch}</svg>{}</li>",
                text(name)
            );
        }
        format!("<ul class=\"legend\">{items}</ul>\n")
    }

    /// The figure: its title, the chart, and `below` (HTML). `says` is the chart in words, for whoever can't see it.
    pub fn figure(self, title: &str, says: &str, below: &str) -> String {
        let drawing = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n{}{}</svg>\n",
            text(&format!("{title}. {says}")),
            self.frame(),
            self.body
        );
        figure(title, says, &format!("{}{drawing}{below}", self.legend()))
    }
}

/// A figure with a title and a sentence.
pub fn figure(title: &str, says: &str, body: &str) -> String {
    format!("<figure>\n<figcaption><h3>{}</h3><p>{}</p></figcaption>\n{body}</figure>\n", text(title), text(says))
}

/// A marker; its shape tells the series apart as its colour does.
pub fn marker(series: Series, (x, y): (f64, f64), r: f64) -> String {
    let class = series % SERIES;
    let shape = match class {
        0 => return format!("<circle class=\"marker s{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\"/>\n"),
        1 => format!("M{:.1} {:.1}h{w:.1}v{w:.1}h-{w:.1}z", x - r, y - r, w = 2.0 * r),
        2 => format!("M{x:.1} {:.1}l{d:.1} {d:.1}l-{d:.1} {d:.1}l-{d:.1} -{d:.1}z", y - 1.35 * r, d = 1.35 * r),
        3 => format!("M{x:.1} {:.1}l{d:.1} {h:.1}h-{w:.1}z", y - 1.2 * r, d = 1.2 * r, h = 2.2 * r, w = 2.4 * r),
        4 => format!("M{x:.1} {:.1}l{d:.1} -{h:.1}h-{w:.1}z", y + 1.2 * r, d = 1.2 * r, h = 2.2 * r, w = 2.4 * r),
        _ => format!("M{:.1} {y:.1}h{w:.1}M{x:.1} {:.1}v{w:.1}", x - 1.2 * r, y - 1.2 * r, w = 2.4 * r),
    };
    format!("<path class=\"marker m{class} s{class}\" d=\"{shape}\"/>\n")
}
