//! Scores and rankings. Rankings are done in slices of the catalogue, between which other requests are answered.

use matchstick::link::{
    DEVIATION_BYTES, Exclude, Failure, MAX_TOP, PAIR_BYTES, RANKED_BYTES, RankedItem, Reply, SCORE_BYTES, User, items,
    score_to_bytes,
};
use matchstick::{Logit, Memory, Model, Ranked, Scorer, UserError, UserVector};

use super::answer::{Answer, Answered, model};
use super::owner::Owner;
use super::task::Task;
use super::{Board, Context, Service};
use crate::MappedFlash;

impl<const RATINGS: usize, const CAPACITY: usize, const TABLE_WORDS: usize, const COORDINATES: usize, const HELD: usize>
    Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>
{
    /// Scores some items.
    #[inline(never)]
    pub(super) fn score<'m, F: MappedFlash, B: Board>(
        &mut self,
        context: &mut Context<'_, F, B>,
        user: User<'_>,
        deviations: bool,
        list: &[u8],
        message: &mut [u8],
    ) -> Answered<'m> {
        let list = items(list).ok_or(Failure::BadItems)?;
        let model = model(context)?;
        self.know(context, user, deviations)?;
        let bytes = SCORE_BYTES.wrapping_add(if deviations { DEVIATION_BYTES } else { 0 });
        let reply = if deviations { Reply::ScoresDeviations(&[]) } else { Reply::Scores(&[]) };
        let places = reply.with_list(list.len().wrapping_mul(bytes), message);
        let (length, mut places) = places.ok_or(Failure::ReplyTooLong)?;
        let mut scorer = prepare(model, &self.owner, user, list.len() as u32, &mut self.memory)?;
        for item in list {
            let item = u32::from_le_bytes(*item);
            put(&mut places, &score_to_bytes(scorer.score(item)));
            if deviations {
                put(&mut places, &deviation(&self.owner, model, item)?);
            }
        }
        Ok(Answer::Written(length))
    }

    /// Begins a ranking.
    #[inline(never)]
    pub(super) fn begin<'m, F: MappedFlash, B: Board>(
        &mut self,
        context: &mut Context<'_, F, B>,
        task: Task<'_>,
        top: u8,
        message: &mut [u8],
    ) -> Answered<'m> {
        if usize::from(top) > MAX_TOP {
            return Err(Failure::TopTooLarge);
        }
        match task {
            Task::Rank { exclude, .. } if !exclude.is_valid() => return Err(Failure::BadItems),
            Task::Rank { user, deviations, exclude } => {
                self.know(context, user, deviations)?;
                if exclude == Exclude::Seen && !self.store.has_rows() {
                    self.find_rows(context)?;
                }
            }
            Task::Similar { .. } => {}
            Task::Ask => self.know(context, User::Owner, true)?,
        }
        let rows = model(context)?.item_rows();
        let is_held = self.work.hold(&task);
        (self.work.top, self.work.next) = (top, 1);
        self.work.best.clear();
        self.rank_or_end(context, task, if is_held { task.slice(B::SLICE_ROWS) } else { rows }, message)
    }

    /// Goes on with a ranking.
    #[inline(never)]
    pub(super) fn go_on<'m, F: MappedFlash, B: Board>(
        &mut self,
        context: &mut Context<'_, F, B>,
        message: &mut [u8],
    ) -> Answered<'m> {
        let held = self.work.held().ok_or(Failure::NothingToContinue)?;
        let task = held.task();
        self.rank_or_end(context, task, task.slice(B::SLICE_ROWS), message)
    }

    /// After an error there is nothing to go on with.
    fn rank_or_end<'m, F: MappedFlash, B: Board>(
        &mut self,
        context: &mut Context<'_, F, B>,
        task: Task<'_>,
        slice: u32,
        message: &mut [u8],
    ) -> Answered<'m> {
        let answered = self.rank(context, task, slice, message);
        if answered.is_err() {
            self.work.end();
        }
        answered
    }

    /// Ranks the next rows, and writes the result if those were the last.
    #[inline(never)]
    fn rank<'m, F: MappedFlash, B: Board>(
        &mut self,
        context: &mut Context<'_, F, B>,
        task: Task<'_>,
        slice: u32,
        message: &mut [u8],
    ) -> Answered<'m> {
        let model = model(context)?;
        let Self { store, memory, owner, work, .. } = self;
        let of = model.item_rows();
        let rows = work.next..work.next.saturating_add(slice).min(of);
        let is_last = rows.end >= of;
        work.next = rows.end;
        let seen = |item: u32| store.ratings().iter().any(|rating| rating.row == item);
        let best = &mut work.best;
        match task {
            Task::Rank { user, deviations, exclude } => {
                let mut scorer = prepare(model, owner, user, slice, memory)?;
                let leaves_seen = exclude == Exclude::Seen;
                scorer.rank_rows(rows, best, |item| !(exclude.contains(item) || leaves_seen && seen(item)));
                if is_last {
                    work.end();
                    return write_ranked(model, owner, &mut scorer, work.best(), deviations, message);
                }
            }
            Task::Similar { item } => {
                for other in rows.filter(|&other| other != item) {
                    best.offer(Ranked { item: other, logit: Logit(model.similarity(item, other, memory).0) });
                }
            }
            Task::Ask => {
                let (learner, posterior) = owner.posterior(model)?;
                for item in rows {
                    let gain = learner.gain(posterior, item);
                    // Floats above 0 are ordered as their bits are.
                    let offered = Ranked { item, logit: Logit(gain.to_bits().cast_signed()) };
                    if gain > 0.0 && best.would_take(&offered) && !seen(item) {
                        best.offer(offered);
                    }
                }
            }
        }
        if !is_last {
            return Ok(Reply::Progress { done: work.next, of }.into());
        }
        work.end();
        let reply = if let Task::Ask = task { Reply::Ask(&[]) } else { Reply::Similar(&[]) };
        write_pairs(&reply, work.best(), message)
    }

    /// Learns the owner's vector if it is needed, and says whether there is a plus-or-minus where one is wanted.
    fn know<F: MappedFlash, B>(
        &mut self,
        context: &mut Context<'_, F, B>,
        user: User<'_>,
        deviations: bool,
    ) -> Result<(), Failure<'static>> {
        let model = model(context)?;
        if user == User::Owner {
            self.learn(context)?;
        }
        match deviations {
            true if user == User::Owner => self.owner.posterior(model).map(|_| ()),
            true => Err(Failure::NoDeviation),
            false => Ok(()),
        }
    }
}

