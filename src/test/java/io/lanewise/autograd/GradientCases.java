package io.lanewise.autograd;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.Dropout;
import io.lanewise.kernels.RopeScaling;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.kernels.RopeTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/** Every gradient rule on shapes with remainders of every kind: of vectors, of tiles, of blocks. */
final class GradientCases {
    private static final float EPS = 1e-5f;
    private static final long DROPOUT_SEED = 77;

    private GradientCases() {}

    static List<GradientCase> all() {
        List<GradientCase> cases = new ArrayList<>();
        linear(cases);
        elementwise(cases);
        norms(cases);
        attention(cases);
        moves(cases);
        losses(cases);
        return cases;
    }

    private static void linear(List<GradientCase> cases) {
        for (int[] s : new int[][] {{5, 7, 3}, {33, 65, 17}, {1, 1, 1}, {6, 64, 64}, {70, 130, 66}, {13, 500, 9},
            {500, 20, 70}}) {
            String size = " " + s[0] + "x" + s[1] + "x" + s[2];
            double ulps = 4 + Math.sqrt(Math.max(s[0], Math.max(s[1], s[2])));
            long[][] shapes = {{s[0], s[1]}, {s[2], s[1]}, {s[2]}};
            cases.add(new GradientCase("linear" + size, Rule.LINEAR, ulps,
                    new Oracles.Linear(s[0], s[1], s[2], false, false), (t, x) -> t.linear(x[0], x[1], x[2]), shapes));
            cases.add(new GradientCase("linear relu" + size, Rule.LINEAR_RELU, ulps,
                    new Oracles.Linear(s[0], s[1], s[2], true, false),
                    (t, x) -> t.linear(x[0], x[1], x[2], Activation.RELU, null), shapes));
            cases.add(new GradientCase("linear residual" + size, Rule.LINEAR_RESIDUAL, ulps,
                    new Oracles.Linear(s[0], s[1], s[2], false, true),
                    (t, x) -> t.linear(x[0], x[1], x[2], Activation.NONE, x[3]), new long[] {s[0], s[1]},
                    new long[] {s[2], s[1]}, new long[] {s[2]}, new long[] {s[0], s[2]}));
        }
    }

    private static void elementwise(List<GradientCase> cases) {
        for (Activation act : Activation.values()) {
            cases.add(new GradientCase("activation " + act, Rule.ACTIVATION, 8,
                    new Oracles.Map(v -> Oracles.value(act, v), v -> Oracles.slope(act, v)),
                    (t, x) -> t.activation(act, x[0]), new long[] {5, 37}));
            cases.add(new GradientCase("gated " + act, Rule.GATED, 8, new Oracles.Gated(act, 35),
                    (t, x) -> t.gated(act, x[0]), new long[] {5, 70}));
        }
        cases.add(new GradientCase("add", Rule.ADD, 1, sparse(111, new int[] {111, 111},
                i -> new double[][] {{i, 0, i, 1}, {i, 1, i, 1}}), (t, x) -> t.add(x[0], x[1]), new long[] {3, 37},
                new long[] {3, 37}));
        cases.add(new GradientCase("mul", Rule.MUL, 1, new Oracles.Product(), (t, x) -> t.mul(x[0], x[1]),
                new long[] {3, 37}, new long[] {3, 37}));
        cases.add(new GradientCase("scale", Rule.SCALE, 1, new Oracles.Map(v -> -2.5 * v, v -> -2.5),
                (t, x) -> t.scale(x[0], -2.5f), new long[] {3, 37}));
    }

    private static void norms(List<GradientCase> cases) {
        for (int n : new int[] {37, 64, 100, 3}) {
            long[][] shapes = {{19, n}, {n}, {n}};
            cases.add(new GradientCase("layer norm " + n, Rule.LAYER_NORM, 40, new Oracles.Norm(n, true, EPS),
                    (t, x) -> t.layerNorm(x[0], x[1], x[2], EPS), shapes));
            cases.add(new GradientCase("rms norm " + n, Rule.RMS_NORM, 20, new Oracles.Norm(n, false, EPS),
                    (t, x) -> t.rmsNorm(x[0], x[1], EPS), shapes[0], shapes[1]));
        }
    }

