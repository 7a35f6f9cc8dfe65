package io.lanewise.nn;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.Matmul;
import io.lanewise.kernels.PackedMatrix;
import io.lanewise.nn.ExpertRouting.Gating;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class MixtureOfExpertsTest {
    private static final int DIM = 24;
    private static final int FFN = 37;
    private static final int SHARED = 19;

    private final ComputePool pool = new ComputePool(3);
    private final Arena arena = Arena.ofShared();
    private final Random random = new Random(5);

    @AfterEach
    void close() {
        arena.close();
        pool.close();
    }

    /** A tensor in memory as if it lay in a file. */
    private record Source(String name, Tensor tensor) implements TensorSource {
        @Override
        public DType dtype() {
            return tensor.dtype();
        }

        @Override
        public Shape shape() {
            return tensor.shape();
        }

        @Override
        public Tensor map() {
            return tensor;
        }

        @Override
        public void read(long offset, MemorySegment target) {
            MemorySegment.copy(tensor.segment(), offset, target, 0, target.byteSize());
        }
    }

    private Tensor random(long... dims) {
        Tensor tensor = Tensor.allocate(arena, dims);
        float[] values = new float[(int) tensor.shape().elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return tensor.copyFrom(values);
    }

    /** A mixture with its weights as they were, for the oracle. */
    private final class Case {
        final ExpertRouting routing;
        final boolean shared;
        final boolean gated;
        final Tensor router;
        final Tensor gates;
        final Tensor ups;
        final Tensor downs;
        final Tensor sharedGate = random(SHARED, DIM);
        final Tensor sharedUp = random(SHARED, DIM);
        final Tensor sharedDown = random(DIM, SHARED);
        final Tensor share = random(1, DIM);
        final PackedExperts experts;
        final MixtureWeights weights;

        Case(ExpertRouting routing, boolean shared, boolean gated) {
            this.routing = routing;
            this.shared = shared;
            this.gated = gated;
            int n = routing.nExperts();
            router = random(n, DIM);
            gates = random(n, FFN, DIM);
            ups = random(n, FFN, DIM);
            downs = random(n, DIM, FFN);
            experts = new PackedExperts(pool, arena, PackedExperts.Place.stacked(new Source("gate", gates), n),
                    PackedExperts.Place.stacked(new Source("up", ups), n),
                    PackedExperts.Place.stacked(new Source("down", downs), n), FFN, DIM);
            weights = new MixtureWeights(linear(router), null, experts,
                    shared ? new Linear(PackedMatrix.packGated(pool, arena, new Source("g", sharedGate),
                            new Source("u", sharedUp)), null) : null,
                    shared ? linear(sharedDown) : null, gated ? linear(share) : null);
        }

        private Linear linear(Tensor w) {
            return new Linear(PackedMatrix.pack(pool, arena, w), null);
        }

        float[] run(ComputePool threads, Tensor x, Tensor before, int rows, int batch) {
            Team team = threads.newTeam();
            Matmul matmul = new Matmul(arena, team, batch, Math.max(DIM, FFN));
            MixtureOfExperts mixture = new MixtureOfExperts(arena, team, matmul, routing, Activation.SILU, batch, DIM, FFN,
                    shared ? SHARED : 0, gated);
            Tensor y = Tensor.allocate(arena, rows, DIM).copyFrom(before.toFloatArray());
            team.enter();
            for (int row = 0; row < rows; row += batch) {
                int count = Math.min(batch, rows - row);
                mixture.forward(weights, x.slice(0, row, row + count), count, y.slice(0, row, row + count));
            }
            team.exit();
            return y.toFloatArray();
        }

        double[] expected(Tensor x, Tensor before, int row) {
            int n = routing.nExperts();
            double[] y = new double[DIM];
            for (int i = 0; i < DIM; i++) {
                y[i] = before.get(row, i);
            }
            Tensor logits = Tensor.allocate(arena, n);
            for (int expert = 0; expert < n; expert++) {
                logits.set((float) dot(router, expert, x, row), expert);
            }
            int[] chosen = new int[routing.topK()];
            float[] share = new float[routing.topK()];
            new Router(routing).choose(logits.segment(), 0, null, chosen, share, 0);
            for (int i = 0; i < chosen.length; i++) {
                addAnswer(y, share[i], gates.row(chosen[i]), ups.row(chosen[i]), downs.row(chosen[i]), x, row);
            }
            if (shared) {
                double factor = gated ? 1 / (1 + Math.exp(-dot(this.share, 0, x, row))) : 1;
                addAnswer(y, factor, sharedGate, sharedUp, sharedDown, x, row);
            }
            return y;
        }
    }

    private static double dot(Tensor w, int out, Tensor x, int row) {
        double sum = 0;
        for (int i = 0; i < DIM; i++) {
            sum += (double) w.get(out, i) * x.get(row, i);
        }
        return sum;
    }

    private static void addAnswer(double[] y, double factor, Tensor gate, Tensor up, Tensor down, Tensor x, int row) {
        int ffn = gate.shape().size(0);
        for (int h = 0; h < ffn; h++) {
            double g = dot(gate, h, x, row);
            double hidden = g / (1 + Math.exp(-g)) * dot(up, h, x, row);
            for (int i = 0; i < DIM; i++) {
                y[i] += factor * hidden * down.get(i, h);
            }
        }
    }

    private void forEachCase(BiConsumer<String, Case> test) {
        for (Gating gating : Gating.values()) {
            test.accept(gating + " alone", new Case(ExpertRouting.plain(7, 2, gating, true), false, false));
            test.accept(gating + " shared", new Case(ExpertRouting.plain(5, 3, gating, false), true, false));
            test.accept(gating + " gated", new Case(ExpertRouting.plain(16, 1, gating, false), true, true));
        }
        test.accept("groups", new Case(new ExpertRouting(12, 3, Gating.SIGMOID, 4, 2, true, 2.5f), true, false));
        test.accept("all of one", new Case(ExpertRouting.plain(1, 1, Gating.SOFTMAX, true), false, false));
    }

    @Test
    void everyVariantAgreesWithTheOracleInBatchesChunksAndOneByOne() {
        forEachCase((name, c) -> {
            int rows = 23;
            Tensor x = random(rows, DIM);
            Tensor before = random(rows, DIM);
            for (int batch : new int[] {rows, 7, 2, 1}) {
                float[] y = c.run(pool, x, before, rows, batch);
                for (int row = 0; row < rows; row++) {
                    double[] expected = c.expected(x, before, row);
                    for (int i = 0; i < DIM; i++) {
                        double scale = 1 + Math.abs(expected[i]);
                        assertThat(Math.abs(y[row * DIM + i] - expected[i]) / scale)
                                .as("%s, batches of %d, y[%d, %d]", name, batch, row, i).isLessThan(2e-4);
                    }
                }
            }
        });
    }

    @Test
    void resultsDoNotDependOnThreadsOrTheTokensBeside() {
        Case c = new Case(new ExpertRouting(12, 3, Gating.SIGMOID, 4, 2, true, 2.5f), true, true);
        Tensor x = random(40, DIM);
        Tensor before = random(40, DIM);
        float[] all = c.run(pool, x, before, 40, 40);
        try (ComputePool one = new ComputePool(1)) {
            assertThat(c.run(one, x, before, 40, 40)).isEqualTo(all);
            assertThat(c.run(one, x, before, 40, 1)).isEqualTo(all);
        }
        assertThat(c.run(pool, x, before, 40, 9)).isEqualTo(all);
    }

    @Test
    void expertsThatNoTokenGoesToAreNeverPacked() {
        Case c = new Case(ExpertRouting.plain(16, 2, Gating.SOFTMAX, true), false, false);
        assertThat(c.experts.packedCount()).isZero();
        assertThat(c.experts.byteSize()).isZero();
        c.run(pool, random(1, DIM), random(1, DIM), 1, 1);
        assertThat(c.experts.packedCount()).isEqualTo(2);
        c.experts.packAll();
        assertThat(c.experts.packedCount()).isEqualTo(16);
        assertThat(c.experts.byteSize()).isEqualTo(16 * (c.experts.gateUp(0).byteSize() + c.experts.down(0).byteSize()));
    }

    @Tag("allocation")
    @Test
    void aCallAllocatesNothing() {
        Case c = new Case(new ExpertRouting(12, 3, Gating.SIGMOID, 4, 2, true, 2.5f), true, true);
        Team team = pool.newTeam();
        Matmul matmul = new Matmul(arena, team, 8, Math.max(DIM, FFN));
        MixtureOfExperts mixture =
                new MixtureOfExperts(arena, team, matmul, c.routing, Activation.SILU, 8, DIM, FFN, SHARED, true);
        Tensor x = random(8, DIM);
        Tensor y = random(8, DIM);
        com.sun.management.ThreadMXBean threads =
                (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long own = Thread.currentThread().threadId();
        long least = Long.MAX_VALUE;
        long deadline = System.nanoTime() + 40_000_000_000L;
        while (least > 0 && System.nanoTime() < deadline) {
            long before = 0;
            for (int i = 0; i < 600; i++) {
                before = i == 500 ? threads.getThreadAllocatedBytes(own) : before;
                team.enter();
                mixture.forward(c.weights, x, 8, y);
                mixture.forward(c.weights, x, 1, y);
                team.exit();
            }
            least = Math.min(least, threads.getThreadAllocatedBytes(own) - before);
        }
        assertThat(least).isZero();
    }
}
