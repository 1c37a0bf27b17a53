//! A model of an SPI NOR flash chip as a bus sees it: a W25Q128JV, or a W25Q256JV where a test needs addresses of four bytes.
//!
//! It is written from the data sheet (Winbond W25Q128JV, revision G, chapter 8) and knows nothing of the driver. It takes a transaction byte by byte, whatever operations
//! it is made of, and lets itself be erased and programmed as flash is: programming only clears bits and wraps inside of a page of 256 bytes, nothing happens without write enable,
//! and while the chip is busy it hears nothing but READ STATUS. Time is counted in status polls. Faults can be injected.

use embedded_hal::spi::{Error, ErrorKind, ErrorType, Operation, SpiDevice};

pub const PAGE_BYTES: usize = 256;
pub const SECTOR_BYTES: usize = 4096;

/// How often the status says busy after a page was programmed and after a sector was erased.
const PROGRAM_POLLS: u32 = 3;
const ERASE_POLLS: u32 = 7;

const WRITE_ENABLE: u8 = 0x06;
const WRITE_DISABLE: u8 = 0x04;
const READ_STATUS: u8 = 0x05;
const READ: u8 = 0x03;
const FAST_READ: u8 = 0x0B;
const READ_4_BYTE: u8 = 0x13;
const FAST_READ_4_BYTE: u8 = 0x0C;
const PAGE_PROGRAM: u8 = 0x02;
const PAGE_PROGRAM_4_BYTE: u8 = 0x12;
const SECTOR_ERASE: u8 = 0x20;
const SECTOR_ERASE_4_BYTE: u8 = 0x21;
const JEDEC_ID: u8 = 0x9F;
/// Stands for every command that this chip doesn't have.
const UNKNOWN: u8 = 0;

const WITH_4_ADDRESS_BYTES: [u8; 4] = [READ_4_BYTE, FAST_READ_4_BYTE, PAGE_PROGRAM_4_BYTE, SECTOR_ERASE_4_BYTE];

/// What the bus reports where a test wants it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusError;

impl Error for BusError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// What is wrong with the chip or its wiring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// No chip: the pull-up on the data line makes every byte 0xFF.
    pub missing: bool,
    /// Transactions that still succeed before one fails with [`BusError`]; after it the bus works again.
    pub bus_error_after: Option<u64>,
    /// Bits that read inverted: address and mask.
    pub flipped_bits: Vec<(usize, u8)>,
}

/// The chip, and the bus on which it is alone.
#[derive(Clone, Debug)]
pub struct NorChip {
    memory: Vec<u8>,
    id: [u8; 3],
    four_byte_commands: bool,
    write_enabled: bool,
    busy_polls: u32,
    /// What is wrong now.
    pub faults: Faults,
    /// Transactions so far.
    pub transactions: u64,
    /// Bytes that went over the bus so far, commands, addresses and dummies included.
    pub bytes_clocked: u64,
}

/// One transaction: what the chip has heard since it was selected.
struct Selected {
    command: Option<u8>,
    /// Bytes after the command.
    count: usize,
    address: usize,
    /// The data of a page program: ones, which program nothing, where there is none.
    page: [u8; PAGE_BYTES],
    programmed: usize,
}

impl Selected {
    fn new() -> Self {
        Self { command: None, count: 0, address: 0, page: [0xFF; PAGE_BYTES], programmed: 0 }
    }
}

impl NorChip {
    /// A W25Q128JV: 16 MiB, erased.
    pub fn w25q128() -> Self {
        Self::new([0xEF, 0x40, 0x18], 16 << 20)
    }

    /// A W25Q256JV: 32 MiB, erased; addresses above 16 MiB need the commands with four address bytes.
    pub fn w25q256() -> Self {
        Self::new([0xEF, 0x40, 0x19], 32 << 20)
    }

    /// A chip with another id than its capacity suggests, or another capacity.
    pub fn new(id: [u8; 3], capacity_bytes: usize) -> Self {
        Self {
            memory: vec![0xFF; capacity_bytes],
            id,
            four_byte_commands: capacity_bytes > 16 << 20,
            write_enabled: false,
            busy_polls: 0,
            faults: Faults::default(),
            transactions: 0,
            bytes_clocked: 0,
        }
    }

    /// Puts bytes into the memory as a programming station does, without the bus.
    pub fn flash(&mut self, address: usize, bytes: &[u8]) {
        self.memory[address..address + bytes.len()].copy_from_slice(bytes);
    }

