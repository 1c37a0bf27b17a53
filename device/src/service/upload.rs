//! Models that come and go.

use matchstick::Model;
use matchstick::learn::Learner;
use matchstick::link::{Failure, Reply, Upload, UploadBegin, frame, item_key};

use super::answer::{Line, not_taken};
use super::{Board, Context, Next, Service};
use crate::slots::{CHUNK_UNIT, Terms};
use crate::{MappedFlash, Offer, Slots};

/// Bytes of a message that are not the chunk in it, at most: its number, an offset and a length.
const CHUNK_OVERHEAD_BYTES: usize = 1 + 5 + 3;

impl<const RATINGS: usize, const CAPACITY: usize, const TABLE_WORDS: usize, const COORDINATES: usize, const HELD: usize>
    Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>
{
    pub(super) fn slots(&mut self) -> Result<&mut Slots, Failure<'static>> {
        self.slots.first_mut().ok_or(Failure::SlotFailed)
    }

    /// Begins an upload or goes on with one. What is wrong with the offer is said before anything is sent.
    #[inline(never)]
    pub(super) fn begin_upload<F: MappedFlash, B: Board>(
        &mut self,
        context: &mut Context<'_, F, B>,
        begin: &UploadBegin<'_>,
        line: &Line,
    ) -> Result<Reply<'static>, Failure<'static>> {
        let &UploadBegin { length, crc32, revision, board, force } = begin;
        let board = if board.is_empty() { context.board.name() } else { board };
        let offer = Offer { length, crc: crc32, board: item_key(board.as_bytes()) };
        let is_older = context.model.is_some_and(|model| revision < model.head().revision);
        let slots = self.slots()?;
        slots.judge::<F>(&offer).map_err(not_taken)?;
        if is_older && !force {
            return Err(Failure::OlderRevision);
        }
        slots.begin(context.flash, &offer).map_err(not_taken)?;
        self.force = force;
        self.upload_status(line)
    }

    /// How far the upload came.
    #[inline(never)]
    pub(super) fn upload_status(&mut self, line: &Line) -> Result<Reply<'static>, Failure<'static>> {
        let upload = self.slots()?.upload().ok_or(Failure::NoUpload)?;
        let room = line.receive.saturating_sub(frame::OVERHEAD_BYTES + CHUNK_OVERHEAD_BYTES);
        Ok(Reply::Upload(Upload {
            length: upload.length,
            crc32: upload.crc,
            offset: upload.written,
            chunk_bytes: room.saturating_sub(room % CHUNK_UNIT) as u16,
            write_bytes: CHUNK_UNIT as u16,
        }))
    }

    /// Writes a chunk that begins where the upload stands; says where the next one has to begin.
    #[inline(never)]
    pub(super) fn chunk<F: MappedFlash, B>(
        &mut self,
        context: &mut Context<'_, F, B>,
        offset: u32,
        bytes: &[u8],
    ) -> Result<u32, Failure<'static>> {
        let slots = self.slots()?;
        let there = slots.resume_at().ok_or(Failure::NoUpload)?;
        if offset != there {
            return Ok(there);
        }
        slots.chunk(context.flash, offset, bytes).map_err(not_taken)?;
        slots.resume_at().ok_or(Failure::NoUpload)
    }

    /// Lets the uploaded model run, if all is right with it.
    #[inline(never)]
    pub(super) fn commit<F: MappedFlash, B: Board>(
        &mut self,
        context: &mut Context<'_, F, B>,
        signature: &[u8],
    ) -> Result<(), Failure<'static>> {
        if cfg!(feature = "signed") && signature.is_empty() {
            return Err(Failure::Unsigned);
        }
        let terms = Terms {
            force: self.force,
            signature: signature.try_into().ok(),
            #[cfg(feature = "signed")]
            key: context.board.maker_key(),
        };
        let slots = self.slots.first_mut().ok_or(Failure::SlotFailed)?;
        slots.commit(context.flash, &terms, fits::<CAPACITY, COORDINATES>).map_err(not_taken)?;
        self.change_model();
        Ok(())
    }

    /// Lets the model before this one run.
    #[inline(never)]
    pub(super) fn roll_back<F: MappedFlash, B>(
        &mut self,
        context: &mut Context<'_, F, B>,
    ) -> Result<(), Failure<'static>> {
        self.slots()?.roll_back(context.flash).map_err(not_taken)?;
        self.change_model();
        Ok(())
    }

    /// What was computed with the model before is worth nothing any more.
    #[inline(never)]
    fn change_model(&mut self) {
        self.force = false;
        self.owner.forget();
        self.store.forget_rows();
        self.next = Next::LoadModel;
    }
}

/// Whether there is memory for a model.
fn fits<const CAPACITY: usize, const COORDINATES: usize>(model: &Model<'_>) -> bool {
    let learns = match Learner::of(model) {
        None => true,
        Some(Learner::Ratings(learner)) => learner.width() <= COORDINATES,
        Some(Learner::History(learner)) => learner.width() <= CAPACITY,
    };
    learns && model.required_capacity() <= CAPACITY
}
