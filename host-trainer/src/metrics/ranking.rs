//! Measures of a ranking: how many of a user's test items are at the head of the whole catalogue, and how high up.
//!
//! Full sort: every item that the user hasn't in the training part is a candidate, none is sampled (Krichene and Rendle, "On Sampled Metrics
//! for Item Recommendation", KDD 2020, show what sampling does). Of equal scores the item with the smaller index comes first. All measures
//! are means over the users who have a relevant test item; relevance is yes or no.

use std::cmp::Ordering;

use serde::Serialize;

use crate::baselines::Baselines;
use crate::data::Rating;
use crate::parallel;

/// Means over users, of lists of `k` items.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RankingMetrics {
    pub k: usize,
    /// Users with a relevant test item.
    pub users: usize,
    /// Discounted cumulative gain, 1 / log2(place + 1) for each relevant item, over that of a perfect list (Järvelin and Kekäläinen 2002).
    pub ndcg: f64,
    /// The relevant items in the list, of all the relevant items.
    pub recall: f64,
    /// 1 / the place of the first relevant item, 0 without one.
    pub mrr: f64,
    /// The mean of the precision at each relevant item's place: their sum over the smaller of `k` and the number of relevant items.
    pub map: f64,
    /// The share of the catalogue that is in somebody's list.
    pub coverage: f64,
}

/// What each user is to be ranked for, and what is left out.
pub struct RankingTask {
    /// Items of the training part and relevant items of the test part, each list ascending; by user, position 0 is the unknown user.
    seen: Vec<Vec<u32>>,
    relevant: Vec<Vec<u32>>,
    n_items: usize,
}

impl RankingTask {
    /// `relevant` decides which ratings of the test part count.
    #[must_use]
    pub fn new(
        train: &[Rating],
        test: &[Rating],
        n_users: usize,
        n_items: usize,
        relevant: impl Fn(&Rating) -> bool,
    ) -> Self {
        let by_user = |ratings: &mut dyn Iterator<Item = &Rating>| {
            let mut lists = vec![Vec::new(); n_users + 1];
            ratings.for_each(|rating| lists[rating.user as usize].push(rating.item));
            lists.iter_mut().for_each(|list| list.sort_unstable());
            lists
        };
        let relevant = by_user(&mut test.iter().filter(|rating| relevant(rating)));
        Self { seen: by_user(&mut train.iter()), relevant, n_items }
    }

    /// The users who have a relevant test item, ascending.
    #[must_use]
    pub fn users(&self) -> Vec<u32> {
        (0..).zip(&self.relevant).filter(|(_, items)| !items.is_empty()).map(|(user, _)| user).collect()
    }

    /// The items that a user has in the training part, ascending.
    #[must_use]
    pub fn seen(&self, user: u32) -> &[u32] {
        self.seen.get(user as usize).map_or(&[], Vec::as_slice)
    }

    /// `scores` gives a user's score for every item, position 0 being the unknown one, which is never ranked.
    #[must_use]
    pub fn evaluate(&self, k: usize, scores: impl Fn(u32) -> Vec<f32> + Sync) -> RankingMetrics {
        self.measure(k, |user| top_k(&scores(user), &self.seen[user as usize], k))
    }

    /// As [`RankingTask::evaluate`], from lists of at most `k` items, best first.
    #[must_use]
    pub fn measure(&self, k: usize, list: impl Fn(u32) -> Vec<u32> + Sync) -> RankingMetrics {
        let users = self.users();
        let lists = parallel::map(&users, |&user| list(user));
        let mut recommended = vec![false; self.n_items + 1];
        let mut sums = Sums::default();
        for (&user, list) in users.iter().zip(&lists) {
            sums.add(list, &self.relevant[user as usize], k);
            list.iter().for_each(|&item| recommended[item as usize] = true);
        }
        let mean = |sum: f64| sum / users.len() as f64;
        RankingMetrics {
            k,
            users: users.len(),
            ndcg: mean(sums.ndcg),
            recall: mean(sums.recall),
            mrr: mean(sums.mrr),
            map: mean(sums.map),
            coverage: recommended.iter().filter(|&&is| is).count() as f64 / self.n_items as f64,
        }
    }

