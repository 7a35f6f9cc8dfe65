package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class AttentionTest {
    private static AttentionMask full(int headDim) {
        return new AttentionMask(false, 0, 0, (float) (1 / Math.sqrt(headDim)));
    }

    private static void checkEverywhere(AttentionCase problem) {
        if (problem.batch == 1) {
            problem.checkCache(DType.F32, 1);
        }
        problem.checkPlain(1);
        if (problem.batch == 1) {
            problem.roundedTo(DType.F16).checkCache(DType.F16, 1);
            problem.roundedTo(DType.Q8_0).checkCache(DType.Q8_0, 1);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 31, 48, 63, 64, 65, 80, 96, 128, 192})
    void anyHeadSize(int headDim) {
        checkEverywhere(AttentionCase.causal(9, 3, 2, 2, headDim));
        checkEverywhere(AttentionCase.causal(1, 70, 2, 1, headDim));
    }

    @Test
    void valueHeadsMayDifferFromKeyHeads() {
        for (int[] dims : new int[][] {{576, 512}, {192, 128}, {16, 5}, {5, 16}, {64, 1}}) {
            for (int rows : new int[] {1, 5}) {
                AttentionMask mask = new AttentionMask(true, 0, 0, 0.07f);
                checkEverywhere(new AttentionCase(1, rows, 70, 70 + rows, 4, 1, dims[0], dims[1], mask));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 24})
    void groupsOfQueryHeadsShareAKeyHead(int group) {
        for (int rows : new int[] {1, 2, 3, 8, 50}) {
            checkEverywhere(AttentionCase.causal(rows, 60, 2 * group, 2, 16));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
    void groupsOfQueryHeadsShareHeadsOfWholePanels(int group) {
        for (int headDim : new int[] {64, 66, 128}) {
            for (int kvLen : new int[] {1, 2, 7, 64, 129, 600}) {
                checkEverywhere(AttentionCase.causal(1, kvLen - 1, 2 * group, 2, headDim));
            }
        }
        checkEverywhere(AttentionCase.causal(3, 70, group, 1, 64));
    }

    @Test
    void everyNumberOfRowsAroundTileEdges() {
        for (int rows : new int[] {1, 2, 6, 9, 13, 23, 24, 25, 26, 48, 97, 200, 333, 1030}) {
            checkEverywhere(AttentionCase.causal(rows, 0, 1, 1, 8));
        }
    }

    @Test
    void everyCacheLengthAroundBlockEdges() {
        for (int kvLen : new int[] {1, 2, 3, 4, 5, 15, 16, 17, 62, 63, 64, 65, 66, 127, 128, 129, 511, 512, 513, 700}) {
            for (int rows : new int[] {1, 20}) {
                if (rows <= kvLen) {
                    checkEverywhere(AttentionCase.causal(rows, kvLen - rows, 1, 1, 12));
                    checkEverywhere(new AttentionCase(1, rows, 0, kvLen, 1, 1, 12, 12, full(12)));
                }
            }
        }
    }

    @Test
    void longContextsSplitKeysAndMerge() {
        checkEverywhere(AttentionCase.causal(1, 3000, 3, 1, 16));
        checkEverywhere(AttentionCase.causal(4, 2500, 2, 2, 16));
        checkEverywhere(AttentionCase.causal(30, 1400, 2, 1, 8));
        checkEverywhere(AttentionCase.causal(1, 20_000, 1, 1, 4));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 30, 63, 64, 65, 100, 5000})
    void slidingWindow(int window) {
        AttentionMask mask = new AttentionMask(true, window, 0, 0.3f);
        for (int[] shape : new int[][] {{1, 0}, {1, 200}, {1, 1500}, {7, 129}, {150, 0}, {60, 600}}) {
            checkEverywhere(AttentionCase.causal(shape[0], shape[1], 2, 1, 10).withMask(mask));
        }
    }

    @Test
    void aWindowWithoutCausalityHidesOldKeysOnly() {
        checkEverywhere(new AttentionCase(1, 100, 0, 100, 1, 1, 10, 10, new AttentionMask(false, 20, 0, 0.3f)));
    }

    @Test
    void softCap() {
        for (float cap : new float[] {0.5f, 5, 50}) {
            for (float scale : new float[] {0.1f, 3, 30}) {
                AttentionMask mask = new AttentionMask(true, 0, cap, scale);
                checkEverywhere(AttentionCase.causal(70, 10, 2, 1, 16).withMask(mask));
                checkEverywhere(AttentionCase.causal(1, 77, 2, 1, 16).withMask(mask));
            }
        }
    }

    @Test
    void paddingIsSeenByNobodyAndRowsWithoutKeysAreZero() {
        for (int kvLen : new int[] {5, 64, 200}) {
            for (int rows : new int[] {1, kvLen}) {
                boolean[] padding = new boolean[3 * kvLen];
                Arrays.fill(padding, kvLen - 2, kvLen, true);
                Arrays.fill(padding, kvLen, 2 * kvLen, true);
                for (int i = 2 * kvLen; i < 3 * kvLen; i += 3) {
                    padding[i] = true;
                }
                AttentionMask mask = new AttentionMask(false, 0, 0, 0.3f, padding);
                float[] out = new AttentionCase(3, rows, 0, kvLen, 2, 1, 12, 12, mask).checkPlain(2);
                assertThat(Arrays.copyOfRange(out, rows * 24, 2 * rows * 24)).containsOnly(0f);
            }
        }
        boolean[] all = new boolean[9];
        Arrays.fill(all, true);
        AttentionMask mask = new AttentionMask(true, 0, 0, 0.3f, all);
        assertThat(AttentionCase.causal(1, 8, 1, 1, 8).withMask(mask).checkCache(DType.F32, 1)).containsOnly(0f);
        assertThat(AttentionCase.causal(9, 0, 1, 1, 8).withMask(mask).checkCache(DType.F16, 1)).containsOnly(0f);
    }

    @Test
    void noKeysAtAllGiveZeros() {
        AttentionMask mask = new AttentionMask(false, 0, 0, 1);
        for (int rows : new int[] {1, 9}) {
            assertThat(new AttentionCase(1, rows, 0, 0, 2, 1, 8, 8, mask).checkPlain(1)).containsOnly(0f);
            assertThat(new AttentionCase(1, rows, 0, 0, 2, 1, 8, 8, mask).checkCache(DType.F32, 1)).containsOnly(0f);
        }
    }

    @Test
    void batchesOfSequences() {
        for (int rows : new int[] {1, 16, 65, 128}) {
            checkEverywhere(new AttentionCase(5, rows, 0, rows, 4, 2, 32, 32, full(32)));
            AttentionMask causal = new AttentionMask(true, 0, 0, 0.2f);
            checkEverywhere(new AttentionCase(3, rows, 0, rows, 2, 2, 20, 20, causal));
        }
    }

    @Test
    void extremeScores() {
        for (float factor : new float[] {1e-20f, 100, 3000}) {
            for (int rows : new int[] {1, 40}) {
                AttentionCase problem = AttentionCase.causal(rows, 100, 1, 1, 16);
                for (float[] row : problem.q) {
                    for (int i = 0; i < row.length; i++) {
                        row[i] *= factor;
                    }
                }
                problem.checkCache(DType.F32, 1);
                problem.checkPlain(1);
            }
        }
    }

    @Test
    void equalScoresGiveTheMeanOfValues() {
        AttentionCase problem = AttentionCase.causal(64, 100, 1, 1, 16);
        for (float[] row : problem.k) {
            Arrays.fill(row, 7f);
        }
        problem.checkCache(DType.F32, 1);
        problem.checkPlain(1);
    }

    @Test
    void aNaNReachesTheOutput() {
        for (int rows : new int[] {1, 40}) {
            AttentionCase problem = AttentionCase.causal(rows, 0, 1, 1, 16);
            try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(1)) {
                KvBuffer kv = new KvBuffer(arena, DType.F16, rows, 1, 16, 16);
                MemorySegment row = arena.allocate(64L * rows, 64);
                Floats.set(row, 3, Float.NaN);
                kv.append(0, row, 0, row, 0);
                MemorySegment q = arena.allocate(64L * rows, 64);
                MemorySegment out = arena.allocate(64L * rows, 64);
                new Attention(arena, pool.newTeam(), rows, 1, 1, 16, 16)
                        .forward(q, 0, 16, rows, 0, kv, rows, problem.mask, out, 0, 16);
                assertThat(Floats.get(out, 3)).isNaN();
                assertThat(Floats.get(out, 16L * rows - 1)).isNaN();
            }
        }
    }

    @Test
    void cachesGiveBackWhatTheirTypeCanHold() {
        AttentionCase exact = AttentionCase.causal(70, 0, 2, 2, 40);
        AttentionCase half = AttentionCase.causal(70, 0, 2, 2, 40).roundedTo(DType.F16);
        AttentionCase bytes = AttentionCase.causal(70, 0, 2, 2, 40).roundedTo(DType.Q8_0);
        assertThat(AttentionCase.causal(70, 0, 2, 2, 40).roundedTo(DType.F32).k).isDeepEqualTo(exact.k);
        for (int pos = 0; pos < 70; pos++) {
            for (int i = 0; i < 80; i++) {
                int block = i / 40 * 40 + i % 40 / 32 * 32;
                int end = Math.min(block + 32, i / 40 * 40 + 40);
                float largest = 0;
                for (int j = block; j < end; j++) {
                    largest = Math.max(largest, Math.abs(exact.v[pos][j]));
                }
                assertThat(half.v[pos][i]).isEqualTo(Float.float16ToFloat(Float.floatToFloat16(exact.v[pos][i])));
                assertThat(bytes.v[pos][i]).isCloseTo(exact.v[pos][i], within(largest / 253));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, names = {"F32", "F16", "Q8_0"})
    void positionsCanBeCopiedAndMovedTowardsZero(DType type) {
        try (Arena arena = Arena.ofConfined()) {
            KvBuffer kv = new KvBuffer(arena, type, 200, 2, 40, 72);
            KvBuffer other = new KvBuffer(arena, type, 90, 2, 40, 72);
            MemorySegment k = arena.allocate(80 * 4, 4);
            MemorySegment v = arena.allocate(144 * 4, 4);
            for (int pos = 0; pos < 200; pos++) {
                Elementwise.fill(k, 0, 80, pos + 1);
                Elementwise.fill(v, 0, 144, -pos);
                kv.append(pos, k, 0, v, 0);
            }
            other.copy(kv, 60, 3, 80);
            kv.copy(kv, 70, 50, 130);
            for (int pos = 0; pos < 80; pos++) {
                other.read(pos + 3, k, 0, v, 0);
                assertThat(FloatRow.valuesOf(k, 0, 80)).containsOnly(pos + 61);
                assertThat(FloatRow.valuesOf(v, 0, 144)).containsOnly(-pos - 60);
            }
            for (int pos = 0; pos < 180; pos++) {
                kv.read(pos, k, 0, v, 0);
                assertThat(FloatRow.valuesOf(k, 0, 80)).containsOnly(pos < 50 ? pos + 1 : pos + 21);
                assertThat(FloatRow.valuesOf(v, 0, 144)).containsOnly(pos < 50 ? -pos : -pos - 20);
            }
            assertThatThrownBy(() -> kv.copy(kv, 0, 1, 5)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> kv.copy(other, 0, 150, 60)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void resultsDoNotDependOnThreads() {
        for (AttentionCase problem : new AttentionCase[] {AttentionCase.causal(300, 0, 4, 2, 16),
                AttentionCase.causal(1, 3000, 2, 1, 16), AttentionCase.causal(50, 1500, 2, 1, 16)}) {
            float[] one = problem.checkCache(DType.F32, 1);
            assertThat(problem.checkCache(DType.F32, 2)).isEqualTo(one);
            assertThat(problem.checkCache(DType.F32, 5)).isEqualTo(one);
            float[] plain = problem.checkPlain(1);
            assertThat(problem.checkPlain(5)).isEqualTo(plain);
        }
    }

    @Tag("allocation")
    @Test
    void nothingIsAllocatedPerCall() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        AttentionMask mask = new AttentionMask(true, 50, 30, 0.2f);
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(1)) {
            for (DType type : new DType[] {DType.F32, DType.F16, DType.Q8_0}) {
                KvBuffer kv = new KvBuffer(arena, type, 800, 2, 36, 36);
                Attention attention = new Attention(arena, pool.newTeam(), 60, 4, 2, 36, 36);
                MemorySegment rows = arena.allocate(60 * 4 * 36 * 4L, 64);
                MemorySegment out = arena.allocate(60 * 4 * 36 * 4L, 64);
                long least = Long.MAX_VALUE;
                // Until the compiler has caught up: boxed vectors of interpreted code are garbage, compiled ones none.
                long deadline = System.nanoTime() + 20_000_000_000L;
                for (int round = 0; least > 0 && System.nanoTime() < deadline; round++) {
                    long before = threads.getCurrentThreadAllocatedBytes();
                    kv.append(round % 700, rows, 0, rows, 0);
                    attention.forward(rows, 0, 144, 60, 700, kv, 760, mask, out, 0, 144);
                    attention.forward(rows, 0, 144, 1, 759, kv, 760, mask, out, 0, 144);
                    attention.forward(rows, 0, 144, rows, 0, 72, rows, 0, 72, 1, 60, 0, 60, mask, out, 0, 144, null, 0);
                    least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
                }
                assertThat(least).as(type + ": bytes a call").isZero();
            }
        }
    }

    @Test
    void wrongArgumentsAreRefused() {
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(1)) {
            Team team = pool.newTeam();
            assertThatThrownBy(() -> new Attention(arena, team, 4, 3, 2, 8, 8))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("nHeads");
            assertThatThrownBy(() -> new KvBuffer(arena, DType.Q4_0, 4, 1, 8, 8))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("Q4_0");
            Attention attention = new Attention(arena, team, 4, 2, 2, 8, 8);
            KvBuffer kv = new KvBuffer(arena, DType.F32, 4, 2, 8, 8);
            MemorySegment rows = arena.allocate(4 * 16 * 4, 64);
            AttentionMask mask = full(8);
            assertThatThrownBy(() -> attention.forward(rows, 0, 16, 5, 0, kv, 4, mask, rows, 0, 16))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("rows");
            assertThatThrownBy(() -> attention.forward(rows, 1, 16, 4, 0, kv, 4, mask, rows, 0, 16))
                    .isInstanceOf(IndexOutOfBoundsException.class).hasMessageContaining("q [4, 16]");
            assertThatThrownBy(() -> attention.forward(rows, 0, 16, 4, 0, kv, 5, mask, rows, 0, 16))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("5 positions");
            assertThatThrownBy(() -> kv.append(4, rows, 0, rows, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void exp2IsWithinItsBound() {
        double worst = 0;
        for (float x = -64.5f; x <= 100; x += 0.00137f) {
            double exact = Math.pow(2, x);
            worst = Math.max(worst, Math.abs(AttentionSoftmax.exp2(x) - exact) / exact);
        }
        assertThat(worst).isLessThan(1.7e-7);
        assertThat(AttentionSoftmax.exp2(Float.NEGATIVE_INFINITY)).isZero();
        assertThat(AttentionSoftmax.exp2(-1e30f)).isZero();
        assertThat(AttentionSoftmax.exp2(0f)).isOne();
        assertThat(AttentionSoftmax.exp2(Float.NaN)).isNaN();
    }

    /** Every number that a half can be, through keys and values of a cache and back as many queries read them. */
    @Test
    void halvesWidenExactly() {
        try (Arena arena = Arena.ofConfined()) {
            KvBuffer kv = new KvBuffer(arena, DType.F16, 1024, 1, 64, 64);
            MemorySegment row = arena.allocate(4 * 64, 4);
            for (int pos = 0; pos < 1024; pos++) {
                for (int d = 0; d < 64; d++) {
                    Floats.set(row, d, Float.float16ToFloat((short) (64 * pos + d)));
                }
                kv.append(pos, row, 0, row, 0);
            }
            assertThat(kv.isFinite()).isFalse();
            MemorySegment keys = arena.allocate(4 * 64 * 20, 4);
            MemorySegment values = arena.allocate(4 * 16 * 70, 4);
            for (int pos = 0; pos < 1024; pos += 16) {
                kv.readKeys(0, pos, keys, 0, 20, 0);
                kv.readValues(0, 0, 64, pos, 16, values, 0, 70);
                for (int i = 0; i < 16 * 64; i++) {
                    Float expected = Float.float16ToFloat((short) (64 * pos + i));
                    assertThat(Floats.get(keys, i % 64 * 20 + i / 64)).isEqualTo(expected);
                    assertThat(Floats.get(values, i / 64 * 70 + i % 64)).isEqualTo(expected);
                }
            }
        }
    }
}
