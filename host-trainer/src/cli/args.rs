//! Options that several commands share. What they mean is decided in the library; here they are only named and explained.

use std::path::PathBuf;

use clap::Args;

/// Where ratings come from.
#[derive(Args, Debug, Clone)]
pub struct DataArgs {
    /// Ratings: `demo`, a MovieLens folder, or a CSV or TSV file
    ///
    /// `demo` is a synthetic set that comes with this program. A folder may hold MovieLens 100K (u.data), 1M (ratings.dat) or
    /// ml-latest (ratings.csv). In any other file each line is a rating; --user-col and the like say which column is which.
    #[arg(long, short, value_name = "DATA")]
    pub data: String,
    #[command(flatten)]
    pub columns: ColumnArgs,
}

/// Which column is which.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Columns of a CSV or TSV file (a name, or a number from 1)")]
pub struct ColumnArgs {
    /// Column of the user's id
    #[arg(long, value_name = "COLUMN")]
    pub user_col: Option<String>,
    /// Column of the item's id
    #[arg(long, value_name = "COLUMN")]
    pub item_col: Option<String>,
    /// Column of the rating
    #[arg(long, value_name = "COLUMN")]
    pub rating_col: Option<String>,
    /// Column of the time, a number that grows
    #[arg(long, value_name = "COLUMN")]
    pub time_col: Option<String>,
}

impl ColumnArgs {
    /// An option that was given.
    pub fn given(&self) -> Option<&'static str> {
        let Self { user_col, item_col, rating_col, time_col } = self;
        let options = [
            ("--user-col", user_col),
            ("--item-col", item_col),
            ("--rating-col", rating_col),
            ("--time-col", time_col),
        ];
        options.into_iter().find_map(|(option, value)| value.as_ref().map(|_| option))
    }
}

/// Which ratings are for testing.
#[derive(Args, Debug, Clone, Default)]
pub struct SplitArgs {
    /// A fold that comes with the data: u1 to u5, ua, ub
    #[arg(long, value_name = "FOLD", conflicts_with = "split")]
    pub fold: Option<String>,
    /// How to set ratings aside for testing
    ///
    /// none; random:.2 (that fraction); per-item:.25 (of each item's); kfold:5:0 (fold 0 of 5); last:5 (the last five of each
    /// user by time); last:.1 (the last tenth of all).
    #[arg(long, value_name = "SPLIT")]
    pub split: Option<String>,
    /// The seed of random splits
    #[arg(long, value_name = "N", default_value_t = 0, requires = "split")]
    pub split_seed: u64,
}

impl SplitArgs {
    /// An option that was given.
    pub fn given(&self) -> Option<&'static str> {
        let options = [("--fold", &self.fold), ("--split", &self.split)];
        options.into_iter().find_map(|(option, value)| value.as_ref().map(|_| option))
    }
}

/// A blob, and the model it was made from where that is at hand.
#[derive(Args, Debug, Clone)]
pub struct BlobArgs {
    /// The blob, as `matchstick quantize` wrote it
    #[arg(long, short, value_name = "FILE")]
    pub blob: PathBuf,
    /// The model that the blob was made from: its users' vectors go through the engine
    ///
    /// A blob holds no table of users unless it was quantised with --users all. With the model, the people in its training data
    /// can still be scored and ranked by id: their vectors are put into fixed point and given to the engine.
    #[arg(long, short, value_name = "FILE")]
    pub model: Option<PathBuf>,
}
