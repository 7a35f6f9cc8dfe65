package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.Argmax;
import io.lanewise.kernels.Attention;
import io.lanewise.kernels.AttentionMask;
import io.lanewise.kernels.Embedding;
import io.lanewise.kernels.KvBuffer;
import io.lanewise.kernels.Matmul;
import io.lanewise.kernels.PackedMatrix;
import io.lanewise.kernels.RopeTable;
import io.lanewise.kernels.WeightCodec;
import io.lanewise.model.ModelConfig.AttentionConfig;
import io.lanewise.nn.Normalization;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The kernels of one decoder layer on tiny zeros: all weight types of a model, one row and several. */
final class WarmupRound implements AutoCloseable {
    /** Two tiles, which take the compiler longest, and decoding. */
    private static final int[] ROWS = {12, 1};
    private static final int MOST_ROWS = 12;
    /** Positions in the cache, a block: the last one is attended from alone, and the last ones together. */
    private static final int CACHED = 64;
    /** Rows of queries that are attended from together. */
    private static final int QUERY_ROWS = 24;
    private static final int OUT = 64;

    private final Arena arena = Arena.ofShared();
    private final ComputePool pool = new ComputePool(1);
    private final Team team = pool.newTeam();
    private final List<Tensor> tables = new ArrayList<>();
    private final List<PackedMatrix> plain = new ArrayList<>();
    private final List<PackedMatrix> gated = new ArrayList<>();
    private final Activation activation;
    private final Matmul matmul;
    private final Tensor x;
    private final Tensor y;
    private final Normalization norm;
    private final AttentionConfig heads;
    private final RopeTable rope;
    private final Tensor angles;
    private final Attention attention;
    private final KvBuffer cache;
    private final AttentionMask mask;
    private final Tensor q;
    private final Tensor attnOut;

    WarmupRound(ModelConfig config, Set<DType> types) {
        int inDim = OUT;
        for (DType type : types) {
            inDim = Math.max(inDim, type.blockLength());
        }
        for (DType type : types) {
            if (WeightCodec.of(type).isPresent()) {
                addType(type, inDim);
            }
        }
        activation = config.feedForward().activation();
        matmul = new Matmul(arena, team, MOST_ROWS, inDim);
        x = Tensor.allocate(arena, MOST_ROWS, inDim);
        y = Tensor.allocate(arena, MOST_ROWS, OUT);
        norm = new Normalization(config.norm().kind(), Tensor.allocate(arena, inDim), null, 1e-5f);
        AttentionConfig all = config.attention();
        int group = Math.min(2, all.nHeads() / all.nKvHeads());
        heads = new AttentionConfig(group, 1, all.headDim(), all.vHeadDim(), all.scale(), all.softCap(), all.qkNorm(),
                false, false, false);
        rope = config.ropes().isEmpty() ? null : config.ropes().getFirst().table(config.contextLength());
        angles = rope == null ? null : Tensor.allocate(arena, rope.rowLength());
        attention = new Attention(arena, team, QUERY_ROWS, group, 1, all.headDim(), all.vHeadDim());
        cache = new KvBuffer(arena, DType.F32, CACHED, 1, all.headDim(), all.vHeadDim());
        mask = new AttentionMask(true, 0, all.softCap(), all.scale());
        q = Tensor.allocate(arena, QUERY_ROWS, (long) group * all.headDim());
        attnOut = Tensor.allocate(arena, QUERY_ROWS, (long) group * all.vHeadDim());
    }

    private void addType(DType type, int inDim) {
        Tensor zeros = Tensor.allocate(arena, type, Shape.of(OUT, inDim));
        tables.add(zeros);
        plain.add(PackedMatrix.pack(pool, arena, zeros));
        gated.add(PackedMatrix.packGated(pool, arena, new Zeros(zeros), new Zeros(zeros)));
    }

    /** A matrix of zeros as a file would give it. */
    private record Zeros(Tensor map) implements TensorSource {
        @Override
        public String name() {
            return "zeros";
        }

        @Override
        public DType dtype() {
            return map.dtype();
        }

        @Override
        public Shape shape() {
            return map.shape();
        }

        @Override
        public void read(long offset, MemorySegment target) {
            target.fill((byte) 0);
        }
    }

    void run() {
        for (Tensor table : tables) {
            Embedding.gather(table, 0, x.segment(), 0);
        }
        for (int rows : ROWS) {
            multiply(rows);
        }
        attend(1);
        attend(QUERY_ROWS);
        Argmax.of(y.segment(), 0, (int) y.shape().elements());
    }

    private void multiply(int rows) {
        team.enter();
        for (int row = 0; row < rows; row++) {
            norm.forward(x.segment(), row * x.stride(0), x.segment(), row * x.stride(0));
        }
        matmul.begin(x.segment(), 0, x.stride(0), rows, x.shape().size(1));
        for (int i = 0; i < plain.size(); i++) {
            matmul.add(plain.get(i), null, Activation.NONE, rows == MOST_ROWS, y.segment(), 0, y.stride(0));
            if (rows != MOST_ROWS) {
                matmul.add(gated.get(i), null, activation, false, y.segment(), 0, y.stride(0));
            }
        }
        matmul.run();
        team.exit();
    }

    private void attend(int rows) {
        int startPos = CACHED - rows;
        team.enter();
        for (int row = 0; row < rows; row++) {
            if (rope != null) {
                rope.fillRow(startPos + row, angles.segment(), 0);
                rope.apply(q.segment(), row * q.stride(0), heads.nHeads(), heads.headDim(), angles.segment(), 0);
            }
            cache.append(startPos + row, q.segment(), 0, attnOut.segment(), 0);
        }
        attention.forward(q.segment(), 0, q.stride(0), rows, startPos, cache, startPos + rows, mask, attnOut.segment(), 0,
                attnOut.stride(0));
        team.exit();
    }

    @Override
    public void close() {
        pool.close();
        arena.close();
    }
}