    /// The memory as it is, without the faults of reading.
    pub fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// One byte in each direction.
    fn exchange(&mut self, selected: &mut Selected, sent: u8) -> u8 {
        self.bytes_clocked += 1;
        if self.faults.missing {
            return 0xFF;
        }
        let Some(command) = selected.command else {
            selected.command = self.knows(sent).then_some(sent).or(Some(UNKNOWN));
            return 0xFF;
        };
        let position = selected.count;
        selected.count += 1;
        if self.busy_polls > 0 && command != READ_STATUS {
            return 0xFF;
        }
        match command {
            READ_STATUS => self.status(),
            JEDEC_ID => self.id[position % self.id.len()],
            READ | FAST_READ | READ_4_BYTE | FAST_READ_4_BYTE => {
                let dummies = usize::from(matches!(command, FAST_READ | FAST_READ_4_BYTE));
                self.read(selected, sent, position, dummies)
            }
            PAGE_PROGRAM | PAGE_PROGRAM_4_BYTE => {
                if !self.take_address(selected, sent, position) {
                    selected.page[(selected.address + selected.programmed) % PAGE_BYTES] = sent;
                    selected.programmed += 1;
                }
                0xFF
            }
            SECTOR_ERASE | SECTOR_ERASE_4_BYTE => {
                self.take_address(selected, sent, position);
                0xFF
            }
            _ => 0xFF,
        }
    }

    /// The status register; asking for it is how time passes.
    fn status(&mut self) -> u8 {
        let status = u8::from(self.write_enabled) << 1 | u8::from(self.busy_polls > 0);
        self.busy_polls = self.busy_polls.saturating_sub(1);
        if self.busy_polls == 0 && status & 1 != 0 {
            self.write_enabled = false;
        }
        status
    }

    fn read(&mut self, selected: &mut Selected, sent: u8, position: usize, dummies: usize) -> u8 {
        let address_bytes = self.address_bytes(selected);
        if self.take_address(selected, sent, position) || position < address_bytes + dummies {
            return 0xFF;
        }
        let address = selected.address % self.memory.len();
        selected.address = address + 1;
        let flips = self.faults.flipped_bits.iter().filter(|(at, _)| *at == address);
        flips.fold(self.memory[address], |byte, (_, mask)| byte ^ mask)
    }

    fn address_bytes(&self, selected: &Selected) -> usize {
        if selected.command.is_some_and(|command| WITH_4_ADDRESS_BYTES.contains(&command)) { 4 } else { 3 }
    }

    /// Whether this byte was part of the address.
    fn take_address(&self, selected: &mut Selected, sent: u8, position: usize) -> bool {
        let is_address = position < self.address_bytes(selected);
        if is_address {
            selected.address = selected.address << 8 | usize::from(sent);
        }
        is_address
    }

    /// The end of a transaction, where commands that change something take effect.
    fn deselect(&mut self, selected: &Selected) {
        let Some(command) = selected.command else { return };
        if self.faults.missing || (self.busy_polls > 0 && command != READ_STATUS) {
            return;
        }
        let whole_address = selected.count >= self.address_bytes(selected);
        match command {
            WRITE_ENABLE => self.write_enabled = true,
            WRITE_DISABLE => self.write_enabled = false,
            PAGE_PROGRAM | PAGE_PROGRAM_4_BYTE if self.write_enabled && whole_address && selected.programmed > 0 => {
                let page = selected.address % self.memory.len() / PAGE_BYTES * PAGE_BYTES;
                for (byte, data) in self.memory[page..][..PAGE_BYTES].iter_mut().zip(selected.page) {
                    *byte &= data;
                }
                self.busy_polls = PROGRAM_POLLS;
            }
            // With a byte too many the chip doesn't erase.
            SECTOR_ERASE | SECTOR_ERASE_4_BYTE
                if self.write_enabled && selected.count == self.address_bytes(selected) =>
            {
                let sector = selected.address % self.memory.len() / SECTOR_BYTES * SECTOR_BYTES;
                self.memory[sector..][..SECTOR_BYTES].fill(0xFF);
                self.busy_polls = ERASE_POLLS;
            }
            _ => {}
        }
    }

    /// Small chips have no commands with four address bytes.
    fn knows(&self, command: u8) -> bool {
        self.four_byte_commands || !WITH_4_ADDRESS_BYTES.contains(&command)
    }

    fn fail_if_wanted(&mut self) -> Result<(), BusError> {
        match self.faults.bus_error_after {
            Some(0) => {
                self.faults.bus_error_after = None;
                Err(BusError)
            }
            Some(left) => {
                self.faults.bus_error_after = Some(left - 1);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl ErrorType for NorChip {
    type Error = BusError;
}

impl SpiDevice for NorChip {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), BusError> {
        self.transactions += 1;
        self.fail_if_wanted()?;
        let mut selected = Selected::new();
        for operation in operations {
            match operation {
                Operation::Read(words) => words.iter_mut().for_each(|word| *word = self.exchange(&mut selected, 0)),
                Operation::Write(words) => words.iter().for_each(|word| {
                    self.exchange(&mut selected, *word);
                }),
                Operation::Transfer(read, write) => {
                    for position in 0..read.len().max(write.len()) {
                        let answer = self.exchange(&mut selected, write.get(position).copied().unwrap_or(0));
                        if let Some(word) = read.get_mut(position) {
                            *word = answer;
                        }
                    }
                }
                Operation::TransferInPlace(words) => {
                    words.iter_mut().for_each(|word| *word = self.exchange(&mut selected, *word));
                }
                Operation::DelayNs(_) => {}
            }
        }
        self.deselect(&selected);
        Ok(())
    }
}
