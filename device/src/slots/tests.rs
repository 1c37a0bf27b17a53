//! Uploads, refusals and rollbacks, without power cuts.

use matchstick::blob::{AlignedBytes, crc32, tiny, writer::Draft};
use matchstick::{BlobError, Model};

use super::{Offer, SlotError, Slots, Terms};
use crate::testing::{ModelError, NorFlashModel};
use crate::{MappedFlash, Region, item_key};

pub const PAGE: usize = 256;
pub type Flash<const WORD: usize> = NorFlashModel<PAGE, WORD>;

pub const REGIONS: [Region; 2] =
    [Region { offset: 0, bytes: 4 * PAGE as u32 }, Region { offset: 4 * PAGE as u32, bytes: 4 * PAGE as u32 }];
pub const BOARD: u64 = item_key(b"a board");

/// The keys of the tests' maker.
#[cfg(feature = "signed")]
pub fn maker() -> ed25519_compact::KeyPair {
    ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([1; 32]))
}

pub fn offer(blob: &[u8]) -> Offer {
    Offer { length: blob.len() as u32, crc: crc32(&blob[..blob.len() - 4]), board: BOARD }
}

fn blob(revision: u32) -> AlignedBytes {
    Draft { revision, ..tiny::folded_draft() }.write().unwrap()
}

fn open(flash: &mut Flash<4>) -> Slots {
    Slots::open(flash, REGIONS, BOARD).unwrap()
}

fn send(slots: &mut Slots, flash: &mut Flash<4>, bytes: &[u8], chunk: usize) {
    assert_eq!(slots.begin(flash, &offer(bytes)), Ok(0));
    for (k, part) in bytes.chunks(chunk).enumerate() {
        slots.chunk(flash, (k * chunk) as u32, part).unwrap();
    }
}

/// Commits `bytes`, signed by the maker where devices demand that.
pub fn commit<const WORD: usize>(
    slots: &mut Slots,
    flash: &mut Flash<WORD>,
    bytes: &[u8],
    force: bool,
    fits: bool,
) -> Result<(), Refusal> {
    #[cfg(feature = "signed")]
    let (signature, key) = (*maker().sk.sign(bytes, None), *maker().pk);
    #[cfg(feature = "signed")]
    let terms = Terms { force, signature: Some(&signature), key: &key };
    #[cfg(not(feature = "signed"))]
    let (terms, _) = (Terms { force, signature: None }, bytes);
    slots.commit(flash, &terms, |_| fits)
}

fn install(slots: &mut Slots, flash: &mut Flash<4>, revision: u32) {
    send(slots, flash, blob(revision).as_slice(), 64);
    commit(slots, flash, blob(revision).as_slice(), false, true).unwrap();
}

fn runs(slots: &Slots, flash: &Flash<4>) -> Option<u32> {
    let region = slots.running()?;
    Some(Model::from_region(flash.mapped(region.offset, region.bytes)).unwrap().head().revision)
}

type Refusal = SlotError<ModelError>;

#[test]
fn uploads_alternate_and_rolling_back_goes_to_the_other() {
    let mut flash = Flash::filled(8, 0);
    let mut slots = open(&mut flash);
    assert_eq!((slots.running(), slots.running_slot()), (None, None));
    assert_eq!(slots.roll_back(&mut flash), Err(SlotError::NoOther));
    for revision in 1..5 {
        install(&mut slots, &mut flash, revision);
        assert_eq!(runs(&slots, &flash), Some(revision));
        slots = open(&mut flash);
        assert_eq!((runs(&slots, &flash), slots.running_slot()), (Some(revision), Some((revision as usize + 1) % 2)));
    }
    for revision in [3, 4, 3] {
        slots.roll_back(&mut flash).unwrap();
        assert_eq!(runs(&slots, &flash), Some(revision));
        assert_eq!(runs(&open(&mut flash), &flash), Some(revision));
    }
    // The list of 256 bytes has five places beside the offer.
    while slots.roll_back(&mut flash).is_ok() {}
    assert_eq!(slots.roll_back(&mut flash), Err(SlotError::ListFull));
    assert!(runs(&slots, &flash).is_some());
    install(&mut slots, &mut flash, 9);
    assert_eq!(runs(&open(&mut flash), &flash), Some(9));
}

/// Tries to install `bytes`; the running model of revision 5 has to stay.
fn refused(bytes: &[u8], offered: &Offer, fits: bool) -> Refusal {
    let mut flash = Flash::filled(8, 0xFF);
    let mut slots = open(&mut flash);
    install(&mut slots, &mut flash, 5);
    let mut send = || {
        slots.begin(&mut flash, offered)?;
        for (k, part) in bytes.chunks(32).enumerate() {
            slots.chunk(&mut flash, 32 * k as u32, part)?;
        }
        commit(&mut slots, &mut flash, bytes, false, fits)
    };
    let error = send().unwrap_err();
    assert!(!error.message().is_empty());
    assert_eq!(runs(&slots, &flash), Some(5));
    assert_eq!(runs(&open(&mut flash), &flash), Some(5));
    error
}

