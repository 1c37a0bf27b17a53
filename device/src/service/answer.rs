//! One request, one reply: who answers what.

use matchstick::learn::{self, Learner};
use matchstick::link::{ENGINE_VERSION, Failure, Info, ItemRef, LinkCounts, Reply, Request, Statistics};
use matchstick::{BlobError, Model};

use super::task::Task;
use super::{Board, Context, Next, Service};
use crate::store::RECORD_BYTES;
use crate::{MappedFlash, SlotError, Slots, StoreError};

/// What an answer has to know of the line.
pub(super) struct Line {
    pub(super) counts: LinkCounts,
    /// The largest frame that is received.
    pub(super) receive: usize,
}

/// A reply that is to be written, or that was.
pub(super) enum Answer<'m> {
    Reply(Reply<'m>),
    /// So many bytes of the message.
    Written(usize),
}

pub(super) type Answered<'m> = Result<Answer<'m>, Failure<'static>>;

impl<'m> From<Reply<'m>> for Answer<'m> {
    fn from(reply: Reply<'m>) -> Self {
        Self::Reply(reply)
    }
}

impl<const RATINGS: usize, const CAPACITY: usize, const TABLE_WORDS: usize, const COORDINATES: usize, const HELD: usize>
    Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>
{
    /// Answers a request, and says how many bytes of `message` the reply has.
    pub(super) fn answer<F: MappedFlash, B: Board>(
        &mut self,
        context: &mut Context<'_, F, B>,
        line: &Line,
        request: &Request<'_>,
        message: &mut [u8],
    ) -> Option<usize> {
        let reply = match self.try_answer(context, line, request, message) {
            Ok(Answer::Written(length)) => return Some(length),
            Ok(Answer::Reply(reply)) => reply,
            Err(failure) => Reply::Failed(failure),
        };
        // Only a model's name can be too long.
        reply.to_slice(message).or_else(|| Reply::Failed(Failure::ReplyTooLong).to_slice(message))
    }

    fn try_answer<'c, F: MappedFlash, B: Board>(
        &mut self,
        context: &mut Context<'c, F, B>,
        line: &Line,
        request: &Request<'_>,
        message: &mut [u8],
    ) -> Answered<'c> {
        match *request {
            Request::Ping { nonce } => return Ok(Reply::Pong { nonce }.into()),
            Request::Info => return Ok(Reply::Info(self.info(context)?).into()),
            Request::Statistics => return Ok(Reply::Statistics(self.statistics(context, line)).into()),
            Request::Continue => return self.go_on(context, message),
            _ => self.work.end(),
        }
        match *request {
            Request::Score { user, deviations, items } => return self.score(context, user, deviations, items, message),
            Request::Rank { user, top, deviations, exclude } => {
                return self.begin(context, Task::Rank { user, deviations, exclude }, top, message);
            }
            Request::Similar { item, top } => {
                let item = row_of(model(context)?, item)?;
                return self.begin(context, Task::Similar { item }, top, message);
            }
            Request::Ask { top } => return self.begin(context, Task::Ask, top, message),
            Request::Rate { item, value } => self.rate(context, item, value)?,
            Request::Forget { item } => self.forget(context, item)?,
            Request::ForgetEverything => self.store.forget_everything(context.flash).map_err(not_stored)?,
            Request::ProfileExport { from, generation } => {
                return self.export(context, from, generation, message).map(Answer::Written);
            }
            Request::ImportBegin { entries } => self.begin_import(context, entries)?,
            Request::ImportEntries { from, entries } => {
                return Ok(Reply::Accepted { next: self.import(context, from, entries)? }.into());
            }
            Request::ImportCommit => self.commit_import(context)?,
            Request::ImportAbort => self.store.abort_import(),
            Request::UploadBegin(begin) => return self.begin_upload(context, &begin, line).map(Answer::Reply),
            Request::UploadStatus => return self.upload_status(line).map(Answer::Reply),
            Request::UploadChunk { offset, bytes } => {
                return Ok(Reply::Accepted { next: self.chunk(context, offset, bytes)? }.into());
            }
            Request::UploadCommit { signature } => self.commit(context, signature)?,
            Request::UploadAbort => self.slots()?.abort(context.flash).map_err(not_taken)?,
            Request::Rollback => self.roll_back(context)?,
            Request::Reboot => self.next = Next::Reboot,
            // Of the images that test and measure.
            Request::SelfTest { .. } | Request::Count { .. } => return Err(Failure::Unsupported),
            Request::Cancel | Request::Ping { .. } | Request::Info | Request::Statistics | Request::Continue => {}
        }
        Ok(Reply::Done.into())
    }

    #[inline(never)]
    fn info<'c, F: MappedFlash, B: Board>(&self, context: &Context<'c, F, B>) -> Result<Info<'c>, Failure<'static>> {
        let slots = self.slots.first();
        let ratings = self.store.ratings().len();
        let bytes = |ratings: usize| ratings.wrapping_mul(RECORD_BYTES) as u32;
        let mut info = Info {
            board: context.board.name(),
            firmware: env!("CARGO_PKG_VERSION"),
            engine: ENGINE_VERSION,
            features: FEATURES,
            ratings: ratings as u32,
            store_used: bytes(ratings),
            store_free: bytes(self.store.capacity().saturating_sub(ratings)),
            slots: if slots.is_some() { 2 } else { 0 },
            slot_bytes: slots.map_or(0, Slots::capacity_bytes::<F>),
            stack_bytes: context.board.stack_bytes(),
            ..Info::default()
        };
        if let Some(model) = context.model {
            let head = model.head();
            (info.model, info.revision, info.layout) = (head.name, head.revision, head.layout);
            (info.user_rows, info.item_rows) = (head.user_rows, head.item_rows);
            info.user_width = head.user_width.saturating_add(head.dot_width);
        }
        Ok(info)
    }

    #[inline(never)]
    fn statistics<F, B: Board>(&self, context: &mut Context<'_, F, B>, line: &Line) -> Statistics {
        Statistics {
            uptime_ms: context.board.uptime_ms(),
            instructions: context.board.instructions(),
            last_instructions: self.last_instructions,
            stack_bytes: context.board.stack_bytes(),
            link: line.counts,
        }
    }
}

