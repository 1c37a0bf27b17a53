//! A page of pictures about a model or a blob: how it was trained, where it errs, what quantising changed, and what it costs.
//!
//! [`measure`] computes what is shown; one file for each section draws it; [`Page::html`] puts the page together. The page is one file that
//! loads nothing, and forbids itself to: it can be kept with a model and opened anywhere. The same input makes the same bytes.

pub mod agreement;
mod axis;
mod calibration;
mod cost;
pub mod errors;
pub mod flash;
pub mod history;
mod html;
mod measure;
pub mod overlap;
pub mod protocol;
mod svg;
#[cfg(test)]
mod tests;
pub mod trade_off;

use std::fmt::Write as _;

pub use measure::{Measured, Ratings, ReportError, Subject, measure};

use history::History;
use html::{number, text, thousands};
use protocol::Results;
use trade_off::Variant;

const STYLE: &str = include_str!("page.css");

/// All that a page shows. What is absent is left out.
#[derive(Debug, Default)]
pub struct Page {
    /// The file that it is about.
    pub title: String,
    /// One line under the title.
    pub about: String,
    /// Whether the data was invented by a generator: then the page says so on top.
    pub synthetic: bool,
    pub history: History,
    pub measured: Measured,
    /// Of other models, to compare with.
    pub beside: Vec<Variant>,
    pub protocols: Vec<Results>,
    /// What more could be shown, and what for: plain sentences.
    pub missing: Vec<String>,
}

impl Page {
    /// Names of the sections that the page has, in their order.
    pub fn sections(&self) -> Vec<&'static str> {
        self.parts().into_iter().map(|(name, _)| name).collect()
    }

    fn parts(&self) -> Vec<(&'static str, String)> {
        let Measured { rated, agreement, overlap, flash, variants } = &self.measured;
        let rated = rated.as_ref().filter(|rated| !rated.predictions.is_empty());
        let variants: Vec<Variant> = variants.iter().chain(&self.beside).cloned().collect();
        let part = |name, html: Option<String>| (name, html.unwrap_or_default());
        let mut parts = vec![
            part("training", Some(history::html(&self.history))),
            part("errors", rated.map(errors::html)),
            part("calibration", rated.map(calibration::html)),
            part("agreement", agreement.as_ref().map(agreement::html)),
            part("overlap", overlap.as_ref().map(overlap::html)),
            part("trade-off", Some(trade_off::html(&variants))),
            part("flash", flash.as_ref().map(flash::html)),
        ];
        parts.extend(self.protocols.iter().map(|results| part("protocol", Some(protocol::html(results)))));
        parts.retain(|(_, html)| !html.is_empty());
        parts
    }

    /// The page.
    pub fn html(&self) -> String {
        let mut body = String::new();
        let title = text(&self.title);
        let _ = write!(body, "<header>\n<h1>{title}</h1>\n<p>{}</p>\n</header>\n<main>\n", text(&self.about));
        if self.synthetic {
            body.push_str(
                "<p class=\"notice\">The data was invented by a generator: the figures say nothing about people.</p>\n",
            );
        }
        body.push_str(&self.tiles());
        if !self.missing.is_empty() {
            let sentences: Vec<String> = self.missing.iter().map(|sentence| html::with_code(sentence)).collect();
            let _ = writeln!(body, "<p class=\"notice\">{}</p>", sentences.join(" "));
        }
        self.parts().iter().for_each(|(_, html)| body.push_str(html));
        let version = env!("CARGO_PKG_VERSION");
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} – Matchstick report</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n{body}</main>\n\
             <footer>Written by matchstick {version} report. This page is complete in itself and loads nothing.</footer>\n</body>\n</html>\n"
        )
    }

    /// The most important numbers, large.
    fn tiles(&self) -> String {
        let mut tiles = Vec::new();
        if let Some(rated) = self.measured.rated.as_ref().filter(|rated| !rated.predictions.is_empty()) {
            let (blob, float, baseline) = rated.errors();
            tiles.push((number(Some(blob.rmse()), 4), format!("RMSE of the blob, {}", rated.on)));
            if let Some(float) = float {
                let added = blob.rmse() - float.rmse();
                let sign = if added >= 0.0 { "+" } else { "" };
                tiles.push((format!("{sign}{}", number(Some(added), 5)), "RMSE that fixed point adds".to_owned()));
            }
            tiles.push((number(Some(baseline.rmse()), 4), "RMSE of user + item bias".to_owned()));
        }
        if let Some(variant) = self.measured.variants.first() {
            if let Some(overlap) = variant.overlap {
                tiles.push((number(Some(overlap), 3), "top-10 overlap with the float model".to_owned()));
            }
            tiles.push((
                thousands(variant.blob_bytes as u64),
                format!("bytes, {} {} blob", variant.kind, variant.encoding),
            ));
            tiles.push((format!("{:.0}", variant.item_bytes), "bytes an item".to_owned()));
            if let Some(instructions) = variant.instructions {
                tiles.push((format!("{instructions:.0}"), "instructions to rank an item, Cortex-M4F".to_owned()));
            }
        }
        if tiles.is_empty() {
            return String::new();
        }
        let items: String = tiles
            .iter()
            .map(|(value, name)| format!("<li><b>{}</b><span>{}</span></li>\n", text(value), text(name)))
            .collect();
        format!("<ul class=\"tiles\">\n{items}</ul>\n")
    }
}
