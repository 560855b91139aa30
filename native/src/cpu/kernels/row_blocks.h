// Rows in register blocks.
#pragma once

#include <type_traits>

namespace ardiff::cpu {
namespace {

// Calls work(count, first) for blocks of `rows` rows; count is a compile-time number: `largest`, then
// smaller ones for what remains. Four rows nearly keep the multipliers busy, one does not.
template <int largest, class Work>
inline void for_row_blocks(int rows, const Work& work) {
    int r = 0;
    const auto blocks_of = [&](auto count) {
        for (; r + count <= rows; r += count) work(count, r);
    };
    blocks_of(std::integral_constant<int, largest>{});
    blocks_of(std::integral_constant<int, 4>{});
    blocks_of(std::integral_constant<int, 2>{});
    blocks_of(std::integral_constant<int, 1>{});
}

}  // namespace
}  // namespace ardiff::cpu
