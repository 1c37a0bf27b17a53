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

/// A ranking that isn't finished.
#[derive(Debug)]
pub(super) struct Work<const HELD: usize> {
    /// Whether there is one. (`None` of an `Option` would not be zeros.)
    pub(super) is_held: bool,
    /// With empty lists: they are in `held`.
    pub(super) task: Task<'static>,
    pub(super) top: u8,
    /// The row to go on with.
    pub(super) next: u32,
    /// Of similar items and questions the numbers are in place of logits.
    pub(super) best: TopK<MAX_TOP>,
    /// The user's vector, then the excluded items.
    pub(super) held: [u8; HELD],
    pub(super) vector_bytes: usize,
    pub(super) excluded_bytes: usize,
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
        let (task, vector, excluded): (Task<'static>, &[u8], &[u8]) = match *task {
            Task::Rank { user, deviations, exclude } => {
                let (user, vector) = match user {
                    User::Vector(vector) => (User::Vector(&[]), vector),
                    User::Index(index) => (User::Index(index), &[][..]),
                    User::Owner => (User::Owner, &[][..]),
                };
                let (exclude, excluded) = match exclude {
                    Exclude::Items(items) => (Exclude::Items(&[]), items),
                    Exclude::Bitmap(bits) => (Exclude::Bitmap(&[]), bits),
                    Exclude::Nothing => (Exclude::Nothing, &[][..]),
                    Exclude::Seen => (Exclude::Seen, &[][..]),
                };
                (Task::Rank { user, deviations, exclude }, vector, excluded)
            }
            Task::Similar { item } => (Task::Similar { item }, &[], &[]),
            Task::Ask => (Task::Ask, &[], &[]),
        };
        let mut put = |bytes: &[u8], start: usize| {
            let room = self.held.get_mut(start..).and_then(|rest| rest.get_mut(..bytes.len()));
            room.map(|room| room.copy_from_slice(bytes)).is_some()
        };
        if !put(vector, 0) || !put(excluded, vector.len()) {
            return false;
        }
        (self.task, self.vector_bytes, self.excluded_bytes) = (task, vector.len(), excluded.len());
        self.is_held = true;
        true
    }
}

/// The task that is held, with its lists.
pub(super) fn held<'h>(task: Task<'h>, held: &'h [u8], vector_bytes: usize, excluded_bytes: usize) -> Task<'h> {
    let Task::Rank { user, deviations, exclude } = task else { return task };
    let (vector, rest) = held.split_at_checked(vector_bytes).unwrap_or_default();
    let excluded = rest.get(..excluded_bytes).unwrap_or_default();
    let user = if let User::Vector(_) = user { User::Vector(vector) } else { user };
    let exclude = match exclude {
        Exclude::Items(_) => Exclude::Items(excluded),
        Exclude::Bitmap(_) => Exclude::Bitmap(excluded),
        other => other,
    };
    Task::Rank { user, deviations, exclude }
}

impl<const HELD: usize> Work<HELD> {
    /// As many of the best as were asked for.
    pub(super) fn best(&self) -> &[Ranked] {
        let best = self.best.as_slice();
        best.get(..self.top.into()).unwrap_or(best)
    }
}
