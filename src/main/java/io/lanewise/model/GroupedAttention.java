package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.AttentionMask;
import io.lanewise.kernels.KvBuffer;
import io.lanewise.model.ModelConfig.AttentionConfig;
import io.lanewise.model.ModelConfig.LayerConfig;
import io.lanewise.nn.Linear;
import io.lanewise.tensor.Tensor;

/**
 * Attention whose key and value heads are each shared by a group of query heads: MHA, GQA and MQA. Widths: q is nHeads ·
 * headDim, k nKvHeads · headDim, v nKvHeads · vHeadDim.
 *
 * @param layer whose part of the cache it fills
 * @param query [q, dim]
 * @param key [k, dim]
 * @param value [v, dim]
 * @param queryNorm of heads before they turn, or null
 * @param keyNorm likewise
 * @param rope which of the session's rotations, or -1 for none
 * @param output [dim, nHeads · vHeadDim]
 */
record GroupedAttention(int layer, Linear query, Linear key, Linear value, HeadNorm queryNorm, HeadNorm keyNorm,
        int rope, AttentionMask mask, Linear output) implements Sublayer {

    static GroupedAttention load(TensorLoader tensors, ModelConfig config, int layer, String prefix) {
        AttentionConfig shape = config.attention();
        LayerConfig own = config.layers().get(layer);
        int dim = config.dim();
        int q = shape.nHeads() * shape.headDim();
        int k = shape.nKvHeads() * shape.headDim();
        int v = shape.nKvHeads() * shape.vHeadDim();
        Linear[] qkv = shape.fused()
                ? tensors.fused(prefix + "attn_qkv", dim, shape.qkvBias(), q, k, v)
                : new Linear[] {
                    tensors.linear(prefix + "attn_q", q, dim, shape.qkvBias()),
                    tensors.linear(prefix + "attn_k", k, dim, shape.qkvBias()),
                    tensors.linear(prefix + "attn_v", v, dim, shape.qkvBias())};
        return new GroupedAttention(layer, qkv[0], qkv[1], qkv[2],
                HeadNorm.load(tensors, config, prefix + "attn_q_norm", shape.nHeads()),
                HeadNorm.load(tensors, config, prefix + "attn_k_norm", shape.nKvHeads()),
                own.rope() == null ? -1 : config.ropes().indexOf(own.rope()),
                new AttentionMask(true, own.window(), shape.softCap(), shape.scale()),
                tensors.linear(prefix + "attn_output", dim, shape.nHeads() * shape.vHeadDim(), shape.outputBias()));
    }

    @Override
    public void forward(DecoderState s, Tensor in, int rows, Tensor out, boolean residual) {
        int startPos = s.cache.length();
        KvBuffer kv = s.cache.layer(layer);
        s.multiply(in, rows);
        query.addTo(s.matmul, s.q);
        key.addTo(s.matmul, s.k);
        value.addTo(s.matmul, s.v);
        s.matmul.run();
        s.rowStages.turnAndCache(this, kv, rows);
        int step = s.rowsAlone ? 1 : rows;
        for (int row = 0; row < rows; row += step) {
            s.attention.forward(s.q.segment(), row * s.q.stride(0), s.q.stride(0), step, startPos + row, kv,
                    startPos + row + step, mask, s.attnOut.segment(), row * s.attnOut.stride(0), s.attnOut.stride(0));
        }
        s.multiply(s.attnOut, rows);
        output.addTo(s.matmul, Activation.NONE, residual, out);
        s.matmul.run();
    }
}
