//! A device, as the commands see one: a question in, an answer in this side's own memory out.
//!
//! Long rankings come in slices here, and requests that the device has lost are made anew.

use matchstick::Score;
use matchstick::link::{
    DEVIATION_BYTES, Exclude, Info, ItemRef, ProfileEntry, RANKED_BYTES, RankedItem, Reply, Request, SCORE_BYTES,
    Statistics, User, pairs, profile_entries, ranked, scores,
};

use super::connection::{Answered, Connection, LinkError};
use super::error::{DeviceError, Kind};

/// The place of a board that is emulated.
pub const QEMU: &str = "QEMU";
/// A ranking that the device loses again and again is given up.
const RESTARTS: u32 = 10;

/// What a firmware can do, by its bit in `Info.features`.
pub const FEATURES: [&str; 5] =
    ["learns from ratings", "keeps ratings", "takes models", "wants signatures", "knows plus-or-minus"];
pub const SLOTS: u32 = 1 << 2;
pub const SIGNED: u32 = 1 << 3;

/// [`Info`], kept.
#[derive(Clone, Debug, Default)]
pub struct About {
    pub board: String,
    pub firmware: String,
    pub engine: String,
    pub model: String,
    /// The rest of it; its texts are empty.
    pub facts: Info<'static>,
}

impl About {
    fn new(info: Info<'_>) -> Self {
        Self {
            board: info.board.to_owned(),
            firmware: info.firmware.to_owned(),
            engine: info.engine.to_owned(),
            model: info.model.to_owned(),
            facts: Info { board: "", firmware: "", engine: "", model: "", ..info },
        }
    }

    pub fn has_model(&self) -> bool {
        self.facts.item_rows > 0
    }

    pub fn can(&self, feature: u32) -> bool {
        self.facts.features & feature != 0
    }

    /// The model, for messages.
    pub fn described(&self) -> String {
        if self.has_model() {
            described(&self.model, self.facts.revision, self.facts.item_rows)
        } else {
            "no model".to_owned()
        }
    }
}

/// A model, for messages. Rows count the unknown item.
pub fn described(name: &str, revision: u32, item_rows: u32) -> String {
    format!("`{name}`, revision {revision}, of {} items", item_rows.saturating_sub(1))
}

/// One item with its score.
#[derive(Clone, Copy, Debug)]
pub struct Scored {
    pub item: u32,
    pub score: Score,
    /// In 1/65,536 of the rating's unit.
    pub deviation_q16: Option<u32>,
}

/// Whom to score for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    Owner,
    Row(u32),
}

impl Person {
    const fn user(self) -> User<'static> {
        match self {
            Self::Owner => User::Owner,
            Self::Row(row) => User::Index(row),
        }
    }

    pub fn name(self) -> String {
        match self {
            Self::Owner => "the owner".to_owned(),
            Self::Row(0) => "the unknown user".to_owned(),
            Self::Row(row) => format!("user {row}"),
        }
    }
}

/// A page of the profile.
#[derive(Debug)]
pub struct Page {
    pub generation: u32,
    pub entries: Vec<ProfileEntry>,
}

/// A device.
pub struct Board {
    connection: Connection,
    place: String,
    about: About,
}

/// A step of something long.
enum Step<T> {
    Finished(T),
    Progress,
}

impl Board {
    /// Opens a session and asks who it is.
    pub fn meet(connection: Connection, place: String) -> Result<Self, DeviceError> {
        let mut board = Self { connection, place, about: About::default() };
        board.refresh()?;
        Ok(board)
    }

    /// How messages call it.
    pub fn name(&self) -> String {
        let where_it_is = if self.place == QEMU { "in" } else { "at" };
        format!("{} {where_it_is} {}", self.about.board, self.place)
    }

