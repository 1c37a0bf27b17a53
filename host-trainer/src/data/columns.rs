//! Finds the user, item, rating and time columns of a file of ratings.
//!
//! The first line is a header when none of its fields is a number. Columns are named, or numbered from 1 (always where there is
//! no header). What isn't said is guessed: from the usual names, or, without a header, user, item, rating, time in this
//! order. A guess that finds nothing is an error that lists the columns there are.
//!
//! Plays and purchases have no ratings: a column of counts takes their place, or nothing where there is but a user, an item and perhaps a
//! time.

use std::io::BufRead;

use super::LoadOptions;
use super::error::{DataError, shortened};
use super::records::Records;

/// Positions from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    pub has_header: bool,
    pub user: usize,
    pub item: usize,
    pub rating: Option<usize>,
    /// Whether `rating` counts plays or purchases, or is missing: nobody has said how much they like something.
    pub implicit: bool,
    pub time: Option<usize>,
    /// Fields in the first line; every other line must have as many.
    pub count: usize,
}

/// What is looked for in one column. Names are compared by their letters and digits only, in lower case.
struct Role {
    name: &'static str,
    option: &'static str,
    names: &'static [&'static str],
    /// Where it stands when there is no header.
    position: usize,
}

const USER: Role = Role {
    name: "user",
    option: "--user-col",
    names: &[
        "userid",
        "user",
        "uid",
        "username",
        "customerid",
        "customer",
        "reviewerid",
        "reviewer",
        "memberid",
        "member",
    ],
    position: 0,
};
const ITEM: Role = Role {
    name: "item",
    option: "--item-col",
    names: &[
        "itemid",
        "item",
        "iid",
        "movieid",
        "movie",
        "productid",
        "product",
        "asin",
        "parentasin",
        "bookid",
        "book",
        "isbn",
        "trackid",
        "track",
        "songid",
        "song",
        "artistid",
        "artist",
        "gameid",
        "game",
        "animeid",
        "recipeid",
        "jokeid",
        "businessid",
        "title",
    ],
    position: 1,
};
const RATING: Role = Role {
    name: "rating",
    option: "--rating-col",
    names: &[
        "rating",
        "ratings",
        "bookrating",
        "movierating",
        "userrating",
        "score",
        "stars",
        "overall",
        "value",
        "rate",
    ],
    position: 2,
};
/// Not asked for: a file with such a column says itself that it holds no ratings.
const COUNT_NAMES: &[&str] =
    &["count", "counts", "plays", "playcount", "listens", "views", "clicks", "purchases", "quantity", "qty"];
const TIME: Role = Role {
    name: "time",
    option: "--time-col",
    names: &["timestamp", "time", "unixreviewtime", "unixtime", "ts", "date", "datetime", "createdat"],
    position: 3,
};

impl Columns {
    /// From the first record of the file, at which `records` stands.
    pub fn find<R: BufRead>(records: &Records<R>, options: &LoadOptions) -> Result<Self, DataError> {
        let first = FirstLine { records, has_header: !records.fields().any(|field| field.parse::<f64>().is_ok()) };
        let user = first.require(&USER, options.user_col.as_deref())?;
        let item = first.require(&ITEM, options.item_col.as_deref())?;
        let time = first.find(&TIME, options.time_col.as_deref())?;
        let mut columns = Self {
            has_header: first.has_header,
            user,
            item,
            rating: first.find(&RATING, options.rating_col.as_deref())?,
            implicit: false,
            time,
            count: records.field_count(),
        };
        if columns.rating.is_none() {
            columns.implicit = true;
            columns.rating = position_of_any(records, COUNT_NAMES).filter(|_| columns.has_header);
        }
        let explained = [Some(user), Some(item), time];
        if columns.rating.is_none() && (0..columns.count).any(|position| !explained.contains(&Some(position))) {
            // What the others hold may be ratings under a name that nobody has thought of.
            first.require(&RATING, None)?;
        }
        columns.all_different(records)
    }

    /// The same file under a guess that its time column holds no time.
    pub fn without_time(self) -> Self {
        Self { time: None, ..self }
    }

