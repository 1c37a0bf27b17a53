//! What an example must print: the engine on this computer is asked the same, and ranks in one piece what the example ranks in slices.

use std::error::Error;

use matchstick::learn::Learner;
use matchstick::{Memory, Model, TopK, UserVector};

/// Units that suffice for the examples' model.
const CAPACITY: usize = 64;

/// Whether a program printed the score, the ratings and both lists, and they are the engine's.
pub fn compare(console: &str, blob: &[u8]) -> Result<(), String> {
    let found: Vec<&str> = console.lines().map(str::trim_end).filter(|line| is_compared(line)).collect();
    let ratings: Vec<(u32, i16)> = found.iter().filter_map(|line| rating(line)).collect();
    if ratings.is_empty() {
        return Err(format!("it says of no rating, but printed:\n{console}"));
    }
    let expected = lines(blob, &ratings).map_err(|error| error.to_string())?;
    if found == expected {
        return Ok(());
    }
    let position = found.iter().zip(&expected).take_while(|(found, expected)| found == expected).count();
    let [found, expected] =
        [found.get(position).copied(), expected.get(position).map(String::as_str)].map(|line| line.unwrap_or("(none)"));
    Err(format!(
        "line {} of what is compared is `{found}`, the engine's is `{expected}`; it printed:\n{console}",
        position + 1
    ))
}

/// Whether a line is one of those that every example prints alike.
fn is_compared(line: &str) -> bool {
    let is_entry = line.split(' ').count() == 3 && line.split(' ').all(|word| word.parse::<i32>().is_ok());
    is_entry || ["user 1, item 5: ", "top of ", "rated "].iter().any(|start| line.starts_with(start))
}

/// The item and the rating in `rated 12 1280`.
fn rating(line: &str) -> Option<(u32, i16)> {
    let (item, rating) = line.strip_prefix("rated ")?.split_once(' ')?;
    Some((item.parse().ok()?, rating.parse().ok()?))
}

fn lines(blob: &[u8], ratings: &[(u32, i16)]) -> Result<Vec<String>, Box<dyn Error>> {
    let model = Model::from_bytes(blob)?;
    let user = model.user_vector(1)?;
    let score = model.score(1, 5, &mut Memory::<CAPACITY>::new())?;
    let mut lines = vec![format!("user 1, item 5: {} {}", score.logit.0, score.rating.0), "top of user 1".to_owned()];
    lines.extend(top(&model, &user, |_| true)?);
    let Some(Learner::Ratings(learner)) = Learner::of(&model) else { return Err("the model learns no ratings".into()) };
    let owner = learner.user_vector(&learner.posterior::<16>(ratings.iter().copied())?)?;
    lines.extend(ratings.iter().map(|(item, rating)| format!("rated {item} {rating}")));
    lines.push("top of the owner".to_owned());
    lines.extend(top(&model, &owner, |item| ratings.iter().all(|rating| rating.0 != item))?);
    Ok(lines)
}

fn top(
    model: &Model<'_>,
    user: &UserVector<CAPACITY>,
    filter: impl FnMut(u32) -> bool,
) -> Result<Vec<String>, Box<dyn Error>> {
    let mut memory = Memory::<CAPACITY>::new();
    let mut top = TopK::<10>::new();
    model.prepare(user, &mut memory)?.rank(&mut top, filter);
    let entry =
        |ranked: &matchstick::Ranked| format!("{} {} {}", ranked.item, ranked.logit.0, model.rating(ranked.logit).0);
    Ok(top.as_slice().iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use matchstick::blob::tiny;

    #[test]
    fn another_bit_another_order_and_a_missing_line_are_found() {
        let blob = tiny::learning();
        let right = lines(&blob, &[(1, 1_024), (3, 512)]).unwrap();
        let console = |lines: &[String]| format!("revision 1\r\n{}\r\n", lines.join("\r\n"));
        assert_eq!(compare(&console(&right), &blob), Ok(()));
        for position in 0..right.len() {
            let mut missing = right.clone();
            let line = missing.remove(position);
            if rating(&line).is_some() {
                continue; // what the example says that it was told
            }
            assert!(compare(&console(&missing), &blob).is_err(), "{line}");
            let mut changed = right.clone();
            if let Some(last) = changed[position].pop().filter(char::is_ascii_digit) {
                changed[position].push(if last == '9' { '8' } else { '9' });
                assert!(compare(&console(&changed), &blob).is_err(), "{line}");
            }
        }
        let mut swapped = right.clone();
        swapped.swap(2, 3);
        assert!(compare(&console(&swapped), &blob).unwrap_err().contains("line 3"));
        assert!(compare("", &blob).is_err());
    }
}
