//! The core's shared cases (`inkle-cases`) on the ground of threads. (On that of shared memory tasks
//! cannot wait, which is what some of the cases do.)

inkle_cases::host_tests!(inkle::platform::Private);
