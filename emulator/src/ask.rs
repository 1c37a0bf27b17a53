//! Questions and answers in the host's own types, and their way through [`matchstick::link`].

use matchstick::Score;
use matchstick::blob::Layout;
use matchstick::link::{self, Counts, Exclude, MAX_SCORES, REQUEST_BYTES, RankedItem, Reply, Request, SelfTest, User};

use crate::EmulatorError;

/// Whom to score for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserKey {
    /// A row of the blob's user table; 0 is the unknown user.
    Index(u32),
    /// The vector itself.
    Vector(Vec<i16>),
}

/// A question to a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Which board and model: [`Answer::Info`].
    Info,
    /// Scores of any number of items: [`Answer::Scores`].
    Score {
        /// For whom.
        user: UserKey,
        /// Item indices.
        items: Vec<u32>,
    },
    /// The best items: [`Answer::Ranked`].
    Rank {
        /// For whom.
        user: UserKey,
        /// How many, at most [`link::MAX_TOP`].
        top: u8,
        /// Which not, in any order.
        exclude: Vec<u32>,
    },
    /// Every item, in two ways: [`Answer::SelfTest`].
    SelfTest {
        /// For whom.
        user: UserKey,
    },
    /// Instruction counts, meaningful under [`icount`](crate::Emulator::icount): [`Answer::Counts`].
    Count {
        /// For whom.
        user: UserKey,
    },
}

/// A board's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Query::Info`].
    Info(Info),
    /// To [`Query::Score`], in the order asked for.
    Scores(Vec<Score>),
    /// To [`Query::Rank`], best first.
    Ranked(Vec<RankedItem>),
    /// To [`Query::SelfTest`].
    SelfTest(SelfTest),
    /// To [`Query::Count`].
    Counts(Counts),
}

/// A board and its model, as [`link::Info`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The board's name.
    pub board: String,
    /// The model's name.
    pub model: String,
    /// The model's layout.
    pub layout: Layout,
    /// Rows of the user table, row 0 included.
    pub user_rows: u32,
    /// Rows of the item table, row 0 included.
    pub item_rows: u32,
    /// Values of a user vector.
    pub user_width: u16,
    /// The most stack in use since start-up.
    pub stack_bytes: u32,
}

/// Encoded queries: a list of frames, each a length (u16, little-endian) and a message.
#[derive(Debug, Default)]
pub(crate) struct Questions(Vec<u8>);

impl Questions {
    pub(crate) fn encode(queries: &[Query]) -> Result<Self, EmulatorError> {
        let mut questions = Self::default();
        for query in queries {
            questions.query(query)?;
        }
        Ok(questions)
    }

    pub(crate) fn frames(&self) -> &[u8] {
        &self.0
    }

    fn query(&mut self, query: &Query) -> Result<(), EmulatorError> {
        match query {
            Query::Info => self.push(&Request::Info),
            Query::Score { user, items } => {
                let vector = vector_bytes(user);
                let user = user_of(user, &vector);
                // As many requests as it takes: the board's buffers are small.
                items.chunks(MAX_SCORES).try_for_each(|items| {
                    self.push(&Request::Score { user, deviations: false, items: &item_bytes(items) })
                })
            }
            Query::Rank { user, top, exclude } => {
                let vector = vector_bytes(user);
                let (list, bitmap) = exclude_bytes(exclude);
                let exclude = match (list.len(), bitmap.len()) {
                    (0, _) => Exclude::Nothing,
                    (list_bytes, bitmap_bytes) if list_bytes < bitmap_bytes => Exclude::Items(&list),
                    _ => Exclude::Bitmap(&bitmap),
                };
                self.push(&Request::Rank { user: user_of(user, &vector), top: *top, deviations: false, exclude })
            }
            Query::SelfTest { user } => self.push(&Request::SelfTest { user: user_of(user, &vector_bytes(user)) }),
            Query::Count { user } => self.push(&Request::Count { user: user_of(user, &vector_bytes(user)) }),
        }
    }

    fn push(&mut self, request: &Request<'_>) -> Result<(), EmulatorError> {
        // Of all messages only the lists can be long, and postcard can't fail on what a Vec holds.
        let message = postcard::to_stdvec(request).unwrap_or_default();
        if message.is_empty() || message.len() > REQUEST_BYTES {
            return Err(EmulatorError::RequestTooLong { bytes: message.len(), limit: REQUEST_BYTES });
        }
        self.0.extend((message.len() as u16).to_le_bytes());
        self.0.extend(message);
        Ok(())
    }
}