    fn all_different<R: BufRead>(mut self, records: &Records<R>) -> Result<Self, DataError> {
        let clash = |column: usize, first: &Role, second: &Role| DataError::SameColumn {
            path: records.path().to_owned(),
            column: column + 1,
            first: first.name,
            second: second.name,
            option: second.option,
        };
        if self.item == self.user {
            return Err(clash(self.item, &USER, &ITEM));
        }
        if self.rating == Some(self.user) {
            return Err(clash(self.user, &USER, &RATING));
        }
        if self.rating == Some(self.item) {
            return Err(clash(self.item, &ITEM, &RATING));
        }
        // Without a header the time is a guess by position, which gives way to what was asked for.
        if self.time.is_some() && [Some(self.user), Some(self.item), self.rating].contains(&self.time) {
            self.time = None;
        }
        Ok(self)
    }
}

/// The title column of a list of items: (item, title).
pub fn find_titles<R: BufRead>(records: &Records<R>) -> Option<(usize, usize)> {
    let title = position_of_any(records, &["title", "name"])?;
    let item = position_of_any(records, ITEM.names).filter(|&item| item != title)?;
    Some((item, title))
}

struct FirstLine<'a, R> {
    records: &'a Records<R>,
    has_header: bool,
}

impl<R: BufRead> FirstLine<'_, R> {
    fn require(&self, role: &Role, asked: Option<&str>) -> Result<usize, DataError> {
        self.find(role, asked)?.ok_or_else(|| DataError::UnclearColumn {
            path: self.records.path().to_owned(),
            role: role.name,
            columns: self.describe(),
            option: role.option,
        })
    }

    /// An error when what was asked for isn't there; `None` when nothing was asked and no guess fits.
    fn find(&self, role: &Role, asked: Option<&str>) -> Result<Option<usize>, DataError> {
        let count = self.records.field_count();
        let Some(asked) = asked.map(str::trim) else {
            return Ok(if self.has_header {
                position_of_any(self.records, role.names)
            } else {
                Some(role.position).filter(|&position| position < count)
            });
        };
        let named = |same: fn(&str, &str) -> bool| {
            self.records.fields().position(|field| self.has_header && same(field, asked))
        };
        let numbered = || {
            let number: usize = asked.parse().ok()?;
            number.checked_sub(1).filter(|&position| position < count)
        };
        named(|field, asked| field == asked)
            .or_else(|| named(str::eq_ignore_ascii_case))
            .or_else(numbered)
            .map(Some)
            .ok_or_else(|| DataError::NoSuchColumn {
                path: self.records.path().to_owned(),
                role: role.name,
                asked: asked.to_owned(),
                columns: self.describe(),
                option: role.option,
            })
    }

    /// "the columns userId, movieId" or "3 columns and no header: 1 = `196`, 2 = `242`, 3 = `3`".
    fn describe(&self) -> String {
        let fields: Vec<String> = self.records.fields().take(30).map(shortened).collect();
        if self.has_header {
            return format!("the columns {}", fields.join(", "));
        }
        let numbered: Vec<String> = (1..).zip(fields).map(|(number, field)| format!("{number} = `{field}`")).collect();
        let count = self.records.field_count();
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} column{plural} and no header: {}", numbered.join(", "))
    }
}

