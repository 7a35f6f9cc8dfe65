package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MatmulTest {
    private static final int NR = FloatTile.NR;
    private static final DType[] PLAIN = {DType.F32, DType.F16, DType.BF16};

    private final ComputePool pool = new ComputePool(2);
    private final Team team = pool.newTeam();
    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
        pool.close();
    }

    private void verify(DType dtype, int rows, int out, int in) {
        MatmulCase c = new MatmulCase(arena, dtype, rows, out, in, rows * 31L + out * 7L + in);
        c.check(c.multiply(arena, team, c.pack(pool, arena), false, Activation.NONE, false), false, false,
                Activation.NONE, false);
    }

    @Test
    void everyRemainderOfRowsOutputsAndDepthIsRight() {
        for (DType dtype : PLAIN) {
            for (int rows : new int[] {1, 2, 3, 4, 5, 6, 7, 11, 13}) {
                for (int out : new int[] {1, 2, Lanes.FLOATS - 1, Lanes.FLOATS + 1, NR - 1, NR, NR + 1, 2 * NR + 3}) {
                    for (int in : new int[] {1, 2, 3, 17, 63, 64, 65}) {
                        verify(dtype, rows, out, in);
                    }
                }
            }
        }
    }

    @Test
    void everySmallSizeIsRight() {
        for (int n = 1; n <= 2 * Lanes.FLOATS + 1; n++) {
            verify(DType.F32, 7, n, 19);
            verify(DType.BF16, 2, n, n);
            verify(DType.F16, 1, 5, n);
            verify(DType.F32, n, 9, n);
        }
    }

    @Test
    void depthsAroundTheBlockLimitAreRight() {
        int kc = Blocks.OF_MACHINE.kc();
        for (DType dtype : PLAIN) {
            for (int in : new int[] {kc - 1, kc, kc + 1, 2 * kc + 5}) {
                verify(dtype, 1, NR + 1, in);
                verify(dtype, 7, NR + 1, in);
            }
        }
    }

    @Test
    void moreRowsThanOneUnitHoldsAreRight() {
        verify(DType.F32, Blocks.OF_MACHINE.mc() + 7, NR + 3, 33);
        verify(DType.F16, 2 * Blocks.OF_MACHINE.mc() + 1, 3, 8);
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void biasActivationAndResidualAreFused(Activation activation) {
        for (int rows : new int[] {1, 8}) {
            for (int out : new int[] {NR, NR + 5}) {
                for (int in : new int[] {40, Blocks.OF_MACHINE.kc() + 9}) {
                    MatmulCase c = new MatmulCase(arena, DType.BF16, rows, out, in, 5);
                    PackedMatrix w = c.pack(pool, arena);
                    for (boolean bias : new boolean[] {false, true}) {
                        for (boolean add : new boolean[] {false, true}) {
                            c.check(c.multiply(arena, team, w, bias, activation, add), false, bias, activation, add);
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void gatedMatricesGiveActivatedGateTimesUp(Activation activation) {
        for (DType dtype : PLAIN) {
            for (int rows : new int[] {1, 9}) {
                MatmulCase c = new MatmulCase(arena, dtype, rows, NR + 7, 70, 6);
                PackedMatrix w = c.packGated(pool, arena);
                assertThat(w.gated()).isTrue();
                assertThat(w.outDim()).isEqualTo(NR + 7);
                for (boolean add : new boolean[] {false, true}) {
                    c.check(c.multiply(arena, team, w, false, activation, add), true, false, activation, add);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void everyTypeWithACodecMultiplies(DType dtype) {
        if (WeightCodec.of(dtype).filter(WeightCodec::encodes).isEmpty()) {
            return;
        }
        assertThat(PackedMatrix.supports(dtype)).isTrue();
        for (int rows : new int[] {1, 5, 16}) {
            verify(dtype, rows, NR + 3, 512);
        }
    }

    @Test
    void byteWeightsAreRightForAnyNumberOfBlocksAndOutputs() {
        for (int rows : new int[] {1, 2, 7}) {
            for (int out : new int[] {1, Lanes.FLOATS + 1, NR - 1, NR, 2 * NR + 3}) {
                for (int in : new int[] {32, 64, 96, Blocks.OF_MACHINE.kc() + 32}) {
                    verify(DType.Q8_0, rows, out, in);
                }
            }
        }
    }

    @Test
    void fiveAndSixBitWeightsAreRightForAnyNumberOfRowsBlocksAndOutputs() {
        for (int rows : new int[] {1, 2, 7}) {
            for (int out : new int[] {1, Lanes.FLOATS + 1, NR - 1, NR, 2 * NR + 3}) {
                for (int in : new int[] {256, 768, 2 * Blocks.OF_MACHINE.kc() + 256}) {
                    verify(DType.Q5_K, rows, out, in);
                    verify(DType.Q6_K, rows, out, in);
                }
            }
        }
    }

    @Test
    void oneRowDiffersFromTheSameAmongOthersByRoundingOnly() {
        for (DType dtype : new DType[] {DType.Q8_0, DType.F16, DType.BF16}) {
            MatmulCase c = new MatmulCase(arena, dtype, 9, 2 * NR + 9, 2 * Blocks.OF_MACHINE.kc() + 96, 4);
            PackedMatrix w = c.pack(pool, arena);
            Matmul matmul = new Matmul(arena, team, 9, c.in);
            MemorySegment y = c.newY(arena);
            for (int row = 0; row < 9; row++) {
                matmul.begin(c.x, c.xOff + (long) row * c.xStride, c.xStride, 1, c.in);
                matmul.add(w, null, Activation.NONE, false, y, c.yOff + (long) row * c.yStride, c.yStride);
                matmul.run();
            }
            c.check(c.read(y), false, false, Activation.NONE, false);
        }
    }

    private static final DType[] FOUR_BITS = {DType.Q4_0, DType.Q4_1, DType.Q4_K};

    @Test
    void fourBitWeightsAreRightForAnyNumberOfRowsBlocksAndOutputs() {
        for (DType dtype : FOUR_BITS) {
            int block = dtype.blockLength();
            for (int rows : new int[] {1, 2, 3, 4, 5, 6, 7, 13}) {
                for (int out : new int[] {1, Lanes.FLOATS + 1, NR - 1, NR, 2 * NR + 3}) {
                    for (int in : new int[] {block, 3 * block}) {
                        verify(dtype, rows, out, in);
                    }
                }
            }
            verify(dtype, 1, NR + 1, 2 * Blocks.OF_MACHINE.kc() + block);
            verify(dtype, 8, NR + 1, 2 * Blocks.OF_MACHINE.kc() + block);
            verify(dtype, Blocks.OF_MACHINE.mc() + 7, NR, block);
        }
    }

    @Test
    void gatedFourBitWeightsGiveActivatedGateTimesUp() {
        for (DType dtype : FOUR_BITS) {
            for (int rows : new int[] {1, 9}) {
                MatmulCase c = new MatmulCase(arena, dtype, rows, 2 * NR + 7, 256, 6);
                PackedMatrix w = c.packGated(pool, arena);
                for (boolean add : new boolean[] {false, true}) {
                    c.check(c.multiply(arena, team, w, false, Activation.SILU, add), true, false, Activation.SILU, add);
                }
            }
        }
    }

    @Test
    void fourBitWeightsTakeBiasActivationAndResidual() {
        for (int rows : new int[] {1, 8}) {
            for (int out : new int[] {NR, NR + 5}) {
                MatmulCase c = new MatmulCase(arena, DType.Q4_0, rows, out, 96, 5);
                PackedMatrix w = c.pack(pool, arena);
                for (boolean bias : new boolean[] {false, true}) {
                    for (boolean add : new boolean[] {false, true}) {
                        c.check(c.multiply(arena, team, w, bias, Activation.GELU_TANH, add), false, bias,
                                Activation.GELU_TANH, add);
                    }
                }
            }
        }
    }

    @Test
    void fourBitWeightsTakeNoMoreMemoryThanTheirFile() {
        for (DType dtype : FOUR_BITS) {
            MatmulCase c = new MatmulCase(arena, dtype, 1, 4 * NR, 512, 3);
            assertThat(c.pack(pool, arena).byteSize()).isLessThanOrEqualTo(c.stored.byteSize() * 104 / 100);
        }
    }

    @Test
    void sumsOfTheLargestCodesAndWeightsDoNotOverflow() {
        int in = 96;
        Tensor w = Tensor.allocate(arena, DType.Q4_0, Shape.of(2 * NR, in));
        for (int row = 0; row < 2 * NR; row++) {
            for (int block = 0; block < in / 32; block++) {
                long at = ((long) row * (in / 32) + block) * 18;
                Bits.set16(w.segment(), at, Float.floatToFloat16(row % 2 == 0 ? 1 : -0.5f));
                for (int j = 0; j < 16; j++) {
                    Bits.set8(w.segment(), at + 2 + j, row % 3 == 0 ? 0 : row % 3 == 1 ? 0xFF : 0x0F);
                }
            }
        }
        float[] decoded = MatmulCase.decode(arena, w);
        PackedMatrix packed = PackedMatrix.pack(pool, arena, new SourceOf(w));
        for (int rows : new int[] {1, 6}) {
            MemorySegment x = arena.allocate(4L * rows * in, 64);
            MemorySegment y = arena.allocate(4L * rows * 2 * NR, 64);
            for (int i = 0; i < rows * in; i++) {
                Floats.set(x, i, i / 32 % 2 == 0 ? 1 : -1);
            }
            Matmul matmul = new Matmul(arena, team, rows, in);
            matmul.begin(x, 0, in, rows, in);
            matmul.add(packed, null, Activation.NONE, false, y, 0, 2 * NR);
            matmul.run();
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < 2 * NR; column++) {
                    double expected = 0;
                    for (int k = 0; k < in; k++) {
                        expected += Floats.get(x, (long) row * in + k) * decoded[column * in + k];
                    }
                    assertThat((double) Floats.get(y, row * 2L * NR + column)).isBetween(expected - 1.1, expected + 1.1);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = DType.class, names = {"Q8_0", "Q4_0", "Q4_K", "Q6_K", "IQ4_NL"})
    void aRowAmongAFewGetsTheBitsThatItGetsAlone(DType dtype) {
        MatmulCase c = new MatmulCase(arena, dtype, 8, 2 * NR + 9, 2 * Blocks.OF_MACHINE.kc() + 256, 4);
        PackedMatrix w = c.pack(pool, arena);
        float[] expected = c.multiply(arena, team, w, false, Activation.NONE, false);
        Matmul matmul = new Matmul(arena, team, 8, c.in);
        MemorySegment y = c.newY(arena);
        for (int row = 0; row < 8; row++) {
            matmul.begin(c.x, c.xOff + (long) row * c.xStride, c.xStride, 1, c.in);
            matmul.add(w, null, Activation.NONE, false, y, c.yOff + (long) row * c.yStride, c.yStride);
            matmul.run();
        }
        if (Lanes.BITS == 512 || dtype != DType.IQ4_NL) {
            assertThat(c.read(y)).isEqualTo(expected);
        }
        c.check(c.read(y), false, false, Activation.NONE, false);
    }

    @Test
    void typesWithoutAKernelAreRefusedByName() {
        Tensor w = Tensor.allocate(arena, DType.IQ1_S, Shape.of(2, 256));
        assertThat(PackedMatrix.supports(DType.IQ1_S)).isFalse();
        assertThatThrownBy(() -> PackedMatrix.pack(pool, arena, new SourceOf(w)))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("test.weight")
                .hasMessageContaining("IQ1_S");
    }

    @Test
    void severalProductsOfOneXRunInOneStage() {
        MatmulCase a = new MatmulCase(arena, DType.F32, 5, 130, 96, 1);
        MatmulCase b = new MatmulCase(arena, DType.F16, 5, 70, 96, 2);
        MemorySegment.copy(a.x, 0, b.x, 0, a.x.byteSize());
        MemorySegment ya = a.newY(arena);
        MemorySegment yb = b.newY(arena);
        Matmul matmul = new Matmul(arena, team, 5, 96);
        matmul.begin(a.x, a.xOff, a.xStride, 5, 96);
        matmul.add(a.pack(pool, arena), null, Activation.NONE, false, ya, a.yOff, a.yStride);
        matmul.add(b.pack(pool, arena), b.biasSegment, Activation.SILU, false, yb, b.yOff, b.yStride);
        matmul.run();
        a.check(a.read(ya), false, false, Activation.NONE, false);
        b.check(b.read(yb), false, true, Activation.SILU, false);
    }

    @Test
    void bitsDependNeitherOnThreadsNorOnHowRowsAreCut() {
        for (DType dtype : PLAIN) {
            MatmulCase c = new MatmulCase(arena, dtype, 300, 2 * NR + 9, Blocks.OF_MACHINE.kc() + 77, 3);
            PackedMatrix w = c.pack(pool, arena);
            float[] expected = c.multiply(arena, team, w, true, Activation.GELU_TANH, true);
            for (int threads : new int[] {1, 2, 5}) {
                try (ComputePool other = new ComputePool(threads)) {
                    PackedMatrix again = c.pack(other, arena);
                    assertThat(c.multiply(arena, other.newTeam(), again, true, Activation.GELU_TANH, true))
                            .as("%s, %d threads", dtype, threads).isEqualTo(expected);
                }
            }
            Matmul matmul = new Matmul(arena, team, 300, c.in);
            MemorySegment y = c.newY(arena);
            for (int row = 0; row < 300; ) {
                int count = Math.min(300 - row, 1 + row % 7);
                for (int r = row; r < row + count; r++) {
                    for (int column = 0; column < c.out; column++) {
                        Floats.set(y, c.yOff + (long) r * c.yStride + column, MatmulCase.old(r, column));
                    }
                }
                matmul.begin(c.x, c.xOff + (long) row * c.xStride, c.xStride, count, c.in);
                matmul.add(w, c.biasSegment, Activation.GELU_TANH, true, y, c.yOff + (long) row * c.yStride, c.yStride);
                matmul.run();
                row += count;
            }
            assertThat(c.read(y)).as("%s in pieces", dtype).isEqualTo(expected);
        }
    }

    @Test
    void infinitiesNansAndSubnormalsComeThrough() {
        for (DType dtype : PLAIN) {
            for (int rows : new int[] {1, 6}) {
                MatmulCase c = new MatmulCase(arena, dtype, rows, NR + 4, 16, 4);
                double[] special = {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NaN,
                    dtype == DType.F16 ? 0x1p-24 : 0x1p-130, -0.0};
                for (int i = 0; i < special.length; i++) {
                    for (int k = 0; k < 16; k++) {
                        double value = k == 3 ? special[i] : 0;
                        setWeight(c.stored, i * 16 + k, (float) value);
                    }
                }
                for (int row = 0; row < rows; row++) {
                    Floats.set(c.x, c.xOff + (long) row * c.xStride + 3, 2f);
                }
                float[] y = c.multiply(arena, team, c.pack(pool, arena), false, Activation.NONE, false);
                for (int row = 0; row < rows; row++) {
                    for (int i = 0; i < special.length; i++) {
                        assertThat(y[row * c.out + i]).as("%s %s", dtype, special[i]).isEqualTo(
                                Float.valueOf((float) (2 * special[i]) + 0f));
                    }
                }
            }
        }
    }

    private static void setWeight(Tensor w, long index, float value) {
        switch (w.dtype()) {
            case F32 -> Floats.set(w.segment(), index, value);
            case F16 -> Bits.set16(w.segment(), 2 * index, Float.floatToFloat16(value));
            default -> Bits.set16(w.segment(), 2 * index, Float.floatToRawIntBits(value) >>> 16);
        }
    }

    @Test
    void everyHalfIsWidenedExactly() {
        for (DType dtype : new DType[] {DType.F16, DType.BF16}) {
            Tensor w = Tensor.allocate(arena, dtype, Shape.of(1024, 64));
            for (int i = 0; i < 65536; i++) {
                Bits.set16(w.segment(), 2L * i, i);
            }
            PackedMatrix packed = PackedMatrix.pack(pool, arena, w);
            MemorySegment tile = arena.allocate(64L * NR * 4, 64);
            UnpackScratch scratch = new UnpackScratch(arena, 64);
            for (int panel = 0; panel < packed.columnPanels(); panel++) {
                packed.format().unpack(packed, panel, 0, 64, tile, scratch);
                for (int row = 0; row < NR; row++) {
                    for (int k = 0; k < 64; k++) {
                        int bits = (panel * NR + row) * 64 + k;
                        float expected = dtype == DType.F16 ? Float.float16ToFloat((short) bits)
                                : Float.intBitsToFloat(bits << 16);
                        float got = Floats.get(tile, (long) k * NR + row);
                        if (Float.compare(got, expected) != 0) {
                            throw new AssertionError(dtype + " bits " + Integer.toHexString(bits) + ": expected "
                                    + expected + ", got " + got);
                        }
                    }
                }
            }
        }
    }

    @Test
    void expertsAndFusedMatricesArePackedByRows() {
        MatmulCase all = new MatmulCase(arena, DType.F32, 3, 90, 24, 8);
        PackedMatrix part = PackedMatrix.packRows(pool, arena, new SourceOf(all.stored), 30, 40);
        PackedMatrix gated = PackedMatrix.packGatedRows(pool, arena, new SourceOf(all.stored), 0,
                new SourceOf(all.stored), 45, 45);
        MemorySegment y = arena.allocate(4 * 3 * 40);
        MemorySegment z = arena.allocate(4 * 3 * 45);
        Matmul matmul = new Matmul(arena, team, 3, 24);
        matmul.begin(all.x, all.xOff, all.xStride, 3, 24);
        matmul.add(part, null, Activation.NONE, false, y, 0, 40);
        matmul.add(gated, null, Activation.RELU, false, z, 0, 45);
        matmul.run();
        for (int row = 0; row < 3; row++) {
            for (int i = 0; i < 40; i++) {
                assertThat((double) Floats.get(y, row * 40L + i))
                        .isCloseTo(all.sum(all.w, row, 30 + i), org.assertj.core.data.Offset.offset(1e-5));
            }
            for (int i = 0; i < 45; i++) {
                assertThat((double) Floats.get(z, row * 45L + i)).isCloseTo(
                        Math.max(0, all.sum(all.w, row, i)) * all.sum(all.w, row, 45 + i),
                        org.assertj.core.data.Offset.offset(1e-4));
            }
        }
    }

    @Test
    void emptyExtentsDoNothingOrGiveTheBias() {
        MatmulCase noDepth = new MatmulCase(arena, DType.F32, 2, 3, 0, 1);
        assertThat(noDepth.multiply(arena, team, noDepth.pack(pool, arena), true, Activation.NONE, false))
                .containsExactly(noDepth.bias[0], noDepth.bias[1], noDepth.bias[2], noDepth.bias[0], noDepth.bias[1],
                        noDepth.bias[2]);
        verify(DType.F32, 0, 3, 4);
        verify(DType.F32, 2, 0, 4);
    }

    @Test
    void mismatchesAreNamed() {
        MatmulCase c = new MatmulCase(arena, DType.F32, 2, 8, 16, 1);
        PackedMatrix w = c.pack(pool, arena);
        MemorySegment y = arena.allocate(4 * 16);
        Matmul matmul = new Matmul(arena, team, 2, 16);
        assertThatThrownBy(matmul::run).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> matmul.begin(c.x, 0, 16, 3, 16)).hasMessageContaining("[3, 16]");
        assertThatThrownBy(() -> matmul.begin(c.x, 8, 32, 2, 16)).isInstanceOf(IndexOutOfBoundsException.class);
        matmul.begin(c.x, 0, 15, 2, 15);
        assertThatThrownBy(() -> matmul.add(w, null, Activation.NONE, false, y, 0, 8)).hasMessageContaining("[8, 16]");
        matmul.begin(c.x, 0, 16, 2, 16);
        assertThatThrownBy(() -> matmul.add(w, null, Activation.NONE, false, y, 1, 8))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> matmul.add(w, arena.allocate(28), Activation.NONE, false, y, 0, 8))
                .hasMessageContaining("bias");
    }

    @Tag("allocation")
    @Test
    void aCallAllocatesNothing() {
        com.sun.management.ThreadMXBean threads =
                (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        List<MatmulCase> cases = new ArrayList<>();
        List<PackedMatrix> matrices = new ArrayList<>();
        for (DType dtype : PLAIN) {
            MatmulCase c = new MatmulCase(arena, dtype, 7, 2 * NR + 3, 256, 9);
            cases.add(c);
            matrices.add(c.pack(pool, arena));
            matrices.add(c.packGated(pool, arena));
        }
        matrices.add(new MatmulCase(arena, DType.Q8_0, 7, 2 * NR + 3, 256, 9).pack(pool, arena));
        matrices.add(new MatmulCase(arena, DType.Q5_K, 7, 2 * NR + 3, 256, 9).pack(pool, arena));
        matrices.add(new MatmulCase(arena, DType.Q6_K, 7, 2 * NR + 3, 256, 9).pack(pool, arena));
        MatmulCase first = cases.getFirst();
        MemorySegment y = arena.allocate(4L * 7 * first.out, 64);
        Matmul matmul = new Matmul(arena, team, 7, 256);
        Runnable call = () -> {
            for (int rows = 1; rows <= 7; rows += 6) {
                matmul.begin(first.x, first.xOff, first.xStride, rows, 256);
                for (PackedMatrix w : matrices) {
                    matmul.add(w, null, Activation.SILU, false, y, 0, first.out);
                }
                matmul.run();
            }
        };
        long own = Thread.currentThread().threadId();
        long least = Long.MAX_VALUE;
        long deadline = System.nanoTime() + 40_000_000_000L;
        while (least > 0 && System.nanoTime() < deadline) {
            for (int i = 0; i < 500; i++) {
                call.run();
            }
            long before = threads.getThreadAllocatedBytes(own);
            for (int i = 0; i < 100; i++) {
                call.run();
            }
            least = Math.min(least, threads.getThreadAllocatedBytes(own) - before);
        }
        assertThat(least).isZero();
    }

    @Tag("slow")
    @Test
    void randomShapesAreRight() {
        Random random = new Random(11);
        for (int i = 0; i < 300; i++) {
            verify(PLAIN[random.nextInt(3)], 1 + random.nextInt(150), 1 + random.nextInt(4 * NR),
                    1 + random.nextInt(2500));
        }
    }
}
