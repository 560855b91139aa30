// Masks of more pairs of slots than an int counts.
#include <sys/mman.h>

#include "cpu/train/slot_mask.h"
#include "unit.h"

namespace test {

void test_slot_mask() {
    constexpr int slots = 46342;  // its square is past 2^31
    constexpr size_t size = size_t{slots} * slots;
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    expect(memory != MAP_FAILED, "pages that are not touched take no memory");
    if (memory == MAP_FAILED) return;
    uint8_t* mask = static_cast<uint8_t*>(memory);
    mask[size - 1] = 1;
    ardiff::TrainingBatch batch{};
    batch.slots = slots;
    batch.attention_mask = mask;
    const uint8_t* row = ardiff::training::seen_by(batch, slots - 1);
    expect(row == mask + (size - slots), "the last slot's row is the last of the mask");
    munmap(memory, size);
}

}  // namespace test
