//! Every kernel at every CPU level of this machine. Throughput is in terms or numbers per second.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ungil::cpu::{Level, detected};
use ungil::kernels::{multiples, pi, primes, small_divisors};

fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.iter().copied().filter(|&level| level <= detected())
}

fn sum_of_multiples(criterion: &mut Criterion) {
    const END: i32 = 10_000_000;
    let mut group = criterion.benchmark_group("sum_multiples_of_3");
    group.throughput(Throughput::Elements(END as u64));
    for level in levels() {
        assert_eq!(multiples::sum_multiples_of_3_at(level, 0, END), -2_099_742_443);
        group.bench_function(BenchmarkId::from_parameter(level), |bencher| {
            bencher.iter(|| multiples::sum_multiples_of_3_at(level, std::hint::black_box(0), END));
        });
    }
}

fn small_divisors(criterion: &mut Criterion) {
    let inputs = [
        ("0 to 999999", (0..1_000_000).collect::<Vec<i32>>(), 921_295),
        ("a million below 2^31", (i32::MAX - 1_000_000..i32::MAX).collect(), 953_397),
        ("16 numbers", (0..16).collect(), 3),
    ];
    for (name, numbers, count) in &inputs {
        let mut group = criterion.benchmark_group(format!("count_with_small_divisor, {name}"));
        group.throughput(Throughput::Elements(numbers.len() as u64));
        for level in levels() {
            assert_eq!(small_divisors::count_with_small_divisor_at(level, numbers), *count);
            group.bench_function(BenchmarkId::from_parameter(level), |bencher| {
                bencher.iter(|| {
                    small_divisors::count_with_small_divisor_at(level, std::hint::black_box(numbers))
                });
            });
        }
    }
}

fn pi_sum(criterion: &mut Criterion) {
    const TERMS: u64 = 1_000_000;
    let mut group = criterion.benchmark_group("pi");
    group.throughput(Throughput::Elements(TERMS));
    for level in levels() {
        let value = |n| {
            let terms = pi::Terms::at(level, n);
            pi::finish(0.0, n as i64, terms.sum(0..terms.blocks()))
        };
        assert!((value(TERMS) - std::f64::consts::PI - 2.0 / TERMS as f64).abs() < 1e-11);
        group.bench_function(BenchmarkId::from_parameter(level), |bencher| {
            bencher.iter(|| value(std::hint::black_box(TERMS)));
        });
    }
}

fn primality(criterion: &mut Criterion) {
    // xorshift64, seeded: the same numbers every time.
    let mut state = 88_172_645_463_325_252_u64;
    let mut odd = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state | 1
    };
    let large: Vec<u64> = (0..100_000).map(|_| odd()).collect();
    let inputs = [
        ("odd numbers below 2^47", large.iter().map(|n| n >> 17 | 1).collect(), 6_246),
        ("16 odd numbers below 2^64", large[..16].to_vec(), 1),
        ("odd numbers below 2^64", large, 4_570),
    ];
    for (name, numbers, count) in &inputs {
        let mut group = criterion.benchmark_group(format!("is_prime, {name}"));
        group.throughput(Throughput::Elements(numbers.len() as u64));
        let mut out = vec![0; numbers.len()];
        for level in levels() {
            assert_eq!(primes::count_at(level, numbers), *count);
            group.bench_function(BenchmarkId::from_parameter(level), |bencher| {
                bencher.iter(|| primes::is_prime_at(level, std::hint::black_box(numbers), &mut out));
            });
        }
    }
}

criterion_group!(benches, sum_of_multiples, small_divisors, pi_sum, primality);
criterion_main!(benches);
