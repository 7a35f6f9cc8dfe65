package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CodedPanelsTest {
    private static final int NR = FloatTile.NR;

    private final ComputePool pool = new ComputePool(2);
    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
        pool.close();
    }

    static Stream<DType> types() {
        return CodedPanels.all().stream().map(CodedPanels::dtype);
    }

    /** Blocks of any bits, but for the F16 fields, which are small numbers. */
    private Tensor anyBits(DType dtype, int rows, int in) {
        Random random = new Random(dtype.ordinal());
        Tensor w = Tensor.allocate(arena, dtype, Shape.of(rows, in));
        MemorySegment bytes = w.segment();
        for (long i = 0; i < bytes.byteSize(); i++) {
            Bits.set8(bytes, i, random.nextInt(256));
        }
        for (long at = 0; at < bytes.byteSize(); at += dtype.blockBytes()) {
            short half = Float.floatToFloat16((float) random.nextGaussian() / (random.nextInt(10) == 0 ? 60_000 : 60));
            switch (dtype) {
                case Q2_K -> {
                    Bits.set16(bytes, at + 80, half);
                    Bits.set16(bytes, at + 82, half >> 1);
                }
                case Q3_K -> Bits.set16(bytes, at + 108, half);
                case Q6_K -> Bits.set16(bytes, at + 208, half);
                case MXFP4 -> Bits.set8(bytes, at, 104 + random.nextInt(28));
                case Q4_1, Q5_1, Q4_K, Q5_K -> {
                    Bits.set16(bytes, at, half);
                    Bits.set16(bytes, at + 2, half >> 1);
                }
                default -> Bits.set16(bytes, at, half);
            }
        }
        return w;
    }

    @ParameterizedTest
    @MethodSource("types")
    void panelsUnpackToWhatTheCodecDecodes(DType dtype) {
        int in = 768;
        int rows = NR + 5;
        Tensor w = anyBits(dtype, rows, in);
        float[] expected = MatmulCase.decode(arena, w);
        PackedMatrix packed = PackedMatrix.pack(pool, arena, w);
        assertThat(packed.format()).isInstanceOf(CodedPanels.class);
        MemorySegment tile = arena.allocate(NR * 4L * in, 64);
        UnpackScratch scratch = new UnpackScratch(arena, in);
        for (int k0 : new int[] {0, 32, 256, 480}) {
            int depth = Math.min(288, in - k0);
            for (int panel = 0; panel < 2; panel++) {
                packed.format().unpack(packed, panel, k0, depth, tile, scratch);
                for (int row = panel * NR; row < Math.min(rows, panel * NR + NR); row++) {
                    for (int k = 0; k < depth; k++) {
                        float want = expected[row * in + k0 + k];
                        float got = Floats.get(tile, (long) k * NR + row - panel * NR);
                        // Minima are subtracted without rounding in between.
                        assertThat(got).as("%s [%d, %d]", dtype, row, k0 + k).isBetween(want - Math.abs(want) * 0x1p-20f - 4e-7f,
                                want + Math.abs(want) * 0x1p-20f + 4e-7f);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void panelsTakeAboutTheMemoryOfTheirFile(DType dtype) {
        Tensor w = anyBits(dtype, 2 * NR, 512);
        assertThat(PackedMatrix.pack(pool, arena, w).byteSize()).isLessThanOrEqualTo(w.segment().byteSize() * 107 / 100);
    }

    @ParameterizedTest
    @MethodSource("types")
    void weightsWithHugeScalesAreKeptAsFloats(DType dtype) {
        Tensor w = anyBits(dtype, NR, 256);
        long at = 0;
        switch (dtype) {
            case Q2_K -> at = 80;
            case Q3_K -> at = 108;
            case Q6_K -> at = 208;
            default -> { }
        }
        if (dtype == DType.MXFP4) {
            Bits.set8(w.segment(), 0, 140);
            Bits.set8(w.segment(), 1, 0x11);
        } else {
            Bits.set16(w.segment(), at, Float.floatToFloat16(300));
        }
        float[] expected = MatmulCase.decode(arena, w);
        PackedMatrix packed = PackedMatrix.pack(pool, arena, w);
        assertThat(packed.format()).isInstanceOf(DecodedPanels.class);
        assertThat(packed.dtype()).isEqualTo(dtype);
        for (int k = 0; k < 256; k++) {
            assertThat(Floats.get(packed.memory(), (long) k * NR)).isEqualTo(expected[k]);
        }
    }

    @Test
    void blocksOfZerosOfMxfp4NeedNoScale() {
        Tensor w = Tensor.allocate(arena, DType.MXFP4, Shape.of(1, 32));
        Bits.set8(w.segment(), 3, 0x80);
        assertThat(PackedMatrix.pack(pool, arena, w).format()).isInstanceOf(CodedPanels.class);
    }

    /** The largest sums: all weights at one end of their range, x of one magnitude, signs alike and in turn. */
    @ParameterizedTest
    @MethodSource("types")
    void sumsOfTheLargestCodesAndWeightsDoNotOverflow(DType dtype) {
        int in = 512;
        Tensor w = Tensor.allocate(arena, dtype, Shape.of(NR, in));
        MemorySegment floats = arena.allocate(4L * in, 64);
        for (int row = 0; row < NR; row++) {
            for (int k = 0; k < in; k++) {
                float sign = row % 4 < 2 ? 1 : (k & 1) == 0 ? 1 : -1;
                Floats.set(floats, k, row % 2 == 0 ? sign : k % 16 == 0 ? -sign : sign / 100);
            }
            WeightCodec.require(dtype).encode(floats, 0, w.segment(), row * dtype.byteSize(in), in);
        }
        float[] decoded = MatmulCase.decode(arena, w);
        PackedMatrix packed = PackedMatrix.pack(pool, arena, w);
        MemorySegment x = arena.allocate(4L * in, 64);
        MemorySegment y = arena.allocate(4L * NR, 64);
        for (int pattern = 0; pattern < 4; pattern++) {
            for (int k = 0; k < in; k++) {
                Floats.set(x, k, switch (pattern) {
                    case 0 -> 1;
                    case 1 -> (k & 1) == 0 ? 1 : -1;
                    case 2 -> k % 16 == 0 ? -1 : 0;
                    default -> -3;
                });
            }
            Matmul matmul = new Matmul(arena, pool.newTeam(), 1, in);
            matmul.begin(x, 0, in, 1, in);
            matmul.add(packed, null, Activation.NONE, false, y, 0, NR);
            matmul.run();
            for (int row = 0; row < NR; row++) {
                double expected = 0;
                double magnitude = 0;
                for (int k = 0; k < in; k++) {
                    expected += Floats.get(x, k) * decoded[row * in + k];
                    magnitude += Math.abs(Floats.get(x, k));
                }
                // Weights reach from -1 to 1; 16 bits that overflow are off by 2.
                assertThat((double) Floats.get(y, row)).as("%s row %d pattern %d", dtype, row, pattern)
                        .isBetween(expected - 0.01 * magnitude, expected + 0.01 * magnitude);
            }
        }
    }
}
