//! A ranking, and what of it is kept between two slices of the catalogue.

use matchstick::link::{Exclude, MAX_TOP, User};
use matchstick::{Ranked, TopK};

/// What is ranked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task<'r> {
    /// All items, by their scores.
    Rank { user: User<'r>, deviations: bool, exclude: Exclude<'r> },
    /// All but one, by their likeness to that.
    Similar { item: u32 },
    /// Those that the owner hasn't rated, by what their ratings would teach.
    Ask,
}

impl Task<'_> {
    /// A user's vector and a list of excluded items, where there are any.
    fn lists(&self) -> [&[u8]; 2] {
        let Self::Rank { user, exclude, .. } = self else { return [&[]; 2] };
        let vector: &[u8] = if let User::Vector(vector) = user { vector } else { &[] };
        match exclude {
            Exclude::Items(list) | Exclude::Bitmap(list) => [vector, list],
            Exclude::Nothing | Exclude::Seen => [vector, &[]],
        }
    }

    /// The same with other lists, where it has any.
    #[inline(never)]
    pub(super) fn with_lists<'n>(&self, vector: &'n [u8], excluded: &'n [u8]) -> Task<'n> {
        match *self {
            Self::Similar { item } => Task::Similar { item },
            Self::Ask => Task::Ask,
            Self::Rank { user, deviations, exclude } => Task::Rank {
                user: match user {
                    User::Vector(_) => User::Vector(vector),
                    User::Index(index) => User::Index(index),
                    User::Owner => User::Owner,
                },
                deviations,
                exclude: match exclude {
                    Exclude::Items(_) => Exclude::Items(excluded),
                    Exclude::Bitmap(_) => Exclude::Bitmap(excluded),
                    Exclude::Nothing => Exclude::Nothing,
                    Exclude::Seen => Exclude::Seen,
                },
            },
        }
    }

    /// Rows between two replies, of the board's slice of rows that are scored.
    pub(super) fn slice(&self, rows: u32) -> u32 {
        let rows = match self {
            Self::Rank { .. } => rows,
            Self::Similar { .. } => rows >> 4,
            Self::Ask => rows >> 6,
        };
        rows.max(1)
    }
}

/// A task that was kept.
pub(super) struct Held<const HELD: usize> {
    task: Task<'static>,
    lists: [u8; HELD],
    vector_bytes: usize,
    excluded_bytes: usize,
}

impl<const HELD: usize> Held<HELD> {
    pub(super) fn task(&self) -> Task<'_> {
        let (vector, rest) = self.lists.split_at_checked(self.vector_bytes).unwrap_or_default();
        self.task.with_lists(vector, rest.get(..self.excluded_bytes).unwrap_or_default())
    }
}

/// A ranking that isn't finished.
#[derive(Debug)]
pub(super) struct Work<const HELD: usize> {
    /// Whether there is one. (`None` of an `Option` would not be zeros.)
    is_held: bool,
    /// With empty lists: they are in `held`.
    task: Task<'static>,
    pub(super) top: u8,
    /// The row to go on with.
    pub(super) next: u32,
    /// Of similar items and questions the numbers are in place of logits.
    pub(super) best: TopK<MAX_TOP>,
    /// The user's vector, then the excluded items.
    held: [u8; HELD],
    vector_bytes: usize,
    excluded_bytes: usize,
}

impl<const HELD: usize> Work<HELD> {
    pub(super) const fn new() -> Self {
        Self {
            is_held: false,
            task: Task::Rank { user: User::Index(0), deviations: false, exclude: Exclude::Nothing },
            top: 0,
            next: 0,
            best: TopK::new(),
            held: [0; HELD],
            vector_bytes: 0,
            excluded_bytes: 0,
        }
    }

    /// There is nothing to go on with any more.
    pub(super) fn end(&mut self) {
        self.is_held = false;
    }

    /// Keeps a task until it is gone on with, if there is room for it.
    pub(super) fn hold(&mut self, task: &Task<'_>) -> bool {
        let [vector, excluded] = task.lists();
        let lists = vector.len().saturating_add(excluded.len());
        let Some(room) = self.held.get_mut(..lists) else { return false };
        room.iter_mut().zip(vector.iter().chain(excluded)).for_each(|(to, from)| *to = *from);
        (self.task, self.vector_bytes, self.excluded_bytes) = (task.with_lists(&[], &[]), vector.len(), excluded.len());
        self.is_held = true;
        true
    }

    /// What is to be gone on with: a task without its lists, and those.
    pub(super) fn held(&self) -> Option<Held<HELD>> {
        let Self { is_held, task, held, vector_bytes, excluded_bytes, .. } = *self;
        is_held.then_some(Held { task, lists: held, vector_bytes, excluded_bytes })
    }

    /// As many of the best as were asked for.
    pub(super) fn best(&self) -> &[Ranked] {
        let best = self.best.as_slice();
        best.get(..self.top.into()).unwrap_or(best)
    }
}
