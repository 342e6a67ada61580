// What capture files are compressed with: gzip, zstd, lz4 frames, xz.
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
