//! The libraries that stay shared although they lie in a package's directory: runtimes that are made to be shared, and
//! that own something which a process has once.
//!
//! A package may bring one under a name with a hash in it, as auditwheel makes them: `libgomp-a34b3233.so.1.0.0`. So each
//! pattern allows for anything between a name and its `.so`. Nothing here is shared if it uses Python or needs a private
//! library (`privacy.rs`).

use super::pattern::matches;

/// Patterns for the names of one kind of libraries, and why these are shared.
struct Runtime {
    why: &'static str,
    names: &'static [&'static str],
}

const RUNTIMES: [Runtime; 9] = [
    Runtime {
        // The numeric libraries of a process use one pool, and one setting of its size.
        why: "BLAS: one thread pool for the process",
        names: &[
            "libopenblas*.so*",
            "libscipy_openblas*.so*",
            "libmkl_*.so*",
            "libblas.so*",
            "libblas-*.so*",
            "libcblas.so*",
            "libcblas-*.so*",
            "liblapack.so*",
            "liblapack-*.so*",
            "liblapacke.so*",
            "libblis*.so*",
            "libflexiblas*.so*",
            "libatlas*.so*",
            "lib[st]atlas*.so*",
            "libarmpl*.so*",
            "libnvpl_*.so*",
        ],
    },
    Runtime {
        // Two OpenMP runtimes in a process disturb each other, and Intel's refuses to start twice.
        why: "OpenMP: one thread pool for the process",
        names: &["libgomp.so*", "libgomp-*.so*", "libomp.so*", "libomp-*.so*", "libiomp5*.so*"],
    },
    Runtime {
        // Its scheduler counts the processors that it has given to threads.
        why: "TBB: one thread pool for the process",
        names: &["libtbb.so*", "libtbb-*.so*", "libtbb12*.so*", "libtbbmalloc*.so*", "libtbbbind*.so*"],
    },
    Runtime {
        // Exceptions are unwound through the frames of several libraries, and types are compared by their addresses.
        why: "the C++ runtime",
        names: &[
            "libstdc++.so*",
            "libstdc++-*.so*",
            "libc++.so*",
            "libc++-*.so*",
            "libc++abi*.so*",
            "libgcc_s.so*",
            "libgcc_s-*.so*",
            "libunwind.so*",
            "libunwind-*.so*",
        ],
    },
    Runtime {
        // It owns the numbered units, of which 5 and 6 are the process's standard streams. BLAS needs it.
        why: "the Fortran runtime",
        names: &["libgfortran.so*", "libgfortran-*.so*", "libquadmath.so*", "libquadmath-*.so*"],
    },
    Runtime {
        // The other parts of this table need it.
        why: "the runtime of Intel's compilers",
        names: &["libimf.so*", "libsvml.so*", "libirc.so*", "libirng.so*", "libintlc.so*", "libifcore*.so*"],
    },
    Runtime {
        // A process has one primary context on each device. The libraries for one device share its handles.
        why: "CUDA: one context for each device and process",
        names: &[
            "libcuda.so*",
            "libcudart*.so*",
            "libcublas*.so*",
            "libcudnn*.so*",
            "libcufft*.so*",
            "libcufile*.so*",
            "libcupti*.so*",
            "libcurand*.so*",
            "libcusolver*.so*",
            "libcusparse*.so*",
            "libcudss*.so*",
            "libcutensor*.so*",
            "libnccl*.so*",
            "libnv*.so*",
            "libnpp*.so*",
        ],
    },
    Runtime {
        why: "ROCm: one context for each device and process",
        names: &[
            "libamd_comgr*.so*",
            "libamdhip*.so*",
            "libhip*.so*",
            "libhsa-runtime*.so*",
            "libMIOpen*.so*",
            "librccl*.so*",
            "libroc[!k]*.so*", // not librocksdb
        ],
    },
    Runtime {
        why: "OpenCL and SYCL: one context for each device and process",
        names: &["libOpenCL*.so*", "libze_loader*.so*", "libsycl*.so*"],
    },
];

/// Why a library with this file name or SONAME is shared, if it is one of the runtimes.
pub(super) fn shared_runtime(name: &[u8]) -> Option<&'static str> {
    let is_one = |runtime: &&Runtime| runtime.names.iter().any(|pattern| matches(pattern.as_bytes(), name));
    RUNTIMES.iter().find(is_one).map(|runtime| runtime.why)
}

/// The C library and its parts: no process has two. (Since glibc 2.34, most of them are empty.)
pub(super) fn is_c_library(name: &[u8]) -> bool {
    const NAMES: [&str; 12] = [
        "libc.so.6",
        "ld-linux*.so.*",
        "libm.so.6",
        "libpthread.so.0",
        "libdl.so.2",
        "librt.so.1",
        "libutil.so.1",
        "libresolv.so.2",
        "libnsl.so.1",
        "libmvec.so.1",
        "libanl.so.1",
        "libnss_*.so.2",
    ];
    NAMES.iter().any(|pattern| matches(pattern.as_bytes(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_told_by_their_names_with_or_without_a_hash() {
        for name in [
            "libopenblas.so.0",
            "libopenblas64_p-r0-0cf96a72.3.23.dev.so",
            "libscipy_openblas64_-ff651d7f.so",
            "libmkl_rt.so.2",
            "libgomp-a34b3233.so.1.0.0",
            "libiomp5.so",
            "libtbb.so.12",
            "libstdc++-a8b2c4.so.6.0.28",
            "libgfortran-040039e1.so.5.0.0",
            "libquadmath-96973f99.so.0.0.0",
            "libcublasLt.so.13",
            "libcudart-d0da41ae.so.11.0",
            "libnvJitLink.so.13",
            "libnccl.so.2",
            "librocm_smi64.so.7",
        ] {
            assert!(shared_runtime(name.as_bytes()).is_some(), "{name}");
        }
    }

    #[test]
    fn others_are_not_runtimes() {
        for name in [
            "libcurl.so.4",
            "libhdf5-1a2b.so.310",
            "libtorch_cuda.so",
            "librocksdb.so.8",
            "libomptest.so",
            "libc.so.6",
            "libstdc.so",
        ] {
            assert_eq!(shared_runtime(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn the_c_library_is_told_by_its_names() {
        assert!(is_c_library(b"libc.so.6") && is_c_library(b"ld-linux-x86-64.so.2"));
        assert!(!is_c_library(b"libcrypt.so.1") && !is_c_library(b"libc.so.6.so"));
    }
}
