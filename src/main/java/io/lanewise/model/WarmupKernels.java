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

/**
 * The kernels of one decoder layer on tiny zeros, in parts: all weight types of a model, one row and several. Rows are
 * short, since the compiler wants to see a method called often before it sees a loop run long: a loop that is compiled
 * while it runs is a second of its time more for the largest kernels.
 */
final class WarmupKernels implements AutoCloseable {
    /** Two tiles. */
    private static final int MOST_ROWS = 12;
    /** Positions in the cache, a block: the last one is attended from alone, and the last ones together. */
    private static final int CACHED = 32;
    /** Rows of queries that are attended from together. */
    private static final int QUERY_ROWS = 24;
    private static final int OUT = 128;
    /** Length of a row that is multiplied beside others; longer where a block of the type is. */
    private static final int SHORT = 64;
    /** Length of a row that is multiplied alone: C2 does not unroll a loop that it has seen run a few times at once. */
    private static final int LONG = 256;

    private final Arena arena = Arena.ofShared();
    private final ComputePool pool = new ComputePool(1);
    private final Team team = pool.newTeam();
    private final List<Weights> weights = new ArrayList<>();
    private final Activation activation;
    private final Matmul matmul;
    private final Tensor x;
    private final Tensor y;
    private final Normalization norm;
    private final int headDim;
    private final RopeTable rope;
    private final Tensor angles;
    private final Attention attention;
    private final KvBuffer cache;
    private final AttentionMask mask;
    private final Tensor q;
    private final Tensor attnOut;

    WarmupKernels(ModelConfig config, Set<DType> types) {
        for (DType type : types) {
            if (WeightCodec.of(type).isPresent()) {
                weights.add(zeros(type, MOST_ROWS, Math.max(SHORT, type.blockLength())));
                weights.add(zeros(type, 1, LONG));
            }
        }
        activation = config.feedForward().activation();
        matmul = new Matmul(arena, team, MOST_ROWS, LONG);
        x = Tensor.allocate(arena, MOST_ROWS, LONG);
        y = Tensor.allocate(arena, MOST_ROWS, OUT);
        norm = new Normalization(config.norm().kind(), Tensor.allocate(arena, LONG), null, 1e-5f);
        AttentionConfig heads = config.attention();
        headDim = heads.headDim();
        rope = config.ropes().isEmpty() ? null : config.ropes().getFirst().table(config.contextLength());
        angles = rope == null ? null : Tensor.allocate(arena, rope.rowLength());
        attention = new Attention(arena, team, QUERY_ROWS, 1, 1, headDim, heads.vHeadDim());
        cache = new KvBuffer(arena, DType.F32, CACHED, 1, headDim, heads.vHeadDim());
        mask = new AttentionMask(true, 0, heads.softCap(), heads.scale());
        q = Tensor.allocate(arena, QUERY_ROWS, headDim);
        attnOut = Tensor.allocate(arena, QUERY_ROWS, heads.vHeadDim());
    }

    /** Matrices of one type, and with how many rows they are multiplied. */
    private record Weights(int rows, Tensor table, PackedMatrix plain, PackedMatrix gated) {}

    private Weights zeros(DType type, int rows, int inDim) {
        Tensor table = Tensor.allocate(arena, type, Shape.of(OUT, inDim));
        TensorSource source = new Zeros(table);
        return new Weights(rows, table, PackedMatrix.pack(pool, arena, table),
                PackedMatrix.packGated(pool, arena, source, source));
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

    /** Every part, to be run again and again, on one thread. */
    List<Runnable> parts() {
        List<Runnable> parts = new ArrayList<>();
        for (Weights w : weights) {
            parts.add(() -> multiply(w));
            parts.add(() -> Embedding.gather(w.table(), 0, x.segment(), 0));
        }
        parts.add(() -> attend(QUERY_ROWS));
        parts.add(() -> attend(1));
        parts.add(this::append);
        parts.add(() -> norm.forward(x.segment(), 0, x.segment(), 0));
        parts.add(() -> Argmax.of(y.segment(), 0, (int) y.shape().elements()));
        return parts;
    }

    private void multiply(Weights w) {
        team.enter();
        matmul.begin(x.segment(), 0, x.stride(0), w.rows(), w.plain().inDim());
        matmul.add(w.plain(), null, Activation.NONE, w.rows() > 1, y.segment(), 0, y.stride(0));
        matmul.add(w.gated(), null, activation, false, y.segment(), 0, y.stride(0));
        matmul.run();
        team.exit();
    }

    private void attend(int rows) {
        attention.forward(q.segment(), 0, q.stride(0), rows, CACHED - rows, cache, CACHED, mask, attnOut.segment(), 0,
                attnOut.stride(0));
    }

    private void append() {
        if (rope != null) {
            rope.fillRow(0, angles.segment(), 0);
            rope.apply(q.segment(), 0, 1, headDim, angles.segment(), 0);
        }
        cache.append(0, q.segment(), 0, attnOut.segment(), 0);
    }

    @Override
    public void close() {
        pool.close();
        arena.close();
    }
}
