//! What a student is taught, in batches: blocks of cells, every user of a block with every item of it.
//!
//! A teacher knows something about every cell of users and items, not only about those with ratings. An epoch shows each cell once, as long as
//! there are not too many; then it shows a random part of the blocks.

use super::batches::{Batch, Purpose, Source, stream};

/// Users of a block. A block is cheaper the fewer rows it touches for its cells, and learns more the more it mixes.
const BLOCK_USERS: usize = 64;
/// Blocks of an epoch, at most.
const MAX_BLOCKS: usize = 4_096;

/// A number for every cell; rows and columns as in the tables of a model, 0 being the unknown user and item.
pub trait Cells: Send + Sync {
    /// (users, items)
    fn block(&self, users: &[u32], items: &[u32]) -> Vec<f32>;
}

/// What a student is taught.
pub struct Lesson<'a> {
    /// What it should predict.
    pub targets: &'a dyn Cells,
    /// The logits that another term of the model adds to its own.
    pub offsets: Option<&'a dyn Cells>,
    /// (users + 1) and (items + 1): a cell counts as much as the product of both. Their mean product should be about 1.
    pub user_importance: &'a [f32],
    pub item_importance: &'a [f32],
    /// (users + 1), where lists are what is wanted: the size of a user's targets (their root mean square). A target of x times that size
    /// counts `1 + x^2` times as much: it is the head of the list. Empty: all targets of a user count the same.
    pub user_sizes: &'a [f32],
}

impl Lesson<'_> {
    /// How much each cell of a block counts.
    fn importance(&self, users: &[u32], items: &[u32], targets: &[f32]) -> Vec<f32> {
        let mut importance = Vec::with_capacity(targets.len());
        for (&user, targets) in users.iter().zip(targets.chunks_exact(items.len())) {
            let of_user = self.user_importance[user as usize];
            let size = self.user_sizes.get(user as usize).copied().unwrap_or(f32::INFINITY);
            importance.extend(items.iter().zip(targets).map(|(&item, target)| {
                let head = (target / size).max(0.0);
                of_user * self.item_importance[item as usize] * (1.0 + head * head)
            }));
        }
        importance
    }
}

/// Cuts a lesson into blocks.
pub struct Blocks<'a> {
    lesson: &'a Lesson<'a>,
    block_items: usize,
    seed: u64,
    users: Vec<u32>,
    items: Vec<u32>,
    /// Parts of `users` and of `items` that meet in a block.
    order: Vec<(u32, u32)>,
}

impl<'a> Blocks<'a> {
    /// `cells` are those of a block, about.
    pub fn new(lesson: &'a Lesson<'a>, cells: usize, seed: u64) -> Self {
        Self {
            lesson,
            block_items: (cells / BLOCK_USERS).max(1),
            seed,
            users: Vec::new(),
            items: Vec::new(),
            order: Vec::new(),
        }
    }

    fn parts(&self) -> (usize, usize) {
        let (users, items) = (self.lesson.user_importance.len(), self.lesson.item_importance.len());
        (users.div_ceil(BLOCK_USERS), items.div_ceil(self.block_items))
    }
}

impl Source for Blocks<'_> {
    fn per_epoch(&self) -> usize {
        let (users, items) = self.parts();
        (users * items).min(MAX_BLOCKS)
    }

    fn shuffle(&mut self, epoch: usize) {
        let mut random = stream(self.seed, Purpose::Teach, epoch);
        self.users = (0..self.lesson.user_importance.len() as u32).collect();
        self.items = (0..self.lesson.item_importance.len() as u32).collect();
        random.shuffle(&mut self.users);
        random.shuffle(&mut self.items);
        let (users, items) = self.parts();
        self.order = (0..users as u32).flat_map(|user| (0..items as u32).map(move |item| (user, item))).collect();
        random.shuffle(&mut self.order);
    }

    fn batch(&mut self, index: usize) -> Batch {
        let (user_part, item_part) = self.order[index];
        let part = |rows: &[u32], part: u32, size: usize| {
            let start = part as usize * size;
            rows[start..rows.len().min(start + size)].to_vec()
        };
        let users = part(&self.users, user_part, BLOCK_USERS);
        let items = part(&self.items, item_part, self.block_items);
        let targets = self.lesson.targets.block(&users, &items);
        Batch {
            importance: self.lesson.importance(&users, &items, &targets),
            offsets: self.lesson.offsets.map_or_else(Vec::new, |offsets| offsets.block(&users, &items)),
            targets,
            positions: None,
            users,
            items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    struct Named;

    impl Cells for Named {
        fn block(&self, users: &[u32], items: &[u32]) -> Vec<f32> {
            users.iter().flat_map(|&user| items.iter().map(move |&item| (user * 1_000 + item) as f32)).collect()
        }
    }

    #[test]
    fn an_epoch_shows_every_cell_once() {
        let importance = |rows: usize| (0..rows).map(|row| 1.0 + row as f32).collect::<Vec<_>>();
        let (of_users, of_items) = (importance(150), importance(70));
        let lesson = Lesson {
            targets: &Named,
            offsets: Some(&Named),
            user_importance: &of_users,
            item_importance: &of_items,
            user_sizes: &[],
        };
        let mut blocks = Blocks::new(&lesson, 64 * 32, 3);
        assert_eq!(blocks.per_epoch(), 3 * 3);
        for epoch in 1..3 {
            blocks.shuffle(epoch);
            let mut seen = BTreeSet::new();
            for index in 0..9 {
                let batch = blocks.batch(index);
                assert_eq!(batch.targets, batch.offsets);
                let mut cell = 0;
                for &user in &batch.users {
                    for &item in &batch.items {
                        assert_eq!(batch.targets[cell], (user * 1_000 + item) as f32);
                        assert_eq!(batch.importance[cell], ((user + 1) * (item + 1)) as f32);
                        assert!(seen.insert((user, item)));
                        cell += 1;
                    }
                }
            }
            assert_eq!(seen.len(), 150 * 70);
        }
    }

    #[test]
    fn the_head_of_a_list_counts_more() {
        let lesson = Lesson {
            targets: &Named,
            offsets: None,
            user_importance: &[1.0, 2.0],
            item_importance: &[1.0, 0.5, 3.0],
            user_sizes: &[1.0, 4.0],
        };
        // User 0: twice the size, as much below 0; user 1: half the size, thrice the size.
        let importance = lesson.importance(&[0, 1], &[1, 2], &[2.0, -2.0, 2.0, 12.0]);
        assert_eq!(importance, [0.5 * 5.0, 3.0, 1.25, 2.0 * 3.0 * 10.0]);
    }
}
