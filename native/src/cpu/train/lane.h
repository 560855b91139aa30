// One thread's share of a micro-batch: loss and gradients of its rows (SPEC section 3).
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "core/trainer.h"
#include "cpu/train/decoder.h"
#include "cpu/train/encoder.h"
#include "cpu/train/token_chain.h"

namespace ardiff::training {

// What threads write for their own rows of the micro-batch.
struct SharedResults {
    float* slot_terms;           // [6][B*N], see ardiff_trainer_batch
    float* word_gradients;       // [B*L][d], of the encoder's token embeddings
    float* embedding_gradients;  // [B*N][C], of the target embeddings
    float* left_gradients;       // [B*N][C], of those of the tokens left of them (shifted)
};

// The constants of ardiff_trainer_create.
struct Diffusion {
    const std::vector<ScheduleRow>& schedule;
    float embedding_noise, prior_scale;

    int last() const { return static_cast<int>(schedule.size()) - 1; }
};

struct LaneSeconds {
    double forward = 0, backward = 0;
};

template <class A>
class Lane {
  public:
    Lane(const Plan& plan, const Kernels& kernels)
        : plan_(plan), kernels_(kernels), gradients_(allocate_floats(plan.local_size)) {}

    // Rows first .. last of `batch`. Gradients of weights are added to gradients().
    void run(const Pass<A>& pass, const Diffusion& diffusion, const TrainingBatch& batch, int first,
             int last, const SharedResults& results);

    float* gradients() { return gradients_.get(); }
    // Forgets gradients that will not be gathered.
    void clear() { std::fill_n(gradients_.get(), plan_.local_size, 0.0f); }
    LaneSeconds seconds;

  private:
    // Memory for chunks of one extent.
    struct Workspace {
        Workspace(const Plan& plan, const Kernels& kernels, Arena& arena, const Extent& extent);

        Layers<A> layers;
        Encoder<A> encoder;
        Decoder<A> decoder;
        Plane<float> embedded, x0, input, dx0, dpredicted, drounded, dencoded, chained;
        TokenChain<A> chain;
        float *noise, *coefficient, *nll;
        // Those slots of a chunk whose loss counts, one below the other.
        Plane<float> counted;
        float *counted_coefficient, *counted_nll;
        int32_t *counted_slots, *counted_targets;
    };

    void reserve(const Extent& extent);
    void noise(const Pass<A>& pass, Purpose purpose, const float* given);
    void diffuse(const Pass<A>& pass, const Diffusion& diffusion);
    void hold_settled(const Pass<A>& pass, const Diffusion& diffusion);
    Plane<float> predict(const Pass<A>& pass);
    Plane<float> chain(const Pass<A>& pass, Plane<float> predicted);
    void round(const Pass<A>& pass, Plane<float> x, const int32_t* targets);
    void compute_loss(const Pass<A>& pass, const Diffusion& diffusion, Plane<float> predicted,
                      const SharedResults& results);
    void propagate(const Pass<A>& pass, const Diffusion& diffusion, Plane<float> predicted,
                   const SharedResults& results);
    void propagate_input(const Diffusion& diffusion, Plane<float> dinput,
                         const SharedResults& results);

    const Plan& plan_;
    const Kernels& kernels_;
    AlignedFloats gradients_;
    Extent extent_;
    Arena arena_;
    std::unique_ptr<Workspace> workspace_;
    Chunk chunk_;
};

}  // namespace ardiff::training
