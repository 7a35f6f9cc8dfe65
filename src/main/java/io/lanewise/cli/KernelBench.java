package io.lanewise.cli;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.Attention;
import io.lanewise.kernels.AttentionMask;
import io.lanewise.kernels.KvBuffer;
import io.lanewise.kernels.Matmul;
import io.lanewise.kernels.PackedMatrix;
import io.lanewise.kernels.RoofMeter;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Machine;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * Measures the FP32 kernels by themselves, on one thread and on all: round after round over all cases, so that none has
 * the quiet minute of the machine to itself, and each between two measurements of its roof. Every product is checked
 * first.
 */
final class KernelBench {
    private static final int[][] PRODUCTS = {{512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 2048}, {512, 8960, 1536}};
    private static final int[] ONE_ROW = {1, 8960, 1536};
    private static final int HEADS = 12;
    private static final int HEAD_DIM = 64;
    private static final int SEQUENCE = 2048;
    private static final int CACHED = 4096;
    /** As long as the roofs around it, so that all see the same moods of the machine. */
    private static final long NANOS = 80_000_000L;
    /** Measurements of a case in a round. */
    private static final int TURNS = 5;
    private static final long WARM_UP_NANOS = 400_000_000L;
    private static final AttentionMask CAUSAL = new AttentionMask(true, 0, 0, 0.125f);

    /** A kernel on so many threads: {@code work} units (operations or bytes, in billions) a run. */
    private record Case(String name, int threads, boolean reads, double work, Runnable run, double[] rates, double[] roofs) {
        Samples shares() {
            return new Samples(rates).over(new Samples(roofs));
        }

        double roof(RoofMeter meter) {
            return reads ? meter.read(threads) : meter.fma(threads);
        }
    }

    private final Arena arena;
    private final List<Case> cases = new ArrayList<>();
    private final SplittableRandom random = new SplittableRandom(1);
    private final int samples;

    private KernelBench(Arena arena, int samples) {
        this.arena = arena;
        this.samples = samples;
    }

    /** @return the report: lines for people, or one line of JSON */
    static List<String> run(int threads, int rounds, boolean json, Consumer<String> progress) {
        try (Arena arena = Arena.ofShared(); ComputePool single = new ComputePool(1);
                ComputePool all = new ComputePool(threads)) {
            KernelBench bench = new KernelBench(arena, rounds * TURNS);
            for (ComputePool pool : threads == 1 ? List.of(single) : List.of(single, all)) {
                progress.accept("packing and checking");
                bench.addCases(pool);
            }
            bench.measure(threads, rounds, progress);
            return json ? List.of(Json.of(bench.asMap())) : bench.lines();
        }
    }

    private void addCases(ComputePool pool) {
        for (int[] product : PRODUCTS) {
            addProduct(pool, product, 1);
        }
        addProduct(pool, ONE_ROW, copiesBeyondCache(4L * ONE_ROW[1] * ONE_ROW[2]));
        addPrefillAttention(pool);
        addDecodeAttention(pool);
    }

    private static int copiesBeyondCache(long bytes) {
        return (int) (4L * Machine.L3_BYTES / bytes) + 1;
    }

    /** y [M, N] = x [M, K] · Wᵀ; where memory is what counts, over several matrices in turn. */
    private void addProduct(ComputePool pool, int[] mnk, int copies) {
        int m = mnk[0];
        int n = mnk[1];
        int k = mnk[2];
        Tensor x = randomTensor(m, k);
        Tensor w = randomTensor(n, k);
        Tensor y = Tensor.allocate(arena, m, n);
        List<PackedMatrix> packed = new ArrayList<>();
        for (int copy = 0; copy < copies; copy++) {
            packed.add(PackedMatrix.pack(pool, arena, w));
        }
        Matmul matmul = new Matmul(arena, pool.newTeam(), m, k);
        Runnable run = () -> packed.forEach(matrix -> {
            matmul.begin(x.segment(), 0, k, m, k);
            matmul.add(matrix, null, Activation.NONE, false, y.segment(), 0, n);
            matmul.run();
        });
        run.run();
        check(x, w, y);
        boolean reads = copies > 1;
        double work = reads ? 4e-9 * n * k * copies : 2e-9 * m * n * k;
        add("matmul " + m + "x" + n + "x" + k, pool, reads, work, run);
    }

    /** Some elements against sums in double precision. */
    private void check(Tensor x, Tensor w, Tensor y) {
        int inDim = x.shape().size(1);
        for (int i = 0; i < 100; i++) {
            int row = random.nextInt(y.shape().size(0));
            int column = random.nextInt(y.shape().size(1));
            double sum = 0;
            for (int j = 0; j < inDim; j++) {
                sum += (double) x.get(row, j) * w.get(column, j);
            }
            if (!(Math.abs(y.get(row, column) - sum) <= 1e-5 * Math.sqrt(inDim))) {
                throw new IllegalStateException("matmul: y[" + row + ", " + column + "] of " + y.shape() + " is "
                        + y.get(row, column) + ", expected " + sum);
            }
        }
    }

