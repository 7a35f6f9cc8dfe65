package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** One attention problem with random numbers, its naive solution in double precision, and ways to run kernels on it. */
final class AttentionCase {
    /** Floats before, between and after the rows that a kernel may touch. */
    private static final int GAP = 3;
    private static final float GUARD = 4321.5f;

    final int batch;
    final int rows;
    final int startPos;
    final int kvLen;
    final int nHeads;
    final int nKvHeads;
    final int headDim;
    final int vHeadDim;
    final AttentionMask mask;
    final float[][] q;
    final float[][] k;
    final float[][] v;

    AttentionCase(int batch, int rows, int startPos, int kvLen, int nHeads, int nKvHeads, int headDim, int vHeadDim,
            AttentionMask mask) {
        this.batch = batch;
        this.rows = rows;
        this.startPos = startPos;
        this.kvLen = kvLen;
        this.nHeads = nHeads;
        this.nKvHeads = nKvHeads;
        this.headDim = headDim;
        this.vHeadDim = vHeadDim;
        this.mask = mask;
        Random random = new Random(rows * 31L + kvLen * 7L + headDim);
        q = gaussians(random, batch * rows, nHeads * headDim);
        k = gaussians(random, batch * kvLen, nKvHeads * headDim);
        v = gaussians(random, batch * kvLen, nKvHeads * vHeadDim);
    }

    static AttentionCase causal(int rows, int startPos, int nHeads, int nKvHeads, int headDim) {
        AttentionMask mask = new AttentionMask(true, 0, 0, (float) (1 / Math.sqrt(headDim)));
        return new AttentionCase(1, rows, startPos, startPos + rows, nHeads, nKvHeads, headDim, headDim, mask);
    }

    AttentionCase withMask(AttentionMask other) {
        return new AttentionCase(batch, rows, startPos, kvLen, nHeads, nKvHeads, headDim, vHeadDim, other);
    }

    private static float[][] gaussians(Random random, int n, int width) {
        float[][] rows = new float[n][width];
        for (float[] row : rows) {
            for (int i = 0; i < width; i++) {
                row[i] = (float) random.nextGaussian();
            }
        }
        return rows;
    }

    /** Keys and values as a cache of the type gives them back. */
    AttentionCase roundedTo(DType type) {
        try (Arena arena = Arena.ofConfined()) {
            KvBuffer kv = new KvBuffer(arena, type, Math.max(1, kvLen), nKvHeads, headDim, vHeadDim);
            MemorySegment kRows = lay(arena, k);
            MemorySegment vRows = lay(arena, v);
            for (int pos = 0; pos < kvLen; pos++) {
                kv.append(pos, kRows, GAP + pos * stride(k), vRows, GAP + pos * stride(v));
                kv.read(pos, kRows, GAP + pos * stride(k), vRows, GAP + pos * stride(v));
                for (int i = 0; i < k[pos].length; i++) {
                    k[pos][i] = Floats.get(kRows, GAP + pos * stride(k) + i);
                }
                for (int i = 0; i < v[pos].length; i++) {
                    v[pos][i] = Floats.get(vRows, GAP + pos * stride(v) + i);
                }
            }
        }
        return this;
    }

    /** The naive solution of one query: its output [vHeadDim], then ln Σ e^score, then the allowed error. */
    double[] solve(int b, int row, int head) {
        int kvHead = head / (nHeads / nKvHeads);
        int pos = startPos + row;
        double[] scores = new double[kvLen];
        double max = Double.NEGATIVE_INFINITY;
        double largest = 0;
        for (int key = 0; key < kvLen; key++) {
            double dot = 0;
            double norm = 0;
            for (int d = 0; d < headDim; d++) {
                double term = (double) q[b * rows + row][head * headDim + d] * k[b * kvLen + key][kvHead * headDim + d];
                dot += term;
                norm += term * term;
            }
            double score = dot * mask.scale();
            boolean hidden = mask.causal() && key > pos || mask.window() > 0 && key <= pos - mask.window()
                    || mask.padding() != null && mask.padding()[b * kvLen + key];
            if (mask.softCap() > 0) {
                score = mask.softCap() * Math.tanh(score / mask.softCap());
            }
            scores[key] = hidden ? Double.NEGATIVE_INFINITY : score;
            max = Math.max(max, scores[key]);
            if (!hidden) {
                largest = Math.max(largest, Math.abs(score) + Math.sqrt(norm) * Math.abs(mask.scale()));
            }
        }
        double[] solution = new double[vHeadDim + 2];
        double sum = 0;
        double magnitude = 0;
        for (int key = 0; key < kvLen; key++) {
            double p = scores[key] == Double.NEGATIVE_INFINITY ? 0 : Math.exp(scores[key] - max);
            sum += p;
            for (int d = 0; d < vHeadDim; d++) {
                float value = v[b * kvLen + key][kvHead * vHeadDim + d];
                solution[d] += p * value;
                magnitude = Math.max(magnitude, Math.abs(value));
            }
        }
        for (int d = 0; d < vHeadDim && sum > 0; d++) {
            solution[d] /= sum;
        }
        solution[vHeadDim] = sum == 0 ? Double.NEGATIVE_INFINITY : max + Math.log(sum);
        // A score is off by a few eps of the norm of its terms; that is a relative error of its probability.
        solution[vHeadDim + 1] = Math.ulp(1f) * (4 + 3 * largest) * magnitude;
        return solution;
    }

