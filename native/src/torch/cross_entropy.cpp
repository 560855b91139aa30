#include "torch/cross_entropy.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

namespace ardiff::portable {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

// What a pass over the slots needs: x [M,C] and the table in the compute type, the bias [V],
// targets [M,1].
struct Slots {
    Tensor x, table, bias, targets;
    int64_t at_a_time;

    // Calls visit(x, targets, logits) for as many slots as fit, logits [m,V] float32.
    template <class Visit>
    void for_each(Visit&& visit) const {
        const int64_t slots = x.size(0);
        const int64_t most = std::max<int64_t>(1, at_a_time / table.size(0));
        for (int64_t first = 0; first < slots; first += most) {
            const int64_t count = std::min(most, slots - first);
            const Tensor part = x.narrow(0, first, count);
            visit(part, targets.narrow(0, first, count), at::mm(part, table.t()) + bias);
        }
    }
};

class CrossEntropy : public torch::autograd::Function<CrossEntropy> {
  public:
    static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& table,
                          const Tensor& bias, const Tensor& targets, double smoothing,
                          at::ScalarType compute, int64_t at_a_time) {
        const Slots slots{x.to(compute), table.to(compute), bias, targets, at_a_time};
        std::vector<Tensor> losses;
        slots.for_each([&](const Tensor&, const Tensor& wanted, const Tensor& logits) {
            const Tensor log_probabilities = at::log_softmax(logits, 1);
            Tensor loss = log_probabilities.gather(1, wanted).neg_();
            if (smoothing > 0) {
                loss.mul_(1.0 - smoothing).sub_(log_probabilities.mean(1, true), smoothing);
            }
            losses.push_back(loss);
        });
        context->save_for_backward({slots.x, slots.table, bias, targets});
        context->saved_data["smoothing"] = smoothing;
        context->saved_data["at_a_time"] = at_a_time;
        return losses.size() == 1 ? losses[0] : at::cat(losses);
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const Slots slots{saved[0], saved[1], saved[2], saved[3],
                          context->saved_data["at_a_time"].toInt()};
        const double smoothing = context->saved_data["smoothing"].toDouble();
        const int64_t vocabulary = slots.table.size(0);
        std::vector<Tensor> of_x;
        Tensor of_table, of_bias;
        int64_t first = 0;
        slots.for_each([&](const Tensor& x, const Tensor& wanted, const Tensor& logits) {
            // d loss / d logit = p - (1 - smoothing) [target] - smoothing / V
            const Tensor weight = gradients[0].narrow(0, first, x.size(0));
            first += x.size(0);
            Tensor of_logits = at::softmax(logits, 1);
            if (smoothing > 0) of_logits.sub_(smoothing / static_cast<double>(vocabulary));
            of_logits.mul_(weight).scatter_add_(1, wanted, weight * -(1.0 - smoothing));
            const Tensor bias_part = of_logits.sum(0);
            of_logits = of_logits.to(slots.table.scalar_type());
            of_x.push_back(at::mm(of_logits, slots.table));
            const Tensor table_part = at::mm(of_logits.t(), x);
            if (of_table.defined()) {
                of_table.add_(table_part);
                of_bias.add_(bias_part);
            } else {
                of_table = table_part.to(at::kFloat);
                of_bias = bias_part;
            }
        });
        const Tensor all = of_x.size() == 1 ? of_x[0] : at::cat(of_x);
        return {all.to(at::kFloat), of_table, of_bias, {}, {}, {}, {}};
    }
};

}  // namespace

Tensor cross_entropy(const Tensor& x, const Tensor& table, const Tensor& bias,
                     const Tensor& targets, double smoothing, at::ScalarType compute,
                     int64_t at_a_time) {
    return CrossEntropy::apply(x.reshape({-1, x.size(-1)}), table, bias, targets.reshape({-1, 1}),
                               smoothing, compute, at_a_time)
        .view(targets.sizes());
}

}  // namespace ardiff::portable
