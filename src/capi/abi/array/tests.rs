//! `make test-miri` runs these too: it sees each byte that is read or written outside an array, or not aligned.

use super::{CHUNK, CallerArray, CallerOutArray, Out};
use crate::error::Error;

/// Bytes that begin at every alignment, with room for `len` numbers.
fn at_each_alignment<T>(len: usize) -> impl Iterator<Item = (Vec<u8>, usize)> {
    let room = move |offset| (vec![0xEE; 2 * align_of::<T>() + len * size_of::<T>()], offset);
    (0..align_of::<T>()).map(room)
}

#[test]
fn a_result_is_written_at_any_alignment() {
    for (mut bytes, offset) in at_each_alignment::<u64>(1) {
        let place = bytes[offset..].as_mut_ptr().cast::<u64>();
        // SAFETY: there are eight bytes.
        unsafe { Out::new("out", place) }.unwrap().write(0x0123_4567_89ab_cdef);
        assert_eq!(bytes[offset..offset + 8], 0x0123_4567_89ab_cdef_u64.to_ne_bytes());
        assert!(bytes[..offset].iter().chain(&bytes[offset + 8..]).all(|&byte| byte == 0xEE));
    }
    // SAFETY: NULL is told.
    let nowhere = unsafe { Out::<u64>::new("out", std::ptr::null_mut()) };
    assert_eq!(nowhere.err(), Some(Error::Null { parameter: "out" }));
}

#[test]
fn slices_make_up_the_array_at_any_alignment() {
    let lengths: &[usize] = if cfg!(miri) {
        &[0, 1, CHUNK + 1]
    } else {
        &[0, 1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5]
    };
    for &len in lengths {
        let numbers: Vec<u32> = (0..len as u32).collect();
        for (mut bytes, offset) in at_each_alignment::<u32>(len).take(if cfg!(miri) { 2 } else { 4 }) {
            let from_numbers = numbers.iter().flat_map(|number| number.to_ne_bytes());
            bytes[offset..].iter_mut().zip(from_numbers).for_each(|(byte, new)| *byte = new);
            // SAFETY: so many numbers are there, and nobody writes to them.
            let array =
                unsafe { CallerArray::new("numbers", bytes[offset..].as_ptr().cast::<u32>(), len) }.unwrap();
            let mut found = Vec::new();
            array.slices(|slice| found.extend_from_slice(slice));
            assert_eq!(found, numbers);
            assert_eq!(array.to_vec(), numbers);
            let from = (len / 3) as u64;
            assert_eq!(array.part(from..len as u64).to_vec(), numbers[len / 3..]);
            let sum = array.sum(|slice| slice.iter().map(|&number| u64::from(number)).sum());
            assert_eq!(sum, numbers.iter().map(|&number| u64::from(number)).sum());
        }
    }
}

#[test]
fn an_empty_array_may_be_anywhere() {
    for start in [0, 1, usize::MAX] {
        let (start, out) =
            (std::ptr::without_provenance::<u8>(start), std::ptr::without_provenance_mut(start));
        // SAFETY: nothing is read or written.
        let (array, out) = unsafe {
            (CallerArray::new("in", start, 0).unwrap(), CallerOutArray::new("out", out, 0).unwrap())
        };
        assert!(array.as_slice().is_empty() && array.to_vec().is_empty() && array.part(0..0).len() == 0);
        // SAFETY: nobody else has it.
        assert!(unsafe { out.bytes(0..0) }.is_empty());
        assert_eq!(out.check_apart(&array, false), Ok(()));
    }
}

#[test]
fn what_cannot_be_an_array_is_told() {
    let one = [0u64];
    // SAFETY: wrong arguments are told, and nothing is read.
    unsafe {
        let null = CallerArray::<u64>::new("in", std::ptr::null(), 1);
        assert_eq!(null.err(), Some(Error::Null { parameter: "in" }));
        for len in [usize::MAX, isize::MAX as usize / 8 + 1] {
            assert_eq!(
                CallerArray::new("in", one.as_ptr(), len).err(),
                Some(Error::TooLong { parameter: "in" })
            );
        }
        assert!(CallerArray::new("in", one.as_ptr(), 1).is_ok());
    }
}

#[test]
fn results_go_to_their_range_at_any_alignment() {
    for (mut bytes, offset) in at_each_alignment::<i64>(5) {
        let numbers: [i64; 5] = [1, -2, 3, -4, 5];
        let place = bytes[offset..].as_mut_ptr().cast::<i64>();
        // SAFETY: both arrays are there, and nobody else is at them.
        unsafe {
            let source = CallerArray::new("in", numbers.as_ptr(), 5).unwrap();
            let out = CallerOutArray::new("out", place, 5).unwrap();
            out.map(1..3, &source, |number| Ok(10 * number)).unwrap();
            let stop = |number| if number == 5 { Err(Error::Stopped(5)) } else { Ok(number) };
            assert_eq!(out.map(3..5, &source, stop), Err(Error::Stopped(5)));
            // In place.
            let same = CallerArray::new("in", place.cast_const(), 5).unwrap();
            out.map(1..2, &same, |number| Ok(number + 1)).unwrap();
        }
        let found: Vec<_> = bytes[offset..offset + 40]
            .chunks(8)
            .map(|it| i64::from_ne_bytes(it.try_into().unwrap()))
            .collect();
        let untouched = i64::from_ne_bytes([0xEE; 8]);
        assert_eq!(found, [untouched, -19, 30, -4, untouched]);
    }
    let mut bytes = [7u8; 6];
    // SAFETY: the array is there, and nobody else is at it; what is written need not be initialised.
    let out = unsafe { CallerOutArray::new("out", bytes.as_mut_ptr(), 6).unwrap() };
    // SAFETY: as above.
    let part = unsafe { out.bytes(2..4) };
    part[1] = 9;
    assert_eq!(bytes, [7, 7, 0, 9, 7, 7]);
}

#[test]
fn arrays_that_share_memory_are_told_unless_they_are_one() {
    let mut numbers = [0u64; 8];
    let start = numbers.as_mut_ptr();
    let check = |from: usize, from_len, to: usize, to_len, in_place| {
        // SAFETY: nothing is read or written.
        let (source, out) = unsafe {
            (
                CallerArray::new("in", start.cast_const().add(from), from_len).unwrap(),
                CallerOutArray::new("out", start.add(to), to_len).unwrap(),
            )
        };
        out.check_apart(&source, in_place).is_ok()
    };
    assert!(check(0, 4, 4, 4, false) && check(4, 4, 0, 4, false));
    assert!(!check(0, 4, 3, 4, true) && !check(3, 4, 0, 4, true));
    assert!(check(2, 4, 2, 4, true) && !check(2, 4, 2, 4, false));
    assert!(check(0, 8, 3, 0, false));
}