    /// What every model has to beat: the most often rated items for everybody, and those with the best damped mean.
    #[must_use]
    pub fn baselines(&self, train: &[Rating], k: usize) -> [(&'static str, RankingMetrics); 2] {
        let baselines = Baselines::fit(train, self.seen.len() - 1, self.n_items);
        let mut popularity = vec![0.0; self.n_items + 1];
        train.iter().for_each(|rating| popularity[rating.item as usize] += 1.0);
        let means: Vec<f32> = (0..=self.n_items as u32).map(|item| baselines.item_mean(item)).collect();
        [("popularity", self.evaluate(k, |_| popularity.clone())), ("item mean", self.evaluate(k, |_| means.clone()))]
    }
}

#[derive(Default)]
struct Sums {
    ndcg: f64,
    recall: f64,
    mrr: f64,
    map: f64,
}

impl Sums {
    fn add(&mut self, list: &[u32], relevant: &[u32], k: usize) {
        let discount = |place: usize| 1.0 / (place as f64 + 1.0).log2();
        let best = relevant.len().min(k);
        let (mut gain, mut hits, mut precisions) = (0.0, 0, 0.0);
        for (place, item) in (1..).zip(list.iter().take(k)) {
            if relevant.binary_search(item).is_ok() {
                if hits == 0 {
                    self.mrr += 1.0 / place as f64;
                }
                hits += 1;
                gain += discount(place);
                precisions += f64::from(hits) / place as f64;
            }
        }
        self.ndcg += gain / (1..=best).map(discount).sum::<f64>();
        self.recall += f64::from(hits) / relevant.len() as f64;
        self.map += precisions / best as f64;
    }
}

/// The `k` best items of a row of scores, best first, without item 0 and those in `seen` (ascending). NaN comes last.
#[must_use]
pub fn top_k(scores: &[f32], seen: &[u32], k: usize) -> Vec<u32> {
    let score = |item: u32| {
        let score = scores[item as usize];
        if score.is_nan() { f32::NEG_INFINITY } else { score }
    };
    let better = |a: &u32, b: &u32| match score(*b).total_cmp(&score(*a)) {
        Ordering::Equal => a.cmp(b),
        order => order,
    };
    let mut items: Vec<u32> = (1..scores.len() as u32).filter(|item| seen.binary_search(item).is_err()).collect();
    if k < items.len() {
        items.select_nth_unstable_by(k, better);
        items.truncate(k);
    }
    items.sort_unstable_by(better);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(user: u32, item: u32, value: f32) -> Rating {
        Rating { user, item, value, ..Rating::default() }
    }

    /// Two users and six items; user 1 has item 1 in training and 2, 5 in the test part, user 2 nothing and 3. User 3 has no test item.
    fn task() -> (Vec<Rating>, RankingTask) {
        let train = vec![rating(1, 1, 5.0), rating(3, 4, 2.0), rating(3, 1, 4.0)];
        let test = [rating(1, 5, 4.0), rating(1, 2, 5.0), rating(2, 3, 4.0), rating(2, 6, 1.0)];
        let task = RankingTask::new(&train, &test, 3, 6, |rating| rating.value >= 3.0);
        (train, task)
    }

    #[test]
    fn the_measures_are_those_worked_out_by_hand() {
        let (_, task) = task();
        // User 1 gets 3, 2, 4 (1 is known): a hit at the second place of two relevant items. User 2 gets 1, 3, 2: the same of one.
        let metrics = task.evaluate(3, |user| match user {
            1 => vec![9.0, 8.0, 3.0, 4.0, 2.0, 1.0, 0.0],
            _ => vec![9.0, 8.0, 2.0, 3.0, f32::NAN, 1.0, 0.0],
        });
        let (second, third) = (1.0 / 3f64.log2(), 0.5);
        assert!((third - 1.0 / 4f64.log2()).abs() < 1e-15);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        assert_eq!((metrics.k, metrics.users), (3, 2));
        close(metrics.ndcg, (second / (1.0 + second) + second) / 2.0);
        close(metrics.recall, (0.5 + 1.0) / 2.0);
        close(metrics.mrr, 0.5);
        close(metrics.map, (0.5 / 2.0 + 0.5) / 2.0);
        // 1, 2, 3, 4 of six.
        close(metrics.coverage, 4.0 / 6.0);
    }

    #[test]
    fn a_perfect_list_measures_one_and_a_wrong_one_nothing() {
        let (_, task) = task();
        let perfect = task.measure(2, |user| if user == 1 { vec![5, 2] } else { vec![3, 6] });
        assert_eq!([perfect.ndcg, perfect.recall, perfect.mrr, perfect.map], [1.0; 4]);
        let wrong = task.measure(2, |_| vec![4, 6]);
        assert_eq!([wrong.ndcg, wrong.recall, wrong.mrr, wrong.map], [0.0; 4]);
        // Fewer than k relevant items: the ideal list is as long as they are.
        assert_eq!(task.measure(10, |user| if user == 1 { vec![2, 5] } else { vec![3] }).ndcg, 1.0);
        // The third place is not among two.
        assert_eq!(task.measure(2, |_| vec![4, 6, 3]).recall, 0.0);
    }

    #[test]
    fn ties_go_to_the_smaller_index_and_known_items_are_left_out() {
        assert_eq!(top_k(&[9.0, 1.0, 2.0, 2.0, 1.0], &[], 3), [2, 3, 1]);
        assert_eq!(top_k(&[9.0, 1.0, 2.0, 2.0, 1.0], &[2, 4], 9), [3, 1]);
        assert_eq!(top_k(&[0.0, f32::NAN, -1.0, f32::NAN], &[], 2), [2, 1]);
        assert!(top_k(&[0.0], &[], 5).is_empty());
    }

    #[test]
    fn baselines_rank_by_count_and_by_mean() {
        let (train, task) = task();
        let [(_, popularity), (_, mean)] = task.baselines(&train, 2);
        // By count 1, then 4: user 1, who knows 1, gets 4 and 2, user 2 gets 1 and 4. By mean 1 and then 2, which nobody rated.
        assert_eq!(popularity.mrr, 0.25);
        assert_eq!(mean.mrr, 0.5);
    }
}