    /** All positions of a sequence at once; the operations that the causal mask leaves. */
    private void addPrefillAttention(ComputePool pool) {
        int dim = HEADS * HEAD_DIM;
        Tensor q = randomTensor(SEQUENCE, dim);
        Tensor out = Tensor.allocate(arena, SEQUENCE, dim);
        KvBuffer kv = filledCache(DType.F32, SEQUENCE);
        Team team = pool.newTeam();
        Attention attention = new Attention(arena, team, SEQUENCE, HEADS, HEADS, HEAD_DIM, HEAD_DIM);
        add("attention " + HEADS + "x" + HEAD_DIM + ", " + SEQUENCE + " causal", pool, false,
                4e-9 * dim * SEQUENCE * (SEQUENCE + 1.0) / 2, () -> {
                    team.enter();
                    attention.forward(q.segment(), 0, dim, SEQUENCE, 0, kv, SEQUENCE, CAUSAL, out.segment(), 0, dim);
                    team.exit();
                });
    }

    /** One position after many, over the caches of several layers in turn. */
    private void addDecodeAttention(ComputePool pool) {
        int dim = HEADS * HEAD_DIM;
        Tensor q = randomTensor(1, dim);
        Tensor out = Tensor.allocate(arena, 1, dim);
        List<KvBuffer> layers = new ArrayList<>();
        do {
            layers.add(filledCache(DType.F16, CACHED));
        } while (layers.size() < copiesBeyondCache(layers.getFirst().byteSize()));
        Team team = pool.newTeam();
        Attention attention = new Attention(arena, team, 1, HEADS, HEADS, HEAD_DIM, HEAD_DIM);
        add("attention " + HEADS + "x" + HEAD_DIM + ", 1 after " + (CACHED - 1) + " F16", pool, true,
                1e-9 * layers.size() * layers.getFirst().byteSize(), () -> {
                    team.enter();
                    layers.forEach(kv -> attention.forward(q.segment(), 0, dim, 1, CACHED - 1, kv, CACHED, CAUSAL,
                            out.segment(), 0, dim));
                    team.exit();
                });
    }

    private KvBuffer filledCache(DType type, int positions) {
        int dim = HEADS * HEAD_DIM;
        KvBuffer kv = new KvBuffer(arena, type, positions, HEADS, HEAD_DIM, HEAD_DIM);
        Tensor row = randomTensor(1, dim);
        for (int pos = 0; pos < positions; pos++) {
            kv.append(pos, row.segment(), 0, row.segment(), 0);
        }
        return kv;
    }

    private Tensor randomTensor(int rows, int cols) {
        Tensor tensor = Tensor.allocate(arena, rows, cols);
        float[] values = new float[cols];
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < cols; i++) {
                values[i] = random.nextFloat() - 0.5f;
            }
            tensor.row(row).copyFrom(values);
        }
        return tensor;
    }

    private void add(String name, ComputePool pool, boolean reads, double work, Runnable run) {
        cases.add(new Case(name, pool.threads(), reads, work, run, new double[samples], new double[samples]));
    }

    private void measure(int threads, int rounds, Consumer<String> progress) {
        progress.accept("warming up");
        cases.forEach(each -> rate(each, WARM_UP_NANOS));
        try (RoofMeter meter = new RoofMeter(threads)) {
            for (int round = 0; round < rounds; round++) {
                for (Case each : cases) {
                    progress.accept("round " + (round + 1) + " of " + rounds + ": " + each.name());
                    double before = each.roof(meter);
                    for (int i = round * TURNS; i < (round + 1) * TURNS; i++) {
                        each.rates()[i] = rate(each, NANOS);
                        double after = each.roof(meter);
                        each.roofs()[i] = (before + after) / 2;
                        before = after;
                    }
                }
            }
        }
    }

    /** Billions of units a second. */
    private static double rate(Case each, long nanos) {
        long start = System.nanoTime();
        long now = start;
        int runs = 0;
        for (; now - start < nanos; now = System.nanoTime()) {
            each.run().run();
            runs++;
        }
        return runs * each.work() * 1e9 / (now - start);
    }

    private List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(Units.format("%-36s %7s %12s %19s  %s", "FP32 kernel", "threads", "median", "roof", "share of roof"));
        for (Case each : cases) {
            lines.add(Units.format("%-36s %7d %10.1f %-7s %11.1f  %s", each.name(), each.threads(),
                    new Samples(each.rates()).median(), unit(each), new Samples(each.roofs()).median(),
                    BenchReport.quartiles("%.2f", each.shares())));
        }
        return lines;
    }

    private static String unit(Case each) {
        return each.reads() ? "GB/s" : "GFLOP/s";
    }

    private Map<String, Object> asMap() {
        List<Map<String, Object>> kernels = new ArrayList<>();
        for (Case each : cases) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("kernel", each.name());
            map.put("threads", each.threads());
            map.put("unit", unit(each));
            map.put("rates", each.rates());
            map.put("roofs", each.roofs());
            map.put("median", new Samples(each.rates()).median());
            map.put("shareOfRoof", each.shares().median());
            kernels.add(map);
        }
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("kernels", kernels);
        return map;
    }
}