/// See [`Info::features`]: a store and slots are always there.
const FEATURES: u32 =
    if learn::AVAILABLE { 0b1_0001 } else { 0 } | 0b110 | if cfg!(feature = "signed") { 0b1000 } else { 0 };

/// The running model.
pub(super) fn model<'c, F, B>(context: &Context<'c, F, B>) -> Result<&'c Model<'c>, Failure<'static>> {
    context.model.ok_or(Failure::NoModel)
}

/// What the running model learns with.
pub(super) fn learner<'c>(model: &'c Model<'c>) -> Result<Learner<'c>, Failure<'static>> {
    Learner::of(model).ok_or(Failure::NoOwner)
}

/// The row of an item that the model has.
pub(super) fn row_of(model: &Model<'_>, item: ItemRef) -> Result<u32, Failure<'static>> {
    let row = match item {
        ItemRef::Row(row) => Some(row).filter(|row| (1..model.item_rows()).contains(row)),
        ItemRef::Key(key) => super::keys::row_of_key(model, key),
    };
    row.ok_or(Failure::NoSuchItem)
}

/// Why the store refused, as a reply says it.
pub(super) fn not_stored<E>(error: StoreError<E>) -> Failure<'static> {
    match error {
        StoreError::Full => Failure::StoreFull,
        StoreError::NotImporting => Failure::NoImport,
        StoreError::Flash(_) | StoreError::MirrorTooSmall | StoreError::Unsupported | StoreError::Importing => {
            Failure::StoreFailed
        }
    }
}

/// Why the slots refused, as a reply says it.
#[inline(never)] // many call it, and each copy has a table
pub(super) fn not_taken<E>(error: SlotError<E>) -> Failure<'static> {
    match error {
        SlotError::Flash(_) | SlotError::Unsupported => Failure::SlotFailed,
        SlotError::TooLarge => Failure::ModelTooLarge,
        SlotError::WrongBoard => Failure::WrongBoard,
        SlotError::NoUpload | SlotError::WrongOffset => Failure::NoUpload,
        SlotError::WrongChunk => Failure::BadChunk,
        SlotError::Incomplete => Failure::UploadIncomplete,
        SlotError::WrongChecksum => Failure::WrongChecksum,
        SlotError::Blob(error) => Failure::Blob(error.message()),
        SlotError::WrongLength => Failure::Blob(BlobError::WrongLength.message()),
        SlotError::NoMemory => Failure::TooWide,
        SlotError::Older => Failure::OlderRevision,
        SlotError::BadSignature => Failure::WrongSignature,
        SlotError::NoOther => Failure::NothingToRollBack,
        SlotError::ListFull => Failure::TooManyRollbacks,
    }
}
