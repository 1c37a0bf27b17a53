//! The encoding of messages, in little code: [postcard's format](https://postcard.jamesmunns.com/wire-format), written and read without serde.
//!
//! What serde's derive makes of messages of this number takes 9 KB on Armv6-M, most of it the handling of an error at every field. Here an
//! error is kept until the end, so a field is one call. The derived code stays, for hosts and as what this is tested against: both
//! read and write the same bytes.

use super::{Reply, Request};

/// Writes into a buffer. What doesn't fit is noted and not written.
pub(super) struct Writer<'a> {
    buffer: &'a mut [u8],
    length: usize,
    full: bool,
}

impl Writer<'_> {
    #[inline(never)]
    fn byte(&mut self, byte: u8) {
        match self.buffer.get_mut(self.length) {
            Some(slot) => {
                *slot = byte;
                self.length = self.length.wrapping_add(1);
            }
            None => self.full = true,
        }
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    #[inline(never)]
    fn number(&mut self, value: u64) {
        let mut rest = value;
        while rest > 0x7F {
            self.byte(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.byte(rest as u8);
    }

    #[inline(never)]
    fn word(&mut self, value: u32) {
        self.number(value.into());
    }
}

/// Reads from bytes. After the first error everything is zero and the error is kept.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    failed: bool,
}

impl<'a> Reader<'a> {
    #[inline(never)]
    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((&byte, rest)) => {
                self.bytes = rest;
                byte
            }
            None => {
                self.failed = true;
                0
            }
        }
    }

    /// A number of at most `bits` bits.
    #[inline(never)]
    fn number(&mut self, bits: u32) -> u64 {
        let mut value = 0;
        let mut shift = 0;
        while shift < bits {
            let byte = self.byte();
            let low = u64::from(byte & 0x7F);
            value |= low << shift;
            // The last byte holds what is left of the bits, and none follows.
            let left = bits.saturating_sub(shift);
            if left < 7 && byte >> left != 0 {
                break;
            }
            if byte & 0x80 == 0 {
                return value;
            }
            shift = shift.saturating_add(7);
        }
        self.fail();
        0
    }

    #[inline(never)]
    fn word(&mut self) -> u32 {
        self.number(32) as u32
    }

    #[inline(never)]
    pub(super) fn fail(&mut self) {
        self.failed = true;
        self.bytes = &[];
    }
}

impl Writer<'_> {
    /// The number of a variant.
    pub(super) fn tag(&mut self, number: u32) {
        self.word(number);
    }
}

impl Reader<'_> {
    /// The number of a variant.
    pub(super) fn tag(&mut self) -> u32 {
        self.word()
    }
}

impl<'a> Request<'a> {
    /// The request that these bytes are, whole; none where they are no request.
    #[must_use]
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        decode(bytes)
    }
}

impl<'a> Reply<'a> {
    /// The reply that these bytes are, whole; none where they are no reply.
    #[must_use]
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        decode(bytes)
    }
}

impl Reply<'_> {
    /// Writes the reply at the start of a buffer; its length, or nothing where it doesn't fit.
    #[must_use]
    pub fn to_slice(&self, buffer: &mut [u8]) -> Option<usize> {
        encode(self, buffer)
    }

    /// Writes a reply that ends with a list, which is empty here, with a list of `bytes` bytes in its place. The length of it all, and where the
    /// list's bytes are to be put; nothing where they don't fit.
    pub fn with_list<'m>(&self, bytes: usize, buffer: &'m mut [u8]) -> Option<(usize, &'m mut [u8])> {
        // The last byte is the length of the empty list.
        let start = self.to_slice(buffer)?.checked_sub(1)?;
        let length = encode(&u32::try_from(bytes).ok()?, buffer.get_mut(start..)?)?;
        let start = start.checked_add(length)?;
        let end = start.checked_add(bytes)?;
        Some((end, buffer.get_mut(start..end)?))
    }
}

/// Encodes a message into `buffer`, and says how many bytes it has; `None` when it doesn't fit.
pub(super) fn encode<'a>(message: &impl Wire<'a>, buffer: &mut [u8]) -> Option<usize> {
    let mut writer = Writer { buffer, length: 0, full: false };
    message.put(&mut writer);
    (!writer.full).then_some(writer.length)
}

/// The message in bytes that hold nothing else.
pub(super) fn decode<'a, T: Wire<'a>>(bytes: &'a [u8]) -> Option<T> {
    let mut reader = Reader { bytes, failed: false };
    let message = T::get(&mut reader);
    (!reader.failed && reader.bytes.is_empty()).then_some(message)
}

