package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.model.ModelConfig.FeedForwardConfig;
import io.lanewise.nn.Linear;
import io.lanewise.tensor.Tensor;

/**
 * down(act(gate(x)) · up(x)), or down(act(up(x))).
 *
 * @param up up [ffnDim, dim], or gate and up in one gated matrix, each [ffnDim, dim]
 * @param down [dim, ffnDim]
 */
record FeedForward(Linear up, Activation activation, Linear down) implements Sublayer {

    static FeedForward load(TensorLoader tensors, ModelConfig config, String prefix) {
        FeedForwardConfig shape = config.feedForward();
        int dim = config.dim();
        int ffnDim = shape.ffnDim();
        Linear up;
        if (shape.gated() && shape.fused()) {
            up = tensors.fusedGated(prefix + "ffn_up", ffnDim, dim);
        } else if (shape.gated()) {
            up = tensors.gated(prefix + "ffn_gate", prefix + "ffn_up", ffnDim, dim);
        } else {
            up = tensors.linear(prefix + "ffn_up", ffnDim, dim, shape.bias());
        }
        return new FeedForward(up, shape.activation(), tensors.linear(prefix + "ffn_down", dim, ffnDim, shape.bias()));
    }

    @Override
    public void forward(DecoderState s, Tensor in, int rows, Tensor out, boolean residual) {
        s.multiply(in, rows);
        up.addTo(s.matmul, activation, false, s.hidden);
        s.matmul.run();
        s.multiply(s.hidden, rows);
        down.addTo(s.matmul, Activation.NONE, residual, out);
        s.matmul.run();
    }
}
