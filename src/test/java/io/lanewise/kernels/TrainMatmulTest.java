package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The three products of training against sums in double precision, over shapes that leave rests in every loop. */
class TrainMatmulTest {
    @ParameterizedTest
    @CsvSource({"1, 1, 1", "5, 3, 2", "6, 64, 64", "7, 65, 63", "48, 17, 130", "100, 769, 70", "13, 1600, 129",
        "513, 40, 100", "600, 770, 65", "1700, 70, 31",
        "320, 70, 2048", "90, 1000, 1600", "520, 70, 1600"})
    void productsAgreeWithSumsInDoublePrecision(int rows, int in, int out) {
        try (Operands o = new Operands(rows, in, out, 1)) {
            o.matmul.forward(o.x, rows, in, o.w, out, o.bias, false, null, o.y);
            check(o.y, rows, out, in, (r, c, k) -> o.x(r, k) * o.w(c, k), (r, c) -> get(o.bias, c));
            o.matmul.forward(o.x, rows, in, o.w, out, o.bias, true, null, o.y);
            assertThat(get(o.y, 0)).isGreaterThanOrEqualTo(0);
            o.matmul.forward(o.x, rows, in, o.w, out, null, false, o.dY, o.y);
            check(o.y, rows, out, in, (r, c, k) -> o.x(r, k) * o.w(c, k), o::dY);
            o.matmul.inputGradient(o.dY, rows, out, o.w, in, o.dX, false);
            check(o.dX, rows, in, out, (r, c, k) -> o.dY(r, k) * o.w(k, c), (r, c) -> 0);
            o.matmul.inputGradient(o.dY, rows, out, o.w, in, o.dX, true);
            check(o.dX, rows, in, out, (r, c, k) -> 2 * o.dY(r, k) * o.w(k, c), (r, c) -> 0);
            o.matmul.weightGradient(o.dY, o.x, rows, out, in, o.dW, false);
            check(o.dW, out, in, rows, (r, c, k) -> o.dY(k, r) * o.x(k, c), (r, c) -> 0);
            o.matmul.weightGradient(o.dY, o.x, rows, out, in, o.dW, true);
            check(o.dW, out, in, rows, (r, c, k) -> 2 * o.dY(k, r) * o.x(k, c), (r, c) -> 0);
        }
    }

    @Test
    void threadsDoNotChangeABit() {
        int rows = 130;
        try (Operands one = new Operands(rows, 800, 200, 1); Operands three = new Operands(rows, 800, 200, 3)) {
            for (Operands o : new Operands[] {one, three}) {
                o.matmul.forward(o.x, rows, 800, o.w, 200, o.bias, true, null, o.y);
                o.matmul.inputGradient(o.dY, rows, 200, o.w, 800, o.dX, false);
                o.matmul.weightGradient(o.dY, o.x, rows, 200, 800, o.dW, false);
            }
            assertThat(one.y.mismatch(three.y)).isEqualTo(-1);
            assertThat(one.dX.mismatch(three.dX)).isEqualTo(-1);
            assertThat(one.dW.mismatch(three.dW)).isEqualTo(-1);
        }
    }

    private interface Term {
        double at(int row, int column, int k);
    }

    private interface Start {
        double at(int row, int column);
    }

    /** Within √terms · eps of the sum of magnitudes, at a sample of places that covers all edges. */
    private static void check(MemorySegment c, int rows, int columns, int terms, Term term, Start start) {
        int rowStep = Math.max(1, rows / 23);
        int columnStep = Math.max(1, columns / 23);
        for (int r = rows - 1; r >= 0; r -= r > rows - 8 ? 1 : rowStep) {
            for (int column = columns - 1; column >= 0; column -= column > columns - 8 ? 1 : columnStep) {
                double sum = start.at(r, column);
                double magnitude = Math.abs(sum);
                for (int k = 0; k < terms; k++) {
                    sum += term.at(r, column, k);
                    magnitude += Math.abs(term.at(r, column, k));
                }
                assertThat(Math.abs(get(c, (long) r * columns + column) - sum)).as("[%d, %d]", r, column)
                        .isLessThanOrEqualTo(magnitude * Math.ulp(1f) * (2 + Math.sqrt(terms)));
            }
        }
    }

    private static float get(MemorySegment segment, long i) {
        return segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }

    /** Random operands and a pool of their own. */
    private static final class Operands implements AutoCloseable {
        final Arena arena = Arena.ofShared();
        final ComputePool pool;
        final Team team;
        final TrainMatmul matmul;
        final int in;
        final int out;
        final MemorySegment x;
        final MemorySegment w;
        final MemorySegment bias;
        final MemorySegment dY;
        final MemorySegment y;
        final MemorySegment dX;
        final MemorySegment dW;

        Operands(int rows, int in, int out, int threads) {
            pool = new ComputePool(threads);
            team = pool.newTeam();
            team.enter();
            matmul = new TrainMatmul(arena, team);
            this.in = in;
            this.out = out;
            SplittableRandom random = new SplittableRandom(rows + 31L * in + 17L * out);
            x = random(random, (long) rows * in);
            w = random(random, (long) out * in);
            bias = random(random, out);
            dY = random(random, (long) rows * out);
            y = random(random, (long) rows * out);
            dX = random(random, (long) rows * in);
            dW = random(random, (long) out * in);
        }

        private MemorySegment random(SplittableRandom random, long count) {
            MemorySegment segment = arena.allocate(4 * count, 64);
            for (long i = 0; i < count; i++) {
                segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
            }
            return segment;
        }

        double x(int row, int column) {
            return get(x, (long) row * in + column);
        }

        double w(int row, int column) {
            return get(w, (long) row * in + column);
        }

        double dY(int row, int column) {
            return get(dY, (long) row * out + column);
        }

        @Override
        public void close() {
            team.exit();
            pool.close();
            arena.close();
        }
    }
}
