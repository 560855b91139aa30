#include "torch/step.h"

#include <ATen/ATen.h>

#include "torch/fused.h"

namespace ardiff::portable {

using at::Tensor;

namespace {

// What a recording reads, in its order: what is another in each step, then what lasts. Keys and
// values of the memory follow.
enum { kStaged, kNoise, kZ, kX0, kTimeTable, kKeyMask, kNoiseKeys, kBias, kKeysValues };

// `x` [R,width,..] with its first slots replaced.
Tensor with_first_slots(const Tensor& x, const Tensor& first) {
    if (first.size(1) == x.size(1)) return first;
    return at::cat({first, x.narrow(1, first.size(1), x.size(1) - first.size(1))}, 1);
}

}  // namespace

Tensor masked(const Tensor& x, const Tensor& key_mask) {
    return key_mask.defined() ? x * key_mask.unsqueeze(-1) : x;
}

StepResult step(const Weights& weights, const StepForm& form, const StepNumbers& numbers,
                const StepBatch& batch, const StepClock* clock) {
    const auto part = [&](double Seconds::* total, auto&& body) {
        if (clock == nullptr) return body();
        clock->clock.time(clock->seconds.*total, body);
    };
    const auto first = [&](const Tensor& x) {
        return x.defined() ? x.narrow(1, 0, form.slots) : x;
    };
    const Tensor z = first(batch.z), previous = first(batch.x0);
    StepResult result;
    Tensor predicted;
    part(&Seconds::network, [&] {
        DecoderInput input;
        input.z = numbers.scale.defined() ? z * first(numbers.scale) : z;
        input.previous = previous;
        input.time_rows = first(numbers.time_rows);
        input.time_table = batch.time_table;
        input.key_mask = first(batch.key_mask);
        predicted = weights.decoder.denoise(input, batch.memory);
    });
    part(&Seconds::rounding, [&] {
        if (!form.rounds) return;
        const Tensor flat = predicted.reshape({-1, predicted.size(2)}), &wanted = numbers.wanted;
        const Tensor read = wanted.defined() ? flat.index_select(0, wanted) : flat;
        const Vocabulary& likeliest = weights.likeliest;
        result.ids = (form.by_logits ? likeliest : weights.rounding).best(read);
        if (form.scored)
            result.log_probability =
                log_probability(read, likeliest.table(), likeliest.bias(), result.ids);
        const Tensor rounded = likeliest.table().index_select(0, result.ids);
        predicted = (wanted.defined() ? flat.index_copy(0, wanted, rounded) : rounded)
                        .view(predicted.sizes());
    });
    part(&Seconds::update, [&] {
        if (form.moves) {
            const Tensor moved = update({z, predicted, previous, first(numbers.coefficients),
                                         numbers.step, batch.noise_keys, first(numbers.noise)});
            result.z = masked(with_first_slots(batch.z, moved), batch.key_mask);
        }
        result.x0 = masked(with_first_slots(batch.x0, predicted), batch.key_mask);
    });
    return result;
}

StepResult replayed_step(const Weights& weights, const StepForm& form, Staging& staging,
                         StepNumbers& numbers, const StepBatch& batch, const Tensor& noise) {
    const std::vector<Tensor> moving{staging.pack(), noise, batch.z, batch.x0};
    std::vector<Tensor> lasting{batch.time_table, batch.key_mask, batch.noise_keys,
                                batch.memory.bias};
    for (const auto& [keys, values] : batch.memory.keys_values)
        lasting.insert(lasting.end(), {keys, values});
    std::vector<int64_t> kind = staging.layout();
    kind.insert(kind.end(),
                {form.slots, form.moves, form.rounds, form.by_logits, form.scored, form.scaled});
    const auto made = weights.graph.run(kind, moving, lasting, [&](const std::vector<Tensor>& x) {
        staging.unpack(x[kStaged]);
        if (x[kNoise].defined()) numbers.noise = x[kNoise];
        StepBatch there{x[kZ], x[kX0], x[kTimeTable], x[kKeyMask], x[kNoiseKeys], {{}, x[kBias]}};
        for (size_t i = kKeysValues; i < x.size(); i += 2)
            there.memory.keys_values.emplace_back(x[i], x[i + 1]);
        const StepResult result = step(weights, form, numbers, there, nullptr);
        return std::vector<Tensor>{result.z, result.x0, result.ids, result.log_probability};
    });
    return {made[0], made[1], made[2], made[3]};
}

}  // namespace ardiff::portable
