# From what `llvm-cov export` writes: one line for each region of the core's sources, FILE LINE COLUMN LINE COLUMN REACHED.
#
# A generic function is there once for each type, and the core's sources are there twice, as they are and under loom. A
# region is reached if any of these reaches it. (The table of `llvm-cov report` has the best of them instead.)
#
# $tests: the unit tests at a file's end, {FILE: LINE}.

[
    .data[].functions[]
    | .filenames as $files
    | .regions[]
    # [line, column, end line, end column, count, file, expanded file, kind]; kind 0 is code.
    | select(.[7] == 0)
    | ($files[.[5]] | sub("/[^/]+/\\.\\./"; "/")) as $file
    | select($file | test("/core/src/") and (test("/(tests|alone|model|steps)\\.rs$") | not))
    | ($file | sub(".*/core/src/"; "")) as $file
    | select($tests[$file] == null or .[0] < $tests[$file])
    | {place: [$file, .[0], .[1], .[2], .[3]], reached: (.[4] > 0)}
]
| group_by(.place)[]
| (.[0].place | map(tostring) | join(" ")) + (if any(.reached) then " 1" else " 0" end)
