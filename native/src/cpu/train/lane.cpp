#include "cpu/train/lane.h"

#include <algorithm>

#include "core/stopwatch.h"

namespace ardiff::training {

namespace {

constexpr int kChunkTokens = 192;  // about as much as stays in a core's cache

}  // namespace

template <class A>
Lane<A>::Workspace::Workspace(const Plan& plan, const Kernels& kernels, Arena& arena,
                              const Extent& extent)
    : layers(plan, kernels, arena, extent),
      encoder(plan, layers, arena, extent),
      decoder(plan, layers, arena, extent),
      chain(plan, layers, arena, extent) {
    const int64_t tokens = static_cast<int64_t>(extent.rows) * extent.slots;
    const int channels = plan.config.embedding;
    for (Plane<float>* plane : {&embedded, &x0, &dx0, &dpredicted, &drounded})
        *plane = arena.plane<float>(tokens, channels);
    input = arena.plane<float>(tokens, plan.config.input_channels());
    dencoded =
        arena.plane<float>(static_cast<int64_t>(extent.rows) * extent.length, plan.config.hidden);
    if (plan.config.token_chain > 0) chained = arena.plane<float>(tokens, channels);
    noise = arena.values<float>(tokens * channels);
    coefficient = arena.values<float>(tokens);
    nll = arena.values<float>(tokens);
    counted = arena.plane<float>(tokens, channels);
    counted_coefficient = arena.values<float>(tokens);
    counted_nll = arena.values<float>(tokens);
    counted_slots = arena.values<int32_t>(tokens);
    counted_targets = arena.values<int32_t>(tokens);
}

template <class A>
void Lane<A>::reserve(const Extent& extent) {
    if (extent_.holds(extent)) return;
    extent_ = {std::max(extent.rows, extent_.rows), std::max(extent.length, extent_.length),
               std::max(extent.slots, extent_.slots)};
    workspace_ = nullptr;
    arena_ = Arena();
    { const Workspace counted(plan_, kernels_, arena_, extent_); }
    arena_.allocate();
    workspace_ = std::make_unique<Workspace>(plan_, kernels_, arena_, extent_);
}

template <class A>
void Lane<A>::run(const Pass<A>& pass, const Diffusion& diffusion, const TrainingBatch& batch,
                  int first, int last, const SharedResults& results) {
    if (first >= last) return;
    const int at_once =
        std::clamp(kChunkTokens / std::max(batch.slots, batch.length), 1, last - first);
    reserve({at_once, batch.length, batch.slots});
    Workspace& w = *workspace_;
    w.layers.attach(pass, gradients_.get());
    const Work work(kernels_);
    for (int row = first; row < last; row += at_once) {
        chunk_.set(batch, row, std::min(at_once, last - row));
        Plane<float> predicted;
        timed(seconds.forward, [&] {
            w.encoder.forward(chunk_);
            w.decoder.prepare(chunk_, w.encoder.output());
            diffuse(pass, diffusion);
            predicted = predict(pass);
            compute_loss(pass, diffusion, predicted, results);
        });
        if (pass.backward())
            timed(seconds.backward, [&] { propagate(pass, diffusion, predicted, results); });
    }
}

// Fills workspace.noise [tokens][C].
template <class A>
void Lane<A>::noise(const Pass<A>& pass, Purpose purpose, const float* given) {
    const int64_t each = static_cast<int64_t>(chunk_.slots()) * plan_.config.embedding;
    const int64_t first = chunk_.first_row * each, count = chunk_.rows * each;
    if (given != nullptr) {
        std::copy_n(given + first, count, workspace_->noise);
    } else {
        kernels_.normal(pass.stream(purpose), first, count, workspace_->noise);
    }
}

// x0 = embedding + noise; input = input scale * (signal * x0 + noise), with zeros before it where
// the network is self-conditioned.
template <class A>
void Lane<A>::diffuse(const Pass<A>& pass, const Diffusion& diffusion) {
    Workspace& w = *workspace_;
    const TrainingBatch& batch = *chunk_.batch;
    const int channels = plan_.config.embedding;
    const int64_t slot = static_cast<int64_t>(chunk_.first_row) * batch.slots;
    const int z = plan_.config.self_conditioning ? channels : 0;
    if (plan_.config.shifted) return hold_settled(pass, diffusion);
    noise(pass, Purpose::embedding_noise, batch.embedding_noise);
    for (int token = 0; token < chunk_.tokens(); ++token) {
        const float* embedding =
            pass.weights.table + static_cast<int64_t>(batch.target_ids[slot + token]) * channels;
        const float* epsilon = w.noise + static_cast<int64_t>(token) * channels;
        float *e = w.embedded.row(token), *x = w.x0.row(token);
        for (int c = 0; c < channels; ++c) {
            e[c] = embedding[c];
            x[c] = embedding[c] + diffusion.embedding_noise * epsilon[c];
        }
    }
    noise(pass, Purpose::diffusion_noise, batch.diffusion_noise);
    for (int token = 0; token < chunk_.tokens(); ++token) {
        const ScheduleRow& row =
            diffusion.schedule[static_cast<size_t>(batch.timesteps[slot + token])];
        const float *x = w.x0.row(token),
                    *epsilon = w.noise + static_cast<int64_t>(token) * channels;
        float* in = w.input.row(token);
        std::fill_n(in, z, 0.0f);
        for (int c = 0; c < channels; ++c)
            in[z + c] = row.input_scale * (row.signal * x[c] + row.noise * epsilon[c]);
    }
}

// The same in the shifted layout: settled slots hold the token left of them, slots that wait the
// learned vector, and those under way a latent of their own token. x0 has no noise there.
template <class A>
void Lane<A>::hold_settled(const Pass<A>& pass, const Diffusion& diffusion) {
    Workspace& w = *workspace_;
    const TrainingBatch& batch = *chunk_.batch;
    const int64_t channels = plan_.config.embedding, tokens = chunk_.tokens();
    const int64_t slot = static_cast<int64_t>(chunk_.first_row) * batch.slots;
    const int32_t* timesteps = batch.timesteps + slot;
    const auto under_way = [&](int t) { return t != 0 && t != diffusion.last(); };
    if (std::any_of(timesteps, timesteps + tokens, under_way)) {
        noise(pass, Purpose::diffusion_noise, batch.diffusion_noise);
    }
    const float* waiting = w.layers.weight(plan_.waiting);
    for (int64_t token = 0; token < tokens; ++token) {
        const float* own = pass.weights.table + batch.target_ids[slot + token] * channels;
        const float* left = pass.weights.table + batch.left_ids[slot + token] * channels;
        std::copy_n(own, channels, w.embedded.row(token));
        std::copy_n(own, channels, w.x0.row(token));
        float* in = w.input.row(token);
        if (!under_way(timesteps[token])) {
            std::copy_n(timesteps[token] == 0 ? left : waiting, channels, in);
            continue;
        }
        const ScheduleRow& row = diffusion.schedule[static_cast<size_t>(timesteps[token])];
        const float* epsilon = w.noise + token * channels;
        for (int64_t c = 0; c < channels; ++c)
            in[c] = row.input_scale * (row.signal * own[c] + row.noise * epsilon[c]);
    }
}

// What the logits are taken of: predictions, those of slots that have not settled through the
// chain.
template <class A>
Plane<float> Lane<A>::chain(const Pass<A>& pass, Plane<float> predicted) {
    Workspace& w = *workspace_;
    for (int token = 0; token < chunk_.tokens(); ++token)
        std::copy_n(predicted.row(token), plan_.config.embedding, w.chained.row(token));
    w.chain.forward(chunk_, pass.weights.table, w.chained);
    return w.chained;
}

template <class A>
Plane<float> Lane<A>::predict(const Pass<A>& pass) {
    Workspace& w = *workspace_;
    if (pass.options.self_condition == 0) return w.decoder.forward(chunk_, w.input, 0);
    const Plane<float> first = w.decoder.forward(chunk_, w.input, 1);
    const int channels = plan_.config.embedding;
    const float deviation = pass.options.self_condition_noise;
    if (deviation > 0) noise(pass, Purpose::self_condition_noise, nullptr);
    for (int token = 0; token < chunk_.tokens(); ++token) {
        const float *x = first.row(token),
                    *epsilon = w.noise + static_cast<int64_t>(token) * channels;
        float* in = w.input.row(token);
        for (int c = 0; c < channels; ++c)
            in[c] = deviation > 0 ? x[c] + deviation * epsilon[c] : x[c];
    }
    return w.decoder.forward(chunk_, w.input, 0);
}

// The rounding loss of `x` into workspace.nll and its gradient into workspace.drounded. Where slots
// of weight 0 would only give gradients of 0, they are spared the products with the vocabulary.
template <class A>
void Lane<A>::round(const Pass<A>& pass, Plane<float> x, const int32_t* targets) {
    Workspace& w = *workspace_;
    const int channels = plan_.config.embedding, tokens = chunk_.tokens();
    int counted = 0;
    for (int token = 0; token < tokens; ++token) {
        if (w.coefficient[token] != 0.0f) w.counted_slots[counted++] = token;
    }
    if (!pass.backward() || counted == tokens) {
        w.layers.cross_entropy(tokens, x, targets, w.coefficient, w.nll, w.drounded);
        return;
    }
    for (int i = 0; i < counted; ++i) {
        const int token = w.counted_slots[i];
        std::copy_n(x.row(token), channels, w.counted.row(i));
        w.counted_targets[i] = targets[token];
        w.counted_coefficient[i] = w.coefficient[token];
    }
    if (counted > 0) {
        w.layers.cross_entropy(counted, w.counted, w.counted_targets, w.counted_coefficient,
                               w.counted_nll, w.drounded);
    }
    for (int token = tokens - 1, i = counted - 1; token >= 0; --token) {  // from the last: in place
        if (i >= 0 && w.counted_slots[i] == token) {
            if (i != token) std::copy_n(w.drounded.row(i), channels, w.drounded.row(token));
            w.nll[token] = w.counted_nll[i--];
        } else {
            std::fill_n(w.drounded.row(token), channels, 0.0f);
            w.nll[token] = 0.0f;
        }
    }
}

template <class A>
void Lane<A>::compute_loss(const Pass<A>& pass, const Diffusion& diffusion, Plane<float> predicted,
                           const SharedResults& results) {
    Workspace& w = *workspace_;
    const TrainingBatch& batch = *chunk_.batch;
    const int channels = plan_.config.embedding, tokens = chunk_.tokens();
    const int64_t slot = static_cast<int64_t>(chunk_.first_row) * batch.slots, all = batch.tokens();
    for (int token = 0; token < tokens; ++token) {
        const float weight = batch.weights == nullptr ? 1.0f : batch.weights[slot + token];
        w.coefficient[token] = weight / pass.options.normaliser;
    }
    const bool of_x0 = pass.options.rounding_loss == ARDIFF_ROUNDING_LOSS_X0;
    Plane<float> rounded = of_x0 ? w.x0 : predicted;
    if (plan_.config.token_chain > 0) rounded = chain(pass, rounded);
    round(pass, rounded, batch.target_ids + slot);

    const float share = 1.0f / static_cast<float>(channels);
    for (int token = 0; token < tokens; ++token) {
        const float *e = w.embedded.row(token), *x = w.x0.row(token), *p = predicted.row(token);
        float from_x0 = 0, from_embedding = 0, prior = 0;
        for (int c = 0; c < channels; ++c) {
            from_x0 += (x[c] - p[c]) * (x[c] - p[c]);
            from_embedding += (e[c] - p[c]) * (e[c] - p[c]);
            prior += diffusion.prior_scale * x[c] * (diffusion.prior_scale * x[c]);
        }
        const float mse = (batch.timesteps[slot + token] == 0 ? from_embedding : from_x0) * share;
        const float squared = pass.options.squared_error;
        const float terms[6] = {squared * (mse + prior * share) + w.nll[token],
                                mse,
                                w.nll[token],
                                prior * share,
                                from_x0 * share,
                                from_embedding * share};
        for (int i = 0; i < 6; ++i) results.slot_terms[i * all + slot + token] = terms[i];
    }
}

template <class A>
void Lane<A>::propagate(const Pass<A>& pass, const Diffusion& diffusion, Plane<float> predicted,
                        const SharedResults& results) {
    Workspace& w = *workspace_;
    const TrainingBatch& batch = *chunk_.batch;
    const int channels = plan_.config.embedding, tokens = chunk_.tokens();
    const int64_t slot = static_cast<int64_t>(chunk_.first_row) * batch.slots;
    const bool of_x0 = pass.options.rounding_loss == ARDIFF_ROUNDING_LOSS_X0;

    if (plan_.config.shifted)
        std::fill_n(results.left_gradients + slot * channels, tokens * int64_t{channels}, 0.0f);
    if (plan_.config.token_chain > 0) {
        w.chain.backward(chunk_, w.drounded, results.left_gradients + slot * channels);
        if (pass.chain_only) return;
    }
    // dx0 gathers what reaches x0 and, x0 being embedding + noise, the embedding.
    const float share = 2.0f / static_cast<float>(channels);
    for (int token = 0; token < tokens; ++token) {
        const float factor = w.coefficient[token] * share * pass.options.squared_error;
        const float prior = factor * diffusion.prior_scale * diffusion.prior_scale;
        const float* x = w.x0.row(token);
        const float* target = batch.timesteps[slot + token] == 0 ? w.embedded.row(token) : x;
        const float *p = predicted.row(token), *rounded = w.drounded.row(token);
        float *dx = w.dx0.row(token), *dp = w.dpredicted.row(token);
        for (int c = 0; c < channels; ++c) {
            const float difference = factor * (target[c] - p[c]);
            dx[c] = difference + prior * x[c] + (of_x0 ? rounded[c] : 0.0f);
            dp[c] = (of_x0 ? 0.0f : rounded[c]) - difference;
        }
    }
    const Plane<float> dinput =
        w.decoder.backward(chunk_, w.dpredicted, w.encoder.output(), w.dencoded);
    propagate_input(diffusion, dinput, results);
    w.encoder.backward(chunk_, w.dencoded, results.word_gradients);
}

// From the gradient of the decoder's input to those of what its slots held.
template <class A>
void Lane<A>::propagate_input(const Diffusion& diffusion, Plane<float> dinput,
                              const SharedResults& results) {
    Workspace& w = *workspace_;
    const TrainingBatch& batch = *chunk_.batch;
    const int channels = plan_.config.embedding;
    const int64_t slot = static_cast<int64_t>(chunk_.first_row) * batch.slots;
    const int z = plan_.config.self_conditioning ? channels : 0;
    for (int token = 0; token < chunk_.tokens(); ++token) {
        const int timestep = batch.timesteps[slot + token];
        const ScheduleRow& row = diffusion.schedule[static_cast<size_t>(timestep)];
        const float *dx = w.dx0.row(token), *din = dinput.row(token) + z;
        float* own = results.embedding_gradients + (slot + token) * channels;
        float scale = row.input_scale * row.signal;
        if (plan_.config.shifted && (timestep == 0 || timestep == diffusion.last())) {
            float* held = timestep == 0 ? results.left_gradients + (slot + token) * channels
                                        : w.layers.gradient(plan_.waiting);
            for (int c = 0; c < channels; ++c) held[c] += din[c];
            scale = 0;
        }
        for (int c = 0; c < channels; ++c) own[c] = dx[c] + scale * din[c];
    }
}

template class Lane<float>;
template class Lane<bf16>;

}  // namespace ardiff::training