fn vector_bytes(user: &UserKey) -> Vec<u8> {
    match user {
        UserKey::Index(_) => Vec::new(),
        UserKey::Vector(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

fn user_of<'a>(user: &UserKey, vector: &'a [u8]) -> User<'a> {
    match user {
        UserKey::Index(index) => User::Index(*index),
        UserKey::Vector(_) => User::Vector(vector),
    }
}

fn item_bytes(items: &[u32]) -> Vec<u8> {
    items.iter().flat_map(|item| item.to_le_bytes()).collect()
}

/// The excluded items as an ascending list and as a bitmap, of which the shorter is sent.
fn exclude_bytes(exclude: &[u32]) -> (Vec<u8>, Vec<u8>) {
    let mut items = exclude.to_vec();
    items.sort_unstable();
    items.dedup();
    let longest = 8 * REQUEST_BYTES as u32;
    let mut bitmap = vec![0; items.last().map_or(0, |last| (last.min(&longest) / 8 + 1) as usize)];
    for item in items.iter().filter(|item| **item <= longest) {
        bitmap[(item / 8) as usize] |= 1 << (item % 8);
    }
    // Where an item lies beyond every bitmap that could be sent, the bitmap is as long as that and loses to the list, or is refused.
    (item_bytes(&items), bitmap)
}

/// Reads the board's replies to `queries`.
pub(crate) fn decode(board: &str, queries: &[Query], replies: &[u8]) -> Result<Vec<Answer>, EmulatorError> {
    let bad = |what| EmulatorError::BadReply { board: board.to_owned(), what };
    let mut rest = replies;
    let mut next = || {
        let (length, behind) = rest.split_first_chunk::<2>().ok_or_else(|| bad("fewer replies than requests"))?;
        let (message, behind) = behind
            .split_at_checked(u16::from_le_bytes(*length).into())
            .ok_or_else(|| bad("the last reply is cut off"))?;
        rest = behind;
        match postcard::from_bytes(message).map_err(|_| bad("a reply can't be decoded"))? {
            Reply::Failed(failure) => Err(EmulatorError::Refused { board: board.to_owned(), why: failure.to_string() }),
            reply => Ok(reply),
        }
    };
    let mut answers = Vec::with_capacity(queries.len());
    for query in queries {
        answers.push(match (query, query.pieces()) {
            (Query::Score { items, .. }, pieces) => {
                let mut scores = Vec::with_capacity(items.len());
                for _ in 0..pieces {
                    let Reply::Scores(bytes) = next()? else { return Err(bad("another kind of reply than asked for")) };
                    scores.extend(link::scores(bytes));
                }
                if scores.len() != items.len() {
                    return Err(bad("another number of scores than asked for"));
                }
                Answer::Scores(scores)
            }
            _ => answer(query, next()?).ok_or_else(|| bad("another kind of reply than asked for"))?,
        });
    }
    if rest.is_empty() { Ok(answers) } else { Err(bad("more replies than requests")) }
}

impl Query {
    /// How many requests this is.
    fn pieces(&self) -> usize {
        match self {
            Self::Score { items, .. } => items.len().div_ceil(MAX_SCORES),
            _ => 1,
        }
    }
}

fn answer(query: &Query, reply: Reply<'_>) -> Option<Answer> {
    match (query, reply) {
        (Query::Info, Reply::Info(info)) => Some(Answer::Info(Info {
            board: info.board.to_owned(),
            model: info.model.to_owned(),
            layout: info.layout,
            user_rows: info.user_rows,
            item_rows: info.item_rows,
            user_width: info.user_width,
            stack_bytes: info.stack_bytes,
        })),
        (Query::Rank { .. }, Reply::Ranked(bytes)) => Some(Answer::Ranked(link::ranked(bytes).collect())),
        (Query::SelfTest { .. }, Reply::SelfTest(outcome)) => Some(Answer::SelfTest(outcome)),
        (Query::Count { .. }, Reply::Counts(counts)) => Some(Answer::Counts(counts)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use matchstick::link::{Failure, score_to_bytes};
    use matchstick::{Logit, RatingQ16};

    use super::*;

    /// The requests in a list of frames.
    fn requests(queries: &[Query]) -> Vec<Vec<u8>> {
        let questions = Questions::encode(queries).unwrap();
        let mut rest = questions.frames();
        let mut requests = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk::<2>() {
            let (message, behind) = behind.split_at(u16::from_le_bytes(*length).into());
            requests.push(message.to_vec());
            rest = behind;
        }
        requests
    }

    fn frames(replies: &[Reply<'_>]) -> Vec<u8> {
        let frame = |reply| {
            let message = postcard::to_stdvec(reply).unwrap();
            [&(message.len() as u16).to_le_bytes(), &message[..]].concat()
        };
        replies.iter().flat_map(frame).collect()
    }

    fn score(logit: i32) -> Score {
        Score { logit: Logit(logit), rating: RatingQ16(logit / 2) }
    }

    #[test]
    fn a_long_list_of_items_becomes_several_requests_and_one_answer() {
        let items: Vec<u32> = (0..MAX_SCORES as u32 + 1).collect();
        let queries = [Query::Score { user: UserKey::Vector(vec![-1; 200]), items: items.clone() }, Query::Info];
        let requests = requests(&queries);
        assert_eq!(requests.len(), 3);
        let Request::Score { user: User::Vector(vector), items: first, .. } =
            postcard::from_bytes(&requests[0]).unwrap()
        else {
            panic!()
        };
        assert_eq!((vector.len(), first.len()), (400, 4 * MAX_SCORES));
        let Request::Score { items: last, .. } = postcard::from_bytes(&requests[1]).unwrap() else { panic!() };
        assert_eq!(last, (MAX_SCORES as u32).to_le_bytes());

        let scores: Vec<Score> = items.iter().map(|item| score(*item as i32 - 9)).collect();
        let bytes: Vec<u8> = scores.iter().flat_map(|score| score_to_bytes(*score)).collect();
        let (first, last) = bytes.split_at(8 * MAX_SCORES);
        let info = link::Info {
            board: "b",
            model: "m",
            layout: Layout::Folded,
            user_rows: 1,
            item_rows: 2,
            user_width: 3,
            stack_bytes: 4,
            ..link::Info::default()
        };
        let replies = frames(&[Reply::Scores(first), Reply::Scores(last), Reply::Info(info)]);
        let answers = decode("b", &queries, &replies).unwrap();
        assert_eq!(answers[0], Answer::Scores(scores));
        assert!(matches!(&answers[1], Answer::Info(info) if info.user_width == 3 && info.model == "m"));
    }

    #[test]
    fn excluded_items_travel_in_the_shorter_form_and_none_is_lost() {
        let sent = |exclude: &[u32], check: &dyn Fn(Exclude<'_>)| {
            let query = Query::Rank { user: UserKey::Index(1), top: 10, exclude: exclude.to_vec() };
            let requests = requests(&[query]);
            let Request::Rank { exclude: sent, top: 10, .. } = postcard::from_bytes(&requests[0]).unwrap() else {
                panic!()
            };
            check(sent);
            for item in 0..20_000 {
                assert_eq!(sent.contains(item), exclude.contains(&item), "{item}");
            }
        };
        sent(&[], &|form| assert_eq!(form, Exclude::Nothing));
        sent(&[9000, 3, 3], &|form| assert!(matches!(form, Exclude::Items(bytes) if bytes.len() == 8)));
        let many: Vec<u32> = (1..1000).step_by(3).collect();
        sent(&many, &|form| assert!(matches!(form, Exclude::Bitmap(_))));

        let too_many = Query::Rank { user: UserKey::Index(1), top: 10, exclude: (10_000..30_000).collect() };
        let error = Questions::encode(&[too_many]).unwrap_err();
        assert!(matches!(error, EmulatorError::RequestTooLong { .. }), "{error}");
    }

    #[test]
    fn wrong_replies_are_told_apart() {
        let queries = [Query::SelfTest { user: UserKey::Index(0) }];
        let refused =
            decode("microbit", &queries, &frames(&[Reply::Failed(Failure::TooWide)])).unwrap_err().to_string();
        assert!(refused.contains("microbit refuses") && refused.contains("wider"), "{refused}");
        let cases: [(&[u8], &str); 5] = [
            (&[], "fewer replies"),
            (&[5, 0, 1], "cut off"),
            (&[1, 0, 99], "decoded"),
            (&frames(&[Reply::Ranked(&[])]), "another kind"),
            (
                &frames(&[
                    Reply::SelfTest(SelfTest { items: 1, mismatches: 0, crc32: 2, stack_bytes: 3 }),
                    Reply::Scores(&[]),
                ]),
                "more replies",
            ),
        ];
        for (replies, expected) in cases {
            let error = decode("microbit", &queries, replies).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
