#include "torch/trained.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <tuple>
#include <vector>

#include "torch/counted.h"
#include "torch/cuda/driver.h"

namespace ardiff::portable {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

namespace {

// The mask of a dropout where operators compute, or nothing where nothing is dropped.
Tensor mask_of(const Tensor& x, const cuda::Drop& drop) {
    return drop.threshold == 0 ? Tensor() : dropout_mask(x.sizes(), drop, x.device());
}

Tensor masked(const Tensor& x, const Tensor& mask) { return mask.defined() ? x * mask : x; }

// A dropout kept until the way back.
void keep(AutogradContext* context, const cuda::Drop& drop) {
    const cuda::Site& s = drop.site;
    context->saved_data["drop"] =
        std::vector<int64_t>{s.key.low, s.key.high, s.site, s.step, s.micro_batch, drop.threshold};
    context->saved_data["scale"] = static_cast<double>(drop.scale);
}

cuda::Drop kept(AutogradContext* context) {
    const std::vector<int64_t> saved = context->saved_data["drop"].toIntVector();
    const auto word = [&](size_t i) { return static_cast<uint32_t>(saved[i]); };
    return {{{word(0), word(1)}, word(2), word(3), word(4)},
            word(5),
            static_cast<float>(context->saved_data["scale"].toDouble())};
}

Tensor dense(const Tensor& x) { return x.defined() ? x.contiguous() : x; }

// What add_norm makes of its input; `normal`: LayerNorm in float32, where it is asked for and `out`
// is not that.
struct Sum {
    Tensor sum, out, normal, statistics, mask;
};

Sum sum_and_norm(const Tensor& hidden, const Tensor& delta, const cuda::Drop& drop,
                 const Norm& norm, at::ScalarType compute, bool with_normal) {
    ARDIFF_ONE_KERNEL("add_norm");
    Sum s;
    const bool two = with_normal && compute != at::kFloat;
    if (cuda::has_kernels(hidden.device())) {
        const Tensor residual = hidden.contiguous(), added = delta.to(compute).contiguous();
        s.sum = at::empty_like(residual);
        s.statistics = at::empty({2, residual.numel() / residual.size(-1)}, residual.options());
        s.out = at::empty(residual.sizes(), residual.options().dtype(compute));
        if (two) s.normal = at::empty_like(residual);
        cuda::add_norm({residual, added, norm.weight, norm.bias, norm.epsilon, drop, s.sum,
                        s.statistics, s.out, s.normal});
        return s;
    }
    s.mask = mask_of(hidden, drop);
    s.sum = hidden + masked(delta, s.mask);
    auto [normal, mean, scale] =
        at::native_layer_norm(s.sum, {s.sum.size(-1)}, norm.weight, norm.bias, norm.epsilon);
    s.statistics = at::stack({mean.flatten(), scale.flatten()});
    s.out = normal.to(compute);
    if (two) s.normal = normal;
    return s;
}

class AddNorm : public Function<AddNorm> {
  public:
    // -> sum, out and, if asked for, normal.
    static variable_list forward(AutogradContext* context, const Tensor& hidden,
                                 const Tensor& delta, const Tensor& weight, const Tensor& bias,
                                 double epsilon, const cuda::Drop& drop, at::ScalarType compute,
                                 bool with_normal) {
        const Sum s =
            sum_and_norm(hidden, delta, drop, {weight, bias, epsilon}, compute, with_normal);
        context->save_for_backward({s.sum, s.statistics, weight, bias, s.mask});
        context->saved_data["compute"] = static_cast<int64_t>(compute);
        context->saved_data["delta"] = static_cast<int64_t>(delta.scalar_type());
        keep(context, drop);
        context->set_materialize_grads(false);
        variable_list out{s.sum, s.out};
        if (s.normal.defined()) out.push_back(s.normal);
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const Tensor &sum = saved[0], &weight = saved[2], &bias = saved[3];
        const Tensor of_sum = dense(gradients[0]);
        Tensor of_out = dense(gradients[1]);
        const Tensor of_normal = gradients.size() > 2 ? dense(gradients[2]) : Tensor();
        const auto type = [&](const char* name) {
            return static_cast<at::ScalarType>(context->saved_data[name].toInt());
        };
        const at::ScalarType compute = type("compute");
        if (!of_out.defined() && !of_normal.defined()) {
            of_out = at::zeros(sum.sizes(), sum.options().dtype(compute));
        }
        const Tensor mean = saved[1].select(0, 0), scale = saved[1].select(0, 1);
        const auto of_norm = [&](const Tensor& of_values, std::array<bool, 3> wanted) {
            std::vector<int64_t> sizes = sum.sizes().vec();
            sizes.back() = 1;
            return at::native_layer_norm_backward(of_values, sum, {sum.size(-1)}, mean.view(sizes),
                                                  scale.view(sizes), weight, bias, wanted);
        };
        Tensor of_values, of_hidden, of_delta;
        {
            ARDIFF_ONE_KERNEL("norm_gradient");
            if (cuda::has_kernels(sum.device())) {
                const cuda::Drop drop = kept(context);
                of_hidden = at::empty_like(sum);
                const bool as_it_is = compute == at::kFloat && !of_normal.defined();
                if (!as_it_is) of_values = at::empty_like(sum);
                const bool same = compute == at::kFloat && drop.threshold == 0;
                if (!same) of_delta = at::empty(sum.sizes(), sum.options().dtype(compute));
                cuda::norm_gradient({of_out, of_normal, of_sum, sum, saved[1], weight, drop,
                                     of_values, of_hidden, of_delta},
                                    compute);
                if (as_it_is) of_values = of_out;
                if (same) of_delta = of_hidden;
            } else {
                of_values = of_out.defined() ? of_out.to(at::kFloat) : of_normal;
                if (of_out.defined() && of_normal.defined()) of_values = of_values + of_normal;
                of_hidden = std::get<0>(of_norm(of_values, {true, false, false}));
                if (of_sum.defined()) of_hidden = of_hidden + of_sum;
                of_delta = masked(of_hidden, saved[4]);
            }
            of_delta = of_delta.to(type("delta"));
        }
        const auto [none, of_weight, of_bias] = of_norm(of_values, {false, true, true});
        return {of_hidden, of_delta, of_weight, of_bias, {}, {}, {}, {}};
    }
};

class Geglu : public Function<Geglu> {
  public:
    static Tensor forward(AutogradContext* context, const Tensor& x, const cuda::Drop& drop) {
        ARDIFF_ONE_KERNEL("geglu");
        const int64_t width = x.size(-1) / 2;
        keep(context, drop);
        if (cuda::has_kernels(x.device())) {
            std::vector<int64_t> sizes = x.sizes().vec();
            sizes.back() = width;
            const Tensor in = x.contiguous(), out = at::empty(sizes, x.options());
            cuda::geglu(in, drop, out);
            context->save_for_backward({in});
            return out;
        }
        const Tensor gate = at::gelu(x.narrow(-1, width, width));
        const Tensor out = x.narrow(-1, 0, width) * gate, mask = mask_of(out, drop);
        context->save_for_backward({x, gate, mask});
        return masked(out, mask).to(x.scalar_type());
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        ARDIFF_ONE_KERNEL("geglu_gradient");
        const variable_list saved = context->get_saved_variables();
        const Tensor& x = saved[0];
        if (cuda::has_kernels(x.device())) {
            const Tensor of_in = at::empty_like(x);
            cuda::geglu_gradient(gradients[0].contiguous(), x, kept(context), of_in);
            return {of_in, {}};
        }
        const int64_t width = x.size(-1) / 2;
        const Tensor of_out = masked(gradients[0], saved[2]).to(x.scalar_type());
        const Tensor of_gate =
            at::gelu_backward(of_out * x.narrow(-1, 0, width), x.narrow(-1, width, width));
        return {at::cat({of_out * saved[1], of_gate}, -1), {}};
    }
};

}  // namespace

Normed add_norm(const Tensor& hidden, const Tensor& delta, const cuda::Drop& drop, const Norm& norm,
                at::ScalarType compute) {
    if (!at::GradMode::is_enabled()) {
        const Sum s = sum_and_norm(hidden, delta, drop, norm, compute, false);
        return {s.sum, s.out};
    }
    const variable_list made =
        AddNorm::apply(hidden, delta, norm.weight, norm.bias, norm.epsilon, drop, compute, false);
    return {made[0], made[1]};
}

NormedResidual norm_of_sum(const Tensor& hidden, const Tensor& delta, const cuda::Drop& drop,
                           const Norm& norm, at::ScalarType compute) {
    if (!at::GradMode::is_enabled()) {
        const Sum s = sum_and_norm(hidden, delta, drop, norm, compute, true);
        return {s.normal.defined() ? s.normal : s.out, s.out};
    }
    const variable_list made =
        AddNorm::apply(hidden, delta, norm.weight, norm.bias, norm.epsilon, drop, compute, true);
    return {made.back(), made[1]};
}

Tensor geglu(const Tensor& x, const cuda::Drop& drop) { return Geglu::apply(x, drop); }

}  // namespace ardiff::portable
