package io.lanewise.model;

import io.lanewise.kernels.Elementwise;
import io.lanewise.model.ModelConfig.MixtureConfig;
import io.lanewise.nn.Linear;
import io.lanewise.nn.MixtureWeights;
import io.lanewise.tensor.Tensor;

/** A mixture of experts as a layer's feed-forward. */
record MixtureFeedForward(MixtureWeights weights) implements Sublayer {

    static MixtureFeedForward load(TensorLoader tensors, ModelConfig config, String prefix) {
        MixtureConfig shape = config.mixture();
        int dim = config.dim();
        int nExperts = shape.routing().nExperts();
        int shared = shape.sharedFfnDim();
        Linear router = tensors.linear(prefix + "ffn_gate_inp", nExperts, dim, false);
        Tensor bias = shape.choiceBias() ? tensors.vector(prefix + "exp_probs_b.bias", nExperts) : null;
        return new MixtureFeedForward(new MixtureWeights(router, bias,
                tensors.experts(prefix, nExperts, shape.ffnDim(), dim),
                shared == 0 ? null : tensors.gated(prefix + "ffn_gate_shexp", prefix + "ffn_up_shexp", shared, dim),
                shared == 0 ? null : tensors.linear(prefix + "ffn_down_shexp", dim, shared, false),
                shape.gatedShare() ? tensors.row(prefix + "ffn_gate_inp_shexp", dim) : null));
    }

    @Override
    public void forward(DecoderState s, Tensor in, int rows, Tensor out, boolean residual) {
        for (int row = 0; row < rows && !residual; row++) {
            Elementwise.fill(out.segment(), row * out.stride(0), in.shape().size(1), 0f);
        }
        s.mixture.forward(weights, in, rows, out);
    }
}
