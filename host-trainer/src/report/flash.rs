//! What lies where in a blob.

use std::fmt::Write as _;

use matchstick::Model;
use matchstick::blob::{CRC_BYTES, PREFIX_BYTES, SectionKind, TRAILING_ZERO_BYTES};

use super::html::{Table, section, text, thousands};
use super::svg::{Series, WIDTH, figure};
use crate::quantize::report::section_name;

/// A part of the blob's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    pub name: &'static str,
    pub offset: usize,
    pub bytes: usize,
    /// `None`: what holds the blob together.
    pub kind: Option<SectionKind>,
}

/// The whole blob as regions, without gaps: alignment counts to what comes before it.
pub fn regions(model: &Model<'_>) -> Vec<Region> {
    let total = model.bytes().len();
    let sections: Vec<_> = model.head().sections.iter().collect();
    let first = sections.first().map_or(total, |section| section.offset as usize);
    let of = |name, offset, bytes| Region { name, offset, bytes, kind: None };
    let mut regions = vec![of("prefix", 0, PREFIX_BYTES), of("head", PREFIX_BYTES, first - PREFIX_BYTES)];
    let tail = total - TRAILING_ZERO_BYTES - CRC_BYTES;
    for (index, section) in sections.iter().enumerate() {
        let offset = section.offset as usize;
        let end = sections.get(index + 1).map_or(tail, |next| next.offset as usize);
        let kind = Some(section.kind);
        regions.push(Region { name: section_name(section.kind), offset, bytes: end - offset, kind });
    }
    regions.push(of("zeros and CRC-32", tail, total - tail));
    regions
}

/// What a region is for: groups share a colour.
const GROUPS: [&str; 6] = ["items", "names", "net", "users", "codebooks", "frame"];

fn group(region: &Region) -> Series {
    use SectionKind::*;
    match region.kind {
        Some(ItemTable | ItemDotTable | ItemBias) => 0,
        Some(ItemIds | ItemTitles | UserIds) => 1,
        Some(FirstUserWeights | FirstItemWeights | FirstBias | DenseWeights | DenseBias | OutputWeights) => 2,
        Some(UserScales | UserTable | UserDotTable | Learning | LearningBias | LearningRows) => 3,
        Some(Codebooks) => 4,
        None => 5,
    }
}

/// A blob's map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    /// What kind of blob, for people.
    pub blob: String,
    pub regions: Vec<Region>,
    pub items: u32,
}

const HEIGHT: f64 = 30.0;

/// The section; empty for an empty map.
pub fn html(flash: &Flash) -> String {
    let total: usize = flash.regions.iter().map(|region| region.bytes).sum();
    if total == 0 {
        return String::new();
    }
    let share = |bytes: usize| 100.0 * bytes as f64 / total as f64;
    let mut bar = String::new();
    for region in &flash.regions {
        let (x, width) = (share(region.offset) / 100.0 * WIDTH, share(region.bytes) / 100.0 * WIDTH);
        let _ = writeln!(
            bar,
            "<rect class=\"region s{}\" x=\"{x:.2}\" y=\"2\" width=\"{:.2}\" height=\"26\"><title>{}: {} bytes</title></rect>",
            group(region),
            width.max(0.6),
            region.name,
            thousands(region.bytes as u64)
        );
    }
    let mut largest: Vec<&Region> = flash.regions.iter().collect();
    largest.sort_by_key(|region| std::cmp::Reverse(region.bytes));
    let largest: Vec<String> =
        largest.iter().take(3).map(|region| format!("{} {:.1} %", region.name, share(region.bytes))).collect();
    let says = format!("{} bytes in all. The largest: {}.", thousands(total as u64), largest.join(", "));
    let drawing = format!(
        "<svg class=\"flash\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\n{bar}</svg>\n",
        text(&format!("Flash map. {says}"))
    );
    let ends = format!("<p class=\"ends\"><span>0</span><span>{} bytes</span></p>\n", thousands(total as u64));
    let body = format!("{}{drawing}{ends}{}", legend(flash), table(flash, share));
    let lead = format!(
        "Where the bytes of the {} blob lie, from its first to its last. {}",
        text(&flash.blob),
        if flash.items == 0 {
            String::new()
        } else {
            format!(
                "For {} items that is {:.1} bytes an item, all included.",
                thousands(u64::from(flash.items)),
                total as f64 / f64::from(flash.items)
            )
        }
    );
    section("flash", "Flash map", &lead, &figure("Sections of the blob", &says, &body))
}

fn swatch(series: Series) -> String {
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 22 12\" aria-hidden=\"true\"><rect class=\"bar s{series}\" x=\"5\" y=\"0\" width=\"12\" height=\"12\" rx=\"1.5\"/></svg>"
    )
}

fn legend(flash: &Flash) -> String {
    let mut used: Vec<Series> = flash.regions.iter().map(group).collect();
    used.sort_unstable();
    used.dedup();
    let items: String = used.iter().map(|&series| format!("<li>{}{}</li>", swatch(series), GROUPS[series])).collect();
    format!("<ul class=\"legend\">{items}</ul>\n")
}

fn table(flash: &Flash, share: impl Fn(usize) -> f64) -> String {
    let mut table = Table::new(["section", "offset", "bytes", "%"]);
    for region in &flash.regions {
        let cells = [
            region.name.to_owned(),
            format!("{:#07x}", region.offset),
            thousands(region.bytes as u64),
            format!("{:.1}", share(region.bytes)),
        ];
        table.row_with(&swatch(group(region)), cells);
    }
    table.html()
}
