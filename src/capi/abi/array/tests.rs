//! `make test-miri` runs these too: Miri reports each access outside an array, and each that is misaligned.

use super::{COPIED, CallerArray, CallerOutArray, FlaggedArray, MappedArray, Out};
use crate::capi::abi::error::CallError;
use crate::error::Error;
use crate::ops::arrays::{Flagged, Mapped, Source};

/// Buffers for `len` numbers, and offsets into them of every alignment.
fn at_each_alignment<T>(len: usize) -> impl Iterator<Item = (Vec<u8>, usize)> {
    let buffer = move |offset| (vec![0xEE; 2 * align_of::<T>() + len * size_of::<T>()], offset);
    (0..align_of::<T>()).map(buffer)
}

#[test]
fn a_result_is_written_at_any_alignment() {
    for (mut bytes, offset) in at_each_alignment::<u64>(1) {
        let variable = bytes[offset..].as_mut_ptr().cast::<u64>();
        // SAFETY: the buffer has eight bytes from there on.
        unsafe { Out::new("out", variable) }.unwrap().write(0x0123_4567_89ab_cdef);
        assert_eq!(bytes[offset..offset + 8], 0x0123_4567_89ab_cdef_u64.to_ne_bytes());
        assert!(bytes[..offset].iter().chain(&bytes[offset + 8..]).all(|&byte| byte == 0xEE));
    }
    // SAFETY: NULL is refused.
    let nowhere = unsafe { Out::<u64>::new("out", std::ptr::null_mut()) };
    assert_eq!(nowhere.err(), Some(CallError::Null { parameter: "out" }));
}

#[test]
fn slices_make_up_the_array_at_any_alignment() {
    let lengths: &[usize] = if cfg!(miri) {
        &[0, 1, COPIED + 1]
    } else {
        &[0, 1, 2, 3, COPIED - 1, COPIED, COPIED + 1, 2 * COPIED + 5]
    };
    for &len in lengths {
        let numbers: Vec<u32> = (0..len as u32).collect();
        for (mut bytes, offset) in at_each_alignment::<u32>(len).take(if cfg!(miri) { 2 } else { 4 }) {
            let from_numbers = numbers.iter().flat_map(|number| number.to_ne_bytes());
            bytes[offset..].iter_mut().zip(from_numbers).for_each(|(byte, new)| *byte = new);
            // SAFETY: the buffer has as many numbers from there on, and nothing writes to them.
            let array =
                unsafe { CallerArray::new("numbers", bytes[offset..].as_ptr().cast::<u32>(), len) }.unwrap();
            let mut found = Vec::new();
            array.for_each_slice(0..len as u64, |slice| found.extend_from_slice(slice));
            assert_eq!(found, numbers);
            assert_eq!(array.to_vec(), numbers);
            let from = (len / 3) as u64;
            let mut found = Vec::new();
            array.for_each_slice(from..len as u64, |slice| found.extend_from_slice(slice));
            assert_eq!(found, numbers[len / 3..]);
        }
    }
}

#[test]
fn an_empty_array_may_be_anywhere() {
    for start in [0, 1, usize::MAX] {
        let (start, out) =
            (std::ptr::without_provenance::<u8>(start), std::ptr::without_provenance_mut(start));
        // SAFETY: the arrays have no elements.
        let (array, out) = unsafe {
            (CallerArray::new("in", start, 0).unwrap(), CallerOutArray::new("out", out, 0).unwrap())
        };
        assert!(array.as_slice().is_empty() && array.to_vec().is_empty() && array.len() == 0);
        array.for_each_slice(0..0, |_| panic!("there is no slice"));
        // SAFETY: nothing else accesses it.
        assert!(unsafe { out.bytes(0..0) }.is_empty());
        assert!(FlaggedArray::new(array, out).is_ok());
    }
}

