//! What `matchstick try` shows in the end: predictions beside baselines, what the chip needs, and one person's list. It computes nothing.
//!
//! Whatever comes from synthetic data says so in every heading.

use matchstick::link::Counts;
use matchstick_emulator::{Board, ImageSizes};
use matchstick_trainer::baselines::Baselines;
use matchstick_trainer::data::Rating;
use serde_json::{Value, json};

use super::data::Loaded;
use super::eval::{Measured, json_of, table_of};
use super::listing::{self, Entry, Shown};
use super::open::{BlobFile, OpenError};
use super::table::{Table, beside, thousands};
use super::terminal::Terminal;

/// Ratings of the person that are shown.
const LIKED: usize = 3;
const DISLIKED: usize = 2;

/// What came out of the board.
pub struct Chip {
    pub ranked: Vec<Entry>,
    pub counts: Counts,
    pub stack_bytes: u32,
    pub sizes: ImageSizes,
}

/// Everything that is shown.
pub struct Showcase<'a> {
    pub loaded: &'a Loaded,
    pub spec: &'a str,
    pub part: String,
    pub predictors: Vec<Measured>,
    pub board: &'a Board,
    pub blob: &'a BlobFile,
    pub chip: Chip,
    pub person: u32,
    /// The person's training ratings.
    pub seen: Vec<Rating>,
}

impl Showcase<'_> {
    pub fn text(&self, terminal: &Terminal) -> Result<String, OpenError> {
        let width = terminal.width();
        let label = if self.loaded.dataset.synthetic { " [synthetic data]" } else { "" };
        let mut text = String::from("\n");
        let mut section = |title: &str, body: &str| {
            text.push_str(&format!("{}{label}\n\n{body}\n", terminal.bold(title)));
        };
        if !self.predictors.is_empty() {
            section(&format!("Error in stars on {}", self.part), &table_of(&self.predictors).render(width));
        }
        section(
            &format!("What the chip needs: {} ({}), emulated", self.board.name, self.board.core),
            &self.needs().render(width),
        );
        let user = self.loaded.dataset.user_id(self.person).unwrap_or_default();
        section(&format!("Five of the {} ratings of user {user}", self.seen.len()), &self.ratings().render(width));
        section("What they have not rated", &self.lists(width)?);
        text.push_str(&format!("{}\n", Shown::Rating.ranked_by()));
        text.push_str(&self.next());
        Ok(text)
    }

    fn needs(&self) -> Table {
        let Chip { counts, stack_bytes, sizes, .. } = &self.chip;
        let per_item = counts.rank as f64 / f64::from(counts.ranked_items.max(1));
        let mut table = Table::new().text("").number("").text("");
        let mut row = |what: &str, number: u64, unit: &str| table.row([what, &thousands(number), unit]);
        row("blob, in its own flash region", self.blob.bytes().len() as u64, "bytes");
        row("firmware, flash", sizes.flash_bytes, "bytes");
        row("firmware, RAM", sizes.ram_bytes, "bytes static");
        row("", u64::from(*stack_bytes), "bytes of stack");
        row("one score, from two ids", counts.score, "instructions");
        row(
            &format!("ranking {} items, each", thousands(u64::from(counts.ranked_items))),
            per_item.round() as u64,
            "instructions",
        );
        table
    }

    /// The ones they liked most and least.
    fn chosen(&self) -> Vec<&Rating> {
        let mut ratings: Vec<&Rating> = self.seen.iter().collect();
        ratings.sort_by(|a, b| b.value.total_cmp(&a.value).then(a.item.cmp(&b.item)));
        let disliked = ratings.len().saturating_sub(DISLIKED).max(LIKED);
        let (first, last) = (ratings.iter().take(LIKED), ratings.iter().skip(disliked));
        first.chain(last).copied().collect()
    }

    fn ratings(&self) -> Table {
        let mut table = Table::new().number("stars").text("title");
        for rating in self.chosen() {
            table
                .row([rating.value.to_string(), self.loaded.dataset.title(rating.item).unwrap_or_default().to_owned()]);
        }
        table
    }

    /// The chip's list, and beside it what everybody would be shown.
    fn lists(&self, width: usize) -> Result<String, OpenError> {
        const GAP: usize = 2;
        let half = (width.saturating_sub(GAP)) / 2;
        let items = self.blob.items()?;
        let mut chip = Table::new().number("").number("stars").text("top 10 for them, by the chip");
        for (position, entry) in self.chip.ranked.iter().enumerate() {
            chip.row([(position + 1).to_string(), format!("{:.2}", entry.stars()), items.title(entry.item)]);
        }
        let mut popular = Table::new().number("").text("most often rated, for anybody");
        for (position, item) in self.popular().into_iter().enumerate() {
            popular.row([(position + 1).to_string(), items.title(item)]);
        }
        Ok(beside(&chip.render(half), &popular.render(half), GAP))
    }

    fn popular(&self) -> Vec<u32> {
        let dataset = &self.loaded.dataset;
        let all = Baselines::fit(self.loaded.train(), dataset.n_users(), dataset.n_items()).popularity();
        let seen = |item: &u32| self.seen.iter().any(|rating| rating.item == *item);
        all.into_iter().filter(|item| !seen(item)).take(self.chip.ranked.len()).collect()
    }

    fn next(&self) -> String {
        if self.loaded.dataset.synthetic {
            return "\nAll of it is invented: people, titles, ratings. The same on real data:\n\n    \
                    cargo matchstick try ml-100k --fold u1    a MovieLens 100K folder\n    \
                    cargo matchstick try ratings.csv          any CSV or TSV: user, item, rating\n"
                .to_owned();
        }
        format!("\nTo keep the model and the blob: cargo matchstick try {} --keep models\n", self.spec)
    }

    pub fn json(&self) -> Result<Value, OpenError> {
        let items = self.blob.items()?;
        let Chip { ranked, counts, stack_bytes, sizes } = &self.chip;
        let dataset = &self.loaded.dataset;
        let named = |item: u32| json!({ "item": dataset.item_id(item), "title": dataset.title(item) });
        let rated = |rating: &&Rating| json!({ "item": dataset.item_id(rating.item), "title": dataset.title(rating.item), "rating": rating.value });
        Ok(json!({
            "event": "result",
            "data": dataset.name,
            "synthetic": dataset.synthetic,
            "part": self.part,
            "predictors": json_of(&self.predictors),
            "board": self.board.name,
            "core": self.board.core,
            "bytes": { "blob": self.blob.bytes().len(), "flash": sizes.flash_bytes, "ram": sizes.ram_bytes, "stack": stack_bytes },
            "instructions": { "load": counts.load, "prepare": counts.prepare, "score": counts.score, "rank": counts.rank, "ranked_items": counts.ranked_items },
            "user": dataset.user_id(self.person),
            "ratings": self.chosen().iter().map(rated).collect::<Vec<_>>(),
            "items": listing::json(ranked, &items, Shown::Rating),
            "popular": self.popular().into_iter().map(named).collect::<Vec<_>>(),
            "ranked_by": Shown::Rating.ranked_by_key(),
        }))
    }
}
