//! Flash whose sectors are too large for pages, as STM32F4 has it: four of 16 KiB, one of 64, and then 128 KiB each.
//!
//! Store and slots want pages of one size, small ones. A slot is written from its start to its end, after its last page, the list, was erased. So a sector can
//! be erased whole when the first of its pages is: that of the list with the list, before the model in the same sector is written, and each other one when the upload reaches it.
//! A page in the middle of a sector then is blank already. It isn't after a power cut in the middle of that page: then this says so, and the host begins the upload anew.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use matchstick_device::{MappedFlash, Region};

/// Pages of `D::ERASE_SIZE` bytes on flash whose sectors consist of several of them.
///
/// The driver erases what it is asked to, which is always whole sectors.
#[derive(Debug)]
pub struct Sectors<D> {
    driver: D,
    /// Bytes of each sector, from the driver's offset 0 on.
    sectors: &'static [u32],
    /// Whole sectors each. Everywhere else a sector is a page.
    slots: [Region; 2],
}

/// Why a page was not erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectorError<E> {
    /// It can't be erased without its sector, and isn't blank: the upload has to begin anew.
    NotBlank,
    /// Not a page of a sector.
    NoSector,
    /// The driver reports an error.
    Driver(E),
}

impl<E: core::fmt::Debug> NorFlashError for SectorError<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NoSector => NorFlashErrorKind::OutOfBounds,
            Self::NotBlank | Self::Driver(_) => NorFlashErrorKind::Other,
        }
    }
}

impl<D: NorFlash> Sectors<D> {
    /// Pages on this flash.
    pub const fn new(driver: D, sectors: &'static [u32], slots: [Region; 2]) -> Self {
        Self { driver, sectors, slots }
    }

    /// Start and length of the sector that this page is in.
    fn sector(&self, page: u32) -> Option<(u32, u32)> {
        let mut start = 0_u32;
        for &bytes in self.sectors {
            if page.checked_sub(start)? < bytes {
                return Some((start, bytes));
            }
            start = start.checked_add(bytes)?;
        }
        None
    }

    fn erase_page(&mut self, page: u32) -> Result<(), SectorError<D::Error>> {
        let (start, bytes) = self.sector(page).ok_or(SectorError::NoSector)?;
        let ends = self.slots.map(|slot| slot.offset.wrapping_add(slot.bytes));
        let is_list = ends.contains(&page.wrapping_add(D::ERASE_SIZE as u32));
        let is_with_list = ends.contains(&start.wrapping_add(bytes));
        if is_list || (page == start && !is_with_list) {
            return self.driver.erase(start, start.wrapping_add(bytes)).map_err(SectorError::Driver);
        }
        let mut read = [0; 64];
        for offset in (page..page.wrapping_add(D::ERASE_SIZE as u32)).step_by(read.len()) {
            self.driver.read(offset, &mut read).map_err(SectorError::Driver)?;
            if read.iter().any(|byte| *byte != 0xFF) {
                return Err(SectorError::NotBlank);
            }
        }
        Ok(())
    }
}

impl<D: ErrorType> ErrorType for Sectors<D> {
    type Error = SectorError<D::Error>;
}

impl<D: NorFlash> ReadNorFlash for Sectors<D> {
    const READ_SIZE: usize = D::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.driver.read(offset, bytes).map_err(SectorError::Driver)
    }

    fn capacity(&self) -> usize {
        self.driver.capacity()
    }
}

impl<D: NorFlash> NorFlash for Sectors<D> {
    const WRITE_SIZE: usize = D::WRITE_SIZE;
    const ERASE_SIZE: usize = D::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        (from..to).step_by(D::ERASE_SIZE).try_for_each(|page| self.erase_page(page))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.driver.write(offset, bytes).map_err(SectorError::Driver)
    }
}