    /// The largest frame that it takes.
    pub fn frame_bytes(&self) -> u16 {
        self.connection.frame_bytes()
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Asks anew who it is: its model may have changed.
    pub fn refresh(&mut self) -> Result<(), DeviceError> {
        self.about = self.ask("introduce itself", &Request::Info, |reply| match reply {
            Reply::Info(info) => Some(About::new(info)),
            _ => None,
        })?;
        Ok(())
    }

    pub fn statistics(&mut self) -> Result<Statistics, DeviceError> {
        self.ask("tell how it fares", &Request::Statistics, |reply| match reply {
            Reply::Statistics(statistics) => Some(statistics),
            _ => None,
        })
    }

    pub fn ping(&mut self, nonce: u32) -> Result<(), DeviceError> {
        self.ask("answer a ping", &Request::Ping { nonce }, |reply| (reply == Reply::Pong { nonce }).then_some(()))
    }

    /// Scores of a few items; as many as one frame takes.
    pub fn score(&mut self, person: Person, items: &[u32], deviations: bool) -> Result<Vec<Scored>, DeviceError> {
        let bytes: Vec<u8> = items.iter().flat_map(|item| item.to_le_bytes()).collect();
        let request = Request::Score { user: person.user(), deviations, items: &bytes };
        let found = self.ask("score", &request, |reply| match reply {
            Reply::Scores(bytes) => Some(scores(bytes).map(|score| (score, None)).collect::<Vec<_>>()),
            Reply::ScoresDeviations(bytes) => {
                let entry = |bytes: &[u8]| Some((scores(bytes).next()?, deviation(&bytes[SCORE_BYTES..])));
                bytes.chunks_exact(SCORE_BYTES + DEVIATION_BYTES).map(entry).collect()
            }
            _ => None,
        })?;
        if found.len() != items.len() {
            return Err(self.strange("score"));
        }
        let scored =
            |(&item, (score, deviation_q16)): (&u32, (Score, Option<u32>))| Scored { item, score, deviation_q16 };
        Ok(items.iter().zip(found).map(scored).collect())
    }

    /// The best items, without those that the owner has rated where that is wanted.
    pub fn rank(
        &mut self,
        person: Person,
        top: u8,
        deviations: bool,
        unseen: bool,
    ) -> Result<Vec<Scored>, DeviceError> {
        let exclude = if unseen { Exclude::Seen } else { Exclude::Nothing };
        let request = Request::Rank { user: person.user(), top, deviations, exclude };
        self.long("rank", &request, |reply| match reply {
            Reply::Ranked(bytes) => Some(ranked(bytes).map(|item| of(item, None)).collect()),
            Reply::RankedDeviations(bytes) => {
                let entry = |bytes: &[u8]| Some(of(ranked(bytes).next()?, deviation(&bytes[RANKED_BYTES..])));
                bytes.chunks_exact(RANKED_BYTES + DEVIATION_BYTES).map(entry).collect()
            }
            _ => None,
        })
    }

    /// The items most like one, with the cosine in 1/65,536.
    pub fn similar(&mut self, item: u32, top: u8) -> Result<Vec<(u32, i32)>, DeviceError> {
        let request = Request::Similar { item: ItemRef::Row(item), top };
        self.long("find similar items", &request, |reply| match reply {
            Reply::Similar(bytes) => Some(pairs(bytes).collect()),
            _ => None,
        })
    }

    /// The items whose rating would teach most, with how much.
    pub fn questions(&mut self, top: u8) -> Result<Vec<(u32, i32)>, DeviceError> {
        self.long("ask", &Request::Ask { top }, |reply| match reply {
            Reply::Ask(bytes) => Some(pairs(bytes).collect()),
            _ => None,
        })
    }

    pub fn rate(&mut self, item: u32, value: i16) -> Result<(), DeviceError> {
        self.done("rate", &Request::Rate { item: ItemRef::Row(item), value })
    }

    pub fn forget(&mut self, item: ItemRef) -> Result<(), DeviceError> {
        self.done("forget", &Request::Forget { item })
    }

    /// A page of the profile; none where it has changed since the first one.
    pub fn profile(&mut self, from: u32, generation: u32) -> Result<Option<Page>, DeviceError> {
        let request = Request::ProfileExport { from, generation };
        let page = self.ask("export the profile", &request, |reply| match reply {
            Reply::Profile(page) => {
                let entries = profile_entries(page.entries).collect();
                Some(Page { generation: page.generation, entries })
            }
            _ => None,
        });
        match page {
            Err(error) if error.refused() == Some(Kind::Lost) => Ok(None),
            page => page.map(Some),
        }
    }

    /// A request that is answered by Done.
    pub fn done(&mut self, doing: &'static str, request: &Request<'_>) -> Result<(), DeviceError> {
        self.ask(doing, request, |reply| (reply == Reply::Done).then_some(()))
    }

    /// One request, and what `take` makes of the reply.
    pub fn ask<T>(
        &mut self,
        doing: &'static str,
        request: &Request<'_>,
        take: impl FnMut(Reply<'_>) -> Option<T>,
    ) -> Result<T, DeviceError> {
        match self.ask_within(doing, request, u32::MAX, take)? {
            Answered::Yes(answer) => Ok(answer),
            Answered::No => Err(self.strange(doing)),
        }
    }

    /// The same for a request that is sent at most `attempts` times.
    pub fn ask_within<T>(
        &mut self,
        doing: &'static str,
        request: &Request<'_>,
        attempts: u32,
        mut take: impl FnMut(Reply<'_>) -> Option<T>,
    ) -> Result<Answered<T>, DeviceError> {
        let answer = self.connection.request_within(request, attempts, |reply| match reply {
            Reply::Failed(failure) => Err(failure.into()),
            reply => Ok(take(reply)),
        });
        match answer.map_err(|error| DeviceError::Link { place: self.place.clone(), error })? {
            Answered::No => Ok(Answered::No),
            Answered::Yes(Ok(Some(answer))) => Ok(Answered::Yes(answer)),
            Answered::Yes(Ok(None)) => Err(self.strange(doing)),
            Answered::Yes(Err(refusal)) => Err(DeviceError::Refused { place: self.name(), doing, refusal }),
        }
    }

    /// A request that is answered in slices.
    fn long<T>(
        &mut self,
        doing: &'static str,
        request: &Request<'_>,
        mut take: impl FnMut(Reply<'_>) -> Option<T>,
    ) -> Result<T, DeviceError> {
        let mut restarts = 0;
        let mut next = *request;
        loop {
            let step = self.ask(doing, &next, |reply| match reply {
                Reply::Progress { .. } => Some(Step::Progress),
                reply => take(reply).map(Step::Finished),
            });
            next = match step {
                Ok(Step::Finished(answer)) => return Ok(answer),
                Ok(Step::Progress) => Request::Continue,
                Err(error) if restarts < RESTARTS && is_lost(&error) => {
                    restarts += 1;
                    *request
                }
                Err(error) => return Err(error),
            };
        }
    }

    fn strange(&self, doing: &'static str) -> DeviceError {
        DeviceError::Answer { place: self.name(), doing }
    }
}

/// Whether the device has forgotten what it was to go on with.
fn is_lost(error: &DeviceError) -> bool {
    error.refused() == Some(Kind::Lost) || matches!(error, DeviceError::Link { error: LinkError::SessionLost, .. })
}

fn of(RankedItem { item, score }: RankedItem, deviation_q16: Option<u32>) -> Scored {
    Scored { item, score, deviation_q16 }
}

fn deviation(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