    private static void attention(List<GradientCase> cases) {
        int[][] sizes = {{2, 19, 3, 3, 20}, {1, 70, 4, 2, 16}, {2, 20, 6, 2, 8}, {1, 130, 1, 1, 64}, {3, 1, 2, 1, 5},
            {1, 65, 2, 2, 36}};
        for (int[] s : sizes) {
            for (boolean causal : new boolean[] {true, false}) {
                cases.add(new GradientCase(
                        "attention " + s[1] + " of " + s[2] + "/" + s[3] + "x" + s[4] + (causal ? " causal" : ""),
                        Rule.ATTENTION, 60, new Oracles.Attention(s[0], s[1], s[2], s[3], s[4], causal),
                        (t, x) -> t.attention(x[0], s[2], s[3], s[4], causal),
                        new long[] {s[0], s[1], (s[2] + 2L * s[3]) * s[4]}));
            }
        }
        for (RopeStyle style : RopeStyle.values()) {
            for (int start : new int[] {0, 100}) {
                RopeTable table = new RopeTable(style, 20, 10_000, RopeScaling.none());
                cases.add(new GradientCase("rope " + style + " from " + start, Rule.ROPE, 3,
                        new Oracles.Rope(style, 9, 70, 3, 20, start), (t, x) -> t.rope(x[0], table, 3, 20, start),
                        new long[] {2, 9, 70}));
            }
        }
    }

    private static void moves(List<GradientCase> cases) {
        int[] ids = {3, 0, 3, 10, 3, 7};
        cases.add(new GradientCase("embedding", Rule.EMBEDDING, 2,
                sparse(6 * 70, new int[] {11 * 70}, i -> new double[][] {{i, 0, ids[i / 70] * 70 + i % 70, 1}}),
                (t, x) -> t.embedding(x[0], ids, 2, 3), new long[] {11, 70}));
        cases.add(new GradientCase("positions", Rule.POSITIONS, 2,
                sparse(3 * 5 * 7, new int[] {105, 42}, i -> new double[][] {{i, 0, i, 1}, {i, 1, i % 35, 1}}),
                (t, x) -> t.addPositions(x[0], x[1]), new long[] {3, 5, 7}, new long[] {6, 7}));
        cases.add(new GradientCase("mean pool", Rule.MEAN_POOL, 3, sparse(3 * 37, new int[] {3 * 5 * 37}, i -> {
            double[][] terms = new double[5][];
            for (int t = 0; t < 5; t++) {
                terms[t] = new double[] {i, 0, (i / 37 * 5 + t) * 37 + i % 37, 0.2};
            }
            return terms;
        }), (t, x) -> t.meanPool(x[0]), new long[] {3, 5, 37}));
        cases.add(new GradientCase("slice", Rule.SLICE, 1,
                sparse(6 * 20, new int[] {6 * 37}, i -> new double[][] {{i, 0, i / 20 * 37 + 3 + i % 20, 1}}),
                (t, x) -> t.slice(x[0], 3, 23), new long[] {2, 3, 37}));
        cases.add(new GradientCase("concat", Rule.CONCAT, 1, sparse(6 * 24, new int[] {42, 102},
                i -> new double[][] {i % 24 < 7 ? new double[] {i, 0, i / 24 * 7 + i % 24, 1}
                        : new double[] {i, 1, i / 24 * 17 + i % 24 - 7, 1}}),
                (t, x) -> t.concat(x[0], x[1]), new long[] {2, 3, 7}, new long[] {2, 3, 17}));
        float[] mask = dropoutMask(3 * 50, 0.3f);
        cases.add(new GradientCase("dropout", Rule.DROPOUT, 2,
                sparse(150, new int[] {150}, i -> new double[][] {{i, 0, i, mask[i]}}),
                (t, x) -> t.seed(DROPOUT_SEED).dropout(x[0], 0.3f), new long[] {3, 50}));
    }

    /** What the first operation of a step multiplies with: dropout is linear, so the mask is its image of ones. */
    private static float[] dropoutMask(int n, float p) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ones = arena.allocate(4L * n);
            for (int i = 0; i < n; i++) {
                ones.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1f);
            }
            Dropout.apply(Tape.dropoutSeed(DROPOUT_SEED, 0), p, 0, ones, 0, ones, 0, n, false);
            return ones.toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    private static void losses(List<GradientCase> cases) {
        cases.add(new GradientCase("softmax", Rule.SOFTMAX, 8, new Oracles.Softmax(37, false),
                (t, x) -> t.softmax(x[0]), new long[] {7, 37}));
        cases.add(new GradientCase("log softmax", Rule.LOG_SOFTMAX, 12, new Oracles.Softmax(37, true),
                (t, x) -> t.logSoftmax(x[0]), new long[] {7, 37}));
        int[] targets = {0, 64, -1, 5, 5, -1, 33};
        cases.add(new GradientCase("cross entropy", Rule.CROSS_ENTROPY, 8, new Oracles.CrossEntropy(65, targets),
                (t, x) -> t.crossEntropy(x[0], targets, -1), new long[] {7, 65}));
    }

    private static GradientCase.Oracle sparse(int size, int[] inputSizes, IntFunction<double[][]> termsOf) {
        List<double[]> terms = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            terms.addAll(List.of(termsOf.apply(i)));
        }
        return new Oracles.Sparse(size, inputSizes, terms.toArray(double[][]::new));
    }
}