    /** Runs over a cache of the type and checks every output; returns them. */
    float[] checkCache(DType type, int threads) {
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(threads)) {
            Team team = pool.newTeam();
            KvBuffer kv = new KvBuffer(arena, type, kvLen + 5, nKvHeads, headDim, vHeadDim);
            MemorySegment kRows = lay(arena, k);
            MemorySegment vRows = lay(arena, v);
            int split = kvLen / 3;
            kv.append(0, split, kRows, GAP, stride(k), vRows, GAP, stride(v));
            for (int pos = split; pos < kvLen; pos++) {
                kv.append(pos, kRows, GAP + pos * stride(k), vRows, GAP + pos * stride(v));
            }
            Attention attention = new Attention(arena, team, Math.max(1, rows), nHeads, nKvHeads, headDim, vHeadDim);
            MemorySegment out = guarded(arena);
            long outStride = nHeads * vHeadDim + GAP;
            attention.forward(lay(arena, q), GAP, stride(q), rows, startPos, kv, kvLen, mask, out, GAP, outStride);
            return check(out);
        }
    }

    /** Runs over plain rows and checks every output and log-sum-exp; returns the outputs. */
    float[] checkPlain(int threads) {
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(threads)) {
            Team team = pool.newTeam();
            Attention attention = new Attention(arena, team, Math.max(1, rows), nHeads, nKvHeads, headDim, vHeadDim);
            MemorySegment out = guarded(arena);
            MemorySegment lse = arena.allocate(4L * batch * nHeads * rows + 8, 4);
            attention.forward(lay(arena, q), GAP, stride(q), lay(arena, k), GAP, stride(k), lay(arena, v), GAP,
                    stride(v), batch, rows, startPos, kvLen, mask, out, GAP, nHeads * vHeadDim + GAP, lse, 1);
            for (int i = 0; i < batch * nHeads * rows; i++) {
                double[] expected = solve(i / rows / nHeads, i % rows, i / rows % nHeads);
                double value = expected[vHeadDim];
                float got = Floats.get(lse, 1 + i);
                if (Double.isInfinite(value)) {
                    assertThat(got).isEqualTo((float) value);
                } else {
                    assertThat((double) got).isCloseTo(value,
                            org.assertj.core.data.Offset.offset(1e-6 * (4 + Math.abs(value) + 3 * Math.sqrt(headDim))));
                }
            }
            return check(out);
        }
    }

    private float[] check(MemorySegment out) {
        int width = nHeads * vHeadDim;
        float[] got = new float[batch * rows * width];
        int at = 0;
        for (int i = 0; i < GAP; i++) {
            assertThat(Floats.get(out, at++)).isEqualTo(GUARD);
        }
        for (int row = 0; row < batch * rows; row++) {
            for (int head = 0; head < nHeads; head++) {
                double[] expected = solve(row / rows, row % rows, head);
                for (int d = 0; d < vHeadDim; d++) {
                    float value = Floats.get(out, at++);
                    got[row * width + head * vHeadDim + d] = value;
                    if (!(Math.abs(value - expected[d]) <= expected[vHeadDim + 1])) {
                        throw new AssertionError(this + ": row " + row + " head " + head + " dim " + d + ": " + value
                                + ", expected " + expected[d] + " within " + expected[vHeadDim + 1]);
                    }
                }
            }
            for (int i = 0; i < GAP; i++) {
                assertThat(Floats.get(out, at++)).isEqualTo(GUARD);
            }
        }
        return got;
    }

    private MemorySegment guarded(Arena arena) {
        long floats = GAP + (long) batch * rows * (nHeads * vHeadDim + GAP);
        MemorySegment out = arena.allocate(floats * 4, 4);
        Elementwise.fill(out, 0, (int) floats, GUARD);
        return out;
    }

    private static long stride(float[][] rows) {
        return rows.length == 0 ? 0 : rows[0].length + GAP;
    }

    /** Rows with gaps; the segment ends with the last row, so that reading past it fails. */
    private static MemorySegment lay(Arena arena, float[][] rows) {
        long floats = rows.length == 0 ? 0 : GAP + (rows.length - 1) * stride(rows) + rows[0].length;
        MemorySegment segment = arena.allocate(Math.max(4, floats * 4), 4);
        for (int i = 0; i < rows.length; i++) {
            MemorySegment.copy(MemorySegment.ofArray(rows[i]), 0, segment, (GAP + i * stride(rows)) * 4,
                    rows[i].length * 4L);
        }
        return segment;
    }

    @Override
    public String toString() {
        return "batch " + batch + " rows " + rows + " startPos " + startPos + " kvLen " + kvLen + " heads " + nHeads
                + "/" + nKvHeads + " dims " + headDim + "/" + vHeadDim + " " + mask;
    }
}