#[test]
fn an_impossible_array_is_an_error() {
    let one = [0u64];
    // SAFETY: nothing is read.
    unsafe {
        let null = CallerArray::<u64>::new("in", std::ptr::null(), 1);
        assert_eq!(null.err(), Some(CallError::Null { parameter: "in" }));
        for len in [usize::MAX, isize::MAX as usize / 8 + 1] {
            assert_eq!(
                CallerArray::new("in", one.as_ptr(), len).err(),
                Some(CallError::TooLong { parameter: "in" })
            );
        }
        assert!(CallerArray::new("in", one.as_ptr(), 1).is_ok());
    }
}

#[test]
fn results_go_to_their_range_at_any_alignment() {
    for (mut bytes, offset) in at_each_alignment::<i64>(5) {
        let numbers: [i64; 5] = [1, -2, 3, -4, 5];
        let start = bytes[offset..].as_mut_ptr().cast::<i64>();
        // SAFETY: both arrays have five elements, and nothing else accesses them.
        unsafe {
            let array = |source, out| {
                let source = CallerArray::new("in", source, 5).unwrap();
                MappedArray::new(source, CallerOutArray::new("out", out, 5).unwrap()).unwrap()
            };
            let separate = array(numbers.as_ptr(), start);
            separate.map(1..3, |number| Ok(10 * number)).unwrap();
            let stop = |number| if number == 5 { Err(Error::StoppedByFunction(5)) } else { Ok(number) };
            assert_eq!(separate.map(3..5, stop), Err(Error::StoppedByFunction(5)));
            array(start.cast_const(), start).map(1..2, |number| Ok(number + 1)).unwrap();
        }
        let found: Vec<_> = bytes[offset..offset + 40]
            .chunks(8)
            .map(|it| i64::from_ne_bytes(it.try_into().unwrap()))
            .collect();
        let untouched = i64::from_ne_bytes([0xEE; 8]);
        assert_eq!(found, [untouched, -19, 30, -4, untouched]);
    }
}

#[test]
fn flags_go_to_their_range() {
    let numbers = [0u64; 6];
    let mut bytes = [7u8; 6];
    // SAFETY: both arrays have six elements, and nothing else accesses them.
    let array = unsafe {
        let numbers = CallerArray::new("numbers", numbers.as_ptr(), 6).unwrap();
        FlaggedArray::new(numbers, CallerOutArray::new("out", bytes.as_mut_ptr(), 6).unwrap()).unwrap()
    };
    // SAFETY: there is no other thread.
    let part = unsafe { array.flags(2..4) };
    part[1] = 9;
    assert_eq!(bytes, [7, 7, 0, 9, 7, 7]);
}

#[test]
fn arrays_may_share_memory_only_if_they_are_the_same_and_that_is_allowed() {
    let mut numbers = [0u64; 8];
    let start = numbers.as_mut_ptr();
    let arrays = |from: usize, to: usize, len| {
        // SAFETY: nothing is read or written.
        unsafe {
            (
                CallerArray::new("in", start.cast_const().add(from), len).unwrap(),
                CallerOutArray::new("out", start.add(to), len).unwrap(),
            )
        }
    };
    let in_place = |from, to, len| {
        let (source, out) = arrays(from, to, len);
        MappedArray::new(source, out).is_ok()
    };
    assert!(in_place(0, 4, 4) && in_place(4, 0, 4) && in_place(2, 2, 4));
    assert!(!in_place(0, 3, 4) && !in_place(3, 0, 4));
    assert!(in_place(2, 3, 0));
    let separate = |from: usize, to: usize, len| {
        // SAFETY: nothing is read or written.
        let (source, out) = unsafe {
            (
                CallerArray::new("in", start.cast_const().add(from), len).unwrap(),
                CallerOutArray::new("out", start.cast::<u8>().add(to), len).unwrap(),
            )
        };
        FlaggedArray::new(source, out).is_ok()
    };
    assert!(separate(0, 32, 4) && separate(1, 4, 4));
    assert!(!separate(0, 31, 4) && !separate(1, 5, 4) && !separate(0, 0, 4));
    assert!(separate(0, 3, 0));
}
