package io.lanewise.bench;

import io.lanewise.kernels.Attention;
import io.lanewise.kernels.AttentionMask;
import io.lanewise.kernels.KvBuffer;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Causal attention: all positions at once (operations of the half that the mask leaves), or one position
 * after the others, going from layer to layer so that the caches come from memory.
 */
@State(Scope.Benchmark)
public class Attentions implements Case {
    /** Phase and positions. */
    @Param({"prefill-2048", "decode-4096"})
    public String phase;

    /** Query heads, heads of keys and values that they share, dims of a head. */
    @Param({"12/12x64", "12/2x128"})
    public String heads;

    @Param({"F32", "F16", "Q8_0"})
    public String cache;

    @Param({"1", "2"})
    public int threads;

    private final AttentionMask mask = new AttentionMask(true, 0, 0, 0.125f);
    private int nHeads;
    private int nKvHeads;
    private int headDim;
    private int dim;
    private int kvDim;
    private Arena arena;
    private ComputePool pool;
    private Team team;
    private Attention attention;
    private KvBuffer[] layers;
    private Tensor q;
    private Tensor out;
    private int positions;
    private int rows;
    private int next;

    @Setup
    public void setUp() {
        positions = Integer.parseInt(phase.substring(phase.indexOf('-') + 1));
        rows = memory() ? 1 : positions;
        parseHeads();
        arena = Arena.ofShared();
        pool = new ComputePool(threads);
        team = pool.newTeam();
        attention = new Attention(arena, team, rows, nHeads, nKvHeads, headDim, headDim);
        q = Inputs.random(arena, rows, dim);
        out = Tensor.allocate(arena, rows, dim);
        Tensor k = Inputs.random(arena, positions, kvDim);
        Tensor v = Inputs.random(arena, positions, kvDim + 1).slice(1, 0, kvDim);
        layers = new KvBuffer[memory() ? Inputs.copiesBeyondCache((long) cacheBytes(positions)) : 1];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = new KvBuffer(arena, DType.valueOf(cache), positions, nKvHeads, headDim, headDim);
            layers[i].append(0, positions, k.segment(), 0, kvDim, v.segment(), 0, kvDim + 1);
        }
        attention();
        check(k, v);
    }

    @Benchmark
    public void attention() {
        team.enter();
        try {
            attention.forward(q.segment(), 0, dim, rows, positions - rows, layers[next], positions, mask, out.segment(), 0, dim);
        } finally {
            team.exit();
        }
        next = next + 1 == layers.length ? 0 : next + 1;
    }

    /** The first numbers of some rows and heads, in double precision. */
    private void check(Tensor k, Tensor v) {
        for (int row = rows - 1; row >= 0; row -= 411) {
            for (int head = 0; head < nHeads; head += 5) {
                int kvHead = head / (nHeads / nKvHeads);
                double sum = 0;
                double weighted = 0;
                for (int key = 0; key <= positions - rows + row; key++) {
                    double score = 0;
                    for (int i = 0; i < headDim; i++) {
                        score += (double) q.get(row, head * headDim + i) * k.get(key, kvHead * headDim + i);
                    }
                    double weight = Math.exp(score * mask.scale());
                    sum += weight;
                    weighted += weight * v.get(key, kvHead * headDim);
                }
                float actual = out.segment().getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * dim + head * headDim);
                Inputs.near("attention[" + row + ", " + head + "]", actual, weighted / sum, cache.equals("F32") ? 1e-5 : 3e-3);
            }
        }
    }

    @TearDown
    public void tearDown() {
        pool.close();
        arena.close();
    }

    private void parseHeads() {
        String[] counts = heads.split("[/x]");
        nHeads = Integer.parseInt(counts[0]);
        nKvHeads = Integer.parseInt(counts[1]);
        headDim = Integer.parseInt(counts[2]);
        dim = nHeads * headDim;
        kvDim = nKvHeads * headDim;
    }

    private double cacheBytes(long count) {
        return 2.0 * DType.valueOf(cache).byteSize(count * kvDim);
    }

    @Override
    public double work() {
        parseHeads();
        int count = Integer.parseInt(phase.substring(phase.indexOf('-') + 1));
        return memory() ? cacheBytes(count) : 4.0 * dim * count * (count + 1.0) / 2;
    }

    @Override
    public boolean memory() {
        return phase.startsWith("decode");
    }

    @Override
    public int threads() {
        return threads;
    }
}