/// What can be part of a message.
pub(super) trait Wire<'a> {
    fn put(&self, writer: &mut Writer<'_>);
    fn get(reader: &mut Reader<'a>) -> Self;
}

impl<'a> Wire<'a> for u8 {
    fn put(&self, writer: &mut Writer<'_>) {
        writer.byte(*self);
    }

    fn get(reader: &mut Reader<'a>) -> Self {
        reader.byte()
    }
}

impl<'a> Wire<'a> for bool {
    fn put(&self, writer: &mut Writer<'_>) {
        writer.byte(u8::from(*self));
    }

    fn get(reader: &mut Reader<'a>) -> Self {
        let byte = reader.byte();
        if byte > 1 {
            reader.fail();
        }
        byte == 1
    }
}

impl<'a> Wire<'a> for u16 {
    fn put(&self, writer: &mut Writer<'_>) {
        writer.word((*self).into());
    }

    fn get(reader: &mut Reader<'a>) -> Self {
        reader.number(16) as Self
    }
}

impl<'a> Wire<'a> for i16 {
    /// 0, -1, 1, -2, ... are 0, 1, 2, 3, ...
    fn put(&self, writer: &mut Writer<'_>) {
        ((self.wrapping_shl(1)) ^ (self.wrapping_shr(15))).cast_unsigned().put(writer);
    }

    fn get(reader: &mut Reader<'a>) -> Self {
        let folded = u16::get(reader);
        (folded >> 1).cast_signed() ^ (folded & 1).cast_signed().wrapping_neg()
    }
}

impl<'a> Wire<'a> for u32 {
    fn put(&self, writer: &mut Writer<'_>) {
        writer.word(*self);
    }

    fn get(reader: &mut Reader<'a>) -> Self {
        reader.word()
    }
}

impl<'a> Wire<'a> for u64 {
    fn put(&self, writer: &mut Writer<'_>) {
        writer.number(*self);
    }

    fn get(reader: &mut Reader<'a>) -> Self {
        reader.number(Self::BITS)
    }
}

impl<'a> Wire<'a> for &'a [u8] {
    #[inline(never)]
    fn put(&self, writer: &mut Writer<'_>) {
        writer.word(self.len() as u32);
        self.iter().for_each(|byte| writer.byte(*byte));
    }

    #[inline(never)]
    fn get(reader: &mut Reader<'a>) -> Self {
        let length = reader.word() as usize;
        match reader.bytes.split_at_checked(length) {
            Some((bytes, rest)) => {
                reader.bytes = rest;
                bytes
            }
            None => {
                reader.fail();
                &[]
            }
        }
    }
}

impl<'a> Wire<'a> for &'a str {
    #[inline(never)]
    fn put(&self, writer: &mut Writer<'_>) {
        self.as_bytes().put(writer);
    }

    #[inline(never)]
    fn get(reader: &mut Reader<'a>) -> Self {
        core::str::from_utf8(Wire::get(reader)).unwrap_or_else(|_| {
            reader.fail();
            ""
        })
    }
}

/// [`Wire`] for a structure: its fields in the order in which it declares them, which are those given here.
macro_rules! wire_struct {
    ($name:ident $(<$life:lifetime>)? { $($field:ident),+ $(,)? }) => {
        impl<'a> $crate::link::codec::Wire<'a> for wire_struct!(@of $name $(<$life>)?) {
            #[inline(never)]
            fn put(&self, writer: &mut $crate::link::codec::Writer<'_>) {
                $($crate::link::codec::Wire::put(&self.$field, writer);)+
            }

            fn get(reader: &mut $crate::link::codec::Reader<'a>) -> Self {
                $(let $field = $crate::link::codec::Wire::get(reader);)+
                Self { $($field),+ }
            }
        }
    };
    (@of $name:ident) => { $name };
    (@of $name:ident <$life:lifetime>) => { $name<'a> };
}

/// [`Wire`] for an enumeration: the variant's number, then its fields. The numbers are those of the declaration; the first variant also
/// stands for what isn't read because of an error.
macro_rules! wire_enum {
    ($name:ident $(<$life:lifetime>)? {
        $first:ident $({ $($f:ident),+ })? $(($($t:ident),+))?,
        $($number:literal $variant:ident $({ $($field:ident),+ })? $(($($position:ident),+))?,)+
    }) => {
        impl<'a> $crate::link::codec::Wire<'a> for wire_struct!(@of $name $(<$life>)?) {
            #[inline(never)]
            fn put(&self, writer: &mut $crate::link::codec::Writer<'_>) {
                match self {
                    Self::$first $({ $($f),+ })? $(($($t),+))? => {
                        writer.tag(0);
                        $($($crate::link::codec::Wire::put($f, writer);)+)?
                        $($($crate::link::codec::Wire::put($t, writer);)+)?
                    }
                    $(Self::$variant $({ $($field),+ })? $(($($position),+))? => {
                        writer.tag($number);
                        $($($crate::link::codec::Wire::put($field, writer);)+)?
                        $($($crate::link::codec::Wire::put($position, writer);)+)?
                    })+
                }
            }

            fn get(reader: &mut $crate::link::codec::Reader<'a>) -> Self {
                match reader.tag() {
                    $($number => {
                        $($(let $field = $crate::link::codec::Wire::get(reader);)+)?
                        $($(let $position = $crate::link::codec::Wire::get(reader);)+)?
                        Self::$variant $({ $($field),+ })? $(($($position),+))?
                    })+
                    number => {
                        if number != 0 {
                            reader.fail();
                        }
                        $($(let $f = $crate::link::codec::Wire::get(reader);)+)?
                        $($(let $t = $crate::link::codec::Wire::get(reader);)+)?
                        Self::$first $({ $($f),+ })? $(($($t),+))?
                    }
                }
            }
        }
    };
}

pub(super) use {wire_enum, wire_struct};