impl<D: MappedFlash> MappedFlash for Sectors<D> {
    fn mapped(&self, offset: u32, length: u32) -> &[u8] {
        self.driver.mapped(offset, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matchstick::blob::{crc32, tiny};
    use matchstick_device::slots::{Offer, Terms};
    use matchstick_device::testing::{Cut, CutPoint, NorFlashModel, Operation};
    use matchstick_device::{SlotError, Slots};

    const PAGE: usize = 256;
    const KIB: u32 = 256;
    /// Like an STM32F411's, with pages of 256 bytes for 16 KiB.
    const SECTORS: &[u32] = &[KIB, KIB, KIB, KIB, 4 * KIB, 8 * KIB, 8 * KIB, 8 * KIB];
    const SLOTS: [Region; 2] =
        [Region { offset: 16 * KIB, bytes: 8 * KIB }, Region { offset: 24 * KIB, bytes: 8 * KIB }];
    /// Slots of two sectors.
    const LONG: &[u32] = &[4 * KIB, 4 * KIB, 4 * KIB, 4 * KIB];
    const LONG_SLOTS: [Region; 2] = [Region { offset: 0, bytes: 8 * KIB }, Region { offset: 8 * KIB, bytes: 8 * KIB }];

    type Chip = NorFlashModel<PAGE, 4>;

    /// A blob of a few pages, and others of the same length.
    fn blob(user: i16) -> Vec<u8> {
        let mut draft = tiny::folded_draft();
        draft.revision = u32::from(user.unsigned_abs());
        draft.write().unwrap().to_vec()
    }

    fn offer(blob: &[u8]) -> Offer {
        Offer { length: blob.len() as u32, crc: crc32(&blob[..blob.len() - 4]), board: 5 }
    }

    /// Uploads, and begins anew once when it is told to.
    fn upload<D: MappedFlash>(flash: &mut D, slots: &mut Slots, blob: &[u8]) -> Result<(), SlotError<D::Error>> {
        let attempt = |flash: &mut D, slots: &mut Slots| {
            let start = slots.begin(flash, &offer(blob))? as usize;
            for at in (start..blob.len()).step_by(48) {
                slots.chunk(flash, at as u32, &blob[at..blob.len().min(at + 48)])?;
            }
            slots.commit(flash, &Terms { force: true, signature: None }, |_| true)
        };
        attempt(flash, slots).or_else(|_| attempt(flash, slots))
    }

    fn running<D: MappedFlash>(flash: &D, slots: &Slots) -> Vec<u8> {
        let region = slots.running().expect("there is a model");
        flash.mapped(region.offset, region.bytes).to_vec()
    }

    #[test]
    fn uploads_go_back_and_forth_between_slots_of_one_sector_and_of_two() {
        for (sectors, regions) in [(SECTORS, SLOTS), (LONG, LONG_SLOTS)] {
            let pages = sectors.iter().sum::<u32>() as usize / PAGE;
            let mut flash = Sectors::new(Chip::garbage(pages, 3), sectors, regions);
            let mut slots = Slots::open(&mut flash, regions, 5).unwrap();
            for revision in 1..6 {
                let blob = blob(revision);
                assert!(blob.len() > PAGE, "several pages");
                upload(&mut flash, &mut slots, &blob).unwrap();
                let reopened = Slots::open(&mut flash, regions, 5).unwrap();
                assert_eq!(running(&flash, &reopened), blob);
            }
            assert_eq!(flash.driver.violations(), 0);
        }
    }

    /// The list says how far an upload has come: it has to outlive the erasing of the sector that it is in.
    #[test]
    fn an_upload_that_was_interrupted_between_pages_goes_on_where_it_was() {
        for (sectors, regions) in [(SECTORS, SLOTS), (LONG, LONG_SLOTS)] {
            let pages = sectors.iter().sum::<u32>() as usize / PAGE;
            let mut flash = Sectors::new(Chip::garbage(pages, 5), sectors, regions);
            let blob = blob(1);
            let mut slots = Slots::open(&mut flash, regions, 5).unwrap();
            assert_eq!(slots.begin(&mut flash, &offer(&blob)), Ok(0));
            slots.chunk(&mut flash, 0, &blob[..PAGE]).unwrap();
            let mut slots = Slots::open(&mut flash, regions, 5).unwrap();
            assert_eq!(slots.begin(&mut flash, &offer(&blob)), Ok(PAGE as u32));
            upload(&mut flash, &mut slots, &blob).unwrap();
            assert_eq!(flash.driver.violations(), 0);
        }
    }

    /// Cut before, inside and after every operation of an upload: the old model or the new one runs, and the next upload succeeds.
    #[test]
    fn no_power_cut_loses_a_model_or_blocks_the_next_upload() {
        let mut cuts = 0;
        for (sectors, regions) in [(SECTORS, SLOTS), (LONG, LONG_SLOTS)] {
            let pages = sectors.iter().sum::<u32>() as usize / PAGE;
            let (old, new, last) = (blob(1), blob(2), blob(3));
            let mut flash = Sectors::new(Chip::garbage(pages, 4), sectors, regions);
            let mut slots = Slots::open(&mut flash, regions, 5).unwrap();
            upload(&mut flash, &mut slots, &blob(9)).unwrap();
            upload(&mut flash, &mut slots, &old).unwrap();
            let before = flash.driver.snapshot();
            flash.driver.run_freely();
            upload(&mut flash, &mut slots, &new).unwrap();
            let operations = flash.driver.log().to_vec();
            for (operation, done) in operations.iter().enumerate() {
                let (Operation::Write(bytes) | Operation::Erase(bytes)) = *done;
                let inside = (0..bytes).step_by(1 + bytes / 16).map(CutPoint::Inside);
                for point in inside.chain([CutPoint::Before, CutPoint::After]) {
                    flash.driver.restore(&before);
                    let mut slots = Slots::open(&mut flash, regions, 5).unwrap();
                    flash.driver.cut_at(Cut { operation, point }, cuts);
                    assert!(upload(&mut flash, &mut slots, &new).is_err() || point == CutPoint::After);
                    cuts += 1;
                    flash.driver.reboot();
                    let mut slots = Slots::open(&mut flash, regions, 5).unwrap();
                    let found = running(&flash, &slots);
                    assert!(found == old || found == new, "operation {operation}, {point:?}");
                    upload(&mut flash, &mut slots, if operation % 2 == 0 { &new } else { &last }).unwrap();
                    assert_eq!(flash.driver.violations(), 0);
                }
            }
        }
        assert!(cuts > 500, "{cuts} cuts");
        println!("{cuts} cuts");
    }
}
