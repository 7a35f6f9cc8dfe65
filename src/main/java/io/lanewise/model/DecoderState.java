package io.lanewise.model;

import io.lanewise.kernels.Attention;
import io.lanewise.kernels.Matmul;
import io.lanewise.kernels.RopeTable;
import io.lanewise.model.ModelConfig.AttentionConfig;
import io.lanewise.model.ModelConfig.LatentConfig;
import io.lanewise.model.ModelConfig.MixtureConfig;
import io.lanewise.model.ModelConfig.Order;
import io.lanewise.nn.KvCache;
import io.lanewise.nn.MixtureOfExperts;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;

/**
 * What one session of a decoder remembers and scribbles on: the KV cache and every activation of a forward pass of up
 * to {@code maxRows} positions, allocated here and nowhere else. One thread at a time.
 */
public final class DecoderState implements AutoCloseable {
    /** Rows of logits that one lmHead product gives when more than the last position is asked for. */
    static final int LOGIT_ROWS = 16;

    final Arena arena = Arena.ofShared();
    final Team team;
    final Matmul matmul;
    final Attention attention;
    /** The scratch of latent attention, or null where the model has none; then it has no q, k, v and attention. */
    final LatentState latent;
    /** The scratch of mixtures of experts, or null where the model has none. */
    final MixtureOfExperts mixture;
    final KvCache cache;
    final RowStages rowStages;
    final int maxRows;
    /** Whether rows are to get the bits that they get one by one, see {@link Decoder#forwardAlone}. */
    boolean rowsAlone;
    /** The different rotations of the layers. */
    final RopeTable[] ropes;
    /** Cosines and sines of each row's position for each rotation, [maxRows, rowLength of the table]. */
    final Tensor[] angles;
    /** Residual stream [maxRows, dim]. */
    final Tensor x;
    /** What enters a sublayer, [maxRows, dim]. */
    final Tensor normed;
    /** What a sublayer gave, where it is not added to x at once; [maxRows, dim]. */
    final Tensor sublayerOut;
    /** [maxRows, nHeads · headDim]. */
    final Tensor q;
    /** [maxRows, nKvHeads · headDim]. */
    final Tensor k;
    /** [maxRows, nKvHeads · vHeadDim]. */
    final Tensor v;
    /** [maxRows, nHeads · vHeadDim]. */
    final Tensor attnOut;
    /** act(gate)·up or act(up), [maxRows, ffnDim]. */
    final Tensor hidden;
    /** [LOGIT_ROWS, vocabSize]; the first row is all that decoding uses. */
    final Tensor logits;

    DecoderState(ModelConfig config, ComputePool pool, int contextLength, int maxRows, DType kvType) {
        AttentionConfig shape = config.attention();
        LatentConfig latents = config.latent();
        int qDim = shape.nHeads() * shape.headDim();
        int attnDim = shape.nHeads() * (latents == null ? shape.vHeadDim() : latents.vHeadDim());
        int latentDim = latents == null ? 0 : Math.max(latents.kvLoraRank(), latents.qLoraRank());
        int ffnDim = config.feedForward().ffnDim();
        this.maxRows = maxRows;
        this.team = pool.newTeam();
        MixtureConfig experts = config.mixture();
        int expertDim = experts == null ? 0 : Math.max(experts.ffnDim(), experts.sharedFfnDim());
        this.matmul = new Matmul(arena, team, maxRows,
                Math.max(Math.max(config.dim(), attnDim), Math.max(Math.max(ffnDim, expertDim), latentDim)));
        this.mixture = experts == null ? null : new MixtureOfExperts(arena, team, matmul, experts.routing(),
                config.feedForward().activation(), maxRows, config.dim(), experts.ffnDim(), experts.sharedFfnDim(),
                experts.gatedShare());
        this.cache = latents == null
                ? new KvCache(arena, kvType, config.nLayers(), contextLength, shape.nKvHeads(), shape.headDim(),
                        shape.vHeadDim())
                : KvCache.latents(arena, kvType, config.nLayers(), contextLength, shape.headDim(), shape.vHeadDim());
        this.ropes = config.ropes().stream().map(rope -> rope.table(contextLength)).toArray(RopeTable[]::new);
        this.angles = Arrays.stream(ropes).map(rope -> Tensor.allocate(arena, maxRows, rope.rowLength()))
                .toArray(Tensor[]::new);
        this.rowStages = new RowStages(config, this);
        this.x = Tensor.allocate(arena, maxRows, config.dim());
        this.normed = Tensor.allocate(arena, maxRows, config.dim());
        this.sublayerOut = config.block().plainResidual() && config.block().order() != Order.PARALLEL_OWN_NORM ? null
                : Tensor.allocate(arena, maxRows, config.dim());
        if (latents == null) {
            this.latent = null;
            this.attention = new Attention(arena, team, maxRows, shape.nHeads(), shape.nKvHeads(), shape.headDim(),
                    shape.vHeadDim());
            this.q = Tensor.allocate(arena, maxRows, qDim);
            this.k = Tensor.allocate(arena, maxRows, shape.nKvHeads() * shape.headDim());
            this.v = Tensor.allocate(arena, maxRows, shape.nKvHeads() * shape.vHeadDim());
        } else {
            this.latent = new LatentState(config, this);
            this.attention = null;
            this.q = null;
            this.k = null;
            this.v = null;
        }
        this.attnOut = Tensor.allocate(arena, maxRows, attnDim);
        this.hidden = Tensor.allocate(arena, maxRows, ffnDim);
        this.logits = Tensor.allocate(arena, Math.min(LOGIT_ROWS, maxRows), config.vocabSize());
    }

    /** Begins a product of x [rows, in]. */
    void multiply(Tensor x, int rows) {
        matmul.begin(x.segment(), 0, x.stride(0), rows, x.shape().size(1));
    }

    /** Positions that the cache holds. */
    public KvCache cache() {
        return cache;
    }

    /** Most positions that one forward pass takes. */
    public int maxRows() {
        return maxRows;
    }

    /** The logits of the last {@link Decoder#logits}, [rows, vocabSize] F32. */
    public Tensor logits() {
        return logits;
    }

    /** Frees all memory of the session. */
    @Override
    public void close() {
        arena.close();
    }
}
