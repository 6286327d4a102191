pub(super) fn sum_multiples_of_3_i32_scalar(from: i32, to: i32) -> i32 {
    (from..to).filter(|i| i % 3 == 0).fold(0, i32::wrapping_add)
}