/// Prepares a user for scoring `items` items: a stored one from where it lies, the vector that the request brings, or the owner's.
fn prepare<'s, const CAPACITY: usize, const TABLE_WORDS: usize, const COORDINATES: usize>(
    model: &'s Model<'s>,
    owner: &Owner<CAPACITY, COORDINATES>,
    user: User<'_>,
    items: u32,
    memory: &'s mut Memory<CAPACITY, TABLE_WORDS>,
) -> Result<Scorer<'s>, Failure<'static>> {
    let given;
    let vector = match user {
        User::Index(index) => return model.prepare_user(index, items, memory).map_err(|_| Failure::TooWide),
        User::Owner => owner.vector()?,
        User::Vector(bytes) => {
            given = given_vector(model, bytes);
            given.as_ref().map_err(|error| match error {
                UserError::WrongWidth => Failure::WrongVector,
                UserError::CapacityTooSmall => Failure::TooWide,
            })?
        }
    };
    model.prepare_for(vector, items, memory).map_err(|_| Failure::TooWide)
}

/// The vector in a request.
fn given_vector<const CAPACITY: usize>(model: &Model<'_>, bytes: &[u8]) -> Result<UserVector<CAPACITY>, UserError> {
    let (given, rest) = bytes.as_chunks::<2>();
    let mut values = [0; CAPACITY];
    values.iter_mut().zip(given).for_each(|(value, bytes)| *value = i16::from_le_bytes(*bytes));
    match values.get(..given.len()) {
        Some(values) if rest.is_empty() => UserVector::from_values(model, values),
        _ => Err(UserError::WrongWidth),
    }
}

/// The plus-or-minus of an item, as it travels.
fn deviation<const CAPACITY: usize, const COORDINATES: usize>(
    owner: &Owner<CAPACITY, COORDINATES>,
    model: &Model<'_>,
    item: u32,
) -> Result<[u8; DEVIATION_BYTES], Failure<'static>> {
    let (learner, posterior) = owner.posterior(model)?;
    Ok(learner.deviation(posterior, item).0.to_le_bytes())
}

fn write_ranked<'m, const CAPACITY: usize, const COORDINATES: usize>(
    model: &Model<'_>,
    owner: &Owner<CAPACITY, COORDINATES>,
    scorer: &mut Scorer<'_>,
    best: &[Ranked],
    deviations: bool,
    message: &mut [u8],
) -> Answered<'m> {
    let bytes = RANKED_BYTES.wrapping_add(if deviations { DEVIATION_BYTES } else { 0 });
    let reply = if deviations { Reply::RankedDeviations(&[]) } else { Reply::Ranked(&[]) };
    let list = reply.with_list(best.len().wrapping_mul(bytes), message);
    let (length, mut places) = list.ok_or(Failure::ReplyTooLong)?;
    for ranked in best {
        put(&mut places, &RankedItem { item: ranked.item, score: scorer.score(ranked.item) }.to_bytes());
        if deviations {
            put(&mut places, &deviation(owner, model, ranked.item)?);
        }
    }
    Ok(Answer::Written(length))
}

fn write_pairs<'m>(reply: &Reply<'_>, best: &[Ranked], message: &mut [u8]) -> Answered<'m> {
    let list = reply.with_list(best.len().wrapping_mul(PAIR_BYTES), message);
    let (length, mut places) = list.ok_or(Failure::ReplyTooLong)?;
    for ranked in best {
        put(&mut places, &ranked.item.to_le_bytes());
        put(&mut places, &ranked.logit.0.to_le_bytes());
    }
    Ok(Answer::Written(length))
}

/// Puts bytes to the front of a place that has room for them, and leaves what is behind them.
#[inline(never)]
fn put(places: &mut &mut [u8], bytes: &[u8]) {
    if let Some((place, rest)) = core::mem::take(places).split_at_mut_checked(bytes.len()) {
        place.copy_from_slice(bytes);
        *places = rest;
    }
}
