// AMX tiles.
#pragma once

#if defined(__AMX_BF16__)

#include <immintrin.h>

#include <cstdint>

namespace ardiff::cpu {
namespace {

constexpr int kTile = 16;  // rows and columns of a tile

struct alignas(64) TileConfig {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
};

// All eight tiles 16 rows by 64 bytes. Released at the end: libtorch's kernels bring their own.
class TileSession {
  public:
    TileSession() {
        TileConfig config;
        for (int t = 0; t < 8; ++t) {
            config.row_bytes[t] = 64;
            config.rows[t] = kTile;
        }
        _tile_loadconfig(&config);
    }
    ~TileSession() { _tile_release(); }
    TileSession(const TileSession&) = delete;
    TileSession& operator=(const TileSession&) = delete;
};

}  // namespace
}  // namespace ardiff::cpu

#endif