#[test]
fn each_bad_model_is_refused_with_its_own_error_and_the_running_one_stays() {
    let good = blob(6);
    let good = good.as_slice();
    let whole = offer(good);
    assert_eq!(refused(good, &Offer { board: BOARD + 1, ..whole }, true), SlotError::WrongBoard);
    assert_eq!(refused(good, &Offer { length: 769, ..whole }, true), SlotError::TooLarge);
    assert_eq!(refused(good, &Offer { length: 0, ..whole }, true), SlotError::TooLarge);
    assert_eq!(refused(good, &Offer { crc: whole.crc ^ 1, ..whole }, true), SlotError::WrongChecksum);
    assert_eq!(refused(&good[..320], &whole, true), SlotError::Incomplete);
    assert_eq!(refused(good, &Offer { length: whole.length - 4, ..whole }, true), SlotError::WrongChunk);
    assert_eq!(refused(good, &whole, false), SlotError::NoMemory);
    let old = blob(4);
    assert_eq!(refused(old.as_slice(), &offer(old.as_slice()), true), SlotError::Older);
    let cut = &good[..good.len() - 16];
    assert_eq!(refused(cut, &offer(cut), true), SlotError::Blob(BlobError::WrongLength).or_length());
    let longer = [good, &[0; 12]].concat();
    assert_eq!(refused(&longer, &offer(&longer), true), SlotError::WrongLength);
    let mut forged = good.to_vec();
    forged[0x60] ^= 1;
    assert_eq!(refused(&forged, &offer(&forged), true), SlotError::Blob(BlobError::Damaged));
    let noise = [7; 64];
    assert_eq!(refused(&noise, &offer(&noise), true), SlotError::Blob(BlobError::NotABlob));
}

impl<E> SlotError<E> {
    /// A blob that was cut off and one that goes on are both of the wrong length.
    fn or_length(self) -> Self {
        if matches!(self, Self::Blob(BlobError::WrongLength)) { Self::WrongLength } else { self }
    }
}

#[test]
fn an_older_model_is_taken_by_force() {
    let mut flash = Flash::filled(8, 0xFF);
    let mut slots = open(&mut flash);
    install(&mut slots, &mut flash, 5);
    let old = blob(4);
    send(&mut slots, &mut flash, old.as_slice(), 64);
    assert_eq!(commit(&mut slots, &mut flash, old.as_slice(), false, true), Err(SlotError::Older));
    commit(&mut slots, &mut flash, old.as_slice(), true, true).unwrap();
    assert_eq!(runs(&open(&mut flash), &flash), Some(4));
}

#[test]
fn an_upload_goes_on_after_a_broken_link_and_after_a_reboot() {
    let mut flash = Flash::filled(8, 0xFF);
    let mut slots = open(&mut flash);
    let blob = blob(1);
    let bytes = blob.as_slice();
    assert_eq!(slots.chunk(&mut flash, 0, &bytes[..16]), Err(SlotError::NoUpload));
    assert_eq!(slots.begin(&mut flash, &offer(bytes)), Ok(0));
    slots.chunk(&mut flash, 0, &bytes[..288]).unwrap();
    assert_eq!(slots.chunk(&mut flash, 0, &bytes[..288]), Err(SlotError::WrongOffset), "a doubled chunk");
    assert_eq!(slots.chunk(&mut flash, 288, &bytes[288..298]), Err(SlotError::WrongChunk));
    assert_eq!(slots.chunk(&mut flash, 288, &[]), Err(SlotError::WrongChunk));
    assert_eq!(slots.begin(&mut flash, &offer(bytes)), Ok(288), "the link broke");
    let mut slots = open(&mut flash);
    assert_eq!(slots.resume_at(), Some(256), "whole pages are not sent again");
    assert_eq!(slots.begin(&mut flash, &offer(bytes)), Ok(256));
    slots.chunk(&mut flash, 256, &bytes[256..]).unwrap();
    commit(&mut slots, &mut flash, bytes, false, true).unwrap();
    assert_eq!(runs(&slots, &flash), Some(1));
    assert_eq!(slots.resume_at(), None);
    // Other bytes begin anew.
    let next = super::tests::blob(2);
    assert_eq!(slots.begin(&mut flash, &offer(next.as_slice())), Ok(0));
    slots.chunk(&mut flash, 0, &next.as_slice()[..256]).unwrap();
    slots.abort(&mut flash).unwrap();
    assert_eq!(open(&mut flash).resume_at(), None);
    assert_eq!(flash.violations(), 0);
}

#[test]
fn a_model_that_rots_gives_way_to_the_other_one() {
    let mut flash = Flash::filled(8, 0xFF);
    let mut slots = open(&mut flash);
    install(&mut slots, &mut flash, 1);
    install(&mut slots, &mut flash, 2);
    let at = slots.running().unwrap().offset as usize + 0x115;
    let byte = flash.memory()[at];
    flash.put(at, byte ^ 4);
    let slots = open(&mut flash);
    assert_eq!(runs(&slots, &flash), Some(1));
}

#[cfg(feature = "signed")]
#[test]
fn a_forged_model_is_refused() {
    let mut flash = Flash::filled(8, 0xFF);
    let mut slots = open(&mut flash);
    install(&mut slots, &mut flash, 5);
    let forged = blob(6);
    send(&mut slots, &mut flash, forged.as_slice(), 64);
    let (key, other) = (*maker().pk, *maker().sk.sign(blob(5).as_slice(), None));
    for signature in [None, Some(&other), Some(&[0; 64])] {
        let terms = Terms { force: true, signature, key: &key };
        assert_eq!(slots.commit(&mut flash, &terms, |_| true), Err(SlotError::BadSignature));
        assert_eq!(runs(&open(&mut flash), &flash), Some(5));
    }
    commit(&mut slots, &mut flash, forged.as_slice(), false, true).unwrap();
    assert_eq!(runs(&slots, &flash), Some(6));
}