/// The column that has the earliest of `names`.
fn position_of_any<R: BufRead>(records: &Records<R>, names: &[&str]) -> Option<usize> {
    let plain = |field: &str| {
        let letters = field.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    let fields: Vec<String> = records.fields().map(plain).collect();
    names.iter().find_map(|name| fields.iter().position(|field| field == name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn find(line: &str, options: &LoadOptions) -> Result<Columns, DataError> {
        let mut records = Records::new(line.as_bytes(), Path::new("r.csv"), None);
        assert!(records.advance().unwrap());
        Columns::find(&records, options)
    }

    fn positions(line: &str, options: &LoadOptions) -> (bool, usize, usize, usize, Option<usize>) {
        let c = find(line, options).unwrap();
        assert!(!c.implicit);
        (c.has_header, c.user, c.item, c.rating.unwrap(), c.time)
    }

    #[test]
    fn plays_and_purchases_need_no_rating() {
        let implicit = |line: &str| {
            let c = find(line, &LoadOptions::default()).unwrap();
            assert!(c.implicit, "{line}");
            (c.user, c.item, c.rating, c.time)
        };
        assert_eq!(implicit("196,242"), (0, 1, None, None));
        assert_eq!(implicit("user_id,track_id"), (0, 1, None, None));
        assert_eq!(implicit("timestamp,user_id,track_id"), (1, 2, None, Some(0)));
        assert_eq!(implicit("user_id,artist,Play Count"), (0, 1, Some(2), None));
        assert_eq!(implicit("customer,product,colour,quantity"), (0, 1, Some(3), None));
        // Where people rate, a count beside it is no rating.
        assert_eq!(positions("user,item,count,rating", &LoadOptions::default()), (true, 0, 1, 3, None));
    }

    #[test]
    fn usual_headers_are_understood() {
        let none = LoadOptions::default();
        assert_eq!(positions("userId,movieId,rating,timestamp", &none), (true, 0, 1, 2, Some(3)));
        assert_eq!(positions("\"User-ID\";\"ISBN\";\"Book-Rating\"", &none), (true, 0, 1, 2, None));
        assert_eq!(positions(",date,stars,business_id,user_id", &none), (true, 4, 3, 2, Some(1)));
        // `itemId` comes before `title` in the list of names.
        assert_eq!(positions("title,itemId,user,score", &none), (true, 2, 1, 3, None));
    }

    #[test]
    fn without_a_header_the_order_is_user_item_rating_time() {
        let none = LoadOptions::default();
        assert_eq!(positions("196,242,3,881250949", &none), (false, 0, 1, 2, Some(3)));
        assert_eq!(positions("alice,blade runner,4.5", &none), (false, 0, 1, 2, None));
        // A rating that is not a number of use is still no header.
        assert_eq!(positions("alice,x,NaN", &none), (false, 0, 1, 2, None));
    }

    #[test]
    fn columns_are_chosen_by_name_and_by_number() {
        let by_name = LoadOptions {
            user_col: Some("WHO".into()),
            item_col: Some("what".into()),
            rating_col: Some("3".into()),
            ..LoadOptions::default()
        };
        assert_eq!(positions("what,who,how much,rating", &by_name), (true, 1, 0, 2, None));
        let by_number = LoadOptions {
            user_col: Some("2".into()),
            item_col: Some("1".into()),
            rating_col: Some("4".into()),
            ..LoadOptions::default()
        };
        // The guess that column 4 is the time gives way.
        assert_eq!(positions("x,7,0,5", &by_number), (false, 1, 0, 3, None));
    }

    #[test]
    fn an_error_lists_the_columns_that_exist() {
        let asked = LoadOptions { rating_col: Some("grade".into()), ..LoadOptions::default() };
        let message = find("userId,movieId,points", &asked).unwrap_err().to_string();
        assert_eq!(
            message,
            "`r.csv` has no column `grade` for the rating; it has the columns userId, movieId, points; \
             name one of them, or its number, with --rating-col"
        );
        let unclear = find("userId,movieId,points", &LoadOptions::default()).unwrap_err();
        assert!(unclear.to_string().contains("say so with --rating-col"), "{unclear}");
        assert_eq!(unclear.exit_code(), 2);

        let beyond = LoadOptions { time_col: Some("4".into()), ..LoadOptions::default() };
        let message = find("1,2,3", &beyond).unwrap_err().to_string();
        assert!(message.contains("3 columns and no header: 1 = `1`, 2 = `2`, 3 = `3`"), "{message}");
        let few = find("1", &LoadOptions::default()).unwrap_err().to_string();
        assert!(few.contains("which column holds the item? It has 1 column and"), "{few}");
    }

    #[test]
    fn one_column_cannot_be_two_things() {
        let same = LoadOptions { item_col: Some("1".into()), ..LoadOptions::default() };
        let message = find("1,2,3", &same).unwrap_err().to_string();
        assert_eq!(message, "column 1 of `r.csv` cannot be both the user and the item; change --item-col");
    }

    #[test]
    fn titles_are_found_beside_an_item_column() {
        let titles = |line: &str| {
            let mut records = Records::new(line.as_bytes(), Path::new("movies.csv"), None);
            assert!(records.advance().unwrap());
            find_titles(&records)
        };
        assert_eq!(titles("movieId,title,genres"), Some((0, 1)));
        assert_eq!(titles("title,year"), None);
    }
}
